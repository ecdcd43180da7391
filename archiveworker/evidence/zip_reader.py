"""Reads a zip archive strictly, from its first byte to its last, without gaps.

Shares no code with the writer (DESIGN D8): the central directory is read first, then every local header, every data
descriptor and the end record are made anew from it and compared byte for byte.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from archiveworker.domain.digest import Sha256
from archiveworker.evidence.reading import CHUNK_BYTES, Findings, Limits, Member, UnreadableError

MAGIC = b"PK"
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<4sIQI")
_SEAL = b"sha256 of everything before the end record: "
_END_BYTES = _END.size + len(_SEAL) + 64
_FULL = 0xFFFFFFFF
_WIDE_EXTRA_BYTES = 20
_FLAGS = 0x0808
_STORED, _DEFLATED = 0, 8


@dataclass(frozen=True, slots=True)
class _Record:
    """One file, as the central directory has it."""

    raw_name: bytes
    method: int
    time: int
    date: int
    crc: int
    packed_bytes: int
    size_bytes: int
    offset: int
    is_zip64: bool

    @property
    def name(self) -> str:
        """For people and for the manifest."""
        return self.raw_name.decode(errors="backslashreplace")


class ZipReader:
    """The files of a zip archive.

    Args:
        source: the archive, seekable.
        size_bytes: of the archive.
        limits: against bombs.
        findings: takes what is wrong.

    Raises:
        UnreadableError: the end record or the central directory cannot be read.
    """

    def __init__(self, source: BinaryIO, size_bytes: int, limits: Limits, findings: Findings) -> None:
        self._source = source
        self._size_bytes = size_bytes
        self._limits = limits
        self._findings = findings
        self._end_at = size_bytes - _END_BYTES
        self._sha256 = hashlib.sha256()
        self._records: list[_Record] = []
        self._unpacked_bytes = 0
        self._at = 0
        if self._end_at < 0:
            raise UnreadableError("the archive is cut off, or its end record is not the one that the worker writes")
        self._directory_at = self._read_end()
        self._read_directory()
        source.seek(0)

    def members(self) -> Iterator[Member]:
        """Yield the files in the order in which they stand.

        Raises:
            UnreadableError: a file does not stand where the central directory says, or a limit is exceeded.
        """
        for record in self._records:
            if record.offset != self._at:
                self._findings.bad("container.header", "it does not stand right behind the file before", record.name)
                raise UnreadableError(f"there is a gap or an overlap before {record.name!r}")
            is_wide = self._check_local(record)
            yield Member(record.name, self._data(record, is_wide=is_wide))

    def finish(self) -> Sha256:
        """Check that nothing stands between the files and the central directory, the end record, and the seal."""
        if self._at != self._directory_at:
            self._findings.bad("container.zip", "there are bytes between the last file and the central directory")
        while self._at < self._end_at:
            self._take(min(CHUNK_BYTES, self._end_at - self._at))
        seal = _SEAL + self._sha256.hexdigest().encode()
        end = self._take(_END_BYTES)
        if end[_END.size :] != seal:
            self._findings.bad(
                "container.seal",
                "the seal in the archive's comment does not match: the archive was damaged or packed anew "
                "(unpack it and verify the folder to check the files alone)",
            )
        return Sha256(self._sha256.digest())

    def _read_end(self) -> int:
        """Return where the central directory begins."""
        self._source.seek(self._end_at)
        raw = self._source.read(_END.size)
        count, size, start = struct.unpack_from("<HII", raw, 10)
        end_of_directory = self._end_at
        if start == _FULL:
            end_of_directory, count, size, start = self._read_end64()
            count16, fields = 0xFFFF, (_FULL, _FULL)
        else:
            count16, fields = count, (size, start)
        if raw != _END.pack(b"PK\x05\x06", 0, 0, count16, count16, *fields, len(_SEAL) + 64):
            self._findings.bad("container.zip", "the end record is damaged or was not written by the worker")
        if start + size != end_of_directory:
            raise UnreadableError("the end record does not say where the central directory is")
        if count > self._limits.max_member_count:
            raise UnreadableError(f"the archive has more than {self._limits.max_member_count} files")
        self._count = count
        self._directory_end = end_of_directory
        return int(start)

    def _read_end64(self) -> tuple[int, int, int, int]:
        at = self._end_at - _LOCATOR64.size - _END64.size
        if at < 0:
            raise UnreadableError("the zip64 end record is missing")
        self._source.seek(at)
        raw = self._source.read(_END64.size + _LOCATOR64.size)
        fields = _END64.unpack(raw[: _END64.size])
        count, size, start = fields[7], fields[8], fields[9]
        made = _END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
        if raw != made + _LOCATOR64.pack(b"PK\x06\x07", 0, at, 1):
            self._findings.bad("container.zip", "the zip64 end record is damaged or was not written by the worker")
        return at, count, size, start

    def _read_directory(self) -> None:
        self._source.seek(self._directory_at)
        left = self._directory_end - self._directory_at
        for _ in range(self._count):
            fixed = self._source.read(_CENTRAL.size)
            if len(fixed) < _CENTRAL.size or fixed[:4] != b"PK\x01\x02":
                raise UnreadableError("the central directory is damaged")
            name_bytes, extra_bytes = struct.unpack_from("<HH", fixed, 28)
            if name_bytes > self._limits.max_name_bytes:
                raise UnreadableError(f"the name of a file has more than {self._limits.max_name_bytes} bytes")
            rest = self._source.read(name_bytes + extra_bytes)
            left -= len(fixed) + len(rest)
            record = _central(fixed, rest[:name_bytes], rest[name_bytes:])
            if _made_central(record) != fixed + rest:
                self._findings.bad(
                    "container.header",
                    "its entry in the central directory is damaged, was not written by the worker, "
                    "or is not a regular file",
                    record.name,
                )
            self._records.append(record)
        if left:
            raise UnreadableError("the central directory is larger or smaller than the end record says")

    def _check_local(self, record: _Record) -> bool:
        """Tell whether the file's sizes are zip64 in its data descriptor: they are when the local header says so."""
        fixed = self._take(_LOCAL.size)
        name_bytes, extra_bytes = struct.unpack_from("<HH", fixed, 26)
        is_wide = record.is_zip64 and extra_bytes == _WIDE_EXTRA_BYTES
        expected = _made_local(record, is_wide=is_wide)
        if fixed + self._take(len(expected) - len(fixed)) != expected or name_bytes != len(record.raw_name):
            message = "its local header does not agree with the central directory"
            self._findings.bad("container.header", message, record.name)
        return is_wide

    def _data(self, record: _Record, *, is_wide: bool) -> Iterator[bytes]:
        crc, size_bytes = 0, 0
        for chunk in self._unpacked(record):
            crc = zlib.crc32(chunk, crc)
            size_bytes += len(chunk)
            self._unpacked_bytes += len(chunk)
            if excess := self._limits.excess(self._unpacked_bytes, self._size_bytes):
                raise UnreadableError(excess)
            yield chunk
        if (crc, size_bytes) != (record.crc, record.size_bytes):
            self._findings.bad("container.data", "its CRC or size is wrong: damaged", record.name)
        sizes = struct.pack("<QQ" if is_wide else "<II", record.packed_bytes, record.size_bytes)
        descriptor = b"PK\x07\x08" + struct.pack("<I", record.crc) + sizes
        if self._take(len(descriptor)) != descriptor:
            self._findings.bad("container.header", "its data descriptor is damaged", record.name)

    def _unpacked(self, record: _Record) -> Iterator[bytes]:
        left = record.packed_bytes
        if record.method == _STORED:
            while left:
                chunk = self._take(min(left, CHUNK_BYTES))
                left -= len(chunk)
                yield chunk
            return
        inflate = zlib.decompressobj(-15)
        try:
            while not inflate.eof:
                packed = inflate.unconsumed_tail or self._take(min(left, CHUNK_BYTES))
                left -= 0 if inflate.unconsumed_tail else len(packed)
                chunk = inflate.decompress(packed, CHUNK_BYTES)
                if not chunk and not packed:
                    break
                yield chunk
        except zlib.error as exc:
            self._findings.bad("container.data", f"its compressed data are damaged ({exc})", record.name)
        else:
            if left or inflate.unused_data or not inflate.eof:
                message = "its compressed data do not end where they should"
                self._findings.bad("container.data", message, record.name)
        self._skip(left)

    def _skip(self, count: int) -> None:
        while count:
            count -= len(self._take(min(count, CHUNK_BYTES)))

    def _take(self, count: int) -> bytes:
        data = self._source.read(count)
        if len(data) != count:
            raise UnreadableError("the archive is shorter than its headers say")
        self._sha256.update(data)
        self._at += count
        return data


