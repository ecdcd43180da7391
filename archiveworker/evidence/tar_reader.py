"""Reads a USTAR archive strictly: every header is made anew from its own fields and compared byte for byte.

Shares no code with the writer (DESIGN D8). What is wrong goes to the findings, with the file's name; reading goes on
as long as the next header can be found, so that one damaged byte names one file and not all that follow.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from archiveworker.evidence.gzip_reader import GzipReader
from archiveworker.evidence.reading import CHUNK_BYTES, Findings, Limits, Member, UnreadableError

_BLOCK = 512
_RECORD = 20 * _BLOCK
_LAYOUT = struct.Struct("100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12s")
_OCTAL = re.compile(rb"[0-7]{11}\0\Z")
_KINDS = {
    b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"5": "a folder entry",
    b"6": "a pipe", b"x": "a pax header", b"g": "a pax header", b"L": "a GNU extension", b"K": "a GNU extension",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Header:
    """What a header says.

    Attributes:
        name: of the file.
        size_bytes: None when it cannot be read.
        fault: what is wrong with the header, if anything.
        is_plausible: False for a block that cannot have been a header even before it was damaged.
    """

    name: str
    size_bytes: int | None
    fault: str | None
    is_plausible: bool


def members(tar: GzipReader, limits: Limits, findings: Findings) -> Iterator[Member]:
    """Yield the files of ``tar``.

    Raises:
        UnreadableError: the next header cannot be found.
    """
    position, count, last = 0, 0, ""
    while True:
        block = tar.read(_BLOCK)
        position += _BLOCK
        if len(block) < _BLOCK:
            raise UnreadableError(f"the archive ends without a trailer{_after(last)}")
        if not any(block):
            _check_trailer(tar, position, findings)
            return
        header = _parse(block)
        if not header.is_plausible:
            raise UnreadableError(f"there is no header where one should be{_after(last)}")
        if header.fault:
            findings.bad("container.header", header.fault, header.name)
        if header.size_bytes is None:
            raise UnreadableError(f"the size of {header.name!r} cannot be read")
        count += 1
        if count > limits.max_member_count:
            raise UnreadableError(f"the archive has more than {limits.max_member_count} files")
        yield Member(header.name, _data(tar, header, findings))
        last = header.name
        position += header.size_bytes + -header.size_bytes % _BLOCK


def _after(name: str) -> str:
    return f" after {name!r}" if name else ""


def _data(tar: GzipReader, header: _Header, findings: Findings) -> Iterator[bytes]:
    size_bytes = header.size_bytes or 0
    left = size_bytes
    while left:
        chunk = tar.read(min(left, CHUNK_BYTES))
        if not chunk:
            findings.bad("container.header", "the archive ends within this file", header.name)
            raise UnreadableError(f"the archive ends within {header.name!r}")
        left -= len(chunk)
        yield chunk
    padding = tar.read(-size_bytes % _BLOCK)
    if any(padding) or len(padding) != -size_bytes % _BLOCK:
        findings.bad("container.padding", "the space behind the file is not filled with zeros", header.name)


def _check_trailer(tar: GzipReader, position: int, findings: Findings) -> None:
    expected = _BLOCK + -(position + _BLOCK) % _RECORD
    rest = tar.read(_RECORD * 2)
    if len(rest) != expected or any(rest):
        findings.bad("container.trailer", "the archive does not end with empty blocks up to a full record")


def _parse(block: bytes) -> _Header:
    fields = _LAYOUT.unpack(block)
    name, size, modified, kind, prefix = fields[0], fields[4], fields[5], fields[7], fields[15]
    full = (prefix.rstrip(b"\0") + b"/" if prefix[:1] != b"\0" else b"") + name.rstrip(b"\0")
    text = full.decode(errors="backslashreplace")
    size_bytes = int(size[:11], 8) if _OCTAL.match(size) else None
    if kind != b"0":
        fault: str | None = f"it is not a regular file but {_KINDS.get(kind, 'of an unknown kind')}"
    elif size_bytes is None or not _OCTAL.match(modified):
        fault = "its header holds a size or a time that is no octal number"
    elif _made(name, prefix, size_bytes, int(modified[:11], 8)) != block:
        fault = "its header is damaged or was not written by the worker"
    else:
        fault = None
    signs = ((257, b"ustar\x0000"), (100, b"0000644\x000000000\x000000000\0"), (329, b"0000000\x000000000\0"))
    is_plausible = any(block[at:].startswith(sign) for at, sign in signs)
    return _Header(text, size_bytes, fault, is_plausible)


def _made(name: bytes, prefix: bytes, size_bytes: int, modified_s: int) -> bytes:
    fields = [
        name.split(b"\0")[0], b"%07o" % 0o644, b"%07o" % 0, b"%07o" % 0, b"%011o" % size_bytes, b"%011o" % modified_s,
        b" " * 8, b"0", b"", b"ustar", b"00", b"", b"", b"%07o" % 0, b"%07o" % 0, prefix.split(b"\0")[0], b"",
    ]  # fmt: skip
    fields[6] = b"%06o\0 " % sum(_LAYOUT.pack(*fields))
    return _LAYOUT.pack(*fields)
