"""The attempts of one person at one exam as a picture: a lane for each attempt, time from left to right.

Hours without an event are cut out, and every cut says how much is missing. The bar of a lane goes from start to end,
the frame behind it is the time allowed. Events have the numbers of the table below the picture, which says the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from archiveworker.domain.proctoring.checks.facts import attempt_label, sentence_case
from archiveworker.domain.proctoring.model import Attempt
from archiveworker.domain.proctoring.timeline import Event, EventKind, Origin, interrupted_at, limit_of
from archiveworker.reports.proctoring import wording

_LEFT: Final = 128.0
_WIDTH: Final = 1000.0
_RIGHT: Final = 24.0
_CUT: Final = 64.0
_CUT_FROM: Final = timedelta(hours=2)
_RADIUS: Final = 9.5
_LEVEL: Final = 23.0
_BAR: Final = 18.0
_AXIS: Final = 40.0
_MARGIN: Final = timedelta(minutes=4)
_TICKS: Final = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 15, 30, 60, 120, 240, 480, 1440))
_MIN_TICK_PX: Final = 62.0

SHAPES: Final = {
    EventKind.CREATED: "plain",
    EventKind.STARTED: "start",
    EventKind.COMPLETED: "end",
    EventKind.INTERRUPTED: "end",
    EventKind.LIMIT: "limit",
    EventKind.REVIEWED: "review",
    EventKind.RESUMED: "resume",
    EventKind.STATUS: "plain",
    EventKind.LAST_CHANGE: "review",
    EventKind.DELETED: "end",
}
LEGEND: Final = (
    ("start", "start"),
    ("end", "end, or interruption"),
    ("review", "review, or last change"),
    ("resume", "resumed"),
    ("limit", "end of the time allowed"),
    ("plain", "created, other changes"),
)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of time that is drawn without a cut."""

    begin: datetime
    end: datetime
    left: float
    width: float


class _Axis:
    """Where a time is drawn.

    Args:
        times: that have to be on the picture.
    """

    def __init__(self, times: Sequence[datetime]) -> None:
        groups: list[list[datetime]] = []
        for at in sorted(times):
            if groups and at - groups[-1][-1] < _CUT_FROM:
                groups[-1].append(at)
            else:
                groups.append([at])
        spans = [(group[0] - _MARGIN, group[-1] + _MARGIN) for group in groups]
        room = _WIDTH - _LEFT - _RIGHT - _CUT * (len(spans) - 1)
        smallest = min(90.0, room / len(spans))
        total_s = sum((end - begin).total_seconds() for begin, end in spans)
        spare = room - smallest * len(spans)
        self.stretches: list[_Stretch] = []
        left = _LEFT
        for begin, end in spans:
            width = smallest + spare * (end - begin).total_seconds() / total_s
            self.stretches.append(_Stretch(begin, end, left, width))
            left += width + _CUT

    def x(self, at: datetime) -> float:
        """Return the place of ``at``, which is on one of the stretches."""
        for one in self.stretches:
            if at <= one.end:
                share = (at - one.begin) / (one.end - one.begin)
                return one.left + one.width * max(0.0, min(1.0, share))
        last = self.stretches[-1]
        return last.left + last.width


def draw(attempts: Sequence[Attempt], events: Sequence[Event], description: str) -> Markup:
    """Draw the picture.

    Args:
        attempts: in the order of time; at least one.
        events: in the order of the table; the first one has number 1.
        description: text instead of the picture.
    """
    axis = _Axis([event.at for event in events])
    parts: list[Markup] = []
    top = 8.0
    for one in attempts:
        own = [(number, event) for number, event in enumerate(events, 1) if event.attempt_id == one.id]
        lane, height = _lane(axis, one, own, top)
        parts.append(lane)
        top += height
    opening = Markup(
        '<svg class="timeline" role="img" aria-label="{}" viewBox="0 0 {:.0f} {:.1f}" '
        'xmlns="http://www.w3.org/2000/svg">'
    ).format(description, _WIDTH, top + _AXIS)
    return opening + _frames(axis, top) + Markup("").join(parts) + _scale(axis, top) + Markup("</svg>")


def swatch(shape: str) -> Markup:
    """Return the mark of a kind for the legend; it is decoration, its meaning stands beside it."""
    return Markup('<svg class="swatch" aria-hidden="true" viewBox="0 0 22 22">{}</svg>').format(_mark(shape, 11, 11))


def _lane(axis: _Axis, attempt: Attempt, own: Sequence[tuple[int, Event]], top: float) -> tuple[Markup, float]:
    """Return an attempt's lane and its height: marks that would overlap stand above each other."""
    levels: list[float] = []
    placed: list[tuple[float, int, int, Event]] = []
    for number, event in own:
        x = axis.x(event.at)
        level = next((at for at, last in enumerate(levels) if x - last >= 2 * _RADIUS + 2), len(levels))
        levels[level : level + 1] = [x]
        placed.append((x, level, number, event))
    base = top + _LEVEL * max(1, len(levels)) + 4
    pieces = [_bars(axis, attempt, base), _label(attempt, base)]
    pieces += [_stem(x, base - _LEVEL * (level + 0.5) - 2, base) for x, level, _, _ in placed]
    for x, level, number, event in placed:
        y = base - _LEVEL * (level + 0.5) - 4
        pieces.append(_mark(SHAPES[event.kind], x, y, is_computed=event.origin is Origin.COMPUTED))
        text = Markup('<text class="number {}" x="{:.1f}" y="{:.1f}">{}</text>')
        pieces.append(text.format(SHAPES[event.kind], x, y + 4, number))
    return Markup("").join(pieces), base + _BAR + 14 - top


