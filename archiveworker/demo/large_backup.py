"""Backups that are too large to keep: made while they are sent, the same bytes for the same name.

A real gzip (RFC 1952) of a real USTAR, as Moodle's ``.mbz`` is one; its deflate blocks are stored (RFC 1951, 3.2.4),
so that the size is known beforehand, as Moodle announces it. What is in it cannot be compressed. Not for looking into.
"""

import random
import tarfile
import zlib
from collections.abc import Iterator
from typing import Final

_BLOCK_BYTES: Final = 1 << 20
_STORED_BYTES: Final = 0xFFFF
_MEMBER_BYTES: Final = 1 << 30
_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def size_bytes(payload_bytes: int) -> int:
    """Return the size of a backup whose files have ``payload_bytes`` together, a multiple of a MiB."""
    tar_bytes = _tar_bytes(payload_bytes)
    return len(_GZIP_HEAD) + tar_bytes + 5 * -(-tar_bytes // _STORED_BYTES) + 8


def blocks(name: str, payload_bytes: int) -> Iterator[bytes]:
    """Yield the backup ``name``, about a MiB at a time."""
    crc, left, rest = 0, _tar_bytes(payload_bytes), b""
    yield _GZIP_HEAD
    for data in _tar(name, payload_bytes):
        crc = zlib.crc32(data, crc)
        rest += data
        ends = len(rest) - len(rest) % _STORED_BYTES
        yield b"".join(_stored(rest[at : at + _STORED_BYTES], left - at) for at in range(0, ends, _STORED_BYTES))
        left, rest = left - ends, rest[ends:]
    if rest:
        yield _stored(rest, left)
    yield crc.to_bytes(4, "little") + (_tar_bytes(payload_bytes) & 0xFFFFFFFF).to_bytes(4, "little")


def _stored(data: bytes, left: int) -> bytes:
    is_last = len(data) == left
    length = len(data).to_bytes(2, "little")
    return bytes([is_last]) + length + bytes(byte ^ 0xFF for byte in length) + data


def _members(payload_bytes: int) -> Iterator[int]:
    for at in range(0, payload_bytes, _MEMBER_BYTES):
        yield min(_MEMBER_BYTES, payload_bytes - at)


def _tar_bytes(payload_bytes: int) -> int:
    return payload_bytes + sum(512 for _ in _members(payload_bytes)) + 1024


def _tar(name: str, payload_bytes: int) -> Iterator[bytes]:
    filler = random.Random(name).randbytes(_BLOCK_BYTES)  # noqa: S311 - filler
    for number, member_bytes in enumerate(_members(payload_bytes)):
        info = tarfile.TarInfo(f"files/{number:02x}/{number:040x}")
        info.size = member_bytes
        yield info.tobuf(tarfile.USTAR_FORMAT)
        for at in range(0, member_bytes, _BLOCK_BYTES):
            # No two blocks are the same, so that one that is missing or in another's place is noticed.
            yield (number << 40 | at).to_bytes(8, "big") + filler[8:]
    yield bytes(1024)
