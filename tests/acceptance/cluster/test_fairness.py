"""A small job is not held up by large ones, on either database."""

import asyncio

import pytest

from archiveworker.demo.server import DemoServer
from tests.acceptance.faults.trouble import SHORT_PAGES, started
from tests.fakes.cluster import running_cluster
from tests.fakes.postgres import PostgresServer
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]

LARGE = 60
JOBS = {"JOBS_MAX_COUNT": "2", "ITEMS_IN_FLIGHT_COUNT": "2", "PDF_PROFILE": "off"}


async def _submitted(lms: DemoServer, worker: WorkerProcess, count: int) -> str:
    ids = [attempt.attemptid for attempt in lms.course.attempts][:count]
    form = {"backups": False, "sections_off": SHORT_PAGES, "keep_html_files": False}
    status, answer = await lms.submit(worker.url, lms.request(7, itemids=ids, **form))
    assert status == 200, answer
    return str(answer["jobid"])


async def _items_done(worker: WorkerProcess, job_ids: list[str]) -> int:
    return sum([(await worker.job(job_id))["progress"]["items_done"] for job_id in job_ids])


async def _small_job_passes_the_large_ones(lms: DemoServer, worker: WorkerProcess) -> None:
    """Two large jobs would fill both places for jobs; one is kept for small ones."""
    large = [await _submitted(lms, worker, LARGE) for _ in range(2)]
    # Which of the two is begun first is not promised.
    while await _items_done(worker, large) < 4:
        await asyncio.sleep(0.05)
    small = await _submitted(lms, worker, 3)
    view = await worker.ended(small)
    assert view["state"] == "FINISHED"
    assert await _items_done(worker, large) < LARGE, "it waited for none of them"
    for job_id in large:
        await worker.request("POST", f"/jobs/{job_id}/cancel")
        await worker.ended(job_id)


async def test_on_sqlite(lms: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    async with started(lms, tmp_path_factory.mktemp("worker"), lms.tsa_url, **JOBS) as worker:
        await _small_job_passes_the_large_ones(lms, worker)


async def test_on_postgresql(
    lms: DemoServer, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = postgres.create_database("fairness")
    async with running_cluster(lms, tmp_path_factory.mktemp("cluster"), url, 1, **JOBS) as cluster:
        await _small_job_passes_the_large_ones(lms, cluster.workers[0])
