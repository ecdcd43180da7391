"""What the engine puts away: working files of jobs that ended long ago, tokens that a crash left behind."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from dbos import DBOS

from archiveworker.domain.document import Document, RenderedDocument, RenderOptions
from archiveworker.domain.ids import JobId, new_job_id
from archiveworker.domain.secret import Secret
from archiveworker.jobs.engine import Engine
from archiveworker.jobs.tools import JobPolicy, JobTools
from tests.fakes.engine import started, tools_on

FORGOTTEN = new_job_id()
"""Has files, but no workflow."""


class FixedClock:
    """A clock that stands still."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def monotonic_s(self) -> float:
        return self.time.timestamp()


class NoRenderer:
    """These tests render nothing."""

    async def render(self, document: Document, options: RenderOptions, out_dir: Path) -> RenderedDocument:
        raise AssertionError("nothing is rendered here")


@pytest_asyncio.fixture
async def parts(tmp_path: Path) -> AsyncIterator[tuple[Engine, JobTools]]:
    others = {
        "renderer": NoRenderer(),
        "clock": FixedClock(datetime.now(UTC) + timedelta(days=30)),
    }
    async with tools_on(tmp_path, JobPolicy(poll_interval_s=0.05), **others) as tools:
        await tools.secrets.put(JobId("orphan"), Secret("left behind"))
        # Before the start: the engine sweeps at once, and what is being written then may be swept away.
        for name in ("items/attempt-1", "evidence"):
            (tools.spool.item(FORGOTTEN, name).folder / "file").write_bytes(b"x")
        async with started(tmp_path, tools, executor_id="housekeeping") as engine:
            yield engine, tools


async def test_a_token_without_a_job_is_erased_at_the_start(parts: tuple[Engine, JobTools]) -> None:
    assert await parts[1].secrets.job_ids() == []


async def test_files_without_a_job_go_and_evidence_stays(parts: tuple[Engine, JobTools]) -> None:
    engine, tools = parts
    await asyncio.gather(engine.sweep(), engine.sweep())
    assert [p.name for p in tools.spool.job_folder(FORGOTTEN).iterdir()] == ["evidence"]
    assert tools.spool.jobs_with_files(besides=frozenset({"evidence"})) == []


async def test_an_unknown_job_has_no_story(parts: tuple[Engine, JobTools]) -> None:
    status: dict[str, Any] = await parts[0].worker_status()
    assert status["status"] == "IDLE"
    assert await parts[0].story(new_job_id()) is None
    assert await parts[0].jobs(5) == []
    assert DBOS.executor_id == "housekeeping"
