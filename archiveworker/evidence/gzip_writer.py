"""A gzip stream (RFC 1952) that is always the same for the same input, closed by a seal.

The header holds no time and no name. The data are cut into blocks that are compressed independently of each other, so
that two cores can do it. After the data stands a second, empty gzip member whose extra field holds
the SHA-256 of all before it ("the seal"): every unpacker skips it, and it tells damage to the compressed bytes even
where they would still unpack to the same files. The seal is against accidents; evidence is the time-stamp.
Accepted risk: another release of ``isal`` or another kind of processor may compress to other (equally valid) bytes.
"""

import struct
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from isal import isal_zlib

from archiveworker.runtime.digests import HashingWriter

_HEADER = bytes.fromhex("1f8b08000000000000ff")
_SEAL_HEADER = bytes.fromhex("1f8b08040000000000ff")
_SEAL_END = b"\x03\x00" + bytes(8)
_NO_MORE_BLOCKS = b"\x03\x00"
# The compressed bytes depend on where the data are cut, so they are always cut alike.
_BLOCK_BYTES = 1024 * 1024
_THREAD_COUNT = 2
_WAITING_COUNT = 4


class SealedGzipWriter:
    """Compresses what is written to it; ``close`` makes the stream complete.

    Args:
        target: takes the compressed bytes.
        level: of ``isal``, 0 (fast) to 3 (small).
    """

    def __init__(self, target: HashingWriter, *, level: int) -> None:
        self._target = target
        self._level = level
        self._threads = ThreadPoolExecutor(_THREAD_COUNT, "deflate")  # they end with this object, if not before
        self._waiting: deque[Future[bytes]] = deque()
        self._pending = bytearray()
        self._crc = 0
        self._size_bytes = 0
        target.write(_HEADER)

    @property
    def size_bytes(self) -> int:
        """Bytes written so far, before compression."""
        return self._size_bytes

    def write(self, data: bytes) -> None:
        """Compress ``data``."""
        self._crc = isal_zlib.crc32(data, self._crc)
        self._size_bytes += len(data)
        self._pending += data
        whole = len(self._pending) // _BLOCK_BYTES * _BLOCK_BYTES
        for at in range(0, whole, _BLOCK_BYTES):
            self._compress(bytes(self._pending[at : at + _BLOCK_BYTES]))
        del self._pending[:whole]

    def close(self) -> None:
        """Write what is left, the trailer and the seal."""
        self._compress(bytes(self._pending))
        self._collect(0)
        self._threads.shutdown()
        self._target.write(_NO_MORE_BLOCKS + struct.pack("<II", self._crc, self._size_bytes & 0xFFFFFFFF))
        digest = self._target.finish().sha256.raw
        extra = b"AW" + struct.pack("<H", len(digest)) + digest
        self._target.write(_SEAL_HEADER + struct.pack("<H", len(extra)) + extra + _SEAL_END)

    def _compress(self, block: bytes) -> None:
        self._collect(_WAITING_COUNT - 1)
        self._waiting.append(self._threads.submit(_deflated, block, self._level))

    def _collect(self, left_count: int) -> None:
        """Write blocks in their order until no more than ``left_count`` wait."""
        while len(self._waiting) > left_count:
            self._target.write(self._waiting.popleft().result())


def _deflated(block: bytes, level: int) -> bytes:
    """Return a part of a deflate stream (RFC 1951) that ends with a whole byte and refers to nothing before it."""
    deflate = isal_zlib.compressobj(level, isal_zlib.DEFLATED, -15)
    return bytes(deflate.compress(block) + deflate.flush(isal_zlib.Z_FULL_FLUSH))
