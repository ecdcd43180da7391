"""What a retry begins with: what was made and kept is not made again, what was deleted is, or is not to be had."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from archiveworker.domain.errors import ConflictError, SourceError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import PlannedItem
from archiveworker.domain.secret import Secret
from archiveworker.jobs.tools import JobPolicy
from archiveworker.runtime.clock import SystemClock
from tests.fakes.engine import ScriptedLms, ended, running_engine, started, tools_on


class MovableClock(SystemClock):
    """The machine's clock, some days ahead."""

    days_ahead = 0

    def now(self) -> datetime:
        """Return the time, with what it is ahead."""
        return super().now() + timedelta(days=self.days_ahead)


async def test_a_cancelled_job_is_retried_from_its_first_item(tmp_path: Path) -> None:
    comes_to_the_last, let_go = asyncio.Event(), asyncio.Event()

    async def hold_the_last(_job_id: JobId, item: PlannedItem) -> None:
        if item.key == "item-3":
            comes_to_the_last.set()
            await let_go.wait()

    lms = ScriptedLms(hold_the_last)
    async with running_engine(tmp_path, lms) as engine:
        job_id = await engine.submit(lms.parse({"items": 3}))
        await comes_to_the_last.wait()
        async with asyncio.timeout(60):
            while (await engine.job_view(job_id))["progress"]["items_done"] < 2:
                await asyncio.sleep(0.02)
        await engine.cancel(job_id)
        let_go.set()
        cancelled = await ended(engine, job_id)
        assert (cancelled["state"], cancelled["progress"]["items_done"]) == ("CANCELLED", 3)
        lms.on_fetch = None
        asked = len(lms.asked)
        await engine.retry(job_id, Secret("token"))
        again = await ended(engine, job_id)
        assert (again["state"], again["reason"]) == ("FINISHED", "")
        assert sorted(key for _, key in lms.asked[asked:]) == ["item-1", "item-2", "item-3"]


async def test_a_failed_job_is_not_retried_without_the_files_that_it_had_made(tmp_path: Path) -> None:
    """Not even begun: at the end of a run of hours it would turn out that half of the archive is gone."""

    async def fail_the_last(_job_id: JobId, item: PlannedItem) -> None:
        if item.key == "item-2":
            raise SourceError("this one fails")

    lms, clock = ScriptedLms(fail_the_last), MovableClock()
    policy = JobPolicy(poll_interval_s=0.05, retry_interval_s=0.01)
    async with (
        tools_on(tmp_path, policy, sources={lms.name: lms}, clock=clock) as tools,
        started(tmp_path, tools, 5) as engine,
    ):
        job_id = await engine.submit(lms.parse({"items": 2}))
        assert (await ended(engine, job_id))["state"] == "FAILED"
        await engine.sweep()
        await engine.retry(job_id, Secret("token"))
        assert (await ended(engine, job_id))["state"] == "FAILED", "within seven days it is tried"
        assert sorted(key for _, key in lms.asked) == ["item-1", "item-2", "item-2"]
        clock.days_ahead = 8
        await engine.sweep()
        with pytest.raises(ConflictError, match="ARCHIVEWORKER_KEEP_FAILED_DAYS after its end; post it again"):
            await engine.retry(job_id, Secret("token"))
        assert (await engine.job_view(job_id))["state"] == "FAILED"
        assert await tools.secrets.get(job_id) is None
