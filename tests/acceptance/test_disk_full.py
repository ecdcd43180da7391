"""A whole worker whose disk is full: its jobs wait, it says so, and they go on by themselves when there is room."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archiveworker.demo.server import DemoServer
from tests.fakes.small_disk import SmallDisk, small_disk
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

MIN_FREE_BYTES = 16 * 1024**2


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 96 * 1024**2) as mounted:
        yield mounted


async def logged(worker: WorkerProcess, event: str, limit_s: float = 300) -> dict[str, Any]:
    """Wait until the worker has logged ``event``; return the first such line."""
    async with asyncio.timeout(limit_s):
        while not (found := [line for line in worker.log_events() if line["event"] == event]):
            await asyncio.sleep(0.1)
    return found[0]


async def ready(worker: WorkerProcess) -> tuple[int, str]:
    status, answer, _ = await worker.request("GET", "/health/ready")
    return status, answer["checks"]["disk"]


@pytest.mark.parametrize("min_free_bytes", [MIN_FREE_BYTES, 0], ids=["below the limit", "in the middle of an item"])
async def test_jobs_wait_for_room(lms: DemoServer, disk: SmallDisk, tmp_path: Path, min_free_bytes: int) -> None:
    settings = {"SPOOL_DIR": str(disk.path / "jobs"), "MIN_FREE_BYTES": str(min_free_bytes), "TSA_URLS": lms.tsa_url}
    worker = WorkerProcess(tmp_path / "worker", settings)
    await worker.start()
    try:
        disk.fill(leave_bytes=min(min_free_bytes, MIN_FREE_BYTES) // 2 or 16 * 1024)
        ids = [attempt.attemptid for attempt in lms.course.attempts][:2]
        status, answer = await lms.submit(worker.url, lms.request(7, itemids=ids, backups=False))
        assert status == 200, answer
        said = await logged(worker, "spool_full")
        assert ("ARCHIVEWORKER_MIN_FREE_BYTES" if min_free_bytes else "No space left on device") in said["reason"]
        assert (await ready(worker))[0] == 503
        view = await worker.job(answer["jobid"])
        assert (view["state"], view["reason"]) == ("RUNNING", ""), "it waits"
        disk.clear()
        view = await worker.ended(answer["jobid"], limit_s=600)
        assert (view["state"], view["reason"]) == ("FINISHED", "")
        assert len([d for d in lms.deliveries if d.jobid == answer["jobid"]]) == 1
        assert await ready(worker) == (200, "ok")
        events = [line["event"] for line in worker.log_events()]
        assert (events.count("spool_full"), events.count("spool_has_room")) == (1, 1), "said once"
        assert "item_failed" not in events
    finally:
        await worker.stop()


async def test_a_job_that_waits_for_room_can_be_cancelled(lms: DemoServer, disk: SmallDisk, tmp_path: Path) -> None:
    settings = {"SPOOL_DIR": str(disk.path / "jobs"), "MIN_FREE_BYTES": str(MIN_FREE_BYTES), "TSA_URLS": lms.tsa_url}
    worker = WorkerProcess(tmp_path / "worker", settings)
    await worker.start()
    try:
        disk.fill(leave_bytes=MIN_FREE_BYTES // 2)
        _, answer = await lms.submit(worker.url, lms.request(7, backups=False))
        await logged(worker, "spool_full")
        status, body, _ = await worker.request("POST", f"/jobs/{answer['jobid']}/cancel")
        assert status == 200, body
        assert (await worker.ended(answer["jobid"], limit_s=600))["state"] == "CANCELLED"
    finally:
        await worker.stop()


async def test_a_killed_worker_leaves_no_folders_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    first, second = WorkerProcess(tmp_path / "1", {}), WorkerProcess(tmp_path / "2", {})
    try:
        await asyncio.gather(first.start(), second.start())
        before = {folder.name for folder in temporary.glob("archiveworker-chromium-*")}
        assert len(before) == 2
        await first.kill()
        await first.start()
        after = {folder.name for folder in temporary.glob("archiveworker-chromium-*")}
        assert len(after) == 2, "the one that lives, and a new one"
        assert len(before & after) == 1
    finally:
        await asyncio.gather(first.stop(), second.stop())
    assert list(temporary.glob("archiveworker-*")) == []
