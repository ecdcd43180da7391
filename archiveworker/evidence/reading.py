"""What the three readers of ``verify`` (tar.gz, zip, folder) share: limits, findings, members."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from archiveworker.domain.digest import Sha256
from archiveworker.domain.evidence import Check, Verdict

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds against archives that are made to exhaust the machine.

    Attributes:
        max_total_bytes: of all files, unpacked.
        max_member_count: files.
        max_ratio: unpacked to packed bytes; looked at from 64 MiB unpacked on.
        max_list_bytes: of a file that is held in memory: a list of digests, the metadata.
    """

    max_total_bytes: int = 1024**4
    max_member_count: int = 1_000_000
    max_ratio: int = 500
    max_list_bytes: int = 256 * 1024**2

    def excess(self, total_bytes: int, packed_bytes: int | None) -> str | None:
        """Tell which limit is exceeded, or None.

        Args:
            total_bytes: unpacked so far.
            packed_bytes: size of the archive; None for a folder.
        """
        if total_bytes > self.max_total_bytes:
            return f"the files have more than {self.max_total_bytes} bytes together"
        if packed_bytes is not None and total_bytes > max(packed_bytes * self.max_ratio, 64 * 1024**2):
            return f"the archive unpacks to more than {self.max_ratio} times its size"
        return None


@dataclass(slots=True)
class Findings:
    """Collects checks in the order in which they are made."""

    archive: str
    checks: list[Check] = field(default_factory=list)

    def good(self, name: str, message: str, subject: str | None = None) -> None:
        """Note that a check held."""
        self._add(name, Verdict.GOOD, subject, message)

    def bad(self, name: str, message: str, subject: str | None = None) -> None:
        """Note that a check did not hold; ``subject`` is the file, or the archive when None."""
        self._add(name, Verdict.BAD, subject, message)

    def unknown(self, name: str, message: str, subject: str | None = None) -> None:
        """Note that a check could not be made."""
        self._add(name, Verdict.UNKNOWN, subject, message)

    def held(self, step: str) -> int:
        """Return 1 when nothing bad was found in ``step`` (a check's name up to the first dot), else 0."""
        return int(not any(c.verdict is Verdict.BAD and c.name.split(".")[0] == step for c in self.checks))

    def _add(self, name: str, verdict: Verdict, subject: str | None, message: str) -> None:
        self.checks.append(Check(name, verdict, printable(subject or self.archive), printable(message)))


@dataclass(slots=True)
class Scan:
    """What one pass over an archive leaves behind.

    Attributes:
        digests: of every file, by its name as the archive spells it.
        kept: contents of the few files that are needed later.
        sidecars: contents of the ``.sha256`` files below ``attempts/`` and ``backups/``.
        archive_digest: of the archive itself; None for a folder.
        complete: False when reading had to stop early.
        base: folder of a bag with a slash at its end, which is not in the names; empty in the plugins' layout.
        payload_bytes: of a bag's files below ``data/``.
    """

    digests: dict[str, Sha256] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    sidecars: dict[str, bytes] = field(default_factory=dict)
    archive_digest: Sha256 | None = None
    complete: bool = True
    base: str = ""
    payload_bytes: int = 0


class Member(NamedTuple):
    """One file of an archive.

    Attributes:
        name: as the archive spells it; nothing is checked yet.
        chunks: its bytes; they must be taken before the next member is.
    """

    name: str
    chunks: Iterator[bytes]


class UnreadableError(Exception):
    """The rest of the archive cannot be read; stays within the readers."""


_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]|[\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Return ``text`` with what could play tricks on a terminal written as escapes."""
    return _UNPRINTABLE.sub(lambda m: m[0].encode("unicode_escape").decode(), text)
