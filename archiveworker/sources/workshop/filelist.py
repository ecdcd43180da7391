"""Files of a workshop: what Moodle announces becomes a record, and the record alone says where its bytes are.

A file's id is its place below ``/webservice/pluginfile.php/``, so nothing else has to be kept to fetch it. Texts show
files by addresses of several spellings; a record has the one that stands in the text.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from archiveworker.domain.peer_review.base import FileId, Text
from archiveworker.domain.peer_review.kinds import FileArea, FileStatus, TimeQuality
from archiveworker.domain.peer_review.work import File
from archiveworker.sources.moodle.site import FILE_PATH
from archiveworker.sources.workshop.answers import Entry

_SESSION_PATH: Final = "/pluginfile.php/"
_ADDRESS: Final = re.compile(r"""(?:src|href)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)


def place_of(url: str) -> str | None:
    """Return what follows ``pluginfile.php/`` in an address, decoded; None when it is no such address."""
    path = urlsplit(url.replace("&amp;", "&")).path
    _, script, place = path.partition(_SESSION_PATH)
    return unquote(place) if script else None


def url_of(base_url: str, file: File) -> str | None:
    """Return where the bytes of ``file`` are, None for a file that Moodle does not keep itself."""
    return None if "://" in file.id else f"{base_url}{FILE_PATH}/{file.id}"


@dataclass(slots=True)
class FileList:
    """Collects files, each once."""

    _found: dict[FileId, File]

    @classmethod
    def empty(cls) -> "FileList":
        """Return a list without files."""
        return cls({})

    @property
    def files(self) -> tuple[File, ...]:
        """All files, in the order in which they came."""
        return tuple(self._found.values())

    @property
    def total_bytes(self) -> int:
        """Announced size of the files of works and examples: what Moodle counts as ``totalfilesize``."""
        counted = (FileArea.SUBMISSION_INLINE, FileArea.SUBMISSION_ATTACHMENT)
        return sum(one.size_bytes or 0 for one in self._found.values() if one.area in counted)

    def add(self, listed: Iterable[Entry], area: FileArea, *texts: Text | None) -> tuple[FileId, ...]:
        """Add files of one record and return their ids.

        Args:
            listed: as Moodle announces them.
            area: what they belong to.
            texts: of the same record, which may show them.
        """
        addresses = _addresses(texts)
        files = [_file(one, area, addresses) for one in listed]
        for one in files:
            self._found.setdefault(one.id, one)
        return tuple(one.id for one in files)


def _addresses(texts: Iterable[Text | None]) -> dict[str, str]:
    """Return the addresses in ``texts`` by the place of the file that they show."""
    found: dict[str, str] = {}
    for text in texts:
        for match in _ADDRESS.finditer(text.body if text else ""):
            url = match[1] or match[2] or ""
            place = place_of(url)
            if place is not None:
                # The cleaner of texts looks addresses up with and without their query.
                found.setdefault(place, url.partition("?")[0])
    return found


def _file(one: Entry, area: FileArea, addresses: dict[str, str]) -> File:
    url = one.text("fileurl") or ""
    place = place_of(url)
    foreign = place is None or one.flag("isexternalfile") is True
    if place is None and not urlsplit(url).scheme:
        raise one.wrong("fileurl", "an address")
    # Characters that Moodle's own encoder leaves alone stay as they are (PHP's rawurlencode, RFC 3986).
    file_id = FileId(url.partition("?")[0] if place is None else quote(place, safe="/~-._"))
    return File(
        id=file_id,
        area=area,
        filename=one.text("filename") or "",
        path=one.text("filepath") or "/",
        size_bytes=one.count("filesize"),
        mimetype=one.text("mimetype"),
        modified_at=one.time("timemodified"),
        time_quality=one.quality("timemodified") if "timemodified" in one else TimeQuality.UNKNOWN,
        status=FileStatus.REFUSED if foreign else FileStatus.OK,
        text_url=addresses.get(place) if place is not None else None,
    )
