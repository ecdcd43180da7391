"""Who reviewed whom, as a picture: a row for each reviewer, a column for each author, a mark for each allocation.

Up to ``NAMED`` people every row has its name; above, rows and columns have numbers, which the list below the picture
explains. All marks of one kind are one path, so that a picture of 2,000 people stays small.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from markupsafe import Markup

from archiveworker.domain.findings import isolated

NAMED: Final = 60
_WIDTH: Final = 1000.0
_NAME_WIDTH: Final = 210.0
_NUMBER_SPACE: Final = 34.0


class MarkKind(StrEnum):
    """Kinds of marks, in the order in which they are drawn."""

    DONE = "done"
    NOT_COUNTED = "not-counted"
    STAFF = "staff"
    PENDING = "pending"
    IRREGULAR = "irregular"


LEGEND: Final = {
    MarkKind.DONE: "finished",
    MarkKind.NOT_COUNTED: "finished, not counted",
    MarkKind.STAFF: "by staff",
    MarkKind.PENDING: "not finished",
    MarkKind.IRREGULAR: "finished, with an error or warning",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One allocation.

    Attributes:
        row: of the reviewer, from 0.
        column: of the author, from 0.
        kind: how it is drawn.
    """

    row: int
    column: int
    kind: MarkKind


@dataclass(frozen=True, slots=True)
class MatrixPicture:
    """The finished picture.

    Attributes:
        svg: for the page.
        kinds: those that occur, for the legend.
        is_small: marks are too small for outlines, and are told apart by colour.
    """

    svg: Markup
    kinds: tuple[MarkKind, ...]
    is_small: bool


def draw(names: Sequence[str], marks: Sequence[Mark], description: str) -> MatrixPicture:
    """Draw the matrix.

    Args:
        names: of rows and columns; the same people in the same order.
        marks: allocations.
        description: text instead of the picture.
    """
    count = max(1, len(names))
    left = _NAME_WIDTH if len(names) <= NAMED else _NUMBER_SPACE
    cell = (_WIDTH - left) / count
    if len(names) <= NAMED:
        cell = min(cell, 26.0)
    side = cell * count
    parts = [_frame(left, side), _self_cells(count, left, cell), _lines(count, left, cell)]
    by_kind: defaultdict[MarkKind, list[Mark]] = defaultdict(list)
    for mark in marks:
        by_kind[mark.kind].append(mark)
    kinds = tuple(kind for kind in MarkKind if by_kind[kind])
    parts += [_path(kind, by_kind[kind], left, cell) for kind in kinds]
    parts.append(_named(names, left, cell) if len(names) <= NAMED else _numbered(count, left, cell))
    width, height = left + side + 14, _NUMBER_SPACE + side + 2
    opening = Markup(
        '<svg class="matrix" role="img" aria-label="{}" viewBox="0 0 {:.1f} {:.1f}" style="width:{:.1f}%" '
        'xmlns="http://www.w3.org/2000/svg">'
    ).format(description, width, height, 100 * width / (_WIDTH + 14))
    svg = opening + Markup("").join(parts) + Markup("</svg>")
    return MatrixPicture(svg, kinds, is_small=len(names) > NAMED)


def swatch(kind: MarkKind) -> Markup:
    """Return the mark of a kind for the legend; it is decoration, its meaning stands beside it."""
    inner = _path(kind, [Mark(0, 0, kind)], 0, 20, top=0)
    return Markup('<svg class="swatch" aria-hidden="true" viewBox="0 0 20 20">{}</svg>').format(inner)


def _frame(left: float, side: float) -> Markup:
    return Markup('<rect class="frame" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>').format(
        left, _NUMBER_SPACE, side, side
    )


def _self_cells(count: int, left: float, cell: float) -> Markup:
    squares = (_square(left + at * cell, _NUMBER_SPACE + at * cell, cell) for at in range(count))
    return Markup('<path class="self" d="{}"/>').format("".join(squares))


def _lines(count: int, left: float, cell: float) -> Markup:
    step = 1 if count <= NAMED else 10
    side = cell * count
    thin: list[str] = []
    strong: list[str] = []
    for at in range(0, count + 1, step):
        place = at * cell
        line = f"M{left:.2f} {_NUMBER_SPACE + place:.2f}h{side:.2f}M{left + place:.2f} {_NUMBER_SPACE:.2f}v{side:.2f}"
        (strong if at % (5 if step == 1 else 50) == 0 else thin).append(line)
    both = Markup('<path class="line" d="{}"/><path class="line strong" d="{}"/>')
    return both.format("".join(thin), "".join(strong))


def _path(kind: MarkKind, marks: Sequence[Mark], left: float, cell: float, top: float = _NUMBER_SPACE) -> Markup:
    """Draw all marks of one kind; in a small cell they are a little larger than it, to be seen at all."""
    smallest = 5.5 if kind is MarkKind.IRREGULAR else 3.4
    size = cell * 0.62 if cell > 6 else max(cell, smallest)
    shape = _diamond if kind is MarkKind.IRREGULAR else _square
    pieces = (
        shape(left + (one.column + 0.5) * cell - size / 2, top + (one.row + 0.5) * cell - size / 2, size)
        for one in marks
    )
    return Markup('<path class="mark {}" style="stroke-width:{:.2f}" d="{}"/>').format(
        kind.value, max(0.8, size * 0.16), "".join(pieces)
    )


def _square(x: float, y: float, size: float) -> str:
    return f"M{x:.2f} {y:.2f}h{size:.2f}v{size:.2f}h-{size:.2f}z"


def _diamond(x: float, y: float, size: float) -> str:
    """A diamond around the square of the same place: told apart without colour."""
    half, middle = size * 0.66, size / 2
    start = f"M{x + middle:.2f} {y + middle - half:.2f}"
    return f"{start}l{half:.2f} {half:.2f}l-{half:.2f} {half:.2f}l-{half:.2f} -{half:.2f}z"


def _named(names: Sequence[str], left: float, cell: float) -> Markup:
    size = min(13.0, cell * 0.62)
    texts = []
    for at, name in enumerate(names):
        middle = (at + 0.5) * cell
        base = _NUMBER_SPACE + middle + size * 0.35
        row = Markup('<text class="name" x="{:.1f}" y="{:.1f}" font-size="{:.1f}">{}</text>')
        texts.append(row.format(left - 6, base, size, at + 1))
        texts.append(row.format(left - 6 - size * 2, base, size, isolated(_shortened(name))))
        texts.append(
            Markup('<text class="number" x="{:.1f}" y="{:.1f}" font-size="{:.1f}">{}</text>').format(
                left + middle, _NUMBER_SPACE - 6, min(size, cell * 0.55), at + 1
            )
        )
    return Markup("").join(texts)


def _numbered(count: int, left: float, cell: float) -> Markup:
    step = next(step for step in (10, 20, 50, 100, 200, 500, 1000, count) if step * cell >= 26)
    texts = []
    for at in (0, *range(step - 1, count, step)):
        middle = (at + 0.5) * cell
        texts.append(
            Markup('<text class="name" x="{:.1f}" y="{:.1f}" font-size="11">{}</text>').format(
                left - 5, _NUMBER_SPACE + middle + 4, at + 1
            )
        )
        texts.append(
            Markup('<text class="number" x="{:.1f}" y="{:.1f}" font-size="11">{}</text>').format(
                left + middle, _NUMBER_SPACE - 6, at + 1
            )
        )
    return Markup("").join(texts)


def _shortened(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:25]}…"
