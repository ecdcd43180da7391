"""The work of a job's steps, up to the point where everything is on the spool. Each may be repeated after a crash.

Every public coroutine here runs as one step of the engine: arguments and results are plain JSON values, because the
engine stores them.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import structlog

from archiveworker.domain.errors import (
    ArchiveWorkerError,
    Retry,
    SourceError,
    SourceUnavailableError,
    TokenRefusedError,
)
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import JobState, PlannedBackup
from archiveworker.domain.secret import Secret
from archiveworker.jobs.budget import RetryBudgets
from archiveworker.jobs.deadline import deadline_of, is_near, timed_out
from archiveworker.jobs.drain import DrainGate
from archiveworker.jobs.item import archive_item
from archiveworker.jobs.outage import Outages
from archiveworker.jobs.records import (
    Json,
    file_to_json,
    item_from_json,
    plan_from_json,
    plan_to_json,
    record_to_json,
)
from archiveworker.jobs.results import active_items, cancel_waiting_items, keys_to_do_again, load_results
from archiveworker.jobs.room import Room, leaving_nothing_on_a_full_disk, on_spool
from archiveworker.jobs.tools import JobTools, OpenJobs
from archiveworker.runtime import metrics
from archiveworker.runtime.spool import COLLECTED, COMPANIONS

log = structlog.get_logger(__name__)

_LAST_ITEMS_S: Final = 300.0
_FIRST_TRY_S: Final = 5.0
_WRITTEN_S: Final = 0.03


def not_yet_told(state: JobState) -> str:
    """Return the warning of a job whose end the LMS has not heard of, and may still."""
    return f"The LMS could not be told yet that the job is {state.value}; the worker goes on trying."


class JobSteps:
    """Steps from the first word to the LMS until all items and backups are on the spool.

    Args:
        tools: what they work with.
        open_jobs: request and connection of each.
        gate: holds items back while the worker drains.
        room: on the spool.

    Attributes:
        gate: the same.
    """

    def __init__(self, tools: JobTools, open_jobs: OpenJobs, gate: DrainGate, room: Room) -> None:
        self._tools = tools
        self._open_jobs = open_jobs
        self.gate = gate
        self._room = room
        self._item_ended = asyncio.Event()
        self._refused: dict[JobId, tuple[Secret, str]] = {}
        self._warned: set[JobId] = set()
        self._outages = Outages(tools.clock)
        self._budgets = RetryBudgets(tools)

    async def now(self) -> str:
        """Return the time in ISO format; a step, so that a resumed job keeps the times it had."""
        return self._tools.clock.now().isoformat()

    async def report(self, job_id: JobId, state: JobState, progress_percent: int | None = None) -> None:
        """Tell the LMS where the job is."""
        connection = (await self._open_jobs.get(job_id)).connection
        await connection.report(state, progress_percent)

    async def announce(self, job_id: JobId, *, is_retry: bool) -> str:
        """Tell the LMS that the job runs; return a warning or nothing.

        An LMS that has closed the job already is an error, except in a retry, whose archive is kept here if need be.
        """
        try:
            await self.report(job_id, JobState.RUNNING, 0)
        except SourceError as exc:
            if is_retry and exc.retry is Retry.NEVER and not isinstance(exc, TokenRefusedError):
                return f"The LMS has closed this job already: {exc}"
            raise
        return ""

    @on_spool(reads=(COLLECTED, COMPANIONS), writes=(COLLECTED, COMPANIONS))
    async def plan(self, job_id: JobId) -> Json:
        """Ask the LMS for whatever is needed to know the whole of the work."""
        connection = (await self._open_jobs.get(job_id)).connection
        spool = await asyncio.to_thread(self._tools.spool.shared, job_id)
        return plan_to_json(await connection.plan(spool))

    @on_spool(reads=(COLLECTED, COMPANIONS))
    async def archive_item(self, job_id: JobId, item: Json) -> Json:
        """Fetch and render one item; return its record."""
        async with self.gate.work():
            job = await self._open_jobs.get(job_id)
            refused, reason = self._refused.get(job_id, (None, ""))
            if refused is not None and refused.reveal() == job.request.token.reveal():
                raise TokenRefusedError(reason)
            self._outages.check(job.stored.lms)
            try:
                with _counted(job.stored.source):
                    record = await self._budgets.counted(job_id, archive_item, job, item_from_json(item), self._tools)
            except SourceUnavailableError as exc:
                judged = await self._outages.judged(job, exc)
                raise judged from exc.__cause__
            except TokenRefusedError as exc:
                # Every other item would get the same answer: do not ask the LMS another thousand times.
                self._refused[job_id] = (job.request.token, str(exc))
                raise
        return record_to_json(record)

    def item_ended(self) -> None:
        """Wake whoever follows the items."""
        self._item_ended.set()

    async def follow_items(self, job_id: JobId, total: int) -> list[str]:
        """Wait until no item waits or runs; tell the LMS about progress on the way.

        Returns:
            keys of the items that have to be done again, because the LMS did not answer.
        """
        lms = (await self._open_jobs.get(job_id)).stored.lms
        clock, policy = self._tools.clock, self._tools.policy
        reported_s = clock.monotonic_s()
        # Counting them all after each item would make the work grow with the square of their number.
        while await active_items(job_id, limit=1):
            await self.check_deadline(job_id)
            if clock.monotonic_s() - reported_s >= policy.progress_interval_s:
                reported_s = clock.monotonic_s()
                await self._report_progress(job_id, 100 * (total - await active_items(job_id)) // total)
            if self._outages.is_away(lms):
                await cancel_waiting_items(job_id)
            await self._wait_for_an_item()
        await self._budgets.check(job_id)  # its items may have failed for that between two looks
        return list(await keys_to_do_again(job_id))

    async def let_items_end(self, job_id: JobId) -> None:
        """Wait for items in flight of a job that was given up, so that nobody takes their files and connection away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_ITEMS_S):
                while await active_items(job_id, limit=1):
                    await self._wait_for_an_item()

    async def _wait_for_an_item(self) -> None:
        """Return when an item of this process has ended, or it is time to look for those of others."""
        self._item_ended.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._tools.policy.poll_interval_s):
                await self._item_ended.wait()
                # The engine writes down that an item has ended just after the item has said so.
                await asyncio.sleep(_WRITTEN_S)

    async def _report_progress(self, job_id: JobId, percent: int) -> None:
        try:
            await self.report(job_id, JobState.RUNNING, percent)
        except ArchiveWorkerError as exc:
            log.warning("progress_not_reported", reason=str(exc))
            if isinstance(exc, SourceUnavailableError):
                await self._outages.is_back(await self._open_jobs.get(job_id))

    async def sum_up_items(self, job_id: JobId) -> Json:
        """Return the failures of the job's items, their warnings, and what a failure does to the job."""
        options = (await self._open_jobs.get(job_id)).request.options
        results = await load_results(job_id)
        return {
            "on_item_error": options.on_item_error.value,
            "failures": [
                {"item": f.key, "code": f.code, "message": f.message}
                for f in sorted(results.failures.values(), key=lambda f: f.key)
            ],
            "warnings": [
                {"subject": key, "message": message}
                for key, record in sorted(results.records.items())
                for message in record.warnings
            ],
        }

    async def ask_for_backups(self, job_id: JobId, plan: Json) -> bool:
        """Return whether the LMS has all backups ready.

        Raises:
            SourceError: one of them failed.
            JobTimeoutError: they take too long.
        """
        await self.check_deadline(job_id)
        connection = (await self._open_jobs.get(job_id)).connection
        for backup in plan_from_json(plan).backups:
            if not await connection.backup_is_ready(backup):
                return False
        return True

    @on_spool()
    async def fetch_backup(self, job_id: JobId, plan: Json, index: int) -> Json:
        """Download one backup to the spool; return its file."""
        backup: PlannedBackup = plan_from_json(plan).backups[index]
        connection = (await self._open_jobs.get(job_id)).connection
        folder = self._tools.work_folder(f"backups/{index}")
        spool = await asyncio.to_thread(self._tools.spool.item, job_id, folder)
        with leaving_nothing_on_a_full_disk(spool.folder):
            file = await connection.fetch_backup(backup, spool)
        await self._tools.spool.keep_files(job_id, [file])
        return file_to_json(file)

    async def check_deadline(self, job_id: JobId) -> None:
        """Give up a job that takes too long, or repeats too much.

        Raises:
            JobTimeoutError: it takes too long.
            RetriesSpentError: it repeats too much.
        """
        await self._time_left_s(job_id)

    async def _time_left_s(self, job_id: JobId) -> float:
        """Return how many seconds the job has left; warn once when they are few.

        Raises:
            JobTimeoutError: none.
            RetriesSpentError: it has repeated too much.
        """
        job = (await self._open_jobs.get(job_id)).stored
        limit_s, now = self._tools.policy.job_timeout_s, self._tools.clock.now()
        left_s = (deadline_of(job.accepted_at, limit_s) - now).total_seconds()
        if left_s <= 0:
            raise timed_out(limit_s)
        await self._budgets.check(job_id)
        if is_near(job.accepted_at, limit_s, now) and job_id not in self._warned:
            self._warned.add(job_id)
            log.warning("job_deadline_near", left_s=round(left_s), limit_s=limit_s)
        return left_s

    async def in_time(self, step: Callable[..., Awaitable[Any]], job_id: JobId, *args: Any, **kwargs: Any) -> Any:
        """Run ``step`` within what is left of the job's time.

        Raises:
            JobTimeoutError: it takes longer.
            SourceAwayError: the LMS does not answer anything.
        """
        limit = asyncio.timeout(await self._time_left_s(job_id))
        try:
            async with limit:
                return await self._budgets.counted(job_id, step, job_id, *args, **kwargs)
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise timed_out(self._tools.policy.job_timeout_s) from exc
        except SourceUnavailableError as exc:
            judged = await self._outages.judged(await self._open_jobs.get(job_id), exc)
            raise judged from exc.__cause__

    async def lms_is_back(self, job_id: JobId) -> bool:
        """Return whether the LMS answers again.

        Raises:
            JobTimeoutError: it has been away until the end of the job's time.
        """
        await self._time_left_s(job_id)
        return await self._outages.is_back(await self._open_jobs.get(job_id))

    async def release(self, job_id: JobId) -> None:
        """Erase the token and close the connection: the job has ended."""
        await self._tools.secrets.erase(job_id)
        await self._open_jobs.close(job_id)
        await self._budgets.forget(job_id)
        self._refused.pop(job_id, None)
        self._warned.discard(job_id)

    async def last_word(self, job_id: JobId, state: JobState, *, is_patient: bool = False) -> str:
        """Tell the LMS that the job has ended without an archive; return a warning when it could not be told.

        An LMS that is down is waited for only by a patient call: for those who ask the worker, the job has ended.
        """
        try:
            async with asyncio.timeout(None if is_patient else _FIRST_TRY_S):
                await self.report(job_id, state)
        except TimeoutError:
            return not_yet_told(state)
        except ArchiveWorkerError as exc:
            log.warning("final_state_not_reported", state=state.value, reason=str(exc))
            return f"The LMS could not be told that the job is {state.value}: {exc}"
        return ""


@contextlib.contextmanager
def _counted(source: str) -> Iterator[None]:
    """Count one try of an item."""
    try:
        yield
    except Exception:
        metrics.ITEMS.labels(source, "failed").inc()
        raise
    metrics.ITEMS.labels(source, "archived").inc()
