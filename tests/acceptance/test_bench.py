"""The short version of ``make bench``: it measures, and memory does not grow from job to job."""

import pytest

from tests.tools.bench import Bench, measure

pytestmark = [pytest.mark.chromium, pytest.mark.slow]


async def test_a_second_job_costs_no_more_memory_than_the_first() -> None:
    first, second = await measure(Bench(attempts=6, rounds=2, plain=False))
    assert first.wall_s > 0
    assert 0 < second.cpu_s / second.attempts < 15
    assert 0 < second.peak_bytes < max(1.3 * first.peak_bytes, first.peak_bytes + 200 * 1024**2)
    assert second.peak_bytes < 3 * 1024**3
