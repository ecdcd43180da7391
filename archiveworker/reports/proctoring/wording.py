"""The words of the proctoring model as people read them. English, UTC."""

from datetime import datetime, timedelta
from typing import Final

from archiveworker.domain.proctoring.kinds import Dialect, Status
from archiveworker.domain.proctoring.model import Allowance, Attempt
from archiveworker.domain.proctoring.timeline import Event, EventKind
from archiveworker.reports.wording import NONE, UNKNOWN, count, number, yes_no

__all__ = ["NONE", "UNKNOWN", "count", "number", "yes_no"]

WITHHELD: Final = "withheld"
_KEYS: Final = {
    "additional_time_granted": "additional minutes",
    "time_multiplier": "multiplier of the time",
    "review_policy_exception": "exception from the policy",
}
_DIALECTS: Final = {
    Dialect.STATUSES: "edx-proctoring 3.8 or older (resuming is a status)",
    Dialect.FLAGS: "edx-proctoring 4.0 or newer (resuming is a flag)",
    Dialect.UNKNOWN: UNKNOWN,
}
_EVENTS: Final = {
    EventKind.CREATED: "created",
    EventKind.STARTED: "started",
    EventKind.COMPLETED: "ended",
    EventKind.INTERRUPTED: "interrupted",
    EventKind.LIMIT: "end of the time allowed",
    EventKind.REVIEWED: "reviewed",
    EventKind.RESUMED: "resumed, in the next attempt",
    EventKind.STATUS: "status changed",
    EventKind.LAST_CHANGE: "last change of the record",
    EventKind.DELETED: "deleted by staff",
}


def status(value: Status) -> str:
    """Return e.g. ``second review required``."""
    return "not known here" if value is Status.OTHER else value.value.replace("_", " ")


def state(attempt: Attempt) -> str:
    """Return the status with what was resumed: ``error, resumed``."""
    if attempt.is_resumed:
        return f"{status(attempt.status)}, resumed"
    return f"{status(attempt.status)}, may be resumed" if attempt.is_ready_to_resume else status(attempt.status)


def dialect(value: Dialect) -> str:
    """Return which versions of the LMS's plugin speak so."""
    return _DIALECTS[value]


def time(at: datetime | None) -> str:
    """Return ``2026-04-13 08:00:00 UTC``; an en dash for none."""
    return NONE if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def key(allowance_key: str) -> str:
    """Return what an allowance is about."""
    return _KEYS.get(allowance_key, allowance_key.replace("_", " "))


def value(allowance: Allowance) -> str:
    """Return how much, or that it is withheld."""
    return WITHHELD if allowance.value is None else allowance.value


def minutes(mins: float | None) -> str:
    """Return ``66 min``; an en dash for none."""
    return NONE if mins is None else f"{number(round(mins, 1))} min"


def span(gap: timedelta) -> str:
    """Return a length of time in its largest unit: ``3 days``, ``5 hours``."""
    hours = gap.total_seconds() / 3600
    return count(round(hours / 24), "day") if hours >= 36 else count(max(1, round(hours)), "hour")


def event(one: Event) -> str:
    """Return what happened."""
    if one.kind is EventKind.REVIEWED:
        return f"reviewed: {one.words}"
    if one.kind in (EventKind.STATUS, EventKind.LAST_CHANGE) and one.status is not None:
        shown = status(one.status) if one.status is not Status.OTHER else one.words
        return f"{_EVENTS[one.kind]}: {shown}"
    return _EVENTS[one.kind]


def seconds(value_s: float) -> str:
    """Return a place in a recording: ``1:12:05``."""
    whole = int(value_s)
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
