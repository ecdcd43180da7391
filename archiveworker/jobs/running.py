"""Running one step of a workflow: its name, its tries, and which errors are worth another try."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from dbos import DBOS

from archiveworker.domain.errors import ArchiveWorkerError, Retry, SourceAwayError

log = structlog.get_logger(__name__)


def may_help_later(error: BaseException) -> bool:
    """Return True when the error's own verdict is that another try may succeed soon; for an LMS the job waits."""
    return isinstance(error, ArchiveWorkerError) and error.retry is Retry.LATER and not is_away(error)


def is_away(error: BaseException) -> bool:
    """Return True when the LMS does not answer anything."""
    return isinstance(error, SourceAwayError)


def reason_of(cause: BaseException, event: str, **about: Any) -> str:
    """Log why something failed for good; return a sentence that an administrator can act on.

    Args:
        cause: what ended it.
        event: for the log.
        about: goes with the event.
    """
    if isinstance(cause, ArchiveWorkerError):
        log.warning(event, code=cause.code, reason=str(cause), **about)
        return str(cause)
    log.error(event, exc_info=cause, **about)
    return f"Internal error ({type(cause).__name__}); the worker's log of this job has the details."


async def run_step(
    name: str,
    step: Callable[..., Awaitable[Any]],
    *args: Any,
    attempts: int = 1,
    interval_s: float = 1.0,
    **kwargs: Any,
) -> Any:
    """Run ``step`` as one checkpointed step of the current workflow.

    Args:
        name: stored with the checkpoint; part of the workflow's form.
        step: safe to repeat.
        args: for ``step``.
        attempts: how often it is tried when its error may pass.
        interval_s: wait before the second try, doubled for each further one.
        kwargs: for ``step``.

    Raises:
        DBOSMaxStepRetriesExceeded: every try failed; its ``errors`` hold the causes.
        ArchiveWorkerError: the first try failed in a way that another would not change.
    """
    return await DBOS.run_step_async(
        {
            "name": name,
            "retries_allowed": attempts > 1,
            "max_attempts": attempts,
            "interval_seconds": interval_s,
            "backoff_rate": 2.0,
            "should_retry": may_help_later,
        },
        step,
        *args,
        **kwargs,
    )
