"""What the database counts is what DBOS lists: the count reads DBOS's own table."""

import asyncio
from collections import Counter
from pathlib import Path

from dbos import DBOS

from archiveworker.domain.errors import SourceError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import PlannedItem
from archiveworker.domain.secret import Secret
from archiveworker.jobs import counts
from archiveworker.jobs.counts import ActiveJobs, active_jobs, ended_count
from archiveworker.jobs.engine import Engine
from archiveworker.jobs.results import ACTIVE
from archiveworker.jobs.runs import JOB_WORKFLOWS, cancel_workflow_id, parents_of_items, put_away
from tests.fakes.engine import ScriptedLms, ended, idle, running_engine


class Gate:
    """Holds some of the items back; one fails when it comes through.

    Args:
        closed: keys of those that are held back.
        failing: key of the one that fails.
    """

    def __init__(self, *closed: str, failing: str = "") -> None:
        self.closed = frozenset(closed)
        self.failing = failing
        self.waits = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, _job_id: JobId, item: PlannedItem) -> None:
        if item.key in self.closed:
            self.waits.set()
            await self.opened.wait()
        if item.key == self.failing:
            raise SourceError("this one fails")


async def _count(engine: Engine, job_id: JobId, expected: int) -> None:
    """Wait until so many items have ended, which the engine writes down just after they have."""
    async with asyncio.timeout(60):
        while (counted := await ended_count(job_id, 3)) < expected:
            assert (await engine.story(job_id)) is not None
            await asyncio.sleep(0.02)
    assert counted == expected


async def test_what_has_ended_is_counted_and_what_is_tried_again_is_not(tmp_path: Path) -> None:
    gate = Gate("item-3", failing="item-2")
    lms = ScriptedLms(gate)
    async with running_engine(tmp_path, lms) as engine:
        other = await engine.submit(lms.parse({"items": 1}))
        assert (await ended(engine, other))["state"] == "FINISHED"
        job_id = await engine.submit(lms.parse({"items": 3}))
        await gate.waits.wait()
        await _count(engine, job_id, 2)
        listed = await DBOS.list_workflows_async(workflow_id_prefix=f"{job_id}/item/")
        assert counts._by_state(await parents_of_items(job_id)) == Counter(one.status for one in listed)
        gate.opened.set()
        assert (await ended(engine, job_id))["state"] == "FAILED"
        assert await ended_count(job_id, 3) == 3
        again = lms.on_fetch = Gate("item-2")
        await engine.retry(job_id, Secret("token"))
        await again.waits.wait()
        await _count(engine, job_id, 2)
        again.opened.set()
        assert (await ended(engine, job_id))["state"] == "FINISHED"
        assert await ended_count(job_id, 3) == 3


async def test_the_jobs_that_have_not_ended_are_those_that_dbos_lists(tmp_path: Path) -> None:
    gate = Gate("item-1")
    lms = ScriptedLms(gate)
    async with running_engine(tmp_path, lms, jobs_max=2) as engine:
        ended_before = await engine.submit(lms.parse({"items": 0}))
        assert (await ended(engine, ended_before))["state"] == "FINISHED"
        posted = {await engine.submit(lms.parse({"items": 1})) for _ in range(4)}
        await gate.waits.wait()
        before = await active_jobs()
        assert (len(before.running), len(before.queued), before.count) == (1, 3, 4)
        cancelled = before.queued[0]  # jobs of one second have no order on SQLite
        await engine.cancel(cancelled)
        await put_away(cancel_workflow_id(cancelled, 2))
        after = await active_jobs()
        assert {*after.running, *after.queued} == posted - {cancelled}
        listed = await DBOS.list_workflows_async(name=JOB_WORKFLOWS, status=ACTIVE)
        assert {one.workflow_id for one in listed if one.status == "PENDING"} == {*after.running}
        assert {one.workflow_id for one in listed if one.status == "ENQUEUED"} == {*after.queued}
        assert after.oldest_queued_at is not None
        oldest_ms = min(one.created_at for one in listed if one.status == "ENQUEUED")
        assert after.oldest_queued_at.timestamp() * 1000 == oldest_ms
        gate.opened.set()
        for job_id in posted - {cancelled}:
            assert (await ended(engine, job_id))["state"] == "FINISHED"
        await idle(engine)
        assert await active_jobs() == ActiveJobs((), (), None)
