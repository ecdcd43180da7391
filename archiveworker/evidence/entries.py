"""What goes into an archive: files on the spool, and small files whose bytes are at hand."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.ports import Readable
from archiveworker.runtime.digests import CHUNK_BYTES, Digested


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A small file of the worker's own making: a list of digests, a note.

    Attributes:
        path: its name in the archive.
        data: its bytes.
        modified_at: time of the data (UTC, whole seconds).
    """

    path: ArchivePath
    data: bytes = field(repr=False)
    modified_at: datetime

    @property
    def sha256(self) -> Sha256:
        """Digest of the bytes."""
        return Sha256.of(self.data)

    @property
    def size_bytes(self) -> int:
        """Their number."""
        return len(self.data)


Entry = ArchiveFile | InlineFile

Spooled = Path | Callable[[str], Readable]
"""What gives the bytes of ``ArchiveFile.spooled``: the job's folder, or whatever opens a file by that name."""


def chunks_of(entry: Entry, spool: Spooled) -> Iterator[bytes]:
    """Yield the bytes of ``entry``, at most one more than it should have.

    Args:
        entry: an entry.
        spool: gives the bytes of spooled ones.

    Raises:
        VerificationError: the file is gone from the spool.
    """
    if isinstance(entry, InlineFile):
        yield entry.data
        return
    left = entry.size_bytes + 1
    try:
        source = (spool / entry.spooled).open("rb") if isinstance(spool, Path) else spool(entry.spooled)
    except FileNotFoundError as exc:
        raise VerificationError(f"{entry.path.value!r} is gone from the spool; run its item again") from exc
    with contextlib.closing(source):
        while left > 0 and (chunk := source.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def check_unchanged(entry: Entry, seen: Digested) -> None:
    """Compare what was streamed with what was announced.

    Raises:
        VerificationError: the spooled file changed since it was hashed.
    """
    if seen.sha256 != entry.sha256 or seen.size_bytes != entry.size_bytes:
        raise VerificationError(
            f"{entry.path.value!r} changed on the spool after it was hashed "
            f"({seen.size_bytes} bytes, expected {entry.size_bytes}, or other contents); run its item again"
        )


def check_names(entries: list[Entry]) -> None:
    """Check that no two names are one on a file system that ignores case, and that no file is another's folder.

    Raises:
        VerificationError: names the clash.
    """
    seen: dict[str, str] = {}
    for entry in entries:
        name = entry.path.value
        if other := seen.get(name.casefold()):
            raise VerificationError(f"two files of the archive would have the same name: {other!r} and {name!r}")
        seen[name.casefold()] = name
    for entry in entries:
        folder = entry.path.parent
        while folder:
            if folder.casefold() in seen:
                raise VerificationError(f"{seen[folder.casefold()]!r} is both a file and the folder of {entry.path}")
            folder = folder.rpartition("/")[0]
