"""How many items of running jobs have ended, counted by the database: for pages that ask every two seconds.

Everything else about a job is read through DBOS's own functions, which hand out whole rows. Accepted risk: this one
asks DBOS's table of workflows itself (``parent_workflow_id``, ``status``); a test holds it against what DBOS lists.
"""

import asyncio
from typing import Any

import sqlalchemy as sa
from dbos._dbos import _get_dbos_instance
from dbos._schemas.system_database import SystemSchema

from archiveworker.domain.ids import JobId
from archiveworker.jobs.results import ACTIVE, ENDED
from archiveworker.jobs.runs import parents_of_items


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
    workflows: Any = SystemSchema.workflow_status.c
    mine = workflows.parent_workflow_id.in_(parents)
    counted = sa.select(workflows.status, sa.func.count()).where(mine).group_by(workflows.status)
    with _get_dbos_instance()._sys_db.engine.connect() as connection:
        return {state: count for state, count in connection.execute(counted)}
