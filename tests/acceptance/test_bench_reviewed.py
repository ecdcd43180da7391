"""The short version of ``tests/tools/bench_reviewed.py``: a work or a proctored attempt costs less than a quiz attempt.

CPU time, because that is robust on a machine that does other things; 500 quiz attempts cost some 500 s of it. A job
also costs its start (some 8 s): so the second job of a larger size says what each one costs.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.tools.bench_reviewed import Order, measure, peer_review, proctored_course

pytestmark = [pytest.mark.slow, pytest.mark.chromium]


@pytest.mark.parametrize("ordered", [peer_review, proctored_course])
async def test_one_more_costs_a_fraction_of_a_quiz_attempt(
    ordered: Callable[[int], AbstractAsyncContextManager[Order]], tmp_path: Path
) -> None:
    small = await measure(ordered(10), tmp_path / "small")
    large = await measure(ordered(50), tmp_path / "large")
    each_s = (large.cpu_s - small.cpu_s) / 40
    assert 0 < each_s < 0.5, f"2,000 would cost {2000 * each_s:.0f} s of CPU time"
    assert 0 < large.peak_bytes < 1.5 * 1024**3
