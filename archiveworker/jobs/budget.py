"""A job's budget of retries: how much it may repeat in all before it is given up.

Each request has its own limit of time, each item its own number of tries; without a limit on their sum a job of 2,000
items would ask an LMS that is half broken a hundred thousand times. What counts: a request that is sent again
(``runtime.retry``) and a step that is tried again (the engine). Waiting for an LMS that is away altogether
(``jobs.outage``) counts no more than its first failures. What other executors have used is seen after ``_LOOK_S``.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from dbos import DBOS

from archiveworker.domain.errors import ArchiveWorkerError, RetriesSpentError
from archiveworker.domain.ids import JobId
from archiveworker.jobs.results import load_job
from archiveworker.jobs.tools import JobTools
from archiveworker.jobs.views import story_of
from archiveworker.runtime.retry import counting

ITEM_RETRIES: Final = 3
"""How many retries each item of a job adds to its budget."""
_LOOK_S: Final = 5.0


class RetryBudgets:
    """What the jobs of this process have repeated, and may.

    Args:
        tools: ledger, clock and policy.
    """

    def __init__(self, tools: JobTools) -> None:
        self._ledger = tools.retries
        self._clock = tools.clock
        self._policy = tools.policy
        self._used: dict[JobId, int] = {}
        self._looked_s = float("-inf")

    async def counted(self, job_id: JobId, step: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Run ``step`` so that whatever it repeats, and itself when the engine tries it again, is counted.

        Raises:
            RetriesSpentError: the job has used up its budget.
        """
        with counting(lambda error: self._spend(job_id, error)):
            if _is_tried_again():
                await self._spend(job_id, None)
            return await step(*args, **kwargs)

    async def check(self, job_id: JobId) -> None:
        """Give up a job that has used up its budget, here or elsewhere.

        Raises:
            RetriesSpentError: it has.
        """
        now_s = self._clock.monotonic_s()
        if self._ledger is not None and now_s - self._looked_s >= _LOOK_S:
            self._looked_s, self._used = now_s, await self._ledger.used()
        await self._judge(job_id, self._used.get(job_id, 0), None)

    async def forget(self, job_id: JobId) -> None:
        """Let the next run of a job begin with a whole budget."""
        self._used.pop(job_id, None)
        if self._ledger is not None:
            await self._ledger.forget(job_id)

    async def _spend(self, job_id: JobId, error: ArchiveWorkerError | None) -> None:
        if self._ledger is None:
            return
        used = self._used[job_id] = await self._ledger.spend(job_id)
        await self._judge(job_id, used, error)

    async def _judge(self, job_id: JobId, used: int, error: ArchiveWorkerError | None) -> None:
        if used <= self._policy.job_retries:  # most jobs: nothing has to be read
            return
        allowed = self._policy.job_retries + ITEM_RETRIES * await _item_count(job_id)
        if used > allowed:
            last = f" The last error: {error}" if error is not None else ""
            raise RetriesSpentError(
                f"the job has repeated {allowed} requests and tries, which is all it may "
                f"(ARCHIVEWORKER_JOB_RETRIES_COUNT); retry it when the LMS is well again.{last}"
            )


def _is_tried_again() -> bool:
    status = DBOS.step_status
    return status is not None and (status.current_attempt or 0) > 0


async def _item_count(job_id: JobId) -> int:
    """Return how many items a job has; 0 while that is not known."""
    story = await story_of(job_id)
    total = story.items_total if story is not None else 0
    return total or (await load_job(job_id)).item_count or 0
