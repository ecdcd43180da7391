"""The short version of ``tests/tools/bench_peer_review.py``: a work costs a fraction of a quiz attempt."""

from pathlib import Path

import pytest

from tests.tools.bench_peer_review import measure

pytestmark = [pytest.mark.slow, pytest.mark.chromium]


async def test_a_work_costs_a_fraction_of_a_quiz_attempt(tmp_path: Path) -> None:
    """CPU time, because that is robust on a machine that does other things; 500 quiz attempts cost some 500 s of it.

    A job also costs its start (some 8 s): so the second job of twice the size says what the works cost.
    """
    small = await measure(10, tmp_path / "small")
    large = await measure(50, tmp_path / "large")
    a_work_s = (large.cpu_s - small.cpu_s) / 40
    assert 0 < a_work_s < 0.5, f"2,000 works would cost {2000 * a_work_s:.0f} s of CPU time"
    assert 0 < large.peak_bytes < 1.5 * 1024**3
