"""The only place that reads the wall clock, so that tests and deterministic output can replace it."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the current time, UTC, with time zone."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start, never going back."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current time, UTC, with time zone."""
        return datetime.now(UTC)  # noqa: TID251 - this is the Clock

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start, never going back."""
        return time.monotonic()
