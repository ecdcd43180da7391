"""What came of a job's items, read back from the engine: its child workflows are the checkpoints.

A child's id is ``<job id>/item/<key>/<run>``; its output is ``{"record": ...}`` or ``{"failed": ...}``.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from dbos import DBOS, WorkflowStatus

from archiveworker.domain.errors import ArchiveWorkerError, NotFoundError, Retry, SourceAwayError
from archiveworker.domain.ids import ItemKey, JobId
from archiveworker.domain.job import ItemRecord
from archiveworker.jobs.records import Json, StoredJob, job_from_json, record_from_json
from archiveworker.jobs.runs import RUN, items_of, runs_of

ACTIVE: Final = ["PENDING", "ENQUEUED", "DELAYED"]
"""States of the engine in which a workflow will still do something."""

ENDED: Final = ["SUCCESS", "ERROR", "CANCELLED"]
"""States of the engine in which a workflow has ended."""

_AT_ONCE: Final = 250
"""So many results are read at once: the engine hands them out larger than what is kept of them."""

CANCELLED: Final = "cancelled"
"""Code of an item that was taken out of the queue."""


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """An item that failed for good.

    Attributes:
        key: of the item.
        code: ``ArchiveWorkerError.code``.
        message: a sentence.
    """

    key: ItemKey
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ItemResults:
    """Outcome of all items of a job that ended.

    Attributes:
        records: by key, of those that succeeded in any run.
        failures: by key, of those that succeeded in none.
    """

    records: dict[ItemKey, ItemRecord]
    failures: dict[ItemKey, ItemFailure]


def item_workflow_id(job_id: JobId, key: ItemKey, run: str) -> str:
    """Return the engine's name for one try of an item; ``run`` is that of the job, ``1.2`` after a second outage."""
    return f"{job_id}/item/{key}/{run}"


def failure_to_json(error: ArchiveWorkerError) -> Json:
    """Return what a child workflow returns when its item failed for good."""
    return {"failed": {"code": error.code, "message": str(error), "retry": error.retry is Retry.LATER}}


async def load_job(job_id: JobId) -> StoredJob:
    """Read a job back from the input of its newest run.

    Raises:
        NotFoundError: there is no such job.
    """
    return stored_job(job_id, await runs_of(job_id, load=True))


def stored_job(job_id: JobId, runs: Sequence[WorkflowStatus]) -> StoredJob:
    """Read a job from the input of the newest of its ``runs``, which were loaded.

    Raises:
        NotFoundError: there are none.
    """
    newest = next((run for run in reversed(runs) if run.name == RUN), None)
    if newest is None or newest.input is None:
        raise NotFoundError(f"Job with requested jobid {job_id[:80]!r} was not found")
    stored = next(argument for argument in newest.input["args"] if isinstance(argument, dict))
    return job_from_json(stored)


async def load_results(job_id: JobId) -> ItemResults:
    """Read the outcome of every item that ended so far."""
    records: dict[ItemKey, ItemRecord] = {}
    failures: dict[ItemKey, ItemFailure] = {}
    async for child in _ended_items(job_id):
        key = ItemKey(child.workflow_id.split("/")[2])
        if child.status == "SUCCESS" and "record" in (child.output or {}):
            records[key] = record_from_json((child.output or {})["record"])
        else:
            failures[key] = _failure(key, child.status, child.output)
    return ItemResults(records, {key: f for key, f in failures.items() if key not in records})


async def _ended_items(job_id: JobId) -> AsyncIterator[WorkflowStatus]:
    """Yield the items that ended so far, with their results."""
    names = [child.workflow_id for child in await items_of(job_id, ENDED)]
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        for child in await DBOS.list_workflows_async(workflow_ids=some, load_input=False):
            yield child


async def load_record(job_id: JobId, key: ItemKey) -> ItemRecord | None:
    """Return what one item has made, None when it has not."""
    children = await items_of(job_id, ["SUCCESS"], key=key, load=True)
    outputs: list[Json] = [child.output or {} for child in children]
    return next((record_from_json(output["record"]) for output in outputs if "record" in output), None)


def _failure(key: ItemKey, status: str, output: Json | None) -> ItemFailure:
    if status == "CANCELLED":
        return ItemFailure(key, CANCELLED, "The job was cancelled before this item's turn.")
    if output is None:
        return ItemFailure(key, "internal", "The item ended with an internal error; the worker's log has it.")
    failed = output["failed"]
    return ItemFailure(key, failed["code"], failed["message"])


async def active_items(job_id: JobId, limit: int | None = None) -> int:
    """Count the items that wait or run; with a ``limit``, no further than that."""
    return len(await items_of(job_id, ACTIVE, limit=limit))


async def cancel_waiting_items(job_id: JobId) -> None:
    """Take the items that have not begun out of the queue."""
    waiting = await items_of(job_id, ["ENQUEUED", "DELAYED"])
    await DBOS.cancel_workflows_async([child.workflow_id for child in waiting])


async def keys_to_do_again(job_id: JobId) -> list[ItemKey]:
    """Return the items that failed, or were not begun, because the LMS did not answer."""
    failures = (await load_results(job_id)).failures.values()
    away = [failure.key for failure in failures if failure.code == SourceAwayError.code]
    skipped = [failure.key for failure in failures if failure.code == CANCELLED]
    return sorted([*away, *skipped])


async def finished_keys(job_id: JobId, keys: Sequence[ItemKey]) -> frozenset[ItemKey]:
    """Return those of ``keys`` that have a record already."""
    results = await load_results(job_id)
    return frozenset(keys) & frozenset(results.records)
