"""What an administrator does while jobs run: change the key, turn the log up and down."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from archiveworker.demo.server import DemoServer
from archiveworker.runtime.sealed import new_key
from tests.acceptance.conftest import finished
from tests.fakes.collector import Collector
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]


async def items_done(worker: WorkerProcess, job_id: str, count: int) -> None:
    async with asyncio.timeout(600):
        while (await worker.job(job_id))["progress"]["items_done"] < count:
            await asyncio.sleep(0.05)


async def test_a_job_survives_a_rotation_of_the_key(lms: DemoServer, tmp_path: Path) -> None:
    """It begins under the old key, goes on under both, and ends under the new one alone."""
    old, new = new_key().reveal(), new_key().reveal()
    (tmp_path / "keys").write_text(f"{new}\n{old}\n")
    under = [{"SECRET_KEY": old}, {"SECRET_KEY_FILE": str(tmp_path / "keys")}, {"SECRET_KEY": new}]
    common = {"ITEMS_IN_FLIGHT_COUNT": "1", "SHUTDOWN_GRACE_S": "0", "JOB_ROW_GRACE_S": "5"}
    workers = [WorkerProcess(tmp_path, {**common, **keys}) for keys in under]
    ids = [attempt.attemptid for attempt in lms.course.attempts]
    try:
        await workers[0].start()
        _, answer = await lms.submit(workers[0].url, lms.request(7, itemids=ids, backups=False))
        await items_done(workers[0], answer["jobid"], 1)
        await workers[0].terminate()
        await workers[1].start()
        await items_done(workers[1], answer["jobid"], 2)
        await workers[1].terminate()
        await workers[2].start()
        view = await workers[2].ended(answer["jobid"], limit_s=900)
    finally:
        for worker in workers:
            await worker.stop()
    assert view["state"] == "FINISHED", view
    assert view["progress"]["items_done"] == len(ids)
    assert [event["count"] for event in workers[2].log_events() if event["event"] == "sealed_anew"] == [1]


async def test_the_log_is_turned_up_and_down(lms: DemoServer, tmp_path: Path) -> None:
    worker = WorkerProcess(tmp_path, {"LOG_LEVEL": "WARNING"})

    def changes() -> list[str]:
        return [event["level_now"] for event in worker.log_events() if event["event"] == "log_level_changed"]

    async def change(number: signal.Signals, wanted: list[str]) -> None:
        os.kill(worker.pid, number)
        async with asyncio.timeout(30):
            while changes() != wanted:
                await asyncio.sleep(0.02)

    await worker.start()
    try:
        assert {event["level"] for event in worker.log_events()} <= {"warning", "error"}
        quiet = len(worker.log_events())
        await change(signal.SIGUSR1, ["DEBUG"])
        await finished(lms, worker, lms.request(7, itemids=[lms.course.attempts[0].attemptid], backups=False))
        assert "debug" in {event["level"] for event in worker.log_events()[quiet:]}
        await change(signal.SIGUSR2, ["DEBUG", "WARNING"])
    finally:
        await worker.stop()


async def test_a_collector_sees_where_the_time_goes(lms: DemoServer, tmp_path: Path) -> None:
    async with Collector() as collector:
        settings = {"TRACES_URL": collector.url, "TSA_URLS": lms.tsa_url, "TSA_CA": str(lms.authority.root_pem)}
        worker = WorkerProcess(tmp_path, settings)
        await worker.start()
        request = lms.request(7, itemids=[attempt.attemptid for attempt in lms.course.attempts][:2], backups=False)
        try:
            await finished(lms, worker, request)
            assert await worker.terminate() == 0
        finally:
            await worker.stop()
    spans = {span.span_id: span for span in collector.spans}
    names = [span.name for span in collector.spans]
    assert names.count("archive_job") == 1
    assert names.count("archive_item") == 4, "each item is a workflow, and a step in it"
    for part in ("fetch", "render"):
        mine = [span for span in collector.spans if span.name == part]
        assert len(mine) == 2
        for span in mine:
            assert spans[span.parent_id].name == "archive_item"
            assert span.took_s > 0
    assert {"stamp_manifest", "pack", "stamp_archive"} <= set(names)
    assert {span.service for span in collector.spans} == {"archiveworker"}
    assert request["wstoken"].encode() not in collector.raw
