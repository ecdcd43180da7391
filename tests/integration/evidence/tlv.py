"""Reads DER leniently and changes it in malicious ways; shares no code with the worker's reader."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Change = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Value:
    """One value.

    Attributes:
        path: tags from the outermost value to this one, hexadecimal.
        start: of its own bytes: of the tag; for a constructed value that is tag and length alone.
        end: one past its own bytes.
        whole_end: one past its contents.
    """

    path: str
    start: int
    end: int
    whole_end: int


def values(data: bytes, at: int = 0, end: int | None = None, path: str = "") -> Iterator[Value]:
    """Yield every value, the outer one first."""
    end = len(data) if end is None else end
    while at < end:
        tag, size, body = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, body = int.from_bytes(data[body : body + count], "big"), body + count
        here = f"{path}/{tag:02x}"
        stop = body + size
        yield Value(here, at, body if tag & 0x20 else stop, stop)
        if tag & 0x20:
            yield from values(data, body, stop, here)
        at = stop


def length(size: int) -> bytes:
    """Return a minimal DER length."""
    if size < 0x80:
        return bytes([size])
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(raw)]) + raw


def _flip(data: bytes, rnd: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rnd.choice((1, 1, 1, 2, 8))):
        changed[rnd.randrange(len(changed))] ^= 1 << rnd.randrange(8)
    return bytes(changed)


def _set(data: bytes, rnd: random.Random) -> bytes:
    at = rnd.randrange(len(data))
    return data[:at] + bytes([rnd.choice((0x00, 0x7F, 0x80, 0xFF, rnd.randrange(256)))]) + data[at + 1 :]


def _cut(data: bytes, rnd: random.Random) -> bytes:
    at = rnd.randrange(len(data))
    return data[:at] + data[at + rnd.choice((1, 2, 7, 64, len(data))) :]


def _insert(data: bytes, rnd: random.Random) -> bytes:
    at = rnd.randrange(len(data) + 1)
    return data[:at] + rnd.randbytes(rnd.choice((1, 2, 9, 200))) + data[at:]


def _repeat(data: bytes, rnd: random.Random) -> bytes:
    at, size = rnd.randrange(len(data)), rnd.randrange(1, 300)
    return data[:at] + data[at : at + size] * rnd.choice((2, 2, 3, 50)) + data[at + size :]


def _swap(data: bytes, rnd: random.Random) -> bytes:
    a, b, c = sorted(rnd.randrange(len(data) + 1) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _noise(data: bytes, rnd: random.Random) -> bytes:
    return rnd.randbytes(rnd.randrange(len(data) * 2))


def _tail(data: bytes, rnd: random.Random) -> bytes:
    return data + rnd.choice((b"\0", b"\x05\x00", b"\x30\x80", rnd.randbytes(50), data))


def _claim(data: bytes, rnd: random.Random) -> bytes:
    """Make one value claim another length: none at all, huge, indefinite, or not minimal."""
    one = rnd.choice(list(values(data)))
    sizes = (b"\x80", b"\x84\xff\xff\xff\xff", b"\x88" + b"\xff" * 8, b"\xff", b"\x00", b"\x82\x00\x10", b"\x81\x05")
    return data[: one.start + 1] + rnd.choice(sizes) + data[one.start + 2 :]


def _deep(data: bytes, rnd: random.Random) -> bytes:
    """Put thousands of nested values, or of tiny ones side by side, in a value's place."""
    if rnd.random() < 0.5:
        return rebuilt(data, rnd, lambda _: b"\x05\x00" * rnd.choice((100, 20_000)))
    nested = b""
    for _ in range(rnd.choice((50, 2000))):
        nested = rnd.choice((b"\x30", b"\xa0", b"\x31")) + length(len(nested)) + nested
    return rebuilt(data, rnd, lambda _: nested)


def _drop(data: bytes, rnd: random.Random) -> bytes:
    return rebuilt(data, rnd, lambda _: b"")


def _twice(data: bytes, rnd: random.Random) -> bytes:
    return rebuilt(data, rnd, lambda raw: raw + raw)


def _other(data: bytes, rnd: random.Random) -> bytes:
    donor = rnd.choice(list(values(data)))
    return rebuilt(data, rnd, lambda _: data[donor.start : donor.whole_end])


def _retag(data: bytes, rnd: random.Random) -> bytes:
    return rebuilt(data, rnd, lambda raw: bytes([rnd.randrange(256)]) + raw[1:])


def rebuilt(data: bytes, rnd: random.Random, change: Callable[[bytes], bytes]) -> bytes:
    """Replace a random value by what ``change`` makes of it, and mend the lengths of all that hold it."""
    found = list(values(data))
    target = rnd.choice(found[1:] or found)
    around = [v for v in found if v.start < target.start and v.whole_end >= target.whole_end and v.end != v.whole_end]
    made = data[: target.start] + change(data[target.start : target.whole_end]) + data[target.whole_end :]
    grown = len(made) - len(data)
    for outer in reversed(around):
        head = length(outer.whole_end - outer.end + grown)
        old = outer.end - outer.start - 1
        made = made[: outer.start + 1] + head + made[outer.end :]
        grown += len(head) - old
    return made


MALFORMED: tuple[Change, ...] = (_flip, _set, _cut, _insert, _repeat, _swap, _noise, _tail, _claim, _deep)
"""What breaks the encoding, mostly."""
WELL_FORMED: tuple[Change, ...] = (_drop, _twice, _other, _retag)
"""What keeps every length right and changes the meaning."""
