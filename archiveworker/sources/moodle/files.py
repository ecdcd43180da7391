"""Attachments and backups: fetched to the spool, hashed on the way, compared with what Moodle announced."""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp

from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.errors import (
    IntegrityError,
    LimitExceededError,
    NotFoundError,
    SourceError,
    SourceUnavailableError,
)
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.ports import ItemSpool
from archiveworker.runtime.digests import Digested
from archiveworker.runtime.http import last_modified_s, save_body
from archiveworker.runtime.retry import retrying
from archiveworker.sources.moodle.client import MoodleClient

BACKUP_TYPE: Final = "application/vnd.moodle.backup"
EPOCH: Final = datetime(1980, 1, 1, tzinfo=UTC)
"""Time of data without a time: the earliest that a zip can express."""
_WEB_PAGE: Final = "text/html"
MAX_ATTACHMENT_COUNT: Final = 10_000
"""Of one attempt or submission; an announcement of more is a mistake, or an attack."""
_MAX_ERROR_BYTES: Final = 64 * 1024
_FILE_NOT_FOUND: Final = "filenotfound"
_ATTACHMENT_SETTING: Final = "ARCHIVEWORKER_MAX_ATTACHMENT_BYTES"
_BACKUP_SETTING: Final = "ARCHIVEWORKER_MAX_BACKUP_BYTES"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a download must be.

    Attributes:
        size_bytes: exactly, if known.
        sha1_hex: of the content, if known.
        max_bytes: at most.
        setting: of the worker, that raises ``max_bytes``.
    """

    size_bytes: int | None
    sha1_hex: str | None
    max_bytes: int
    setting: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that Moodle announced together with a report.

    Attributes:
        path: where it will stand in the archive.
        url: where Moodle says it is.
        size_bytes: as announced.
        sha1_hex: Moodle's ``contenthash``.
    """

    path: ArchivePath
    url: str
    size_bytes: int
    sha1_hex: str


def attachments_in(listed: Sequence[object], folder: ArchivePath) -> tuple[Attachment, ...]:
    """Read the ``attachments`` of a report; each gets a place of its own in ``folder``/attachments.

    Two files of one slot may have the same name (Moodle has folders in file areas), and names that differ only in case
    are the same file on some systems: the later ones get a number.

    Raises:
        SourceError: an entry lacks what is needed to fetch and check it.
        LimitExceededError: there are too many.
    """
    if len(listed) > MAX_ATTACHMENT_COUNT:
        raise LimitExceededError(
            f"Moodle announced {len(listed)} attachments in one place, more than the {MAX_ATTACHMENT_COUNT} that the "
            "worker takes; look at what the plugin answers"
        )
    taken: dict[str, int] = {}
    return tuple(_attachment(entry, folder, taken) for entry in listed)


def _attachment(entry: object, folder: ArchivePath, taken: dict[str, int]) -> Attachment:
    try:
        fields: Mapping[str, object] = dict(entry)  # type: ignore[call-overload]
        slot = str(fields["slot"] if "slot" in fields else fields["type"])
        name = str(fields["filename"]).replace("/", "_")
        size_bytes, sha1_hex, url = int(str(fields["filesize"])), str(fields["contenthash"]), str(fields["downloadurl"])
    except (KeyError, TypeError, ValueError) as exc:
        raise SourceError(
            "Moodle announced an attachment without slot, filename, filesize, contenthash or downloadurl; "
            "update the plugin"
        ) from exc
    path = ArchivePath.sanitised(str(folder), "attachments", slot.replace("/", "_"), name)
    return Attachment(_unique(path, taken), url, size_bytes, sha1_hex.lower())


def _unique(path: ArchivePath, taken: dict[str, int]) -> ArchivePath:
    """Return a path of its own; ``taken`` holds for each name the number from which the next one is looked for."""
    stem, dot, suffix = path.name.rpartition(".")
    if not stem:
        stem, dot, suffix = path.name, "", ""
    wanted = path.value.casefold()
    candidate, number = path, taken.get(wanted, 2)
    while candidate.value.casefold() in taken:
        candidate = ArchivePath.sanitised(path.parent, f"{stem} ({number}){dot}{suffix}")
        number += 1
    taken[wanted] = number
    taken.setdefault(candidate.value.casefold(), 2)
    return candidate


