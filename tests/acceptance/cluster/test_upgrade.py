"""A rolling upgrade: workers of two versions side by side finish what was begun, each what it understands."""

import asyncio
from pathlib import Path

import pytest

from archiveworker.demo.server import DemoServer
from tests.acceptance.faults.trouble import SHORT_PAGES
from tests.fakes.cluster import running_cluster
from tests.fakes.postgres import PostgresServer
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]


async def _submitted(lms: DemoServer, worker: WorkerProcess, count: int) -> str:
    ids = [attempt.attemptid for attempt in lms.course.attempts][:count]
    form = {"backups": False, "sections_off": SHORT_PAGES, "keep_html_files": False}
    status, answer = await lms.submit(worker.url, lms.request(7, itemids=ids, **form))
    assert status == 200, answer
    return str(answer["jobid"])


def _made(worker: WorkerProcess, job_id: str) -> list[str]:
    return [e["item"] for e in worker.log_events() if e["event"] == "item_archived" and e.get("job_id") == job_id]


async def _some_items_done(worker: WorkerProcess, job_id: str, count: int) -> None:
    async with asyncio.timeout(90):
        while (await worker.job(job_id))["progress"]["items_done"] < count:
            await asyncio.sleep(0.05)


def _carries(worker: WorkerProcess, job_id: str) -> bool:
    """Return whether the job itself, not only items of it, is this worker's work."""
    said = [e["state"] for e in worker.log_events() if e["event"] == "job_state" and e.get("job_id") == job_id]
    return "RUNNING" in said


async def test_old_and_new_side_by_side(lms: DemoServer, postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.create_database("upgrade")
    settings = {"ITEMS_IN_FLIGHT_COUNT": "2", "PDF_PROFILE": "off"}
    async with running_cluster(lms, tmp_path, url, 2, **settings) as cluster:
        begun_by_old = await _submitted(lms, cluster.workers[0], 12)
        await _some_items_done(cluster.workers[0], begun_by_old, 2)
        # Whoever is ended must leave something behind; which of the two has the job, chance says.
        (first,) = [worker for worker in cluster.workers if _carries(worker, begun_by_old)]
        (second,) = [worker for worker in cluster.workers if worker is not first]
        upgraded = cluster.worker(first.folder.name, newer=True)
        await first.terminate()
        await upgraded.start()
        try:
            begun_by_new = await _submitted(lms, upgraded, 3)
            views = [await second.job(job_id) for job_id in (begun_by_old, begun_by_new)]
            assert [view["id"] for view in views] == [begun_by_old, begun_by_new], "either answers for both"
            old, new = await second.ended(begun_by_old), await upgraded.ended(begun_by_new)
        finally:
            await upgraded.stop()
        assert old["state"] == new["state"] == "FINISHED", (old["reason"], new["reason"])
        assert len(_made(upgraded, begun_by_new)) == 3, "only the newer can do it"
        assert _made(second, begun_by_old), "only the older one that is left can do it"
        assert not _made(second, begun_by_new)
        assert [e["executor"] for e in second.log_events() if e["event"] == "taken_over"] == [first.folder.name]
    delivered = [delivery.jobid for delivery in lms.deliveries]
    assert delivered.count(begun_by_old) == delivered.count(begun_by_new) == 1
