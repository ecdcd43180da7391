"""What the three readers of ``verify`` (tar.gz, zip, folder) share: limits, findings, members."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from archiveworker.domain.digest import Sha256
from archiveworker.domain.evidence import Check, Proof, Verdict, VerifiedTimestamp

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds against archives that are made to exhaust the machine.

    Attributes:
        max_total_bytes: of all files, unpacked.
        max_member_count: files.
        max_ratio: unpacked to packed bytes; looked at from 64 MiB unpacked on.
        max_list_bytes: of a file that is held in memory: a list of digests, the metadata.
        max_evidence_bytes: of all other files below ``evidence/`` together; lists of revoked certificates can be large.
        max_token_bytes: of a time-stamp or its query; taking one apart needs many times its size.
        max_name_bytes: of a file's name; the worker writes at most 256.
    """

    max_total_bytes: int = 1024**4
    max_member_count: int = 1_000_000
    max_ratio: int = 500
    max_list_bytes: int = 256 * 1024**2
    max_evidence_bytes: int = 64 * 1024**2
    max_token_bytes: int = 1024**2
    max_name_bytes: int = 1024

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
    proofs: list[Proof] = field(default_factory=list)

    def good(self, name: str, message: str, subject: str | None = None) -> None:
        """Note that a check held."""
        self._add(name, Verdict.GOOD, subject, message)

    def bad(self, name: str, message: str, subject: str | None = None) -> None:
        """Note that a check did not hold; ``subject`` is the file, or the archive when None."""
        self._add(name, Verdict.BAD, subject, message)

    def unknown(self, name: str, message: str, subject: str | None = None) -> None:
        """Note that a check could not be made."""
        self._add(name, Verdict.UNKNOWN, subject, message)

    def proved(self, step: str, stamp: VerifiedTimestamp, subject: str | None = None) -> None:
        """Note a time-stamp that held."""
        self.proofs.append(Proof(step, printable(subject or self.archive), stamp))

    def held(self, step: str) -> bool:
        """Tell whether nothing bad was found in ``step`` (a check's name up to the first dot)."""
        return not any(check.verdict is Verdict.BAD and check.step == step for check in self.checks)

    def _add(self, name: str, verdict: Verdict, subject: str | None, message: str) -> None:
        self.checks.append(Check(name, verdict, printable(subject or self.archive), _short(printable(message))))


@dataclass(slots=True)
class Scan:
    """What one pass over an archive leaves behind.

    Attributes:
        limits: that the pass kept to.
        digests: of every file, by its name as the archive spells it.
        sizes_bytes: of the same files.
        kept: contents of the few files that are needed later, and of everything below ``evidence/``.
        evidence_bytes: held in ``kept`` of what lies below ``evidence/``, without its list.
        sidecars: contents of the ``.sha256`` files below ``attempts/`` and ``backups/``.
        archive_digest: of the archive itself; None for a folder.
        complete: False when reading had to stop early.
        base: folder of a bag with a slash at its end, which is not in the names; empty in the plugins' layout.
        payload_bytes: of a bag's files below ``data/``.
    """

    limits: Limits = field(default_factory=Limits)
    digests: dict[str, Sha256] = field(default_factory=dict)
    sizes_bytes: dict[str, int] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    evidence_bytes: int = 0
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


_MESSAGE_LENGTH = 1000
_UNSEEN = (
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
    "\ud800-\udfff\x00-\x1f\x7f-\x9f"
)
UNSEEN = re.compile(f"[{_UNSEEN}]")
"""Characters that are not seen, or change the order of others: they make a name look like another one.

The set is written out, not asked from ``unicodedata``, so that no archive turns bad by a new Python."""


def printable(text: str) -> str:
    """Return ``text`` with what could play tricks on a terminal written as escapes."""
    return UNSEEN.sub(lambda m: m[0].encode("unicode_escape").decode(), text)


def _short(message: str) -> str:
    """Cut what an authority's own words in a message may have made long."""
    return message if len(message) <= _MESSAGE_LENGTH else f"{message[: _MESSAGE_LENGTH - 4]} ..."
