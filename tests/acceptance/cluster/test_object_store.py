"""Workers that share a database and an object store, and no disk: what one has rendered another packs."""

import asyncio
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from archiveworker.demo.server import DemoServer
from tests.fakes.cluster import running_cluster
from tests.fakes.postgres import PostgresServer
from tests.fakes.s3 import KEY, S3Server
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]

ATTEMPTS = 4


def archived(worker: WorkerProcess) -> list[str]:
    """Return the items that a worker has rendered, oldest first."""
    return [event["item"] for event in worker.log_events() if event["event"] == "item_archived"]


async def test_one_packs_what_the_other_rendered(
    lms: DemoServer, postgres: PostgresServer, s3: S3Server, tmp_path: Path
) -> None:
    bucket = s3.make_bucket()
    settings = {"SPOOL_DIR": "", "SPOOL_URL": s3.url(bucket), "SPOOL_KEY": KEY.reveal(), "ITEMS_IN_FLIGHT_COUNT": "1"}
    database = postgres.create_database("object_store")
    async with running_cluster(lms, tmp_path, database, 2, **settings) as cluster:
        ids = [attempt.attemptid for attempt in lms.course.attempts][:ATTEMPTS]
        status, answer = await lms.submit(cluster.workers[0].url, lms.request(7, itemids=ids, backups=False))
        assert status == 200, answer
        async with asyncio.timeout(600):
            # One at a time: when the second is there, the first is in the database.
            while not (ahead := [worker for worker in cluster.workers if len(archived(worker)) > 1]):
                await asyncio.sleep(0.05)
        lost = ahead[0]
        (survivor,) = (worker for worker in cluster.workers if worker is not lost)
        await lost.kill()
        rendered = archived(lost)
        view = await cluster.ended(answer["jobid"], limit_s=600)
        assert (view["state"], view["reason"]) == ("FINISHED", "")
        assert rendered[0] not in archived(survivor), "it packed what it had not rendered"
        packed = [event for event in survivor.log_events() if event["event"] == "archive_packed"]
        assert len(packed) == 1
        assert len([d for d in lms.deliveries if d.jobid == answer["jobid"]]) == 1
        async with asyncio.timeout(120):
            # What is left when the job has been cleaned up, which is after its end.
            while {key.split("/")[1] for key in s3.keys(bucket)} != {"evidence", ".archiveworker-spool"}:
                await asyncio.sleep(0.1)
        await lost.start()
        async with aiohttp.ClientSession() as session:
            for name in view["evidence"]:
                path = f"/jobs/{answer['jobid']}/evidence/{quote(name)}"
                served = [await (await session.get(worker.url + path)).read() for worker in cluster.workers]
                assert served == [s3.objects(bucket)[f"exams/evidence/{answer['jobid']}/{name}"]] * 2, "any serves it"
        assert KEY.reveal().partition(":")[2] not in "".join(worker.log.read_text() for worker in cluster.workers)
