"""A job's connection to a course: collects it once, then makes every page from what was collected."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile, Document
from archiveworker.domain.errors import Retry, SourceError, TokenRefusedError
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import FetchedItem, JobState, Plan, PlannedBackup, PlannedItem
from archiveworker.domain.ports import ItemSpool
from archiveworker.domain.proctoring.export import Export, with_export
from archiveworker.domain.proctoring.model import Proctoring
from archiveworker.domain.proctoring.pseudonyms import pseudonymised
from archiveworker.domain.secret import Secret
from archiveworker.runtime.digests import digest_file
from archiveworker.sources.edx_proctoring import contents
from archiveworker.sources.edx_proctoring.bridge import BridgeClient
from archiveworker.sources.edx_proctoring.inbound import EdxRequest
from archiveworker.sources.edx_proctoring.reader import CourseReader
from archiveworker.sources.reviewed.raw import RawAnswers
from archiveworker.sources.reviewed.shown import key_of

_ANSWERS: Final = "answers"
_RAW: Final = "raw"
_LANGUAGE: Final = "en"
METADATA_COLUMNS: Final = (
    *("itemid", "kind", "userid", "username", "examid", "exam", "people", "attempts", "result", "path"),
)
"""``path`` is the tenth, as in the tables of all sources."""
METADATA_NAME: Final = "items_metadata.csv"


class EdxConnection:
    """Implements ``domain.ports.SourceConnection``.

    Args:
        reader: of the course.
        request: what is asked for.
        bridge: that has what REST does not give; None when the request names none.
        pseudonym_key: of all jobs; None draws one for this job.
    """

    def __init__(
        self,
        reader: CourseReader,
        request: EdxRequest,
        bridge: BridgeClient | None = None,
        pseudonym_key: Secret | None = None,
    ) -> None:
        self._reader = reader
        self._request = request
        self._bridge = bridge
        self._pseudonym_key = pseudonym_key

    async def probe(self) -> None:
        """Find out whether the LMS answers and takes the token, and the bridge its own; see the port."""
        await self._reader.probe()
        if self._bridge is not None:
            await self._bridge.probe(self._request.course_id)

    async def plan(self, spool: ItemSpool) -> Plan:
        """Collect the course, unless an earlier try did, and return what there is to make."""
        if not await asyncio.to_thread(contents.is_made, spool.folder):
            raw = await asyncio.to_thread(RawAnswers, spool.folder / _ANSWERS)
            try:
                record = await self._reader.read(raw)
                export = await self._export(raw)
            except SourceError as exc:
                # A refusal would only be repeated from memory; with another token reading can go on.
                if exc.retry is Retry.NEVER and not isinstance(exc, TokenRefusedError):
                    raw.forget()
                raise
            await asyncio.to_thread(self._make, record, export, raw, spool)
        return await asyncio.to_thread(self._planned, spool)

    async def _export(self, raw: RawAnswers) -> Export | None:
        """Return what REST does not give, from the job or from the bridge."""
        if self._bridge is None:
            return self._request.export
        return await self._bridge.export(self._request.course_id, raw)

    def _make(self, record: Proctoring, export: Export | None, raw: RawAnswers, spool: ItemSpool) -> None:
        if export is not None:
            record = with_export(record, export)
        if not self._request.include_pii:
            record = pseudonymised(record, self._key(spool))
        shutil.rmtree(spool.folder / _RAW, ignore_errors=True)
        if self._request.include_pii:
            raw.export(spool.folder / _RAW)
        contents.make(record, spool.folder)
        raw.forget()

    def _key(self, spool: ItemSpool) -> bytes:
        if self._pseudonym_key is not None:
            return self._pseudonym_key.reveal().encode()
        return key_of(spool.companions, self._request.options.archive_name)

    def _planned(self, spool: ItemSpool) -> Plan:
        items = contents.items(spool.folder)
        raw = [(ArchivePath(f"{_RAW}/{one.name}"), one) for one in sorted((spool.folder / _RAW).glob("*.jsonl"))]
        at = contents.page(spool.folder, items[-1].key).at
        found = []
        for path, file in (*contents.files(spool.folder), *raw):
            digests = digest_file(file)
            found.append(ArchiveFile(path, spool.relative(file), digests.sha256, digests.size_bytes, at))
        return Plan(items, metadata_columns=METADATA_COLUMNS, metadata_name=METADATA_NAME, files=tuple(found))

    async def fetch_item(self, item: PlannedItem, spool: ItemSpool) -> FetchedItem:
        """Make one page from what was collected; the LMS is not asked."""
        page = await asyncio.to_thread(contents.page, spool.collected, item.key)
        document = Document(
            html=page.html,
            base_url=self._request.base_url,
            title=page.title,
            created_at=page.at,
            language=_LANGUAGE,
        )
        files = (await asyncio.to_thread(_html, page, spool),) if self._request.keep_html else ()
        return FetchedItem(document, page.folder, page.stem, files)

    async def backup_is_ready(self, backup: PlannedBackup) -> bool:
        """Raise SourceError: there are no backups here."""
        raise SourceError(f"proctored exams have no backups, but {backup.backup_id!r} was asked for")

    async def fetch_backup(self, backup: PlannedBackup, spool: ItemSpool) -> ArchiveFile:
        """Raise SourceError: there are no backups here."""
        raise SourceError(f"proctored exams have no backups, but {backup.backup_id!r} was asked for")

    async def report(self, state: JobState, progress_percent: int | None = None) -> None:
        """Do nothing: the LMS does not ask where the job is."""

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        """Raise SourceError: an Open edX has no place for archives."""
        raise SourceError(_NO_PLACE)

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        """Raise SourceError: an Open edX has no place for archives."""
        raise SourceError(_NO_PLACE)


_NO_PLACE: Final = (
    "an Open edX has no place for archives; name another delivery target, see docs/howto/deliver-elsewhere.md"
)


def _html(page: contents.Page, spool: ItemSpool) -> ArchiveFile:
    data = page.html.encode("utf-8")
    file: Path = spool.folder / f"{page.stem}.html"
    file.write_bytes(data)
    return ArchiveFile(page.folder / file.name, spool.relative(file), Sha256.of(data), len(data), page.at)
