"""New names for the files of a copy: a name, a folder, a time or a digest can say whose file it is."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from html import escape

from archiveworker.domain.peer_review.base import FileId, Text
from archiveworker.domain.peer_review.kinds import TimeQuality
from archiveworker.domain.peer_review.work import File

_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,5})\Z")
SCHEME = "file-of-copy:"
"""Begins the address by which texts of a copy show a renamed file."""


def neutral_name(stem: str, filename: str) -> str:
    """Return ``stem`` with the extension of ``filename``, if that is a short plain one: ``R1-file2.pdf``."""
    extension = _EXTENSION.search(filename)
    return f"{stem}.{extension[1].lower()}" if extension else stem


class Renamer:
    """Collects the files of a copy: own ones as they are, those of the other side under new names.

    Args:
        files: of the whole activity.
    """

    def __init__(self, files: Iterable[File]) -> None:
        self._all = {one.id: one for one in files}
        self._kept: dict[FileId, File] = {}
        self._urls: dict[str, str] = {}
        self.origins: dict[FileId, FileId] = {}

    @property
    def kept(self) -> tuple[File, ...]:
        """Files of the copy."""
        return tuple(self._kept[file_id] for file_id in sorted(self._kept))

    def keep(self, file_ids: Iterable[FileId]) -> None:
        """Take files as they are."""
        self._kept |= {one: self._all[one] for one in file_ids if one in self._all}

    def rename(self, file_ids: Iterable[FileId], name: Callable[[int], str]) -> tuple[FileId, ...]:
        """Take files without anything that says whose they are; ``name`` gives the name of the first, second, ...

        Returns:
            Their new ids.
        """
        new_ids = []
        for number, old_id in enumerate(file_ids, 1):
            new_id = FileId(name(number))
            new_ids.append(new_id)
            old = self._all.get(old_id)
            if old is None:
                continue  # not listed by the source; that is a finding already
            url = None if old.text_url is None else f"{SCHEME}{new_id}"
            if old.text_url is not None and url is not None:
                self._urls |= {old.text_url: url, escape(old.text_url): url}
            filename = neutral_name(new_id, old.filename)
            self._kept[new_id] = replace(
                old, id=new_id, filename=filename, path="/", sha256=None, size_bytes=None, modified_at=None,
                time_quality=TimeQuality.UNKNOWN, text_url=url,
            )  # fmt: skip
            self.origins[new_id] = old_id
        return tuple(new_ids)

    def readdressed(self, text: Text) -> Text:
        """Return ``text`` with the addresses of renamed files replaced, the longest first."""
        body = text.body
        for old in sorted(self._urls, key=len, reverse=True):
            body = body.replace(old, self._urls[old])
        return text if body == text.body else replace(text, body=body)