class FileFetcher:
    """Fetches files of one Moodle.

    Args:
        client: of that Moodle.
    """

    def __init__(self, client: MoodleClient) -> None:
        self._client = client
        self._config = client.config

    async def attachment(self, wanted: Attachment, target: Path, spool: ItemSpool, at: datetime) -> ArchiveFile:
        """Download an attachment to ``target`` on the spool; ``at`` is its time in the archive.

        Raises:
            IntegrityError: size or SHA-1 still differ after all retries.
            LimitExceededError: it is larger than the worker takes.
            SourceError: its address is foreign, or Moodle refuses.
        """
        what = f"the attachment {wanted.path.name!r}"
        if wanted.size_bytes > self._config.max_attachment_bytes:
            raise LimitExceededError(
                f"{what} has {wanted.size_bytes} bytes, more than the {self._config.max_attachment_bytes} that the "
                f"worker takes; raise {_ATTACHMENT_SETTING}"
            )
        url = self._own_url(wanted.url, what)

        async def attempt() -> Digested:
            expected = Expected(
                wanted.size_bytes, wanted.sha1_hex, self._config.max_attachment_bytes, _ATTACHMENT_SETTING
            )
            return (await self._download(url, target, what, expected))[0]

        saved = await retrying(attempt, self._config.retry, what="attachment")
        return ArchiveFile(wanted.path, spool.relative(target), saved.sha256, saved.size_bytes, at)

    async def listed(self, url: str, target: Path, size_bytes: int | None, what: str) -> Digested:
        """Download a file that Moodle lists with its size; its ``ETag``, which is the contenthash, is compared too.

        Raises:
            NotFoundError: Moodle lists it and does not have it.
            IntegrityError: what arrived is not what was announced, after all retries.
            LimitExceededError: it is larger than the worker takes.
            SourceError: its address is foreign, or Moodle refuses.
        """
        url = self._own_url(url, what)
        expected = Expected(size_bytes, None, self._config.max_attachment_bytes, _ATTACHMENT_SETTING)

        async def attempt() -> Digested:
            return (await self._download(url, target, what, expected))[0]

        try:
            return await retrying(attempt, self._config.retry, what="file")
        except SourceError as exc:
            if exc.lms_code != _FILE_NOT_FOUND:
                raise
            raise NotFoundError(f"{what} does not exist in Moodle any more, though it is listed there") from exc

    async def backup(self, url: str, path: ArchivePath, spool: ItemSpool) -> ArchiveFile:
        """Download a backup that Moodle has finished.

        Raises:
            SourceError: there is no backup at that address.
            IntegrityError: what arrived is not what was announced, after all retries.
        """
        what = f"the backup {path.name!r}"
        url = self._own_url(url, what)
        target = spool.folder / "backup"

        async def attempt() -> tuple[Digested, int | None]:
            return await self._download(url, target, what, await self._backup_headers(url, what))

        saved, modified_s = await retrying(attempt, self._config.retry, what="backup")
        at = EPOCH if modified_s is None else max(EPOCH, datetime.fromtimestamp(modified_s, UTC))
        return ArchiveFile(path, spool.relative(target), saved.sha256, saved.size_bytes, at)

    def _own_url(self, url: str, what: str) -> str:
        try:
            return self._client.site.own_file_url(url, self._config.public_base_urls)
        except ValueError as exc:
            raise SourceError(f"{what} cannot be fetched: its address {exc}") from exc

    async def _backup_headers(self, url: str, what: str) -> Expected:
        """Return what Moodle announces; Moodle's ``ETag`` is the file's contenthash."""

        async def read(response: aiohttp.ClientResponse) -> tuple[str, int | None, str | None]:
            return response.content_type, response.content_length, _sha1_in(response.headers.get("ETag", ""))

        kind, size_bytes, sha1_hex = await self._client.file("HEAD", url, read, what)
        if kind != BACKUP_TYPE:
            raise await self._not_a_backup(url, what, kind)
        if size_bytes is not None and size_bytes > self._config.max_backup_bytes:
            raise LimitExceededError(
                f"{what} has {size_bytes} bytes, more than the {self._config.max_backup_bytes} that the worker takes; "
                f"raise {_BACKUP_SETTING}"
            )
        return Expected(size_bytes, sha1_hex, self._config.max_backup_bytes, _BACKUP_SETTING)

    async def _not_a_backup(self, url: str, what: str, kind: str) -> SourceError:
        """Find out why, as a HEAD has no body."""

        async def read(response: aiohttp.ClientResponse) -> tuple[str, object]:
            if response.content_type == BACKUP_TYPE:
                return BACKUP_TYPE, None
            body = await response.content.read(_MAX_ERROR_BYTES)
            return response.content_type, json.loads(body) if response.content_type == "application/json" else None

        refused = None
        with contextlib.suppress(ValueError):
            kind, answer = await self._client.file("GET", url, read, what)
            refused = self._client.refusal(answer, what)
        if kind == _WEB_PAGE:
            return _web_page(what)
        if kind == BACKUP_TYPE:
            return SourceUnavailableError(f"{what} was there only when it was asked for a second time; try again")
        return refused or SourceError(
            f"{what} is not there: its address answers with {kind} instead of {BACKUP_TYPE}; look into the course's "
            "backups in Moodle, then start the archiving again"
        )

    async def _download(self, url: str, target: Path, what: str, expected: Expected) -> tuple[Digested, int | None]:
        async def read(response: aiohttp.ClientResponse) -> tuple[Digested, int | None, str, str | None]:
            saved = await save_body(response, target, max_bytes=expected.max_bytes, what=what, setting=expected.setting)
            etag = response.headers.get("ETag", "")
            return saved, last_modified_s(response), response.content_type, _sha1_in(etag)

        saved, modified_s, kind, sha1_hex = await self._client.file("GET", url, read, what)
        expected = replace(expected, sha1_hex=expected.sha1_hex or sha1_hex)
        mismatch = _mismatch(what, saved, expected)
        if mismatch is None and expected.sha1_hex is not None:
            return saved, modified_s
        # Moodle answers 200 with a JSON object for most errors; only a file that is not the announced one can be that.
        if kind == "application/json" and saved.size_bytes <= _MAX_ERROR_BYTES:
            await self._raise_if_error(target, what)
        if mismatch is not None:
            raise _web_page(what) if kind == _WEB_PAGE else mismatch
        return saved, modified_s

    async def _raise_if_error(self, target: Path, what: str) -> None:
        try:
            answer = json.loads(await asyncio.to_thread(target.read_bytes))
        except ValueError:
            return
        if refused := self._client.refusal(answer, what):
            raise refused


def _mismatch(what: str, saved: Digested, expected: Expected) -> IntegrityError | None:
    if expected.size_bytes not in (None, saved.size_bytes):
        return IntegrityError(
            f"{what} arrived with {saved.size_bytes} bytes instead of {expected.size_bytes}; it changed meanwhile or "
            "something between Moodle and the worker damages files"
        )
    if saved.sha1 is not None and expected.sha1_hex not in (None, saved.sha1.hex):
        return IntegrityError(
            f"{what} arrived with another content than Moodle announced (SHA-1); it changed meanwhile or something "
            "between Moodle and the worker damages files"
        )
    return None


def _web_page(what: str) -> SourceUnavailableError:
    """Return the error of a page that came in a file's place, as when Moodle is being upgraded: it may be over soon."""
    return SourceUnavailableError(
        f"{what} was answered with a web page instead of the file that Moodle announced; look at Moodle's error log, "
        "and at any login or proxy in front of it"
    )


def _sha1_in(etag: str) -> str | None:
    text = etag.removeprefix("W/").strip('"').lower()
    return text if len(text) == 40 and all(c in "0123456789abcdef" for c in text) else None
