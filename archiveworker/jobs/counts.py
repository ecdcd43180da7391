"""What the database counts for pages and probes that ask every second: items that have ended, jobs that have not.

Everything else about a job is read through DBOS's own functions, which hand out whole rows: of three hundred waiting
jobs, thirty times as long. Accepted risk: these ask DBOS's table of workflows itself; tests hold them against what DBOS
lists.
"""

import asyncio
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from dbos._dbos import _get_dbos_instance
from dbos._schemas.system_database import SystemSchema

from archiveworker.domain.ids import JobId
from archiveworker.jobs.results import ACTIVE, ENDED
from archiveworker.jobs.runs import JOB_WORKFLOWS, job_of, parents_of_items

_WORKFLOWS: Final[Any] = SystemSchema.workflow_status.c


@dataclass(frozen=True, slots=True)
class ActiveJobs:
    """The jobs that have not ended.

    Attributes:
        running: an executor has begun them; oldest first.
        queued: nobody has begun them; oldest first.
        oldest_queued_at: when the first of them was posted or retried; None when there are none.
    """

    running: tuple[JobId, ...]
    queued: tuple[JobId, ...]
    oldest_queued_at: datetime | None

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.running) + len(self.queued)


async def active_jobs() -> ActiveJobs:
    """Return the jobs that have not ended, of all executors."""
    mine = (_WORKFLOWS.name.in_(JOB_WORKFLOWS), _WORKFLOWS.status.in_(ACTIVE))
    # One row a state: SQLite's driver lets other threads go first before each row, for milliseconds on a busy machine.
    job = sa.cast(_WORKFLOWS.created_at, sa.Text) + " " + _WORKFLOWS.workflow_uuid
    listed = sa.select(_WORKFLOWS.status, sa.func.aggregate_strings(job, ",")).where(*mine).group_by(_WORKFLOWS.status)
    jobs_by_state = {state: sorted(jobs.split(",")) for state, jobs in await asyncio.to_thread(_rows, listed)}
    running = jobs_by_state.pop("PENDING", [])
    queued = sorted(itertools.chain.from_iterable(jobs_by_state.values()))
    return ActiveJobs(
        running=_job_ids(running),
        queued=_job_ids(queued),
        oldest_queued_at=datetime.fromtimestamp(int(queued[0].split(" ")[0]) / 1000, UTC) if queued else None,
    )


def _job_ids(listed: list[str]) -> tuple[JobId, ...]:
    """Return the jobs of workflows that are listed as ``<created, ms> <workflow id>``."""
    return tuple(dict.fromkeys(job_of(one.split(" ")[1]) for one in listed))


async def ended_count(job_id: JobId, items_total: int) -> int:
    """Return how many of a job's items have ended; one that is being tried again has not.

    Args:
        job_id: of the job.
        items_total: number of its items.
    """
    by_state = await asyncio.to_thread(_by_state, await parents_of_items(job_id))
    ended = sum(by_state.get(state, 0) for state in ENDED)
    active = sum(by_state.get(state, 0) for state in ACTIVE)
    # A later run has workflows of its own: those of the items that it tries again count twice.
    return max(0, min(ended, items_total - active))


def _by_state(parents: list[str]) -> dict[str, int]:
    """Return the number of the workflows of these parents in each of DBOS's states."""
    mine = _WORKFLOWS.parent_workflow_id.in_(parents)
    return dict(_rows(sa.select(_WORKFLOWS.status, sa.func.count()).where(mine).group_by(_WORKFLOWS.status)))


def _rows(query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    with _get_dbos_instance()._sys_db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]