def _label(attempt: Attempt, base: float) -> Markup:
    name = sentence_case(attempt_label(attempt.id))
    lane = Markup('<text class="lane{}" x="0" y="{:.1f}">{}</text><text class="under" x="0" y="{:.1f}">{}</text>')
    return lane.format(" long" if len(name) > 16 else "", base + 1, name, base + 15, wording.state(attempt))


def _bars(axis: _Axis, attempt: Attempt, base: float) -> Markup:
    if attempt.started_at is None:
        return Markup("")
    limit = limit_of(attempt)
    found = Markup("")
    if limit is not None and limit > attempt.started_at:
        found += _bar(axis, attempt.started_at, limit, base, "allowed")
    end = attempt.completed_at or interrupted_at(attempt)
    if end is not None and end > attempt.started_at:
        found += _bar(axis, attempt.started_at, end, base, "taken")
        if limit is not None and end > limit:
            found += _bar(axis, limit, end, base, "over")
    return found


def _bar(axis: _Axis, begin: datetime, end: datetime, base: float, name: str) -> Markup:
    left, right = axis.x(begin), axis.x(end)
    inset = 0.0 if name == "allowed" else 4.0
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        name, left, base + inset, max(1.5, right - left), _BAR - 2 * inset
    )


def _stem(x: float, top: float, base: float) -> Markup:
    return Markup('<path class="stem" d="M{:.1f} {:.1f}V{:.1f}"/>').format(x, top, base + _BAR)


def _mark(shape: str, x: float, y: float, *, is_computed: bool = False) -> Markup:
    """Draw a mark; kinds differ in their shape too, not in colour alone."""
    r, side, half = _RADIUS, _RADIUS * 1.8, _RADIUS * 1.25
    paths = {
        "start": f"M{x - r * 0.8:.1f} {y - r:.1f}L{x + r * 1.25:.1f} {y:.1f}L{x - r * 0.8:.1f} {y + r:.1f}z",
        "end": f"M{x - side / 2:.1f} {y - side / 2:.1f}h{side:.1f}v{side:.1f}h-{side:.1f}z",
        "review": f"M{x:.1f} {y - half:.1f}l{half:.1f} {half:.1f}l-{half:.1f} {half:.1f}l-{half:.1f} -{half:.1f}z",
    }
    names = f"event {shape}{' computed' if is_computed else ''}"
    if shape in paths:
        return Markup('<path class="{}" d="{}"/>').format(names, paths[shape])
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>').format(names, x, y, r)


def _frames(axis: _Axis, bottom: float) -> Markup:
    pieces = [
        Markup('<rect class="stretch" x="{:.1f}" y="0" width="{:.1f}" height="{:.1f}"/>').format(
            one.left, one.width, bottom
        )
        for one in axis.stretches
    ]
    for first, second in zip(axis.stretches, axis.stretches[1:], strict=False):
        middle = (first.left + first.width + second.left) / 2
        pieces.append(
            Markup(
                '<path class="cut" d="M{:.1f} 0l-5 {h:.1f}l10 {h:.1f}l-5 {h:.1f}l5 {h:.1f}"/>'
                '<text class="cut" x="{:.1f}" y="{:.1f}">{}</text>'
            ).format(middle, middle, bottom + 14, wording.span(second.begin - first.end), h=bottom / 4)
        )
    return Markup("").join(pieces)


def _scale(axis: _Axis, bottom: float) -> Markup:
    pieces = []
    for one in axis.stretches:
        line = Markup('<path class="axis" d="M{:.1f} {:.1f}h{:.1f}"/>')
        pieces.append(line.format(one.left, bottom, one.width))
        pieces.append(
            Markup('<text class="day" x="{:.1f}" y="{:.1f}">{}</text>').format(
                one.left, bottom + 32, f"{one.begin:%Y-%m-%d}"
            )
        )
        for at in _ticks(one):
            x = axis.x(at)
            tick = Markup('<path class="axis" d="M{:.1f} {:.1f}v5"/><text class="tick" x="{:.1f}" y="{:.1f}">{}</text>')
            pieces.append(tick.format(x, bottom, x, bottom + 17, f"{at:%H:%M}"))
    return Markup("").join(pieces)


def _ticks(one: _Stretch) -> list[datetime]:
    """Return round times, far enough from each other to be read."""
    length = one.end - one.begin
    step = next((step for step in _TICKS if one.width * (step / length) >= _MIN_TICK_PX), None)
    if step is None:
        return [one.begin + length / 2]
    midnight = one.begin.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + step * (-(-(one.begin - midnight) // step))
    found = []
    while at <= one.end:
        if 14 <= one.width * ((at - one.begin) / length) <= one.width - 14:
            found.append(at)
        at += step
    return found or [one.begin + length / 2]
