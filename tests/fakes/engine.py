"""The real engine in this process, on SQLite, with items that do nothing but what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveRequest, FetchedItem, PlannedItem
from archiveworker.domain.ports import ItemSpool
from archiveworker.domain.secret import Secret
from archiveworker.jobs.engine import Engine, EngineConfig
from archiveworker.jobs.tools import JobPolicy, JobTools
from archiveworker.runtime.clock import SystemClock
from archiveworker.runtime.retry_ledger import RetryLedger
from archiveworker.runtime.sealed import SealedTokens, load_or_create_keys
from archiveworker.runtime.spool import LocalSpool
from tests.tools.bench_engine import NoConnection, NoRenderer, Nothing

OnFetch = Callable[[JobId, PlannedItem], Awaitable[None]]


class ScriptedLms(Nothing):
    """An LMS whose items are as the test says; notes which were asked for.

    Args:
        on_fetch: awaited for each item before it is there; what it raises, the LMS raises.
    """

    def __init__(self, on_fetch: OnFetch | None = None) -> None:
        self.on_fetch = on_fetch
        self.asked: list[tuple[JobId, str]] = []

    @asynccontextmanager
    async def connect(self, request: ArchiveRequest, job_id: JobId | None) -> AsyncIterator["ScriptedConnection"]:
        assert job_id is not None
        yield ScriptedConnection(self, job_id, int(str(request.payload["items"])))


class ScriptedConnection(NoConnection):
    """See ``ScriptedLms``."""

    def __init__(self, lms: ScriptedLms, job_id: JobId, item_count: int) -> None:
        super().__init__(item_count)
        self._lms, self._job_id = lms, job_id

    async def fetch_item(self, item: PlannedItem, spool: ItemSpool) -> FetchedItem:
        self._lms.asked.append((self._job_id, item.key))
        if self._lms.on_fetch is not None:
            await self._lms.on_fetch(self._job_id, item)
        return await super().fetch_item(item, spool)


@asynccontextmanager
async def tools_on(folder: Path, policy: JobPolicy, **others: Any) -> AsyncIterator[JobTools]:
    """Give what an engine works with, on a database in ``folder``; ``others`` are fields of ``JobTools``."""
    database = sa.create_engine(_url(folder))
    given: dict[str, Any] = {
        "sources": {},
        "renderer": NoRenderer(),
        "timestamper": None,
        "secrets": SealedTokens(database, load_or_create_keys(folder / "key")),
        "spool": LocalSpool(folder / "jobs"),
        "clock": SystemClock(),
        "software": "test",
        "retries": RetryLedger(database),
        **others,
    }
    try:
        yield JobTools(policy=policy, **given)
    finally:
        database.dispose()


@asynccontextmanager
async def started(
    folder: Path, tools: JobTools, grace_s: float = 0, executor_id: str = "test"
) -> AsyncIterator[Engine]:
    """Run an engine with ``tools`` of ``tools_on``; at the end what is in flight gets ``grace_s``."""
    config = EngineConfig(Secret(_url(folder)), executor_id, keep_failed_days=7, instance_name=str(folder))
    engine = Engine(tools, config)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop(grace_s)


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/db.sqlite"


@asynccontextmanager
async def running_engine(folder: Path, lms: ScriptedLms, **policy: Any) -> AsyncIterator[Engine]:
    """Run an engine whose only source is ``lms``; ``policy`` is that of ``JobPolicy``."""
    chosen = JobPolicy(**{"poll_interval_s": 0.05, "retry_interval_s": 0.01, "compression_level": 0, **policy})
    async with tools_on(folder, chosen, sources={lms.name: lms}) as tools, started(folder, tools, 5) as engine:
        yield engine


async def ended(engine: Engine, job_id: JobId, limit_s: float = 400) -> Mapping[str, Any]:
    """Wait until a job has ended; return its view."""
    async with asyncio.timeout(limit_s):
        while (story := await engine.story(job_id)) is None or not story.state.is_final:
            await asyncio.sleep(0.05)
    return await engine.job_view(job_id)


async def idle(engine: Engine, limit_s: float = 60) -> None:
    """Wait until no job is active: the engine writes down that a job has ended just after the job has said so."""
    async with asyncio.timeout(limit_s):
        while (await engine.worker_status())["status"] != "IDLE":
            await asyncio.sleep(0.02)
