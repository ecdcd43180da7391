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
async def running_engine(folder: Path, lms: ScriptedLms, **policy: Any) -> AsyncIterator[Engine]:
    """Run an engine whose only source is ``lms``; ``policy`` is that of ``JobPolicy``."""
    url = f"sqlite:///{folder}/db.sqlite"
    database = sa.create_engine(url)
    tools = JobTools(
        sources={lms.name: lms},
        renderer=NoRenderer(),
        timestamper=None,
        secrets=SealedTokens(database, load_or_create_keys(folder / "key")),
        spool=LocalSpool(folder / "jobs"),
        clock=SystemClock(),
        policy=JobPolicy(**{"poll_interval_s": 0.05, "retry_interval_s": 0.01, "compression_level": 0, **policy}),
        software="test",
        retries=RetryLedger(database),
    )
    engine = Engine(tools, EngineConfig(Secret(url), "test", keep_failed_days=7, instance_name=str(folder)))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop(5)
        database.dispose()


async def ended(engine: Engine, job_id: JobId, limit_s: float = 400) -> Mapping[str, Any]:
    """Wait until a job has ended; return its view."""
    async with asyncio.timeout(limit_s):
        while (story := await engine.story(job_id)) is None or not story.state.is_final:
            await asyncio.sleep(0.05)
    return await engine.job_view(job_id)
