"""The durable functions: what happens in which order, and what an error does to the job.

They are deterministic: everything that reads a clock, a file or the network is a step (DESIGN D1). Names and order of
steps are part of what the engine stores; a change that a job begun by the last release could not follow needs a new
``WORKFLOW_VERSION``.
"""

import itertools
from dataclasses import replace
from typing import Any, Final

import structlog
from dbos import DBOS, DBOSConfiguredInstance, SetEnqueueOptions, SetWorkflowID, error

from archiveworker.domain.delivery import LMS
from archiveworker.domain.errors import (
    ArchiveWorkerError,
    DeliveryError,
    ItemsFailedError,
    JobTimeoutError,
    SourceAwayError,
)
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import JobState, OnError, Plan, PlannedItem
from archiveworker.jobs.book import Book
from archiveworker.jobs.delivering import Deliveries, DeliverySteps
from archiveworker.jobs.drain import DrainGate, ended_by_a_stop
from archiveworker.jobs.fairness import item_turn
from archiveworker.jobs.finish import FinishSteps
from archiveworker.jobs.outage import MAX_PAUSE_S
from archiveworker.jobs.records import Json, StoredJob, item_to_json, job_from_json, plan_from_json
from archiveworker.jobs.results import cancel_waiting_items, failure_to_json, finished_keys, item_workflow_id
from archiveworker.jobs.running import reason_of, run_step
from archiveworker.jobs.runs import ABANDON, REDELIVERY, RUN
from archiveworker.jobs.steps import JobSteps, not_yet_told
from archiveworker.jobs.story import Story, story_from_json
from archiveworker.jobs.tools import JobPolicy

log = structlog.get_logger(__name__)

WORKFLOW_VERSION: Final = "1"
"""Only workflows of the same version are resumed by the engine."""

ITEM_QUEUE: Final = "archive-items"
JOB_QUEUE: Final = "archive-job-lanes"
"""Release 0.1 had one without lanes, ``archive-jobs``; where it was, the engine goes on looking into it."""


