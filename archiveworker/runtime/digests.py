"""Hashing while bytes are written (DESIGN D6): nothing is read a second time only to know its digest.

All functions are synchronous and short; async code calls ``HashingWriter.write`` per chunk (a chunk of a download is
written and hashed in well under a millisecond) or runs ``copy_hashed`` in a thread.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha1, Sha256
from archiveworker.domain.errors import LimitExceededError

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Digested:
    """What is known of bytes once they have passed.

    Attributes:
        sha256: their digest.
        size_bytes: their number.
        sha1: as Moodle's ``contenthash``; None when it was not asked for.
        stamped: by the algorithm that time-stamps are over; None when it was not asked for.
    """

    sha256: Sha256
    size_bytes: int
    sha1: Sha1 | None = None
    stamped: Digest | None = None


class HashingWriter:
    """Writes chunks to ``target`` and hashes them on the way.

    Args:
        target: a binary file open for writing; it is not closed here.
        with_sha1: also take the SHA-1.
        limit_bytes: more than this is refused before it is written; None means no limit.
        stamped: also take the digest of this algorithm.
    """

    def __init__(
        self,
        target: BinaryIO,
        *,
        with_sha1: bool = False,
        limit_bytes: int | None = None,
        stamped: HashAlgorithm | None = None,
    ) -> None:
        self._target = target
        self._sha256 = hashlib.sha256()
        self._sha1 = hashlib.sha1(usedforsecurity=False) if with_sha1 else None
        self._algorithm = stamped
        self._stamped = None if stamped is None else hashlib.new(stamped.value)
        self._limit_bytes = limit_bytes
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Bytes written so far."""
        return self._size_bytes

    def write(self, chunk: bytes | bytearray | memoryview) -> int:
        """Write and hash ``chunk``; return its size in bytes.

        Raises:
            LimitExceededError: the limit would be exceeded.
        """
        size = len(chunk)
        if self._limit_bytes is not None and self._size_bytes + size > self._limit_bytes:
            raise LimitExceededError(f"the data are larger than the limit of {self._limit_bytes} bytes")
        self._target.write(chunk)
        self._sha256.update(chunk)
        if self._sha1 is not None:
            self._sha1.update(chunk)
        if self._stamped is not None:
            self._stamped.update(chunk)
        self._size_bytes += size
        return size

    def finish(self) -> Digested:
        """Return digests and size of everything written so far."""
        sha1 = None if self._sha1 is None else Sha1(self._sha1.hexdigest())
        stamped = None
        if self._algorithm is not None and self._stamped is not None:
            stamped = Digest(self._algorithm, self._stamped.digest())
        return Digested(Sha256(self._sha256.digest()), self._size_bytes, sha1, stamped)


@contextmanager
def hashed_file(
    path: Path, *, with_sha1: bool = False, limit_bytes: int | None = None, stamped: HashAlgorithm | None = None
) -> Iterator[HashingWriter]:
    """Open ``path`` for hashed writing; it appears under its name only when the block ends without an error.

    The bytes go to ``<name>.part`` in the same folder, are synced, then renamed over ``path``.

    Raises:
        LimitExceededError: more than ``limit_bytes`` were written.
        OSError: the disk refuses.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as target:
            yield HashingWriter(target, with_sha1=with_sha1, limit_bytes=limit_bytes, stamped=stamped)
            target.flush()
            os.fsync(target.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def copy_hashed(source: BinaryIO, target: HashingWriter) -> Digested:
    """Copy ``source`` to its end into ``target`` and return what passed."""
    while chunk := source.read(CHUNK_BYTES):
        target.write(chunk)
    return target.finish()


def digest_file(path: Path, *, with_sha1: bool = False) -> Digested:
    """Hash a file that another program wrote (Chromium's PDF), in chunks.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as source, Path(os.devnull).open("wb") as nowhere:
        return copy_hashed(source, HashingWriter(nowhere, with_sha1=with_sha1))
