"""The short version of ``make bench``: both flows, memory that does not grow from job to job, and verifying."""

import shutil

import pytest

from tests.tools import bench_verify
from tests.tools.bench import Bench, compared, measure

pytestmark = pytest.mark.slow


@pytest.mark.chromium
async def test_a_second_job_costs_no_more_memory_and_the_plain_flow_is_slower() -> None:
    # Ghostscript belongs to the bench, not to the worker: without it the worker is measured alone.
    rounds = await measure(Bench(attempts=4, rounds=2, plain=shutil.which("gs") is not None))
    first, second = [one for one in rounds if one.flow == "worker"]
    assert first.wall_s > 0
    assert first.pdf_bytes > 4 * 10_000
    assert 0 < second.cpu_s / second.attempts < 15
    # Which browser is busy when memory is looked at differs by a browser or two; a leak would show over 500 attempts.
    assert 0 < second.peak_bytes < first.peak_bytes + 500 * 1024**2
    assert second.peak_bytes < 3 * 1024**3
    if len(rounds) > 2:
        assert compared(rounds)["times_better"]["cpu_s_per_attempt"] > 1


def test_verifying_costs_about_what_it_costs_by_hand() -> None:
    """Some 60 MiB, where starting Python still counts; ``make bench`` measures 1 GiB and allows 1.5."""
    found = bench_verify.measure(60, rounds=2)
    assert found["cpu_ratio"] < 3, bench_verify.sentence(found)
    assert max(cost["peak_bytes"] for cost in found["costs"] if cost["way"] == "verify") < 100 * 1024**2
