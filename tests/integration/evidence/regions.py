"""Says what each byte of an archive is, with the standard library's readers alone, so that tests can change every kind.

A region is a span of bytes with a name, and the file of the archive that it belongs to, if it belongs to one.
"""

import io
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from tests.integration.evidence.tlv import values

_TAR_FIELDS = (
    ("name", 100), ("mode", 8), ("uid", 8), ("gid", 8), ("size", 12), ("mtime", 12), ("chksum", 8), ("typeflag", 1),
    ("linkname", 100), ("magic", 6), ("version", 2), ("uname", 32), ("gname", 32), ("devmajor", 8), ("devminor", 8),
    ("prefix", 155), ("rest", 12),
)  # fmt: skip
_GZIP_FIELDS = (("magic", 2), ("method", 1), ("flags", 1), ("time", 4), ("extra-flags", 1), ("system", 1))
_SEAL = (*_GZIP_FIELDS, ("extra-length", 2), ("extra-name", 2), ("extra-size", 2), ("digest", 32), ("deflate", 2),
         ("crc", 4), ("size", 4))  # fmt: skip
_LOCAL = (("signature", 4), ("version", 2), ("flags", 2), ("method", 2), ("time", 2), ("date", 2), ("crc", 4),
          ("packed", 4), ("size", 4), ("name-length", 2), ("extra-length", 2))  # fmt: skip
_CENTRAL = (("signature", 4), ("made-by", 2), *_LOCAL[1:], ("comment-length", 2), ("disk", 2), ("internal", 2),
            ("external", 4), ("offset", 4))  # fmt: skip
_DESCRIPTOR = (("signature", 4), ("crc", 4), ("packed", 4), ("size", 4))
_END = (("signature", 4), ("disk", 2), ("directory-disk", 2), ("count-here", 2), ("count", 2), ("size", 4),
        ("start", 4), ("comment-length", 2), ("comment-text", 44), ("seal", 64))  # fmt: skip


@dataclass(frozen=True)
class Region:
    """Some bytes that mean one thing.

    Attributes:
        kind: e.g. ``tar.header.size``.
        start: first byte.
        end: one past the last.
        file: of the archive, None for a structure of the whole.
    """

    kind: str
    start: int
    end: int
    file: str | None = None


def _fields(prefix: str, at: int, fields: tuple[tuple[str, int], ...], file: str | None = None) -> Iterator[Region]:
    for name, size in fields:
        yield Region(f"{prefix}.{name}", at, at + size, file)
        at += size


def gzip_regions(packed: bytes) -> list[Region]:
    """Return the regions of the worker's gzip stream: header, data, trailer, seal."""
    seal_at = len(packed) - sum(size for _, size in _SEAL)
    return [
        *_fields("gzip.header", 0, _GZIP_FIELDS),
        *(Region("gzip.data", at, min(at + 64, seal_at - 8)) for at in range(10, seal_at - 8, 64)),
        *_fields("gzip.trailer", seal_at - 8, (("crc", 4), ("size", 4))),
        *_fields("gzip.seal", seal_at, _SEAL),
    ]


def tar_regions(tar: bytes) -> list[Region]:
    """Return the regions of an unpacked tar: header fields, data and padding of every file, trailer."""
    found: list[Region] = []
    end = 0
    with tarfile.open(fileobj=io.BytesIO(tar)) as reader:
        for member in reader:
            found += _fields("tar.header", member.offset, _TAR_FIELDS, member.name)
            data_end = member.offset_data + member.size
            end = data_end + -data_end % 512
            found.append(Region("tar.data", member.offset_data, data_end, member.name))
            found.append(Region("tar.padding", data_end, end, member.name))
    return [region for region in (*found, Region("tar.trailer", end, len(tar))) if region.start < region.end]


def zip_regions(packed: bytes) -> list[Region]:
    """Return the regions of a zip: header, name, data, descriptor and directory entry of every file, end record."""
    found: list[Region] = []
    with zipfile.ZipFile(io.BytesIO(packed)) as reader:
        at = reader.start_dir
        for info in reader.infolist():
            name_bytes = len(info.filename.encode())
            found += _fields("zip.local", info.header_offset, _LOCAL, info.filename)
            data_at = info.header_offset + 30 + name_bytes
            found.append(Region("zip.local.name", data_at - name_bytes, data_at, info.filename))
            found.append(Region("zip.data", data_at, data_at + info.compress_size, info.filename))
            found += _fields("zip.descriptor", data_at + info.compress_size, _DESCRIPTOR, info.filename)
            found += _fields("zip.central", at, _CENTRAL, info.filename)
            found.append(Region("zip.central.name", at + 46, at + 46 + name_bytes, info.filename))
            at += 46 + name_bytes
    assert struct.unpack_from("<4s", packed, at)[0] == b"PK\x05\x06"
    return [region for region in (*found, *_fields("zip.end", at, _END)) if region.start < region.end]


def file_regions(name: str, data: bytes) -> list[Region]:
    """Return the regions of one file: DER values of a token, lines of a list, else slices."""
    if name.endswith((".tsr", ".tsq")):
        kind = f"file.{name[-3:]}"
        return [Region(f"{kind}.{value.path}", value.start, value.end, name) for value in values(data)]
    if name.endswith(("sha256.txt", ".sha256")):
        found, at = [], 0
        for line in data.splitlines(keepends=True):
            spans = (("digest", 64), ("blank", 2), ("name", len(line) - 67), ("newline", 1))
            found += _fields("file.list", at, spans, name)
            at += len(line)
        return [region for region in found if region.start < region.end]
    return [Region("file.data", at, min(at + 64, len(data)), name) for at in range(0, len(data), 64)]


def unknown(regions: list[Region], size_bytes: int) -> list[int]:
    """Return the bytes that no region holds: there must be none."""
    seen = bytearray(size_bytes)
    for region in regions:
        seen[region.start : region.end] = b"\1" * (region.end - region.start)
    return [at for at, mark in enumerate(seen) if not mark]
