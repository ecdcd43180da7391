"""Names of targets and of what they get.

Lists of targets in settings: ``NAME=PLACE,NAME=PLACE``, or one place alone, which has the usual name.
"""

import re
from collections.abc import Sequence
from typing import Final

from archiveworker.domain.delivery import LMS
from archiveworker.domain.errors import SettingsError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import FinishedArchive

_NAMED: Final = re.compile(r"([A-Za-z0-9_-]+)=(?!=)(.+)\Z", re.DOTALL)
_DIGEST_DIGITS: Final = 8
_SUFFIXES: Final = (".tar.gz", ".zip")
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")


def named_places(entries: Sequence[str], usual_name: str, setting: str) -> list[tuple[str, str]]:
    """Return name and place of each entry.

    Args:
        entries: ``NAME=PLACE`` or ``PLACE``; a place may hold a secret and is never shown.
        usual_name: of a place without a name.
        setting: for messages.

    Raises:
        SettingsError: a name cannot be one, or is there twice.
    """
    found: list[tuple[str, str]] = []
    for number, entry in enumerate(entries, start=1):
        match = _NAMED.match(entry)
        name, place = (match[1], match[2]) if match else (usual_name, entry)
        if not _NAME.match(name) or name == LMS:
            raise SettingsError(
                f"{setting}: the name of entry {number} must be a small letter and up to 31 small letters, digits, "
                f"- and _, and not {LMS!r}, which is the LMS itself"
            )
        if any(name == other for other, _ in found):
            raise SettingsError(f"{setting}: two entries are called {name!r}; write NAME=PLACE with different names")
        found.append((name, place))
    return found


def folder_name(archive: FinishedArchive, job_id: JobId) -> str:
    """Return the name of an archive's folder: for people, for whoever knows the job, and never that of another."""
    stem = next((archive.name.removesuffix(end) for end in _SUFFIXES if archive.name.endswith(end)), archive.name)
    return f"{stem}-{job_id}-{archive.sha256[:_DIGEST_DIGITS]}"
