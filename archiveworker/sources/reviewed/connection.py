"""A job's connection to a peer-review activity: collects it once, then makes every item from what was collected."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile, Document
from archiveworker.domain.errors import SourceError
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import FetchedItem, JobState, Plan, PlannedBackup, PlannedItem
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.ports import ItemSpool
from archiveworker.domain.secret import Secret
from archiveworker.evidence.digests import digest_file
from archiveworker.sources.reviewed import facts
from archiveworker.sources.reviewed.collect import RAW_FOLDER, Collected, collect, load
from archiveworker.sources.reviewed.contents import Contents, Page
from archiveworker.sources.reviewed.reader import Reader
from archiveworker.sources.reviewed.request import ReviewedOptions
from archiveworker.sources.reviewed.shown import Shown, key_of, list_pseudonyms, shown, write_private

_LANGUAGE: Final = "en"
"""Of the pages around what people wrote."""


class ReviewedConnection:
    """Implements ``domain.ports.SourceConnection`` over a reader.

    Args:
        reader: of the LMS.
        lms_base_url: the LMS's own address.
        options: of the job.
        pseudonym_key: of all jobs; None draws one for this job.
    """

    def __init__(
        self, reader: Reader, lms_base_url: str, options: ReviewedOptions, pseudonym_key: Secret | None = None
    ) -> None:
        self._reader = reader
        self._lms_base_url = lms_base_url
        self._options = options
        self._pseudonym_key = pseudonym_key
        self._contents: Contents | None = None
        self._loading = asyncio.Lock()

    async def probe(self) -> None:
        """Find out whether the LMS answers and takes the token; see the port."""
        await self._reader.probe()

    async def plan(self, spool: ItemSpool) -> Plan:
        """Collect the activity, unless an earlier try did, and return what there is to make."""
        collected = await collect(self._reader, spool.folder, self._options)
        contents, what = await asyncio.to_thread(self._made, collected, spool)
        self._contents = contents
        files = await asyncio.to_thread(_raw_files, contents, what.raw, spool)
        return Plan(contents.items, metadata_columns=facts.COLUMNS, metadata_name=facts.METADATA_NAME, files=files)

    def _made(self, collected: Collected, spool: ItemSpool) -> tuple[Contents, Shown]:
        what = shown(collected, self._key(collected.record, spool))
        return Contents(what, excerpts=self._options.excerpts), what

    def _key(self, record: PeerReview, spool: ItemSpool) -> bytes | None:
        """Return the key of the pseudonyms, and leave it (if it is this job's own) and the list with the companions."""
        if not self._options.pseudonyms:
            return None
        name = self._options.archive.archive_name
        key = self._pseudonym_key.reveal().encode() if self._pseudonym_key else key_of(spool.companions, name)
        write_private(spool.companions / f"{name}.pseudonyms.csv", list_pseudonyms(record, key))
        return key

    async def fetch_item(self, item: PlannedItem, spool: ItemSpool) -> FetchedItem:
        """Make one page from what was collected; the LMS is not asked."""
        contents = await self._loaded(spool)
        page = await asyncio.to_thread(contents.page, item.key)
        files = await asyncio.to_thread(self._files, page, spool)
        document = Document(
            html=page.printed,
            base_url=self._lms_base_url,
            title=page.title,
            created_at=page.at,
            language=_LANGUAGE,
        )
        return FetchedItem(document, page.folder, page.stem, files, page.warnings)

    async def _loaded(self, spool: ItemSpool) -> Contents:
        """Return the contents, read from the spool when this process did not make the plan."""
        async with self._loading:
            if self._contents is not None:
                return self._contents
            collected = await asyncio.to_thread(load, spool.collected)
            contents, _ = await asyncio.to_thread(self._made, collected, spool)
            self._contents = contents
            return contents

    def _files(self, page: Page, spool: ItemSpool) -> tuple[ArchiveFile, ...]:
        found = [
            ArchiveFile(
                path=ArchivePath(f"{page.folder}/{one.path}"),
                spooled=spool.relative(one.blob.path),
                sha256=one.blob.sha256,
                size_bytes=one.blob.size_bytes,
                modified_at=one.at.replace(microsecond=0),
            )
            for one in page.files
        ]
        made = dict(page.made or {})
        if self._options.keep_html:
            made[f"{page.stem}.html"] = page.html.encode()
        for name, data in made.items():
            file = spool.folder / name
            file.write_bytes(data)
            at = page.at.replace(microsecond=0)
            found.append(ArchiveFile(page.folder / name, spool.relative(file), Sha256.of(data), len(data), at))
        return tuple(found)

    async def backup_is_ready(self, backup: PlannedBackup) -> bool:
        """Raise SourceError: there are no backups here."""
        raise SourceError(f"peer reviews have no backups, but {backup.backup_id!r} was asked for")

    async def fetch_backup(self, backup: PlannedBackup, spool: ItemSpool) -> ArchiveFile:
        """Raise SourceError: there are no backups here."""
        raise SourceError(f"peer reviews have no backups, but {backup.backup_id!r} was asked for")

    async def report(self, state: JobState, progress_percent: int | None = None) -> None:
        """Do nothing: an LMS without a plugin does not ask where the job is."""

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        """Bring the archive to the LMS, if it takes any; see the port."""
        return await self._reader.upload(parcel)

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        """Make the LMS store what was uploaded; see the port."""
        return await self._reader.confirm(parcel, ticket, begun_before=begun_before)


def _raw_files(contents: Contents, raw: tuple[Path, ...], spool: ItemSpool) -> tuple[ArchiveFile, ...]:
    """Describe the answers of the LMS, which go into the archive as they are."""
    at = contents.at.replace(microsecond=0)
    digests = [(file, digest_file(file)) for file in raw]
    return tuple(
        ArchiveFile(ArchivePath(f"{RAW_FOLDER}/{file.name}"), spool.relative(file), found.sha256, found.size_bytes, at)
        for file, found in digests
    )
