"""Words and numbers as people read them; the same in every report. English."""

from typing import Final

UNKNOWN: Final = "not known"
NONE: Final = "\N{EN DASH}"


def yes_no(value: bool | None) -> str:
    """Return yes, no, or that it is not known."""
    return UNKNOWN if value is None else ("yes" if value else "no")


def number(value: float | None) -> str:
    """Return a number without needless zeros, at most five places; an en dash for none."""
    if value is None:
        return NONE
    return f"{value:.5f}".rstrip("0").rstrip(".")


def count(number_: int, one: str, many: str = "") -> str:
    """Return ``1 review``, ``2 reviews``."""
    return f"{number_:,} {one if number_ == 1 else many or one + 's'}".replace(",", "\u202f")
