"""Every fault alone and three at random, at every door of a job, many jobs at once: 500 runs with --soak."""

import asyncio
import random
from collections import deque
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from archiveworker.demo.faults import FaultKind
from archiveworker.demo.tsa import RevocationFaultKind, TsaFaultKind
from tests.acceptance.faults.lane import Lane, Tally, has_stamps, lanes
from tests.acceptance.faults.oracle import TIMEOUT, Case, complaint, every_case, three_at_random
from tests.tools.figures import Figures

RUNS = 500
SHORT_RUNS = 30
_STAMPED_EVERY = 6
"""Of the runs with three faults; jobs whose TSA has faults run one at a time a worker."""


def _chosen(rng: random.Random, *, is_soak: bool) -> list[tuple[Case, ...]]:
    alone = [(case,) for case in every_case()]
    if not is_soak:
        quick = [run for run in alone if TIMEOUT not in run[0].ends]  # the others take as long as a job may
        alone = rng.sample(quick, SHORT_RUNS * 2 // 3)
    runs = RUNS if is_soak else SHORT_RUNS
    threes = [three_at_random(rng, stamps=n % _STAMPED_EVERY == 0) for n in range(runs - len(alone))]
    chosen = alone + threes
    rng.shuffle(chosen)
    return chosen


async def _work_off(lane: Lane, waiting: deque[tuple[Case, ...]], tally: Tally) -> None:
    while waiting:
        await lane.run(waiting.popleft(), tally)


@pytest.mark.chromium
@pytest.mark.openssl
@pytest.mark.slow
@pytest.mark.soak
async def test_every_fault_ends_as_it_must(is_soak: bool, seed: int, tmp_path: Path, figures: Figures) -> None:
    chosen = _chosen(random.Random(seed), is_soak=is_soak)
    at_tsa = deque(run for run in chosen if has_stamps(run))
    elsewhere = deque(run for run in chosen if not has_stamps(run))
    tally = Tally()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for number in range(2 if is_soak else 1):
            (lane,) = await stack.enter_async_context(lanes(tmp_path / f"tsa-{number}", 1, faulty_stamps=True))
            tasks.create_task(_work_off(lane, at_tsa, tally))
        for lane in await stack.enter_async_context(lanes(tmp_path / "many", 10 if is_soak else 4)):
            tasks.create_task(_work_off(lane, elsewhere, tally))
    logs = [path.read_text(encoding="utf-8") for path in tmp_path.glob("*/worker/worker.log")]
    found = {
        "runs": len(chosen),
        "faults_alone": sum(len(run) == 1 for run in chosen),
        "three_at_random": sum(len(run) == 3 for run in chosen),
        **{f"ended_{end}": count for end, count in sorted(tally.ends.items())},
        "ended_wrongly_or_for_a_wrong_reason": len(tally.wrong),
        "archives_taken_apart": tally.archives,
        "longest_run_s": round(tally.longest_s),
        "tokens_in_a_log": sum(token in log for token in tally.tokens for log in logs),
        "seed": seed,
    }
    figures.add("faults", found)
    assert not tally.wrong, f"seed {seed}:\n" + "\n".join(tally.wrong)
    assert sum(tally.ends.values()) == len(chosen)
    assert not found["tokens_in_a_log"]
    assert not any('"level": "error"' in log for log in logs)


def test_every_fault_of_the_demo_has_its_case() -> None:
    kinds = {case.order.kind for case in every_case()}
    assert kinds == {*FaultKind, *TsaFaultKind, *RevocationFaultKind}


def test_the_oracle_can_say_no() -> None:
    survived = next(case for case in every_case() if case.name == "item:http_500:once")
    fatal = next(case for case in every_case() if case.name == "upload:upload_413:always")
    assert not complaint((survived,), "FINISHED", "")
    assert "may end FINISHED" in complaint((survived,), "FAILED", "HTTP 500")
    assert "may end FAILED" in complaint((survived, fatal), "FINISHED", "")
    assert "without one of" in complaint((fatal,), "FAILED", "the disk is full")
    assert not complaint((survived, fatal), "FAILED", "raise client_max_body_size")
