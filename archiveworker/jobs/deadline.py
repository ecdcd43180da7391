"""How long a job may take: when it ends, when it is time to warn, and what it is told then. Pure."""

from datetime import datetime, timedelta
from typing import Final

from archiveworker.domain.answers import JobView
from archiveworker.domain.errors import JobTimeoutError

WARN_AT: Final = 0.8
"""Share of the time after which there is a warning."""


def deadline_of(accepted_at: datetime, limit_s: float) -> datetime:
    """Return when a job is given up."""
    return accepted_at + timedelta(seconds=limit_s)


def is_near(accepted_at: datetime, limit_s: float, now: datetime) -> bool:
    """Return True when most of a job's time is gone."""
    return now > accepted_at + timedelta(seconds=limit_s * WARN_AT)


def timed_out(limit_s: float) -> JobTimeoutError:
    """Return what a job that took too long ends with."""
    return JobTimeoutError(
        f"the job took longer than {limit_s:g} s; archive less at once or raise ARCHIVEWORKER_JOB_TIMEOUT_S"
    )


def with_deadline(view: JobView, limit_s: float, now: datetime) -> JobView:
    """Return what ``GET /jobs/<id>`` shows, with the deadline and, while there is time to act, a warning.

    Args:
        view: of the job, with ``accepted_at``, ``state`` and ``warnings``.
        limit_s: how long it may take.
        now: UTC.
    """
    accepted_at = datetime.fromisoformat(view["accepted_at"])
    deadline = deadline_of(accepted_at, limit_s)
    shown: JobView = {**view, "deadline_at": deadline.isoformat()}
    if is_near(accepted_at, limit_s, now):
        message = f"The job ends with TIMEOUT at {deadline:%Y-%m-%d %H:%M} UTC (ARCHIVEWORKER_JOB_TIMEOUT_S)."
        shown["warnings"] = [*view["warnings"], {"subject": "job", "message": message}]
    return shown
