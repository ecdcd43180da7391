"""Reads the one gzip stream that the worker writes, strictly: header, CRC, size and seal to the last byte.

Shares no code with the writer (``zlib`` here, ``isal`` there). See ``gzip_writer`` for the seal.
"""

import hashlib
import struct
import zlib
from typing import BinaryIO

from archiveworker.domain.digest import Sha256
from archiveworker.evidence.reading import CHUNK_BYTES, Findings, Limits, UnreadableError

MAGIC = b"\x1f\x8b"
_HEADER = MAGIC + b"\x08\x00" + bytes(4) + b"\x00\xff"
_TRAILER_BYTES = 8
_SEAL = b"%b\x08\x04" % MAGIC + bytes(4) + b"\x00\xff\x24\x00AW\x20\x00"
_SEAL_END = b"\x03\x00" + bytes(8)
_SEAL_BYTES = len(_SEAL) + 32 + len(_SEAL_END)


class GzipReader:
    """A forward-only file of the unpacked bytes.

    Args:
        source: the archive, at its beginning.
        size_bytes: of the archive.
        limits: against bombs.
        findings: takes what is wrong.
    """

    def __init__(self, source: BinaryIO, size_bytes: int, limits: Limits, findings: Findings) -> None:
        self._source = source
        self._size_bytes = size_bytes
        self._limits = limits
        self._findings = findings
        self._inflate = zlib.decompressobj(-15)
        self._sha256 = hashlib.sha256()
        self._left_bytes = size_bytes - len(_HEADER) - _TRAILER_BYTES - _SEAL_BYTES
        self._crc = 0
        self._unpacked_bytes = 0
        self._buffer = b""
        if self._left_bytes < 1:
            raise UnreadableError("the archive is cut off")
        if self._packed(len(_HEADER)) != _HEADER:
            findings.bad("container.gzip", "the gzip header is not the one that the worker writes")

    def read(self, count: int) -> bytes:
        """Return the next ``count`` bytes, fewer only at the end.

        Raises:
            UnreadableError: the compressed data are damaged, or a limit is exceeded.
        """
        parts, wanted = [], count
        while wanted > 0 and (self._buffer or self._fill()):
            part = self._buffer[:wanted]
            self._buffer = self._buffer[wanted:]
            wanted -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _fill(self) -> bool:
        """Unpack some more; False at the end of the stream."""
        while not self._buffer and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail
            if not packed:
                packed = self._packed(min(CHUNK_BYTES, self._left_bytes))
                self._left_bytes -= len(packed)
            try:
                # Without input it may still give what did not fit into the last chunk.
                self._buffer = self._inflate.decompress(packed, CHUNK_BYTES)
            except zlib.error as exc:
                raise UnreadableError(f"the compressed data are damaged ({exc})") from exc
            if not packed and not self._buffer and not self._inflate.eof:
                raise UnreadableError("the compressed data end too early; the archive is cut off or damaged")
        self._crc = zlib.crc32(self._buffer, self._crc)
        self._unpacked_bytes += len(self._buffer)
        if excess := self._limits.excess(self._unpacked_bytes, self._size_bytes):
            raise UnreadableError(excess)
        return bool(self._buffer)

    def finish(self) -> Sha256:
        """Read whatever is left, check trailer and seal, and return the digest of the whole archive."""
        surplus = len(self._inflate.unused_data) + len(self._inflate.unconsumed_tail) + self._left_bytes
        if surplus or not self._inflate.eof:
            self._findings.bad("container.gzip", "the compressed data do not end where they should")
        while self._left_bytes:
            self._left_bytes -= len(self._packed(min(CHUNK_BYTES, self._left_bytes)))
        expected = struct.pack("<II", self._crc, self._unpacked_bytes & 0xFFFFFFFF)
        if self._packed(_TRAILER_BYTES) != expected:
            self._findings.bad("container.gzip", "CRC or size of the unpacked data do not match: damaged")
        seal = _SEAL + self._sha256.digest() + _SEAL_END
        if self._packed(_SEAL_BYTES) != seal:
            self._findings.bad(
                "container.seal",
                "the seal at the archive's end does not match: the archive was damaged or compressed anew "
                "(unpack it and verify the folder to check the files alone)",
            )
        return Sha256(self._sha256.digest())

    def _packed(self, count: int) -> bytes:
        data = self._source.read(count)
        self._sha256.update(data)
        if len(data) != count:
            raise UnreadableError("the archive became shorter while it was read")
        return data
