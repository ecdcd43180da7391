"""Kill the worker whenever and as often as you like: every job ends FINISHED and is delivered once."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.tsa import TsaFault, TsaFaultKind
from tests.acceptance.faults.trouble import SHORT_PAGES
from tests.acceptance.kills import PATIENT, Checkpoints, archived_items, manifest_of
from tests.fakes.worker import WorkerProcess, stamps_of
from tests.tools.figures import Figures

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]

ATTEMPTS = 3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lms(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoServer]:
    async with DemoServer(DemoOptions(seed=3, attempts=8, workdir=tmp_path_factory.mktemp("lms"))) as server:
        yield server


def _worker(folder: Path, lms: DemoServer, **settings: str) -> WorkerProcess:
    return WorkerProcess(
        folder,
        {**stamps_of(lms), "SHUTDOWN_GRACE_S": "20", **settings},
    )


async def _submitted(lms: DemoServer, worker: WorkerProcess, ids: list[int]) -> str:
    """Post a job of short pages: a long one of many formulas is printed two bytes shorter, once in a while."""
    status, answer = await lms.submit(worker.url, lms.request(7, itemids=ids, sections_off=SHORT_PAGES))
    assert status == 200, answer
    return str(answer["jobid"])


@pytest.mark.soak
async def test_sigkill_at_random_moments(
    lms: DemoServer, tmp_path: Path, is_soak: bool, seed: int, figures: Figures
) -> None:
    """Ten kills over ten jobs (a hundred over twenty with --soak)."""
    kills, jobs = (100, 20) if is_soak else (10, 10)
    rng = random.Random(seed)
    worker = _worker(tmp_path, lms, **PATIENT)
    await worker.start()
    ids = [attempt.attemptid for attempt in lms.course.attempts][:ATTEMPTS]
    job_ids: list[str] = []
    checkpoints = Checkpoints(worker.data / "archiveworker.sqlite", worker.log_events)
    try:
        undisturbed = await _submitted(lms, worker, ids)
        await worker.ended(undisturbed)
        for number in range(kills):
            while len(job_ids) < min(jobs, number * jobs // kills + 1):
                job_ids.append(await _submitted(lms, worker, ids))
            await asyncio.sleep(rng.uniform(0.05, 6.0))  # the moment is what is random here
            await worker.kill()
            checkpoints.look()
            await worker.start()
        views = [await worker.ended(job_id, limit_s=1200) for job_id in job_ids]
        checkpoints.look()
    finally:
        await worker.stop()
    assert [view["state"] for view in views] == ["FINISHED"] * jobs, f"seed {seed}: {views}"
    delivered = [delivery.jobid for delivery in lms.deliveries]
    assert sorted(delivered) == sorted([undisturbed, *job_ids]), f"seed {seed}: each delivered exactly once"
    manifests = {manifest_of(delivery.path) for delivery in lms.deliveries}
    assert len(manifests) == 1, f"seed {seed}: killed or not, the archive is the same"
    assert checkpoints.record_count == (1 + jobs) * ATTEMPTS
    assert not checkpoints.broken(), f"seed {seed}: these were made again, and were not in flight"
    made = sum(len(archived_items(worker.log_events(), job_id)) for job_id in job_ids)
    figures.add(
        "kills-sqlite",
        {
            "kills": kills,
            "jobs_finished": f"{jobs} of {jobs}",
            "deliveries_of_each": 1,
            "manifests_other_than_undisturbed": 0,
            "items_made_again": f"{made - jobs * ATTEMPTS} of {jobs * ATTEMPTS}",
            "items_made_again_not_in_flight": 0,
            "seed": seed,
        },
    )


async def _two_items_done(worker: WorkerProcess, job_id: str) -> None:
    async with asyncio.timeout(60):
        while (await worker.job(job_id))["progress"]["items_done"] < 2:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("grace_s", ["20", "0"])
async def test_sigterm_stops_in_the_middle_and_the_next_start_goes_on(
    grace_s: str, lms: DemoServer, tmp_path: Path
) -> None:
    worker = _worker(tmp_path, lms, SHUTDOWN_GRACE_S=grace_s, ITEMS_IN_FLIGHT_COUNT="3")
    await worker.start()
    ids = [attempt.attemptid for attempt in lms.course.attempts]
    try:
        _, answer = await lms.submit(worker.url, lms.request(7, itemids=ids))
        job_id = answer["jobid"]
        await _two_items_done(worker, job_id)
        assert await worker.terminate() == 0
        before = archived_items(worker.log_events(), job_id)
        assert 2 <= len(before) < len(ids), "it stopped in the middle"
        row = next(row for row in lms.state.rows if row.jobid == job_id)
        assert not row.complete, "Moodle must not be told that the job has ended"
        await worker.start()
        view = await worker.ended(job_id)
    finally:
        await worker.stop()
    assert view["state"] == "FINISHED"
    after = archived_items(worker.log_events(), job_id)
    assert len(after) == len(set(after)) == len(ids), "nothing was rendered twice"
    assert [d.jobid for d in lms.deliveries].count(job_id) == 1


@pytest.mark.parametrize("function", ["quiz_archiver_process_uploaded_artifact", "upload.php"])
async def test_killed_around_the_delivery(function: str, lms: DemoServer, tmp_path: Path) -> None:
    """The worker dies right after Moodle has stored the archive, or while it is uploaded: still one delivery."""
    worker = _worker(tmp_path, lms)
    await worker.start()
    ids = [attempt.attemptid for attempt in lms.course.attempts][:1]
    seen = len(lms.journal.of(function))
    try:
        _, answer = await lms.submit(worker.url, lms.request(7, itemids=ids, backups=False))
        async with asyncio.timeout(60):
            while len(lms.journal.of(function)) == seen:
                await asyncio.sleep(0.001)
        await worker.kill()
        await worker.start()
        view = await worker.ended(answer["jobid"])
    finally:
        await worker.stop()
    assert view["state"] == "FINISHED", view
    assert [d.jobid for d in lms.deliveries].count(answer["jobid"]) == 1


STAMP, PACKED = "the authority", "archive_packed"


async def _in_the_midst(lms: DemoServer, worker: WorkerProcess, place: str) -> None:
    """Wait until the worker waits for what answers slowly, or has just packed."""
    orders = lms.tsa.faults if place == STAMP else lms.faults.as_json
    async with asyncio.timeout(60):
        if place == PACKED:
            while PACKED not in {event["event"] for event in worker.log_events()}:
                await asyncio.sleep(0.002)
        else:
            while orders() if callable(orders) else orders:
                await asyncio.sleep(0.002)


@pytest.mark.parametrize("place", [STAMP, PACKED, "upload.php", "quiz_archiver_process_uploaded_artifact"])
async def test_a_stop_at_the_end_of_a_job_is_one_line_in_the_log(place: str, lms: DemoServer, tmp_path: Path) -> None:
    worker = _worker(tmp_path, lms, SHUTDOWN_GRACE_S="0")
    await worker.start()
    ids = [attempt.attemptid for attempt in lms.course.attempts][:1]
    if place == STAMP:
        lms.tsa.faults.append(TsaFault(TsaFaultKind.SLOW, times=1, seconds=2.0))
    elif place != PACKED:
        lms.faults.order(Fault(FaultKind.SLOW, place, times=1, seconds=2.0))
    try:
        _, answer = await lms.submit(worker.url, lms.request(7, itemids=ids, backups=False))
        await _in_the_midst(lms, worker, place)
        assert await worker.terminate() == 0
        assert "Traceback" not in worker.log.read_text()
        said = [(event["event"], event["level"]) for event in worker.log_events()]
        said = said[said.index(("draining", "info")) :]
        assert said == [("draining", "info"), ("left_for_next_start", "info"), ("stopped", "info")]
        assert all(line.startswith("{") for line in worker.log.read_text().splitlines()), "DBOS writes JSON too"
        await worker.start()
        view = await worker.ended(answer["jobid"])
    finally:
        lms.faults.clear()
        lms.tsa.faults.clear()
        await worker.stop()
    assert (view["state"], view["reason"]) == ("FINISHED", "")
    assert [d.jobid for d in lms.deliveries].count(answer["jobid"]) == 1
    assert "Traceback" not in worker.log.read_text()
