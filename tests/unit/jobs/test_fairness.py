"""Whose turn it is: properties of the order that priorities and lanes give."""

import heapq

from hypothesis import given
from hypothesis import strategies as st

from archiveworker.jobs.fairness import MAX_PRIORITY, SMALL_JOB_ITEMS, item_turn, job_lane, job_turn, lane_width

PRIORITIES = st.integers(-MAX_PRIORITY, MAX_PRIORITY)


@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6), late=st.integers(0, 200))
def test_a_job_that_comes_late_waits_for_no_more_than_its_own_size_of_each_other(sizes: list[int], late: int) -> None:
    """One item at a time; the last job comes in when ``late`` items have been done."""
    waiting = [(item_turn(n), job, n) for job, size in enumerate(sizes[:-1]) for n in range(1, size + 1)]
    heapq.heapify(waiting)
    for _ in range(min(late, len(waiting))):
        heapq.heappop(waiting)
    last = len(sizes) - 1
    for number in range(1, sizes[-1] + 1):
        heapq.heappush(waiting, (item_turn(number), last, number))
    before = 0
    while any(job == last for _, job, _ in waiting):
        before += heapq.heappop(waiting)[1] != last
    assert before <= sum(min(size, sizes[-1]) for size in sizes[:-1])


@given(st.integers(1, 2**40), st.integers(1, 2**40), PRIORITIES)
def test_turns_are_what_the_engine_takes_and_in_order(one: int, other: int, priority: int) -> None:
    assert 1 <= item_turn(one, priority) <= 2**31 - 1
    assert 1 <= job_turn(priority) <= 2**31 - 1
    assert item_turn(min(one, other), priority) <= item_turn(max(one, other), priority)


@given(st.integers(1, 2**40), st.integers(1, 2**40), st.tuples(PRIORITIES, PRIORITIES))
def test_a_higher_priority_comes_first_whatever_a_job_has_had(
    one: int, other: int, priorities: tuple[int, int]
) -> None:
    low, high = sorted(priorities)
    if low != high:
        assert item_turn(one, high) < item_turn(other, low)
        assert job_turn(high) < job_turn(low)


def test_small_and_large_jobs_and_lmss_have_lanes_of_their_own() -> None:
    lanes = {job_lane(lms, n) for lms in ("https://a", "https://b") for n in (1, SMALL_JOB_ITEMS, 51, 2000, None)}
    assert lanes == {"small https://a", "large https://a", "small https://b", "large https://b"}


def test_one_place_is_kept_free_where_there_are_several() -> None:
    assert [lane_width(n) for n in (1, 2, 4)] == [1, 1, 3]
