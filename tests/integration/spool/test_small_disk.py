"""The disk is full in the middle of packing: the real engine waits, and packs when the disk has grown."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio
import structlog

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import JobState, OnError, Plan
from archiveworker.domain.ports import ItemSpool
from archiveworker.jobs.engine import Engine
from archiveworker.jobs.tools import JobPolicy
from archiveworker.runtime.spool import LocalSpool
from tests.fakes.engine import started, tools_on
from tests.fakes.small_disk import SmallDisk, small_disk
from tests.unit.jobs.test_delivering import REQUEST, MadeUpLms, NoRenderer

FILE_BYTES = 3 * 1024**2


class LmsWithOneFile(MadeUpLms):
    """Its plan leaves one large file that no packing makes smaller."""

    async def plan(self, spool: ItemSpool) -> Plan:
        file, data = spool.folder / "film.webm", os.urandom(FILE_BYTES)
        file.write_bytes(data)
        at = datetime(2026, 1, 2, tzinfo=UTC)
        made = ArchiveFile(ArchivePath("raw/film.webm"), spool.relative(file), Sha256.of(data), FILE_BYTES, at)
        return Plan(items=(), files=(made,))


@pytest_asyncio.fixture
async def engine_on(tmp_path: Path) -> AsyncIterator[tuple[Engine, SmallDisk]]:
    lms = LmsWithOneFile()
    policy = JobPolicy(poll_interval_s=0.05, item_attempts=1, retry_interval_s=0.05, on_timestamp_error=OnError.REPORT)
    with small_disk(tmp_path / "disk", FILE_BYTES + 1024**2) as disk:
        parts = {
            "sources": {lms.name: lms},
            "renderer": NoRenderer(),
            "spool": LocalSpool(disk.path),
        }
        async with tools_on(tmp_path, policy, **parts) as tools, started(tmp_path, tools) as engine:
            yield engine, disk


async def test_packing_waits_for_room(engine_on: tuple[Engine, SmallDisk]) -> None:
    engine, disk = engine_on
    with structlog.testing.capture_logs() as log:
        job_id = await engine.submit(REQUEST)
        async with asyncio.timeout(60):
            while not any(event["event"] == "spool_full" for event in log):
                await asyncio.sleep(0.02)
        assert "No space left on device" in (await engine.troubles())["disk"]
        assert (await engine.job_view(job_id))["state"] == "FINALIZING"
        disk.grow(4 * FILE_BYTES)
        async with asyncio.timeout(60):
            while not JobState((view := await engine.job_view(job_id))["state"]).is_final:
                await asyncio.sleep(0.02)
    assert view["reason"] == ""
    assert view["state"] == "FINISHED"
    assert [event["event"] for event in log].count("spool_full") == 1
    assert (await engine.troubles())["disk"] == ""