@DBOS.dbos_class()
class ArchiveWorkflows(DBOSConfiguredInstance):
    """The workflows: a job, one of its items, the end of a cancelled job, another try to deliver a kept archive.

    Args:
        name: how stored workflows call this object.
        steps: from the first word to the LMS until everything is on the spool.
        finish: from there to the packed archive.
        delivery: from there to its targets.
        policy: numbers of tries and waits.
    """

    def __init__(
        self, name: str, steps: JobSteps, finish: FinishSteps, delivery: DeliverySteps, policy: JobPolicy
    ) -> None:
        super().__init__(name)
        self._steps = steps
        self._finish = finish
        self._delivery = delivery
        self._deliveries = Deliveries(delivery, policy, self._persistently)
        # A redelivery has no time limit of a job, and an LMS that is away then is a reason to end.
        self._redeliveries = Deliveries(delivery, policy)
        self._policy = policy

    @property
    def gate(self) -> DrainGate:
        """What ends them when the worker stops."""
        return self._steps.gate

    @DBOS.workflow(name=RUN, max_recovery_attempts=1_000_000)
    @ended_by_a_stop
    async def archive_job(self, stored: Json, run: int, earlier: list[tuple[str, str]]) -> Json:
        """Run a job from the first word to the LMS to the last; returns its story.

        Args:
            stored: see ``records.job_to_json``.
            run: 1, or more when the job is retried.
            earlier: ``Story.history`` of the runs before.
        """
        job = job_from_json(stored)
        job_id = job.job_id
        with structlog.contextvars.bound_contextvars(job_id=job_id, source=job.source):
            book = Book(self._steps, Story(history=tuple(earlier)))
            try:
                await self._archive(job, run, book)
            except error.DBOSMaxStepRetriesExceeded as exc:
                await self._give_up(job_id, book, exc.errors[-1])
            except error.DBOSException:
                raise  # cancelled, or the engine's own trouble: not an outcome of the job
            except Exception as exc:  # noqa: BLE001 - a job must never end without a word to the LMS
                await self._give_up(job_id, book, exc)
            await run_step("clean_up", self._finish.clean_up, job_id, book.story.to_json())
            return book.story.to_json()

    @DBOS.workflow(name="archive_item", max_recovery_attempts=1_000_000)
    @ended_by_a_stop
    async def archive_item(self, job_id: JobId, item: Json) -> Json:
        """Fetch and render one item; returns its record, or why it failed for good."""
        with structlog.contextvars.bound_contextvars(job_id=job_id, item=item["key"]):
            try:
                record = await run_step(
                    "archive_item",
                    self._steps.archive_item,
                    job_id,
                    item,
                    attempts=self._policy.item_attempts,
                    interval_s=self._policy.retry_interval_s,
                )
            except error.DBOSMaxStepRetriesExceeded as exc:
                return self._item_failed(exc.errors[-1])
            except error.DBOSException:
                raise
            except Exception as exc:  # noqa: BLE001 - one bad item must not leave its job waiting for ever
                return self._item_failed(exc)
            finally:
                self._steps.item_ended()
            return {"record": record}

    @DBOS.workflow(name=ABANDON, max_recovery_attempts=1_000_000)
    @ended_by_a_stop
    async def abandon_job(self, stored: Json, story: Json) -> Json:
        """Tell the LMS that a job was cancelled, and forget its token; goes on with the job's ``story``."""
        job = job_from_json(stored)
        job_id = job.job_id
        with structlog.contextvars.bound_contextvars(job_id=job_id, source=job.source):
            book = Book(self._steps, story_from_json(story))
            await self._end(job_id, book, JobState.CANCELLED, "The job was cancelled by an administrator.")
            await run_step("clean_up", self._finish.clean_up, job_id, book.story.to_json())
            return book.story.to_json()

    @DBOS.workflow(name=REDELIVERY, max_recovery_attempts=1_000_000)
    @ended_by_a_stop
    async def redeliver_job(self, stored: Json, story: Json, archive: Json, targets: list[str], run: int) -> Json:
        """Bring an archive that was kept to ``targets``; goes on with the job's ``story``.

        The LMS is told nothing but what its own delivery tells: it has heard that the job failed.

        Args:
            stored: see ``records.job_to_json``.
            story: of the run that failed.
            archive: see ``records.archive_to_json``.
            targets: names, in this order.
            run: counts the runs of the job.
        """
        job = job_from_json(stored)
        job_id = job.job_id
        with structlog.contextvars.bound_contextvars(job_id=job_id, source=job.source):
            book = Book(self._steps, replace(story_from_json(story), state=JobState.RUNNING, reason=""))
            await book.enter(JobState.FINALIZING)
            state, reason = JobState.FINISHED, ""
            try:
                await self._redeliveries.to_all(job_id, archive, targets, book, f"confirm-begun-{run}")
            except DeliveryError as exc:
                state, reason = JobState.FAILED, self._with_whereabouts(job_id, reason_of(exc, "job_failed"))
            await run_step("release", self._steps.release, job_id)
            await book.enter(state, reason)
            await run_step("clean_up", self._finish.clean_up, job_id, book.story.to_json())
            return book.story.to_json()

    async def _archive(self, job: StoredJob, run: int, book: Book) -> None:
        job_id = job.job_id
        await book.enter(JobState.RUNNING)
        note = await self._persistently("announce", self._steps.announce, job_id, is_retry=run > 1)
        book.warn("job", note)
        stored_plan = await self._persistently("plan", self._steps.plan, job_id)
        plan = plan_from_json(stored_plan)
        await book.planned(len(plan.items))
        await self._see_items_through(job, plan, run, book)
        await self._judge_items(job_id, book)
        # An LMS that has closed the job (``note``) takes no more states; the archive of a retry is made all the same.
        files = await self._fetch_backups(job_id, plan, stored_plan, book, silent=bool(note))
        await book.enter(JobState.FINALIZING)
        if not note:
            await self._persistently("report_finalizing", self._steps.report, job_id, JobState.FINALIZING)
        archive = await self._finish_archive(job_id, stored_plan, files, book)
        await self._deliveries.to_all(job_id, archive, job.targets, book, "confirm-begun")
        if LMS not in job.targets:
            book.warn("job", await run_step("last_word", self._steps.last_word, job_id, JobState.FINISHED))
        await run_step("release", self._steps.release, job_id)
        await book.enter(JobState.FINISHED)

    async def _see_items_through(self, job: StoredJob, plan: Plan, run: int, book: Book) -> None:
        """Have every item done; again those that an outage of the LMS took away, once it is back."""
        job_id, wanted = job.job_id, await self._wanted_items(job.job_id, plan, run)
        for number in itertools.count():
            await self._enqueue_items(job, wanted, f"{run}.{number}" if number else f"{run}")
            left = await run_step("follow_items", self._steps.follow_items, job_id, len(plan.items))
            if not left:  # None in a job that release 0.1 followed
                return
            await book.note("job", f"{job.lms} did not answer; {len(left)} items waited for it.")
            if not await self._wait_for_lms(job_id):
                return
            wanted = [item for item in plan.items if item.key in left]

    async def _wait_for_lms(self, job_id: JobId) -> bool:
        """Return True when the LMS answers again, False when it has been away for too long."""
        waited_s, pause_s = 0.0, self._policy.retry_interval_s
        while waited_s < self._policy.lms_outage_s:
            await DBOS.sleep_async(pause_s)
            waited_s += pause_s
            pause_s = min(MAX_PAUSE_S, 2 * pause_s)
            if await run_step("ask_lms", self._steps.lms_is_back, job_id):
                return True
        return False

    async def _wanted_items(self, job_id: JobId, plan: Plan, run: int) -> list[PlannedItem]:
        done: list[str] = []
        if run > 1:
            done = await run_step("finished_keys", _finished, job_id, [item.key for item in plan.items])
        return [item for item in plan.items if item.key not in done]

    async def _enqueue_items(self, job: StoredJob, items: list[PlannedItem], run: str) -> None:
        for number, item in enumerate(items, start=1):
            with (
                SetWorkflowID(item_workflow_id(job.job_id, item.key, run)),
                SetEnqueueOptions(queue_partition_key=job.lms, priority=item_turn(number, job.priority)),
            ):
                await DBOS.enqueue_workflow_async(ITEM_QUEUE, self.archive_item, job.job_id, item_to_json(item))

    async def _judge_items(self, job_id: JobId, book: Book) -> None:
        summary = await run_step("sum_up_items", self._steps.sum_up_items, job_id)
        book.judged(summary)
        failures = summary["failures"]
        if failures and summary["on_item_error"] == OnError.FAIL:
            first = "; ".join(f"{f['item']}: {f['message']}" for f in failures[:3])
            raise ItemsFailedError(f"{len(failures)} of {book.story.items_total} items could not be archived. {first}")

    async def _fetch_backups(
        self, job_id: JobId, plan: Plan, stored_plan: Json, book: Book, *, silent: bool
    ) -> list[Json]:
        if not plan.backups:
            return []
        await book.enter(JobState.WAITING_FOR_BACKUP)
        if not silent:
            await self._persistently("report_waiting", self._steps.report, job_id, JobState.WAITING_FOR_BACKUP)
        while not await self._persistently("ask_for_backups", self._steps.ask_for_backups, job_id, stored_plan):
            await DBOS.sleep_async(self._policy.backup_poll_s)
        return [
            await self._persistently("fetch_backup", self._steps.fetch_backup, job_id, stored_plan, index)
            for index in range(len(plan.backups))
        ]

    async def _finish_archive(self, job_id: JobId, plan: Json, backups: list[Json], book: Book) -> Json:
        manifest = await run_step("describe", self._finish.describe, job_id, plan, backups)
        # One step for both time-stamps, as when there was one: jobs begun by the last release go on with its result.
        stamped = await self._persistently(
            "stamp_manifest", self._finish.stamp_contents, job_id, manifest, plan, backups
        )
        book.warn("job", stamped["warning"])
        archive = await run_step("pack", self._finish.pack, job_id, plan, backups, stamped)
        book.warn("job", archive.get("warning", ""))
        book.warn("job", await self._persistently("stamp_archive", self._finish.stamp_archive, job_id, archive))
        # The step keeps the name it had when it only made the list: jobs begun by the last release go on with it.
        await book.packed(archive, await run_step("list_evidence", self._finish.verify_archive, job_id, archive))
        return dict(archive)

    async def _give_up(self, job_id: JobId, book: Book, cause: Exception) -> None:
        state = JobState.TIMEOUT if isinstance(cause, JobTimeoutError) else JobState.FAILED
        reason = reason_of(cause, "job_failed")
        if book.story.archive is not None:
            reason = self._with_whereabouts(job_id, reason)
        await self._end(job_id, book, state, reason)

    def _with_whereabouts(self, job_id: JobId, reason: str) -> str:
        return f"{reason.rstrip('.')}. {self._delivery.whereabouts(job_id)}"

    async def _end(self, job_id: JobId, book: Book, state: JobState, reason: str) -> None:
        await run_step("cancel_items", cancel_waiting_items, job_id)
        untold = await run_step("last_word", self._steps.last_word, job_id, state)
        book.warn("job", untold)
        await book.enter(state, reason)
        await run_step("let_items_end", self._steps.let_items_end, job_id)
        if untold == not_yet_told(state):
            still_untold = await run_step("last_word_again", self._steps.last_word, job_id, state, is_patient=True)
            await book.correct("job", untold, still_untold)
        await run_step("release", self._steps.release, job_id)

    def _item_failed(self, cause: Exception) -> Json:
        if isinstance(cause, ArchiveWorkerError):
            log.warning("item_failed", code=cause.code, reason=str(cause))
            return failure_to_json(cause)
        log.error("item_failed_internally", exc_info=cause)
        return {
            "failed": {"code": "internal", "message": f"Internal error ({type(cause).__name__}); see the worker's log."}
        }

    async def _persistently(self, name: str, step: Any, *args: Any, **kwargs: Any) -> Any:
        """Run a step within the job's time, again after a while, and again after an outage of the LMS."""
        attempts, interval_s = self._policy.item_attempts, self._policy.retry_interval_s
        while True:
            try:
                return await run_step(
                    name, self._steps.in_time, step, *args, attempts=attempts, interval_s=interval_s, **kwargs
                )
            except SourceAwayError:
                if not await self._wait_for_lms(args[0]):
                    raise


async def _finished(job_id: JobId, keys: list[Any]) -> list[str]:
    return sorted(await finished_keys(job_id, keys))
