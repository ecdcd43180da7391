"""Collects one activity on the spool: records, files, raw answers. An interrupted try goes on where it stopped.

In the folder: ``answers/`` while it is read, ``files/<number>`` the bytes of each file in the order of ids, ``raw/``
the answers as they are archived, and, last of all, ``peer_review.json``: when that is there everything is.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from archiveworker.domain.errors import (
    IntegrityError,
    LimitExceededError,
    NotFoundError,
    Retry,
    SourceError,
    TokenRefusedError,
)
from archiveworker.domain.job import OnError
from archiveworker.domain.peer_review.base import FileId
from archiveworker.domain.peer_review.codec import decode, encode
from archiveworker.domain.peer_review.exchange import PeerReviewFile
from archiveworker.domain.peer_review.kinds import FileStatus
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.peer_review.work import File
from archiveworker.runtime.concurrency import for_each
from archiveworker.runtime.digests import digest_file
from archiveworker.sources.reviewed.raw import RawAnswers
from archiveworker.sources.reviewed.reader import Reader, refuse_open
from archiveworker.sources.reviewed.request import ReviewedOptions

log = structlog.get_logger(__name__)

RECORD_NAME: Final = "peer_review.json"
RAW_FOLDER: Final = "raw"
_ANSWERS: Final = "answers"
_FILES: Final = "files"
_DOWNLOADS_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Collected:
    """An activity that is on the spool.

    Attributes:
        record: the activity; digests and sizes of its files are those of the bytes that arrived.
        blobs: where the bytes of each file are that could be had.
        raw: the answers of the LMS, sorted by name.
    """

    record: PeerReview
    blobs: dict[FileId, Path]
    raw: tuple[Path, ...]


async def collect(reader: Reader, folder: Path, options: ReviewedOptions) -> Collected:
    """Bring the whole activity to ``folder``, unless it is there.

    Args:
        reader: of the LMS.
        folder: of this job alone; what an interrupted try left in it is not asked for again.
        options: whether it may be open, and what one file does that cannot be had; one that is gone, or too large, is
            a finding in any case.

    Raises:
        SourceError: the activity is open or cannot be had, or, with ``OnError.FAIL``, one of its files.
    """
    if not (folder / RECORD_NAME).exists():
        raw = await asyncio.to_thread(RawAnswers, folder / _ANSWERS)
        try:
            record = await reader.read(raw)
            refuse_open(record.activity, allow_open=options.allow_open)
        except SourceError as exc:
            # A refusal would only be repeated from memory; an expired token can be replaced, and then reading goes on.
            if exc.retry is Retry.NEVER and not isinstance(exc, TokenRefusedError):
                raw.forget()
            raise
        record = await _Downloads(reader, folder / _FILES, options.archive.on_item_error).of(record)
        await asyncio.to_thread(_finish, folder, record, raw)
    return await asyncio.to_thread(load, folder)


def load(folder: Path) -> Collected:
    """Read what ``collect`` left.

    Raises:
        NotFoundError: nothing is there.
    """
    try:
        data = (folder / RECORD_NAME).read_bytes()
    except FileNotFoundError as exc:
        raise NotFoundError("the activity is no longer on the spool; post the job again") from exc
    record = decode(data, PeerReviewFile).peer_review
    there = {one.id for one in record.files if one.status is FileStatus.OK}
    blobs = {file_id: folder / _FILES / name for file_id, name in _numbered(record) if file_id in there}
    return Collected(record, blobs, tuple(sorted((folder / RAW_FOLDER).glob("*.jsonl"))))


def _finish(folder: Path, record: PeerReview, raw: RawAnswers) -> None:
    raw.export(folder / RAW_FOLDER)
    part = folder / f".{RECORD_NAME}.part"
    part.write_bytes(encode(PeerReviewFile(record)))
    part.replace(folder / RECORD_NAME)
    raw.forget()


def _numbered(record: PeerReview) -> Iterator[tuple[FileId, str]]:
    for number, file_id in enumerate(sorted({one.id for one in record.files}), 1):
        yield file_id, f"{number:06d}"


class _Downloads:
    """Downloads all files of an activity, a few at once."""

    def __init__(self, reader: Reader, folder: Path, on_error: OnError) -> None:
        self._reader = reader
        self._folder = folder
        self._on_error = on_error

    async def of(self, record: PeerReview) -> PeerReview:
        """Return ``record`` with what became of each file."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        names = dict(_numbered(record))
        wanted = {one.id: one for one in record.files}

        async def bring(file: File) -> File:
            return await self._one(file, self._folder / names[file.id])

        brought = await for_each(list(wanted.values()), bring, at_once=_DOWNLOADS_AT_ONCE)
        got = dict(zip(wanted, brought, strict=True))
        return replace(record, files=tuple(got[one.id] if one is wanted[one.id] else one for one in record.files))

    async def _one(self, file: File, target: Path) -> File:
        if file.status is not FileStatus.OK:
            return file
        if earlier := await asyncio.to_thread(_arrived, file, target):
            return earlier
        part = target.with_suffix(".part")
        try:
            saved = await self._reader.fetch(file, part)
        except NotFoundError:
            return replace(file, status=FileStatus.MISSING)
        except (LimitExceededError, SourceError) as exc:
            part.unlink(missing_ok=True)
            if self._is_fatal(exc):
                raise
            log.warning("file_refused", file=file.id, code=exc.code, reason=str(exc))
            return replace(file, status=FileStatus.REFUSED)
        part.replace(target)
        return replace(file, sha256=saved.sha256.hex, size_bytes=saved.size_bytes)

    def _is_fatal(self, exc: LimitExceededError | SourceError) -> bool:
        """Tell whether one file ends the job: the disk is full, the token is refused, or by the job's own choice."""
        if isinstance(exc, LimitExceededError):
            return isinstance(exc.__cause__, OSError)
        is_passing = exc.retry is Retry.LATER and not isinstance(exc, IntegrityError)
        return isinstance(exc, TokenRefusedError) or is_passing or self._on_error is OnError.FAIL


def _arrived(file: File, target: Path) -> File | None:
    """Describe a file that an earlier try brought; None when none did."""
    if not target.exists():
        return None
    found = digest_file(target)
    return replace(file, sha256=found.sha256.hex, size_bytes=found.size_bytes)
