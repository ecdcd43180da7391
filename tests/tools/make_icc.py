"""Makes ``res/icc/srgb.icc``: an sRGB display profile of ICC version 2.1, from the numbers of IEC 61966-2-1 alone.

Run ``python tests/tools/make_icc.py res/icc/srgb.icc``. The same bytes come out each time; a test compares them.
"""

import struct
import sys
from pathlib import Path

# Primaries and white (D65) of IEC 61966-2-1, adapted to the profile's D50 by Bradford's matrix.
_PRIMARIES_XY = ((0.6400, 0.3300), (0.3000, 0.6000), (0.1500, 0.0600))
_D65_XY = (0.3127, 0.3290)
_D50_XYZ = (0.9642, 1.0, 0.8249)
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_CURVE_POINTS = 1024

Matrix = tuple[tuple[float, ...], ...]


def _times(a: Matrix, b: Matrix) -> Matrix:
    return tuple(
        tuple(sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*b, strict=True)) for row in a
    )


def _inverse(m: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    adjugate = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return tuple(tuple(value / det for value in row) for row in adjugate)


def _column(values: tuple[float, ...]) -> Matrix:
    return tuple((value,) for value in values)


def _diagonal(values: tuple[float, ...]) -> Matrix:
    return tuple(tuple(value if row == column else 0.0 for column in range(3)) for row, value in enumerate(values))


def colorants() -> Matrix:
    """Return the XYZ (D50) of red, green and blue, one a row."""
    xyz = tuple(zip(*((x / y, 1.0, (1 - x - y) / y) for x, y in _PRIMARIES_XY), strict=True))
    white = (_D65_XY[0] / _D65_XY[1], 1.0, (1 - sum(_D65_XY)) / _D65_XY[1])
    scale = tuple(row[0] for row in _times(_inverse(xyz), _column(white)))
    to_d65 = _times(xyz, _diagonal(scale))
    cone_from = (row[0] for row in _times(_BRADFORD, _column(white)))
    cone_to = (row[0] for row in _times(_BRADFORD, _column(_D50_XYZ)))
    ratio = tuple(to / source for source, to in zip(cone_from, cone_to, strict=True))
    adapt = _times(_inverse(_BRADFORD), _times(_diagonal(ratio), _BRADFORD))
    return tuple(zip(*_times(adapt, to_d65), strict=True))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz_tag(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in values)


def _curve_tag() -> bytes:
    points = []
    for index in range(_CURVE_POINTS):
        value = index / (_CURVE_POINTS - 1)
        points.append(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    return (
        b"curv\0\0\0\0"
        + struct.pack(">I", _CURVE_POINTS)
        + b"".join(struct.pack(">H", round(p * 65535)) for p in points)
    )


def _description_tag(text: str) -> bytes:
    raw = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(raw)) + raw + bytes(4 + 4 + 2 + 1 + 67)


def profile() -> bytes:
    """Return the whole profile. Source: ICC.1:1998-09 (version 2.1)."""
    red, green, blue = colorants()
    curve = _curve_tag()
    tags = [
        (b"desc", _description_tag("sRGB IEC61966-2.1")),
        (b"cprt", b"text\0\0\0\0" + b"No copyright, use freely\0"),
        (b"wtpt", _xyz_tag((0.95047, 1.0, 1.08883))),
        (b"rXYZ", _xyz_tag(red)),
        (b"gXYZ", _xyz_tag(green)),
        (b"bXYZ", _xyz_tag(blue)),
        (b"rTRC", curve),
        (b"gTRC", curve),
        (b"bTRC", curve),
    ]
    start = 128 + 4 + 12 * len(tags)
    table, body, places = b"", b"", {}
    for name, data in tags:
        if data not in places:
            body += bytes(-len(body) % 4)
            places[data] = start + len(body)
            body += data
        table += name + struct.pack(">II", places[data], len(data))
    body += bytes(-len(body) % 4)
    size = start + len(body)
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    header = struct.pack(">I4s4s4s4s4s", size, b"\0\0\0\0", b"\x02\x10\0\0", b"mntr", b"RGB ", b"XYZ ") + date + b"acsp"
    header += bytes(28) + b"".join(_fixed(value) for value in _D50_XYZ)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(profile())
