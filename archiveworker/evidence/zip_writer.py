"""A zip archive (PKWARE APPNOTE 6.3), written in one pass and always the same for the same input.

One pass means that CRC and sizes stand behind each file (data descriptor) and in the central directory. Names are
UTF-8, times are UTC, methods are STORED or DEFLATE, zip64 fields appear only where they must. The archive's comment
holds the SHA-256 of all before the end record ("the seal", see ``gzip_writer``).
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from isal import isal_zlib

from archiveworker.domain.ids import ArchivePath
from archiveworker.runtime.digests import HashingWriter

SEAL_PREFIX = b"sha256 of everything before the end record: "

_FLAGS = 0x0808  # sizes in the data descriptor; names in UTF-8
_STORED, _DEFLATED = 0, 8
_MADE_ON_UNIX = 3 << 8
_FILE_0644 = 0o100644 << 16
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
# Deflate may make data larger, so zip64 begins well below 4 GiB.
_ZIP64_FROM_BYTES = 0xF0000000
_BLOCK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Record:
    """What the central directory says of a file."""

    name: bytes
    dos_time: int
    dos_date: int
    crc: int
    packed_bytes: int
    size_bytes: int
    offset: int
    is_zip64: bool


class ZipWriter:
    """Writes files one after the other; ``close`` makes the archive complete.

    Args:
        target: takes the archive's bytes.
        level: of ``isal``, 0 (fast) to 3 (small); None stores without compression.
        zip64_from_bytes: sizes and offsets from here on are written as zip64.
    """

    def __init__(self, target: HashingWriter, *, level: int | None, zip64_from_bytes: int = _ZIP64_FROM_BYTES) -> None:
        self._target = target
        self._level = level
        self._method = _STORED if level is None else _DEFLATED
        self._zip64_from_bytes = zip64_from_bytes
        self._records: list[_Record] = []

    def add(self, path: ArchivePath, size_bytes: int, modified_s: int, chunks: Iterable[bytes]) -> None:
        """Write one file.

        Args:
            path: its name.
            size_bytes: sum of the chunks' sizes; the caller makes sure of it.
            modified_s: seconds since 1970.
            chunks: its bytes.
        """
        name, offset = path.value.encode(), self._target.size_bytes
        is_zip64 = size_bytes >= self._zip64_from_bytes
        dos_date, dos_time = _dos(modified_s)
        size_field = _FULL_32 if is_zip64 else 0
        extra = struct.pack("<HHQQ", 1, 16, 0, 0) if is_zip64 else b""
        self._target.write(
            struct.pack(
                "<4s5H3I2H", b"PK\x03\x04", 45 if is_zip64 else 20, _FLAGS, self._method, dos_time, dos_date,
                0, size_field, size_field, len(name), len(extra),
            ) + name + extra
        )  # fmt: skip
        start = self._target.size_bytes
        crc = self._write_data(chunks)
        packed_bytes = self._target.size_bytes - start
        self._target.write(
            struct.pack("<4sIQQ" if is_zip64 else "<4sIII", b"PK\x07\x08", crc, packed_bytes, size_bytes)
        )
        self._records.append(_Record(name, dos_time, dos_date, crc, packed_bytes, size_bytes, offset, is_zip64))

    def close(self) -> None:
        """Write the central directory and the end record with the seal."""
        start = self._target.size_bytes
        for record in self._records:
            self._target.write(self._central(record))
        size = self._target.size_bytes - start
        count = len(self._records)
        is_zip64 = count >= _FULL_16 or start + size >= self._zip64_from_bytes
        if is_zip64:
            end = self._target.size_bytes
            self._target.write(struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start))
            self._target.write(struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1))
            count, size, start = _FULL_16, _FULL_32, _FULL_32
        seal = SEAL_PREFIX + self._target.finish().sha256.hex.encode()
        self._target.write(struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, size, start, len(seal)) + seal)

    def _central(self, record: _Record) -> bytes:
        sizes = (record.packed_bytes, record.size_bytes)
        offset, extra = record.offset, b""
        is_zip64 = record.is_zip64 or offset >= self._zip64_from_bytes
        if is_zip64:
            extra = struct.pack("<HHQQQ", 1, 24, record.size_bytes, record.packed_bytes, offset)
            sizes, offset = (_FULL_32, _FULL_32), _FULL_32
        version = 45 if is_zip64 else 20
        return struct.pack(
            "<4s6H3I5H2I", b"PK\x01\x02", _MADE_ON_UNIX | version, version, _FLAGS, self._method,
            record.dos_time, record.dos_date, record.crc, *sizes, len(record.name), len(extra), 0, 0, 0, _FILE_0644,
            offset,
        ) + record.name + extra  # fmt: skip

    def _write_data(self, chunks: Iterable[bytes]) -> int:
        crc = 0
        if self._level is None:
            for chunk in chunks:
                crc = isal_zlib.crc32(chunk, crc)
                self._target.write(chunk)
            return crc
        deflate = isal_zlib.compressobj(self._level, isal_zlib.DEFLATED, -15)
        for block in _blocks(chunks):
            crc = isal_zlib.crc32(block, crc)
            self._target.write(deflate.compress(block))
        self._target.write(deflate.flush())
        return crc


def _blocks(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Cut alike whatever the chunks are: what isal makes of the data depends on it."""
    pending = bytearray()
    for chunk in chunks:
        pending += chunk
        whole = len(pending) // _BLOCK_BYTES * _BLOCK_BYTES
        for at in range(0, whole, _BLOCK_BYTES):
            yield bytes(pending[at : at + _BLOCK_BYTES])
        del pending[:whole]
    yield bytes(pending)


def _dos(modified_s: int) -> tuple[int, int]:
    """Return MS-DOS date and time, UTC, to 2 s, within 1980 to 2107."""
    earliest, latest = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)
    bounded_s = min(max(modified_s, int(earliest.timestamp())), int(latest.timestamp()))
    moment = datetime.fromtimestamp(bounded_s, UTC)
    date = (moment.year - 1980) << 9 | moment.month << 5 | moment.day
    return date, moment.hour << 11 | moment.minute << 5 | moment.second // 2
