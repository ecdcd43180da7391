"""Small charts of bars; the macro ``bars`` of ``res/reports/common.html.j2`` draws them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a small chart.

    Attributes:
        label: what is counted.
        count: how many.
        share: of the longest bar, in percent.
    """

    label: str
    count: int
    share: float


def bars(counts: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    """Return a bar for each label and its number, in their order."""
    longest = max((count for _, count in counts), default=0) or 1
    return tuple(Bar(label, count, 100 * count / longest) for label, count in counts)
