"""What the database counts is what DBOS lists: the count reads DBOS's own table."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from dbos import DBOS, SetWorkflowID

from archiveworker.domain.ids import JobId, new_job_id
from archiveworker.jobs import progress
from archiveworker.jobs.progress import ended_count

GATES: dict[str, asyncio.Event] = {}


@DBOS.workflow(name="item_of_test_progress")
async def item(gate: str, fails: bool) -> str:
    if gate:
        await GATES[gate].wait()
    if fails:
        raise ValueError("this one fails")
    return gate


@pytest_asyncio.fixture
async def job_id(tmp_path: Path) -> AsyncIterator[JobId]:
    DBOS(config={"name": "progress", "system_database_url": f"sqlite:///{tmp_path}/db.sqlite", "log_level": "CRITICAL"})
    DBOS.launch()
    yield new_job_id()
    await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)


async def _start(workflow_id: str, gate: str = "", *, fails: bool = False) -> None:
    with SetWorkflowID(workflow_id):
        handle = await DBOS.start_workflow_async(item, gate, fails)
    if fails:
        with pytest.raises(ValueError, match="fails"):
            await handle.get_result(polling_interval_sec=0.05)
    elif not gate:
        await handle.get_result(polling_interval_sec=0.05)


async def test_what_has_ended_is_counted_and_what_is_tried_again_is_not(job_id: JobId) -> None:
    GATES["first"], GATES["again"] = asyncio.Event(), asyncio.Event()
    await _start(f"{job_id}/item/attempt-1/1")
    await _start(f"{job_id}/item/attempt-2/1", fails=True)
    await _start(f"{job_id}/item/attempt_3/1", "first")
    await _start(f"{new_job_id()}/item/attempt-1/1")
    assert await ended_count(job_id, 3) == 2
    listed = await DBOS.list_workflows_async(workflow_id_prefix=f"{job_id}/item/")
    assert progress._by_state(job_id) == Counter(one.status for one in listed)
    GATES["first"].set()
    await (await DBOS.retrieve_workflow_async(f"{job_id}/item/attempt_3/1")).get_result(polling_interval_sec=0.05)
    assert await ended_count(job_id, 3) == 3
    await _start(f"{job_id}/item/attempt-2/2", "again")
    assert await ended_count(job_id, 3) == 2
    GATES["again"].set()
    await (await DBOS.retrieve_workflow_async(f"{job_id}/item/attempt-2/2")).get_result(polling_interval_sec=0.05)
    assert await ended_count(job_id, 3) == 3
