"""Three workers on one PostgreSQL: kill any of them, restart the database, and every job is delivered once."""

import asyncio
import random
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from archiveworker.demo.server import DemoServer
from tests.acceptance.faults.trouble import SHORT_PAGES
from tests.fakes.cluster import Cluster, running_cluster
from tests.fakes.postgres import PostgresServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]

ATTEMPTS = 3


async def _submitted(lms: DemoServer, cluster: Cluster, count: int = ATTEMPTS, **form: Any) -> str:
    ids = [attempt.attemptid for attempt in lms.course.attempts][:count]
    request = lms.request(7, itemids=ids, backups=False, sections_off=SHORT_PAGES, **form)
    status, answer = await lms.submit(cluster.running[-1].url, request)
    assert status == 200, answer
    return str(answer["jobid"])


def _manifest(archive: Path) -> bytes:
    with tarfile.open(archive) as tar:
        member = tar.extractfile("manifest-sha256.txt")
        assert member is not None
        return member.read()


def _archived(cluster: Cluster, job_id: str) -> list[str]:
    return [e["item"] for e in cluster.log_events() if e["event"] == "item_archived" and e.get("job_id") == job_id]


async def test_items_of_one_job_are_spread_and_any_worker_answers(
    lms: DemoServer, postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.create_database("spread")
    async with running_cluster(lms, tmp_path, url, 2, ITEMS_IN_FLIGHT_COUNT="2") as cluster:
        job_id = await _submitted(lms, cluster, 12)
        view = await cluster.ended(job_id)
        others = [await worker.job(job_id) for worker in cluster.workers]
        listed = [(await worker.request("GET", "/jobs"))[1] for worker in cluster.workers]
        shares = [
            {e["item"] for e in worker.log_events() if e["event"] == "item_archived"} for worker in cluster.workers
        ]
        (report,) = {
            (await worker.request("GET", f"/jobs/{job_id}/evidence/report.json"))[1]["verdict"]
            for worker in cluster.workers
        }
    assert view["state"] == "FINISHED", view
    assert others == [view, view]
    assert listed[0] == listed[1]
    assert all(shares), "both did some"
    assert len(shares[0] | shares[1]) == len(shares[0]) + len(shares[1]) == 12, "nothing was made twice"
    assert report == "good"


async def test_random_kills_and_restarts_of_the_database(
    lms: DemoServer,
    postgres: PostgresServer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Four kills and a restart over four jobs (a hundred and ten over twenty with --soak)."""
    soak = request.config.getoption("--soak")
    kills, restarts, jobs = (100, 10, 20) if soak else (4, 1, 4)
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    url = postgres.create_database("kills")
    restart_after = {round((n + 1) * kills / (restarts + 1)) for n in range(restarts)}
    async with running_cluster(lms, tmp_path, url, 3, ITEMS_IN_FLIGHT_COUNT="2", ITEM_ATTEMPTS_COUNT="6") as cluster:
        undisturbed = await _submitted(lms, cluster)
        await cluster.ended(undisturbed)
        job_ids: list[str] = []
        for number in range(kills):
            while len(job_ids) < min(jobs, number * jobs // kills + 1):
                job_ids.append(await _submitted(lms, cluster))
            await asyncio.sleep(rng.uniform(0.05, 4.0))  # the moment is what is random here
            await rng.choice(cluster.running).kill()
            if number in restart_after:
                postgres.stop(at_once=rng.random() < 0.5)
                await asyncio.sleep(rng.uniform(0.0, 3.0))
                postgres.start()
            if len(cluster.running) == 1 or rng.random() < 0.6:
                await cluster.start()  # otherwise the others have to take over
        views = [await cluster.ended(job_id, limit_s=240) for job_id in job_ids]
        taken_over = [event for event in cluster.log_events() if event["event"] == "taken_over"]
        made = [len(_archived(cluster, job_id)) for job_id in job_ids]
        deposed = [event for event in cluster.log_events() if event["event"] == "deposed"]
    assert [view["state"] for view in views] == ["FINISHED"] * jobs, f"seed {seed}: {views}"
    delivered = [delivery.jobid for delivery in lms.deliveries]
    for job_id in [undisturbed, *job_ids]:
        assert delivered.count(job_id) == 1, f"seed {seed}: {job_id} delivered exactly once"
    manifests = {_manifest(d.path) for d in lms.deliveries if d.jobid in {undisturbed, *job_ids}}
    assert len(manifests) == 1, f"seed {seed}: killed or not, the archive is the same"
    again = sum(made) - jobs * ATTEMPTS
    assert again <= kills * 2, f"seed {seed}: {again} items were rendered twice"
    with capsys.disabled():
        sys.stdout.write(
            f"\n{kills} kills of 3 executors, PostgreSQL restarted {restarts} times: {jobs} of {jobs} jobs FINISHED, "
            f"each delivered once, {again} items again, {len(taken_over)} takeovers, {len(deposed)} deposed "
            f"(seed {seed})\n"
        )
