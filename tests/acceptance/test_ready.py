"""``/health/ready`` says whether jobs could be done now, by trying what they need."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

OK = {"database": "ok", "browser": "ok", "disk": "ok", "draining": "ok"}


async def test_a_worker_that_can_work_is_ready(worker: WorkerProcess) -> None:
    assert (await worker.request("GET", "/health/ready"))[:2] == (200, {"status": "ok", "checks": OK})
    assert (await worker.request("GET", "/health/ready"))[0] == 200


async def test_a_full_disk(tmp_path: Path) -> None:
    async with WorkerProcess(tmp_path, {"MIN_FREE_BYTES": str(2**62)}) as own:
        status, answer, _ = await own.request("GET", "/health/ready")
    assert (status, answer["status"]) == (503, "unavailable")
    assert "ARCHIVEWORKER_MIN_FREE_BYTES" in answer["checks"].pop("disk")
    assert set(answer["checks"].values()) == {"ok"}


async def test_a_browser_that_does_not_start_and_then_does(tmp_path: Path, public_folder: Path) -> None:
    broken, marker = public_folder / "chromium", public_folder / "works"
    broken.write_text(f'#!/bin/sh\n[ -e {marker} ] && exec chromium-headless-shell "$@"\necho Chromium 1.0\nexit 3\n')
    broken.chmod(0o755)
    async with WorkerProcess(tmp_path, {"CHROMIUM": str(broken)}) as own:
        status, answer, _ = await own.request("GET", "/health/ready")
        assert status == 503
        assert answer["checks"].pop("browser") not in ("", "ok")
        assert set(answer["checks"].values()) == {"ok"}
        marker.touch()
        assert (await own.request("GET", "/health/ready"))[:2] == (200, {"status": "ok", "checks": OK})


async def test_a_database_that_is_damaged_under_the_worker(tmp_path: Path) -> None:
    async with WorkerProcess(tmp_path, {}) as own:
        with closing(sqlite3.connect(own.data / "archiveworker.sqlite")) as database:
            database.execute("ALTER TABLE workflow_status RENAME TO taken_away")
            status, answer, _ = await own.request("GET", "/health/ready")
            database.execute("ALTER TABLE taken_away RENAME TO workflow_status")
        assert status == 503
        assert answer["checks"].pop("database") == "The check of the database failed; the worker's log has the details."
        assert set(answer["checks"].values()) == {"ok"}
        assert (await own.request("GET", "/health/ready"))[0] == 200
