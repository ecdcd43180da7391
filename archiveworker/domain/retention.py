"""How long an archive has to be kept, why, and how it is to be destroyed afterwards.

Rules differ from one university to the next, so nothing is built in. A rule may name a day or a number of years; years
count from the data (the newest end of an attempt), never from a clock, so that the same data give the same archive.
The worker writes the rule down; whoever stores the archive acts on it.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Self

MAX_KEEP_YEARS: Final = 200
MAX_LEGAL_BASIS_CHARS: Final = 500
MAX_DELETION_CLASS_CHARS: Final = 100

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def day(text: str) -> date:
    """Read ``YYYY-MM-DD`` (ISO 8601-1, 5.2.2.1, extended format), and nothing else.

    Raises:
        ValueError: it is another form, or there is no such day.
    """
    if not _DAY.fullmatch(text):
        raise ValueError("it is not YYYY-MM-DD")
    return date.fromisoformat(text)


def is_one_line(text: str, max_chars: int) -> bool:
    """Tell whether ``text`` may stand in one field of ``bag-info.txt``: short enough, no control characters."""
    return len(text) <= max_chars and not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)


@dataclass(frozen=True, slots=True)
class Retention:
    """A rule applied to an archive.

    Attributes:
        keep_until: last day on which the archive must exist; None when no rule says so or it cannot be told.
        keep_years: the rule that the day was counted by; None when the day itself was given.
        legal_basis: why it is kept.
        deletion_class: how it is to be destroyed, in the words of whoever stores it (e.g. a class of DIN 66398).
    """

    keep_until: date | None = None
    keep_years: int | None = None
    legal_basis: str = ""
    deletion_class: str = ""

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Label and value of what there is, as ``bag-info.txt`` has it."""
        fields = (
            ("Keep-Until", self.keep_until.isoformat() if self.keep_until else ""),
            ("Keep-Years", str(self.keep_years or "")),
            ("Legal-Basis", self.legal_basis),
            ("Deletion-Class", self.deletion_class),
        )
        return tuple((label, value) for label, value in fields if value)

    def warning(self, today: date) -> str:
        """Return a sentence for a person when the rule is of no use, else nothing."""
        if self.keep_years is not None and self.keep_until is None:
            return (
                "How long the archive must be kept cannot be told: its data have no time to count the years from. "
                "Give retention.keep_until."
            )
        if self.keep_until is not None and self.keep_until < today:
            return f"The archive had to be kept until {self.keep_until}, which is past: it is due for deletion already."
        return ""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """What a job or the settings say; ``keep_until`` and ``keep_years`` are never both given.

    Attributes:
        keep_until: last day on which the archive must exist.
        keep_years: years after the newest time of the data.
        legal_basis: empty when it is not said.
        deletion_class: empty when it is not said.
    """

    keep_until: date | None = None
    keep_years: int | None = None
    legal_basis: str = ""
    deletion_class: str = ""

    def over(self, default: "RetentionRule") -> Self:
        """Return this rule; what it leaves open is as ``default`` says. Day and years replace each other."""
        says_when = self.keep_until is not None or self.keep_years is not None
        return type(self)(
            keep_until=self.keep_until if says_when else default.keep_until,
            keep_years=self.keep_years if says_when else default.keep_years,
            legal_basis=self.legal_basis or default.legal_basis,
            deletion_class=self.deletion_class or default.deletion_class,
        )

    def applied(self, newest: datetime | None) -> Retention:
        """Apply the rule.

        Args:
            newest: time of the newest data, UTC; None when the data have none.
        """
        keep_until = self.keep_until
        if self.keep_years is not None and newest is not None:
            keep_until = _years_after(newest.date(), self.keep_years)
        return Retention(keep_until, self.keep_years, self.legal_basis, self.deletion_class)


def _years_after(start: date, years: int) -> date:
    try:
        return start.replace(year=start.year + years)
    except ValueError:
        # There is no 29 February in that year: rather one day too long than too short.
        return date(start.year + years, 3, 1)
