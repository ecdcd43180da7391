"""Where the files of a page stand in its folder, how the page links to them, and which of them it shows as pictures."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.peer_review.base import FileId
from archiveworker.domain.peer_review.kinds import TimeQuality
from archiveworker.domain.peer_review.work import File
from archiveworker.reports.peer_review.markup import Attachments
from archiveworker.sources.reviewed.shown import Blob

_MAX_PICTURE_BYTES: Final = 16 * 1024**2
"""A larger one is linked, not shown: it would be in the page, and in its PDF, as a whole."""
_FIRST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2099, 12, 31, tzinfo=UTC)
_MAGIC: Final = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF87a": "gif", b"GIF89a": "gif"}


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file of a page.

    Attributes:
        path: below the page's folder.
        blob: its bytes.
        at: its time, UTC.
    """

    path: ArchivePath
    blob: Blob
    at: datetime


class Placing:
    """Gives each file of one page a place of its own.

    Args:
        files: of the activity, by id.
        blobs: their bytes.
        default_at: time of a file that has none.
    """

    def __init__(self, files: Mapping[FileId, File], blobs: Mapping[FileId, Blob], default_at: datetime) -> None:
        self._files = files
        self._blobs = blobs
        self._default_at = default_at
        self._taken: set[str] = set()
        self._placed: dict[FileId, PlacedFile] = {}

    def add(self, folder: str, file_ids: Iterable[FileId]) -> None:
        """Put files into ``folder``; those without bytes, and those that have a place already, are left out."""
        for file_id in file_ids:
            file, blob = self._files.get(file_id), self._blobs.get(file_id)
            if file is None or blob is None or file_id in self._placed:
                continue
            known = file.modified_at is not None and file.time_quality is not TimeQuality.UNKNOWN
            at = possible(file.modified_at) if known and file.modified_at is not None else self._default_at
            path = self._free(ArchivePath.sanitised(folder, file.path, file.filename.replace("/", "_")))
            self._placed[file_id] = PlacedFile(path, blob, at)

    @property
    def files(self) -> tuple[PlacedFile, ...]:
        """All of them, in the order in which they came."""
        return tuple(self._placed.values())

    @property
    def attachments(self) -> Attachments:
        """Links and pictures for the page."""
        pictures = {}
        for file_id, placed in self._placed.items():
            if self._files[file_id].text_url is not None and (shown := _picture(placed.blob)):
                pictures[file_id] = shown
        return Attachments({one: quote(placed.path.value) for one, placed in self._placed.items()}, pictures)

    def _free(self, path: ArchivePath) -> ArchivePath:
        """Return ``path``, with a number before its name when a file has it already; case does not tell them apart."""
        free, number = path, 1
        while free.value.casefold() in self._taken:
            number += 1
            free = ArchivePath.sanitised(path.parent, f"{number}_{path.name}")
        self._taken.add(free.value.casefold())
        return free


def possible(at: datetime) -> datetime:
    """Return ``at``, or the nearest time that every container and PDF can say."""
    return min(max(at, _FIRST), _LAST)


def _picture(blob: Blob) -> str:
    """Return the file as a ``data:`` address if it is a picture that browsers show, by its own first bytes."""
    if blob.size_bytes > _MAX_PICTURE_BYTES:
        return ""
    data = blob.path.read_bytes()
    kind = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), "")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "webp"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}" if kind else ""
