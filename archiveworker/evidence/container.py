"""Packs an archive in one pass (DESIGN D6, D7).

Each file is checked against its digest while it is streamed, and the archive's own digest is taken on the way. Nothing
is held in memory. Entries are sorted by the bytes of their names; there are no entries for folders, which every
unpacker (and Moodle's tgz reader) makes by itself.

All of it is synchronous: async code calls ``pack`` by ``asyncio.to_thread``.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence.entries import Entry, Spooled, check_names, check_unchanged, chunks_of
from archiveworker.evidence.tar_writer import TarGzWriter
from archiveworker.evidence.zip_writer import ZipWriter
from archiveworker.runtime.digests import Digested, HashingWriter, hashed_file


@dataclass(frozen=True, slots=True)
class PackedArchive:
    """A finished archive.

    Attributes:
        path: where it is.
        sha256: its digest.
        size_bytes: its size.
        stamped: its digest by the algorithm that time-stamps are over, where that was asked for.
    """

    path: Path
    sha256: Sha256
    size_bytes: int
    stamped: Digest | None = None


class _Writer(Protocol):
    def add(self, path: ArchivePath, size_bytes: int, modified_s: int, chunks: Iterable[bytes]) -> None: ...
    def close(self) -> None: ...


def pack(
    entries: Sequence[Entry],
    *,
    spool: Spooled,
    target: Path,
    container: ArchiveFormat = ArchiveFormat.TAR_GZ,
    level: int = 1,
    stamped: HashAlgorithm | None = None,
) -> PackedArchive:
    """Write an archive of ``entries`` to ``target``, which appears only when it is complete and on disk.

    Args:
        entries: in any order.
        spool: gives the bytes of ``ArchiveFile.spooled``.
        target: the archive's file; an existing one is replaced.
        container: format.
        level: of compression, 0 (fast) to 3 (small).
        stamped: also take the digest of this algorithm.

    Raises:
        VerificationError: two names clash, or a spooled file is gone or changed.
        LimitExceededError: a name or a file is too large for USTAR.
        OSError: the disk refuses.
    """
    ordered = sorted(entries, key=lambda entry: entry.path.value.encode())
    check_names(ordered)
    with hashed_file(target, stamped=stamped) as output:
        writer = _writer(output, container, level)
        for entry in ordered:
            chunks = _checked(entry, spool)
            writer.add(entry.path, entry.size_bytes, int(entry.modified_at.timestamp()), chunks)
        writer.close()
    done = output.finish()
    return PackedArchive(target, done.sha256, done.size_bytes, done.stamped)


def _writer(output: HashingWriter, container: ArchiveFormat, level: int) -> _Writer:
    if container is ArchiveFormat.TAR_GZ:
        return TarGzWriter(output, level=level)
    return ZipWriter(output, level=None if container is ArchiveFormat.ZIP_STORED else level)


def _checked(entry: Entry, spool: Spooled) -> Iterator[bytes]:
    """Yield the entry's bytes; raise at their end when they are not those that were announced."""
    sha256, size_bytes = hashlib.sha256(), 0
    for chunk in chunks_of(entry, spool):
        sha256.update(chunk)
        size_bytes += len(chunk)
        yield chunk
    check_unchanged(entry, Digested(Sha256(sha256.digest()), size_bytes))
