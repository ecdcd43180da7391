"""Which of the engine's workflows belong to a job: its runs, its redeliveries, the end of a cancelled one, and items.

They are asked for by whole names, and items by their parents' names, because that is what the engine's tables have
indexes for; the beginning of a name is looked for in every row there is, on SQLite and on most PostgreSQL databases.
Accepted risk: whoever cancels a job with a worker older than this module makes a name with the time in it; jobs whose
newest known run the engine holds as cancelled are therefore looked for by the beginning of the name as well.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from dbos import DBOS, WorkflowHandleAsync, WorkflowStatus

from archiveworker.domain.errors import ConflictError
from archiveworker.domain.ids import ItemKey, JobId

RUN: Final = "archive_job"
REDELIVERY: Final = "redeliver_job"
ABANDON: Final = "abandon_job"
JOB_WORKFLOWS: Final = [RUN, ABANDON, REDELIVERY]
"""Names of the workflows of jobs; all others are those of items."""

_AT_ONCE: Final = 4
"""How many numbers of runs are looked for at once; most jobs have one."""
_JOBS_AT_ONCE: Final = 100
_PUT_AWAY_S: Final = 10.0
_PUT_AWAY_POLL_S: Final = 0.1
_MAX_NUMBER: Final = 10**6
"""Whatever is larger is a time, with which older workers named the end of a cancelled job."""


def run_workflow_id(job_id: JobId, run: int) -> str:
    """Return the engine's name for a run of a job; 1 is the first."""
    return job_id if run == 1 else f"{job_id}/run/{run}"


def redelivery_workflow_id(job_id: JobId, run: int) -> str:
    """Return the engine's name for another try to deliver a job's kept archive."""
    return f"{job_id}/redeliver/{run}"


def cancel_workflow_id(job_id: JobId, run: int) -> str:
    """Return the engine's name for the end of a cancelled job."""
    return f"{job_id}/cancel/{run}"


def next_number(runs: Sequence[WorkflowStatus]) -> int:
    """Return the number for a job's next run, redelivery or end.

    Args:
        runs: see ``runs_of``.
    """
    return 1 + max([len(runs), *(_number(run.workflow_id) for run in runs)])


async def runs_of(job_id: JobId, *, load: bool = False) -> list[WorkflowStatus]:
    """Return a job's workflows but its items, oldest first; none when there is no such job.

    Args:
        job_id: of the job.
        load: their arguments and results as well.
    """
    return (await runs_of_each([job_id], load=load))[job_id]


async def runs_of_each(job_ids: Sequence[JobId], *, load: bool = False) -> dict[JobId, list[WorkflowStatus]]:
    """Return ``runs_of`` of each of several jobs."""
    found: dict[JobId, list[WorkflowStatus]] = {}
    for first in range(0, len(job_ids), _JOBS_AT_ONCE):
        found.update(await _runs_by_name(job_ids[first : first + _JOBS_AT_ONCE], load=load))
    for job_id, runs in found.items():
        if runs and runs[-1].status == "CANCELLED":
            found[job_id] = await _runs_by_beginning(job_id, load=load)
    return found


async def _runs_by_name(job_ids: Sequence[JobId], *, load: bool) -> dict[JobId, list[WorkflowStatus]]:
    found: dict[JobId, list[WorkflowStatus]] = {job_id: [] for job_id in job_ids}
    left, first = set(job_ids), 1
    while left:
        last = first + _AT_ONCE - 1
        names = [name for job_id in left for number in range(first, last + 1) for name in _names(job_id, number)]
        listed = await DBOS.list_workflows_async(workflow_ids=names, load_input=load, load_output=load)
        for run in sorted(listed, key=lambda run: _number(run.workflow_id)):
            found[job_of(run.workflow_id)].append(run)
        left = {job_of(run.workflow_id) for run in listed if _number(run.workflow_id) == last}
        first = last + 1
    return found


async def _runs_by_beginning(job_id: JobId, *, load: bool) -> list[WorkflowStatus]:
    listed = await DBOS.list_workflows_async(
        workflow_id_prefix=job_id, name=JOB_WORKFLOWS, load_input=load, load_output=load
    )
    return [run for run in listed if job_of(run.workflow_id) == job_id]


async def newest_jobs(limit: int) -> list[JobId]:
    """Return the jobs that were posted or retried last, newest first."""
    listed = await DBOS.list_workflows_async(
        name=RUN, limit=limit * 2, sort_desc=True, load_input=False, load_output=False
    )
    return list(dict.fromkeys(job_of(run.workflow_id) for run in listed))[:limit]


async def workflows_in(status: list[str]) -> list[WorkflowStatus]:
    """Return the workflows of all jobs, but not of items, that are in one of the engine's states."""
    return await DBOS.list_workflows_async(name=JOB_WORKFLOWS, status=status, load_input=False, load_output=False)


async def parents_of_items(job_id: JobId) -> list[str]:
    """Return the engine's names of the runs whose items count.

    What the items of a cancelled job have made is deleted: once it is retried, the runs before its end count no more.
    """
    parents: list[str] = []
    is_over = False
    for run in await runs_of(job_id):
        if run.name == RUN:
            parents = [] if is_over else parents
            parents.append(run.workflow_id)
            is_over = False
        elif run.name == ABANDON:
            is_over = True
    return parents


async def items_of(
    job_id: JobId, status: list[str], *, key: ItemKey | None = None, limit: int | None = None, load: bool = False
) -> list[WorkflowStatus]:
    """Return the workflows of a job's items that are in one of the engine's states, oldest first.

    Args:
        job_id: of the job.
        status: see ``results.ACTIVE`` and ``results.ENDED``.
        key: of one item; None: of all.
        limit: no more than that.
        load: their results as well.
    """
    parents = await parents_of_items(job_id)
    if not parents:  # which the engine would take for any parent
        return []
    return await DBOS.list_workflows_async(
        parent_workflow_id=parents,
        workflow_id_prefix=f"{job_id}/item/{key}/" if key is not None else None,
        status=status,
        limit=limit,
        load_input=False,
        load_output=load,
    )


async def put_away(workflow_id: str) -> None:
    """Wait until a run whose outcome is known has erased the token and closed its connection.

    Raises:
        ConflictError: it takes too long.
    """
    run: WorkflowHandleAsync[Any] = await DBOS.retrieve_workflow_async(workflow_id)
    try:
        async with asyncio.timeout(_PUT_AWAY_S):
            await run.get_result(polling_interval_sec=_PUT_AWAY_POLL_S)
    except TimeoutError as exc:
        raise ConflictError("The job's last items are still being ended; retry it in a minute.") from exc


def job_of(workflow_id: str) -> JobId:
    """Return the job that a workflow belongs to."""
    return JobId(workflow_id.split("/")[0])


def _names(job_id: JobId, number: int) -> tuple[str, ...]:
    return (
        run_workflow_id(job_id, number),
        redelivery_workflow_id(job_id, number),
        cancel_workflow_id(job_id, number),
    )


def _number(workflow_id: str) -> int:
    """Return the number in the name of a run, a redelivery or an end; 0 when an older worker put the time there."""
    if "/" not in workflow_id:
        return 1
    number = int(workflow_id.rsplit("/", 1)[1])
    return number if number <= _MAX_NUMBER else 0
