"""Back-off: the pure delay by properties, the loop with a clock that only moves when somebody sleeps."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.errors import IntegrityError, RetriesSpentError, SourceError, SourceUnavailableError
from archiveworker.runtime.retry import RetryPolicy, Timing, counting, delay_s, retrying

POLICIES = st.builds(
    lambda first, more, budget: RetryPolicy(first, first + more, budget),
    st.floats(0.001, 10),
    st.floats(0, 100),
    st.floats(0, 1000),
)


class Theatre:
    """A clock that stands still, and a sleep that moves it."""

    def __init__(self) -> None:
        self.time_s = 100.0
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.time_s += seconds

    def timing(self, draw: float = 0.5) -> Timing:
        return Timing(self, self.sleep, lambda: draw)


@given(policy=POLICIES, failures=st.integers(1, 5000), draw=st.floats(0, 1, exclude_max=True))
def test_a_delay_is_within_its_bounds(policy, failures, draw):
    delay = delay_s(policy, failures, draw)

    assert 0 <= delay <= policy.max_delay_s
    assert delay <= policy.first_delay_s * 2.0 ** min(failures - 1, 1000)


@given(policy=POLICIES, failures=st.integers(1, 60), draw=st.floats(0, 1, exclude_max=True), asked=st.floats(0, 1e6))
def test_a_delay_is_never_shorter_than_asked_for(policy, failures, draw, asked):
    assert delay_s(policy, failures, draw, asked) >= asked


@given(policy=POLICIES, draw=st.floats(0, 1, exclude_max=True))
def test_delays_grow_until_the_bound(policy, draw):
    delays = [delay_s(policy, failures, draw) for failures in range(1, 40)]

    assert delays == sorted(delays)


@given(policy=POLICIES, draw=st.floats(0.01, 0.99))
async def test_no_attempt_begins_after_the_budget(policy, draw):
    theatre, begun_s = Theatre(), []

    async def call() -> None:
        begun_s.append(theatre.time_s - 100.0)
        if len(begun_s) > 300:
            raise SourceError("the test has seen enough")
        raise SourceUnavailableError("down")

    with pytest.raises(SourceError, match="down|enough"):
        await retrying(call, policy, timing=theatre.timing(draw))

    assert max(begun_s) <= policy.budget_s + 1e-6


async def test_the_result_of_the_first_success_is_returned():
    theatre, errors = Theatre(), [SourceUnavailableError("down"), IntegrityError("damaged")]

    async def call() -> str:
        if errors:
            raise errors.pop()
        return "there"

    assert await retrying(call, RetryPolicy(1.0, 8.0, 60.0), timing=theatre.timing()) == "there"
    assert theatre.slept_s == [0.5, 1.0]


async def test_what_will_fail_again_is_not_repeated():
    theatre = Theatre()

    async def call() -> None:
        raise SourceError("no")

    with pytest.raises(SourceError, match="no"):
        await retrying(call, RetryPolicy(), timing=theatre.timing())
    assert theatre.slept_s == []


async def test_a_foreign_error_passes_through():
    async def call() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        await retrying(call, RetryPolicy(), timing=Theatre().timing())


@pytest.mark.parametrize(("asked_s", "slept"), [(7.0, [7.0, 7.0]), (50.0, [50.0]), (61.0, [])])
async def test_retry_after_is_honoured_within_the_budget(asked_s, slept):
    theatre = Theatre()

    async def call() -> None:
        if len(theatre.slept_s) == 2:
            raise SourceError("the test has seen enough")
        raise SourceUnavailableError("busy", retry_after_s=asked_s)

    with pytest.raises(SourceError, match="busy|enough"):
        await retrying(call, RetryPolicy(1.0, 2.0, 60.0), timing=theatre.timing())
    assert theatre.slept_s == slept


@pytest.mark.parametrize("bounds", [(0.0, 1.0, 1.0), (2.0, 1.0, 1.0), (1.0, 1.0, -1.0)])
def test_a_policy_without_sense_is_refused(bounds):
    with pytest.raises(ValueError, match="a retry policy needs"):
        RetryPolicy(*bounds)


async def test_whoever_counts_hears_of_each_repetition_and_may_end_them() -> None:
    theatre, heard = Theatre(), list[str]()

    async def spend(error):
        heard.append(str(error))
        if len(heard) == 5:
            raise RetriesSpentError("enough")

    async def busy():
        raise SourceUnavailableError("503")

    async def two_at_once():
        policy = RetryPolicy(budget_s=1000)
        calls = [retrying(busy, policy, timing=theatre.timing()) for _ in range(2)]
        return await asyncio.gather(*calls, return_exceptions=True)

    with counting(spend):
        found = await asyncio.wait_for(two_at_once(), 30)

    assert heard[:5] == ["503"] * 5
    assert RetriesSpentError in {type(error) for error in found}


async def test_what_is_not_repeated_is_not_counted() -> None:
    async def spend(error):
        raise AssertionError("nothing is repeated")

    async def refused():
        raise SourceError("no")

    with counting(spend):
        assert await retrying(_fine, RetryPolicy()) == "fine"
        with pytest.raises(SourceError, match="no"):
            await retrying(refused, RetryPolicy())
    assert await retrying(_fine, RetryPolicy()) == "fine", "outside nobody counts"


async def _fine():
    return "fine"