def _central(fixed: bytes, name: bytes, extra: bytes) -> _Record:
    fields = _CENTRAL.unpack(fixed)
    method, time, date, crc, packed, size, offset = *fields[4:10], fields[16]
    is_zip64 = len(extra) == 28
    if is_zip64:
        size, packed, offset = struct.unpack_from("<QQQ", extra, 4)
    return _Record(name, method, time, date, crc, packed, size, offset, is_zip64)


def _made_central(record: _Record) -> bytes:
    version = 45 if record.is_zip64 else 20
    sizes, offset, extra = (record.packed_bytes, record.size_bytes), record.offset, b""
    if record.is_zip64:
        extra = struct.pack("<HHQQQ", 1, 24, record.size_bytes, record.packed_bytes, record.offset)
        sizes, offset = (_FULL, _FULL), _FULL
    method = record.method if record.method in (_STORED, _DEFLATED) else _STORED
    fixed = _CENTRAL.pack(
        b"PK\x01\x02", 3 << 8 | version, version, _FLAGS, method, record.time, record.date, record.crc, *sizes,
        len(record.raw_name), len(extra), 0, 0, 0, 0o100644 << 16, offset,
    )  # fmt: skip
    return fixed + record.raw_name + extra


def _made_local(record: _Record, *, is_wide: bool) -> bytes:
    size, extra = (_FULL, struct.pack("<HHQQ", 1, 16, 0, 0)) if is_wide else (0, b"")
    fixed = _LOCAL.pack(
        b"PK\x03\x04", 45 if is_wide else 20, _FLAGS, record.method, record.time, record.date, 0, size, size,
        len(record.raw_name), len(extra),
    )  # fmt: skip
    return fixed + record.raw_name + extra
