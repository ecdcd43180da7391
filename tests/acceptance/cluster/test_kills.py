"""Three workers on one PostgreSQL: kill any of them, restart the database, and every job is delivered once."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from archiveworker.demo.server import DemoServer
from tests.acceptance.faults.trouble import SHORT_PAGES
from tests.acceptance.kills import PATIENT, Checkpoints, archived_items, manifest_of
from tests.fakes.cluster import Cluster, running_cluster
from tests.fakes.postgres import PostgresServer
from tests.tools.figures import Figures

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]

ATTEMPTS = 3


async def _submitted(lms: DemoServer, cluster: Cluster, count: int = ATTEMPTS, **form: Any) -> str:
    ids = [attempt.attemptid for attempt in lms.course.attempts][:count]
    request = lms.request(7, itemids=ids, backups=False, sections_off=SHORT_PAGES, **form)
    status, answer = await lms.submit(cluster.running[-1].url, request)
    assert status == 200, answer
    return str(answer["jobid"])


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


@pytest.mark.soak
async def test_random_kills_and_restarts_of_the_database(
    lms: DemoServer, postgres: PostgresServer, tmp_path: Path, is_soak: bool, seed: int, figures: Figures
) -> None:
    """Four kills and a restart over four jobs (a hundred and ten over twenty with --soak)."""
    kills, restarts, jobs = (100, 10, 20) if is_soak else (4, 1, 4)
    rng = random.Random(seed)
    url = postgres.create_database("kills")
    restart_after = {round((n + 1) * kills / (restarts + 1)) for n in range(restarts)}
    settings = {**PATIENT, "ITEMS_IN_FLIGHT_COUNT": "2", "ITEM_ATTEMPTS_COUNT": "6"}
    async with running_cluster(lms, tmp_path, url, 3, **settings) as cluster:
        checkpoints = Checkpoints(url, cluster.log_events)
        undisturbed = await _submitted(lms, cluster)
        await cluster.ended(undisturbed)
        job_ids: list[str] = []
        for number in range(kills):
            while len(job_ids) < min(jobs, number * jobs // kills + 1):
                job_ids.append(await _submitted(lms, cluster))
            await asyncio.sleep(rng.uniform(0.05, 4.0))  # the moment is what is random here
            await rng.choice(cluster.running).kill()
            checkpoints.look()
            if number in restart_after:
                postgres.stop(at_once=rng.random() < 0.5)
                await asyncio.sleep(rng.uniform(0.0, 3.0))
                postgres.start()
            if len(cluster.running) == 1 or rng.random() < 0.6:
                await cluster.start()  # otherwise the others have to take over
        views = [await cluster.ended(job_id, limit_s=1200) for job_id in job_ids]
        checkpoints.look()
        events = cluster.log_events()
    assert [view["state"] for view in views] == ["FINISHED"] * jobs, f"seed {seed}: {views}"
    delivered = [delivery.jobid for delivery in lms.deliveries]
    for job_id in [undisturbed, *job_ids]:
        assert delivered.count(job_id) == 1, f"seed {seed}: {job_id} delivered exactly once"
    manifests = {manifest_of(d.path) for d in lms.deliveries if d.jobid in {undisturbed, *job_ids}}
    assert len(manifests) == 1, f"seed {seed}: killed or not, the archive is the same"
    assert checkpoints.record_count == (1 + jobs) * ATTEMPTS
    assert not checkpoints.broken(), f"seed {seed}: these were made again, and were not in flight"
    made = sum(len(archived_items(events, job_id)) for job_id in job_ids)
    figures.add(
        "kills-postgresql",
        {
            "kills": kills,
            "executors": 3,
            "restarts_of_postgresql": restarts,
            "jobs_finished": f"{jobs} of {jobs}",
            "deliveries_of_each": 1,
            "manifests_other_than_undisturbed": 0,
            "items_made_again": f"{made - jobs * ATTEMPTS} of {jobs * ATTEMPTS}",
            "items_made_again_not_in_flight": 0,
            "takeovers": [event["event"] for event in events].count("taken_over"),
            "deposed": [event["event"] for event in events].count("deposed"),
            "seed": seed,
        },
    )
