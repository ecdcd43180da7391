"""Kill the worker whenever and as often as you like: every job ends FINISHED and is delivered once."""

import asyncio
import random
import sys
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from archiveworker.demo.server import DemoOptions, DemoServer
from tests.fakes.worker import WorkerProcess, stamps_of

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


def _manifest(archive: Path) -> bytes:
    with tarfile.open(archive) as tar:
        member = tar.extractfile("manifest-sha256.txt")
        assert member is not None
        return member.read()


def _rendered_items(worker: WorkerProcess, job_id: str) -> list[str]:
    events = worker.log_events()
    return [e["item"] for e in events if e["event"] == "item_archived" and e.get("job_id") == job_id]


async def test_sigkill_at_random_moments(
    lms: DemoServer, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten kills over ten jobs (a hundred over twenty with --soak)."""
    soak = request.config.getoption("--soak")
    kills, jobs = (100, 20) if soak else (10, 10)
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    worker = _worker(tmp_path, lms)
    await worker.start()
    ids = [attempt.attemptid for attempt in lms.course.attempts][:ATTEMPTS]
    job_ids: list[str] = []
    try:
        for number in range(kills):
            while len(job_ids) < min(jobs, number * jobs // kills + 1):
                status, answer = await lms.submit(worker.url, lms.request(7, itemids=ids))
                assert status == 200, answer
                job_ids.append(answer["jobid"])
            await asyncio.sleep(rng.uniform(0.05, 6.0))  # the moment is what is random here
            await worker.kill()
            await worker.start()
        views = [await worker.ended(job_id, limit_s=240) for job_id in job_ids]
    finally:
        await worker.stop()
    assert [view["state"] for view in views] == ["FINISHED"] * jobs, f"seed {seed}: {views}"
    delivered = [delivery.jobid for delivery in lms.deliveries]
    assert sorted(delivered) == sorted(job_ids), f"seed {seed}: each delivered exactly once"
    manifests = {_manifest(delivery.path) for delivery in lms.deliveries}
    assert len(manifests) == 1, f"seed {seed}: killed or not, the archive is the same"
    rendered = sum(len(_rendered_items(worker, job_id)) for job_id in job_ids)
    again = rendered - jobs * ATTEMPTS
    # An item whose record was logged but not yet stored is made again: at most those in flight at each kill.
    assert again <= kills * 2, f"seed {seed}: {again} items were rendered twice"
    with capsys.disabled():
        sys.stdout.write(f"\n{kills} kills, {jobs} of {jobs} jobs FINISHED, each delivered once, {again} items again\n")


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
        before = _rendered_items(worker, job_id)
        assert 2 <= len(before) < len(ids), "it stopped in the middle"
        row = next(row for row in lms.state.rows if row.jobid == job_id)
        assert not row.complete, "Moodle must not be told that the job has ended"
        await worker.start()
        view = await worker.ended(job_id)
    finally:
        await worker.stop()
    assert view["state"] == "FINISHED"
    after = _rendered_items(worker, job_id)
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
