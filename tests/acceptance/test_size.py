"""One very large job: memory of all processes together, and disk as computed beforehand."""

import asyncio
import contextlib
import copy
import hashlib
import itertools
import os
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from archiveworker.demo import large_backup
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import LmsOptions
from tests.acceptance.faults.trouble import SHORT_PAGES, started
from tests.fakes.worker import FINAL
from tests.tools.figures import Figures
from tests.tools.processes import Meter

BACKUPS = 3
"""A file in a tar.gz may have 8 GiB at most."""
MEMORY_MAX_BYTES = 2 * 1024**3
OTHER_BYTES = 64 * 1024**2
"""Index page, manifest, time-stamps, reports: all that a job needs beside its content twice."""
_MIB = 1024**2
SETTINGS = {
    "LOG_LEVEL": "INFO",
    "POLL_INTERVAL_S": "1",
    "LMS_TIMEOUT_S": "120",
    "LMS_RETRY_S": "120",
    "TSA_TIMEOUT_S": "60",
    "READY_TIMEOUT_S": "200",
    "RENDER_TIMEOUT_S": "400",
    "ITEM_ATTEMPTS_COUNT": "4",
    "ITEMS_IN_FLIGHT_COUNT": "8",
    "PDF_PROFILE": "3a",
}


@dataclass
class Disk:
    """Looks at how much room a folder takes, all the time.

    Attributes:
        folder: see there.
        peak_bytes: the most that was seen.
    """

    folder: Path
    peak_bytes: int = 0
    seen: list[int] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        async def look() -> None:
            while True:
                self.seen.append(await asyncio.to_thread(_taken_bytes, self.folder))
                self.peak_bytes = max(self.peak_bytes, self.seen[-1])
                await asyncio.sleep(1)

        task = asyncio.create_task(look())
        try:
            yield
        finally:
            task.cancel()


def _taken_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):  # which takes no offence at a folder that has just been removed
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(parent, name).lstat().st_blocks * 512
    return total


async def _left(folder: Path) -> int:
    """Return the room that is taken when the job has been cleaned up, which is a moment after it is FINISHED."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(120):
            while _taken_bytes(folder) > OTHER_BYTES:
                await asyncio.sleep(0.5)
    return _taken_bytes(folder)


def _request(lms: DemoServer, count: int) -> dict[str, Any]:
    """Return a job of ``count`` attempts with three backups: the plugin's two, and the course's once more."""
    ids = [attempt.attemptid for attempt in lms.course.attempts][:count]
    request = lms.request(7, itemids=ids, sections_off=SHORT_PAGES)
    backups = request["task_moodle_backups"]
    another = copy.deepcopy(backups[1])
    name = another["filename"]
    another["filename"] = name.replace("course-backup", "course-backup-more")
    another["file_download_url"] = another["file_download_url"].replace(name, another["filename"])
    another["backupid"] = hashlib.sha256(another["filename"].encode()).hexdigest()[:32]
    backups.append(another)
    return request


def _digest(name: str, payload_bytes: int) -> str:
    digest = hashlib.sha256()
    for block in large_backup.blocks(name, payload_bytes):
        digest.update(block)
    return digest.hexdigest()


@pytest.mark.chromium
@pytest.mark.openssl
@pytest.mark.slow
@pytest.mark.soak
async def test_a_very_large_job(is_soak: bool, tmp_path: Path, figures: Figures) -> None:
    """Twenty attempts and 0.2 GB of backups (2,000 and 20 GB with --soak)."""
    count, payload_mib = (2000, 6400) if is_soak else (20, 64)
    payload_bytes = payload_mib * _MIB
    backups_bytes = BACKUPS * large_backup.size_bytes(payload_bytes)
    assert shutil.disk_usage(tmp_path).free > 2.5 * backups_bytes, "there is no room for this test"
    moodle = LmsOptions(row_delay_s=0.0, backup_bytes=payload_bytes, keeps_archives=False)
    options = DemoOptions(seed=11, attempts=count, workdir=tmp_path / "lms", lms=moodle)
    began_s = time.monotonic()
    async with (
        DemoServer(options) as lms,
        started(lms, tmp_path / "worker", lms.tsa_url, **SETTINGS) as worker,
    ):
        request = _request(lms, count)
        disk = Disk(worker.data)
        async with Meter(worker.pid) as meter, disk.watched():
            _, answer = await lms.submit(worker.url, request)
            job_id = answer["jobid"]
            while await worker.state(job_id) not in FINAL:
                await asyncio.sleep(1)
        view = await worker.job(job_id)
        _, manifest, _ = await worker.request("GET", f"/jobs/{job_id}/evidence/manifest-sha256.txt")
        _, report, _ = await worker.request("GET", f"/jobs/{job_id}/evidence/report.json")
        left_bytes = await _left(worker.data / "jobs")
    items_bytes = sum(item["size_bytes"] for item in view["items"])
    computed_bytes = 2 * (backups_bytes + items_bytes) + OTHER_BYTES
    seconds = _seconds(view)
    figures.add(
        "size",
        {
            "attempts": count,
            "backups_gb": round(backups_bytes / 1e9, 2),
            "archive_gb": round((view["archive"] or {}).get("size_bytes", 0) / 1e9, 2),
            "state": view["state"],
            "memory_peak_mib": round(meter.peak_bytes / _MIB),
            "disk_computed_gb": round(computed_bytes / 1e9, 2),
            "disk_peak_gb": round(disk.peak_bytes / 1e9, 2),
            "disk_left_mb": round(left_bytes / 1e6, 1),
            "items_mb": round(items_bytes / 1e6),
            **seconds,
            "wall_s": round(time.monotonic() - began_s),
            "cpu_s": round(meter.cpu_s),
        },
    )
    assert view["state"] == "FINISHED", view["reason"]
    assert report["verdict"] == "good"
    (delivery,) = lms.deliveries
    assert delivery.sha256 == view["archive"]["sha256"]
    assert delivery.size_bytes == view["archive"]["size_bytes"]
    for backup in request["task_moodle_backups"]:
        digest = await asyncio.to_thread(_digest, backup["filename"], payload_bytes)
        assert f"{digest}  backups/{backup['filename']}" in manifest.splitlines()
    assert sum(line.endswith(".pdf") and "  attempts/" in line for line in manifest.splitlines()) >= count
    assert meter.peak_bytes < MEMORY_MAX_BYTES
    assert 0.9 * 2 * backups_bytes < disk.peak_bytes < 1.02 * computed_bytes
    assert left_bytes < OTHER_BYTES, "only evidence is kept"


def _seconds(view: dict[str, Any]) -> dict[str, int]:
    """Return how long the job was in each state."""
    times = [(entry["state"], datetime.fromisoformat(entry["at"])) for entry in view["history"]]
    pairs = itertools.pairwise(times)
    return {f"{state.lower()}_s": round((until - since).total_seconds()) for (state, since), (_, until) in pairs}
