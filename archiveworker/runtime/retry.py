"""When to try again: exponential back-off with full jitter, bounded by a budget of time.

The decision is pure (``delay_s``); ``retrying`` only sleeps. What may be repeated is not decided here but by the class
of the error (``domain.errors.Retry``); how often in all, by whoever put ``counting`` around. Not for durable waiting
over hours: that is the engine's.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from archiveworker.domain.errors import ArchiveWorkerError, Retry
from archiveworker.runtime.clock import Clock, SystemClock

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]
Draw = Callable[[], float]
Spend = Callable[[ArchiveWorkerError], Awaitable[None]]

log = structlog.get_logger(__name__)
_RANDOM: Final = random.SystemRandom()
_MAX_EXPONENT: Final = 60
_CLOCK: Final = SystemClock()
_SPEND: Final[ContextVar[Spend | None]] = ContextVar("spend", default=None)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to go on.

    Attributes:
        first_delay_s: upper bound of the first delay; it doubles with every further one.
        max_delay_s: upper bound of any delay that we choose ourselves.
        budget_s: no new attempt begins later than this after the first one began; 0 means a single attempt.
    """

    first_delay_s: float = 0.5
    max_delay_s: float = 20.0
    budget_s: float = 120.0

    def __post_init__(self) -> None:
        if not 0 < self.first_delay_s <= self.max_delay_s or self.budget_s < 0:
            raise ValueError("a retry policy needs 0 < first_delay_s <= max_delay_s and budget_s >= 0")


@dataclass(frozen=True, slots=True)
class Timing:
    """Where time and chance come from, so that tests need neither.

    Attributes:
        clock: measures the budget.
        sleep: waits for seconds.
        draw: returns a number from [0, 1).
    """

    clock: Clock = _CLOCK
    sleep: Sleep = asyncio.sleep
    draw: Draw = _RANDOM.random


REAL_TIME: Final = Timing()


def delay_s(policy: RetryPolicy, failures: int, draw: float, retry_after_s: float | None = None) -> float:
    """Return how many seconds to wait after the ``failures``-th failure in a row (1, 2, ...).

    Full jitter: anything between nothing and the doubled bound, so that many workers do not come back all at once.

    Args:
        policy: bounds.
        failures: at least 1.
        draw: chance, from [0, 1).
        retry_after_s: what the other side asked for; never waited less.
    """
    bound = min(policy.max_delay_s, policy.first_delay_s * 2.0 ** min(failures - 1, _MAX_EXPONENT))
    return max(bound * draw, retry_after_s or 0.0)


@contextmanager
def counting(spend: Spend) -> Iterator[None]:
    """Have ``spend`` awaited before everything that is repeated inside, also in tasks that begin there.

    Args:
        spend: gets the error because of which there is another attempt; what it raises ends the attempts.
    """
    token = _SPEND.set(spend)
    try:
        yield
    finally:
        _SPEND.reset(token)


async def retrying(
    call: Callable[[], Awaitable[T]], policy: RetryPolicy, *, what: str = "call", timing: Timing = REAL_TIME
) -> T:
    """Await ``call`` until it succeeds, fails for good, or the budget is used up.

    An error is repeated when its class says ``Retry.LATER``. Its attribute ``retry_after_s``, when there is one, is
    honoured; when that would exceed the budget the error is raised at once.

    Args:
        call: makes a fresh awaitable for each attempt.
        policy: see RetryPolicy.
        what: for the log; never a URL or a payload.
        timing: clock, sleep and chance.

    Raises:
        ArchiveWorkerError: the last error of ``call``, or that of whoever counts (``counting``).
    """
    started_s = timing.clock.monotonic_s()
    failures = 0
    while True:
        try:
            return await call()
        except ArchiveWorkerError as exc:
            failures += 1
            wait_s = delay_s(policy, failures, timing.draw(), getattr(exc, "retry_after_s", None))
            elapsed_s = timing.clock.monotonic_s() - started_s
            if exc.retry is not Retry.LATER or elapsed_s + wait_s > policy.budget_s:
                raise
            if (spend := _SPEND.get()) is not None:
                await spend(exc)
            log.info("retry", what=what, error=exc.code, failures=failures, wait_s=round(wait_s, 3))
        await timing.sleep(wait_s)
