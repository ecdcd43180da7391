"""The engine: starts and stops DBOS, takes jobs in, answers for them.

One engine a process, because DBOS is one a process. Queues, checkpoints and recovery are DBOS's own (DESIGN D1); a
restart with the same ``executor_id`` recovers what this process had begun.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID, error

from archiveworker.domain.answers import JobLine, JobView, WorkerStatus
from archiveworker.domain.delivery import LMS
from archiveworker.domain.errors import ConflictError, NotFoundError, QueueFullError, RequestError, TokenRefusedError
from archiveworker.domain.ids import JobId, LmsOrigin, new_job_id
from archiveworker.domain.job import GIVEN_UP, ArchiveRequest, FinishedArchive, JobState
from archiveworker.domain.secret import Secret
from archiveworker.jobs import runs, views
from archiveworker.jobs.counts import active_jobs
from archiveworker.jobs.deadline import with_deadline
from archiveworker.jobs.delivering import DeliverySteps, kept_to_json
from archiveworker.jobs.drain import DrainGate, take_down
from archiveworker.jobs.fairness import job_lane, job_turn, lane_width
from archiveworker.jobs.finish import FinishSteps
from archiveworker.jobs.health import Health
from archiveworker.jobs.housekeeping import Housekeeping
from archiveworker.jobs.indexes import add_indexes
from archiveworker.jobs.records import StoredJob, archive_from_json, job_to_json
from archiveworker.jobs.results import ACTIVE, load_job
from archiveworker.jobs.room import Room
from archiveworker.jobs.steps import JobSteps
from archiveworker.jobs.story import Story, is_only_believed
from archiveworker.jobs.tools import JobTools, OpenJobs
from archiveworker.jobs.watch import NoGuard, Watch
from archiveworker.jobs.workflows import ITEM_QUEUE, JOB_QUEUE, WORKFLOW_VERSION, ArchiveWorkflows
from archiveworker.runtime import logging, tracing

log = structlog.get_logger(__name__)

_ONLY_KEPT: Final = (
    "only one that FAILED with a packed archive that is still kept (kept_until in GET /jobs/<id>) can be delivered "
    "again."
)
_POOL_SIZE: Final = 10


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Where the engine keeps its state.

    Attributes:
        database_url: SQLAlchemy URL; SQLite or PostgreSQL.
        executor_id: stable name of this process.
        keep_failed_days: how long the files of a failed job stay on the spool.
        instance_name: how stored workflows call the object that runs them; only tests, which start several engines in
            one process, give another.
    """

    database_url: Secret
    executor_id: str
    keep_failed_days: float
    instance_name: str = "archive"


class Engine:
    """Takes jobs in and sees them through.

    Args:
        tools: what the workflows work with.
        config: where the state is kept.
        watch: over the other executors of the database; None when this is the only one.
    """

    def __init__(self, tools: JobTools, config: EngineConfig, watch: Watch | None = None) -> None:
        self._tools = tools
        self._config = config
        self._watch = watch
        self._gate = DrainGate()
        self._open_jobs = OpenJobs(tools, load_job, watch or NoGuard())
        self._room = Room(tools)
        self._steps = JobSteps(tools, self._open_jobs, self._gate, self._room)
        self._finish = FinishSteps(tools, self._open_jobs, self._room)
        self._delivery = DeliverySteps(tools, self._open_jobs)
        self._workflows: ArchiveWorkflows | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._intake = asyncio.Lock()
        self._health = Health(tools, self._gate, self._room)
        self._housekeeping = Housekeeping(tools, self._open_jobs, watch, config.keep_failed_days)

    @property
    def is_draining(self) -> bool:
        """True when no new work is taken."""
        return self._gate.is_draining

    async def start(self) -> None:
        """Launch DBOS on the running event loop; unfinished workflows of this executor go on at once."""
        if self._watch is not None:
            await self._watch.start()
        policy = self._tools.policy
        config: DBOSConfig = {
            "name": "archiveworker",
            "system_database_url": self._config.database_url.reveal(),
            "sys_db_pool_size": _POOL_SIZE,
            "executor_id": self._config.executor_id,
            "application_version": WORKFLOW_VERSION,
            "log_level": "WARNING",
            "enable_otlp": tracing.is_on(),
            "notification_listener_polling_interval_sec": policy.poll_interval_s,
        }
        # An item that is taken out of the queue while it runs: its job says what became of it.
        logging.take_as_ordinary("dbos", error.DBOSAwaitedWorkflowCancelledError)
        DBOS(config=config)
        self._workflows = ArchiveWorkflows(
            self._config.instance_name, self._steps, self._finish, self._delivery, policy
        )
        DBOS.launch()
        await asyncio.to_thread(add_indexes)
        await DBOS.register_queue_async(
            JOB_QUEUE,
            worker_concurrency=policy.jobs_max,
            partition_worker_concurrency=lane_width(policy.jobs_max),
            polling_interval_sec=policy.poll_interval_s,
        )
        await DBOS.register_queue_async(
            ITEM_QUEUE,
            worker_concurrency=policy.items_in_flight,
            partition_concurrency=policy.lms_items_max,
            polling_interval_sec=policy.poll_interval_s,
        )
        if self._watch is None:
            await self._housekeeping.forget_orphans()
        self._sweeper = asyncio.create_task(self._housekeeping.tidy_for_ever())

    async def stop(self, grace_s: float) -> bool:
        """Take no new work, let items in flight finish, stop. What is unfinished goes on at the next start.

        Returns:
            True when nothing in flight had to be given up.
        """
        is_deposed = self._watch is not None and self._watch.is_deposed
        clean = await self._gate.drain(0 if is_deposed else grace_s)
        for task in (self._sweeper, self._warming):
            if task is not None:
                task.cancel()
        await take_down(self._gate, self._open_jobs)
        if self._watch is not None:
            await self._watch.stop()
        return clean

    async def wait_deposed(self) -> None:
        """Return when another executor has taken over what this one had begun; never when it is alone."""
        await (self._watch.wait_deposed() if self._watch is not None else asyncio.Event().wait())

    async def check_capacity(self) -> None:
        """Raise when as many jobs wait as may.

        Raises:
            QueueFullError: they do.
        """
        active = await active_jobs()
        if active.count >= self._jobs_max + self._tools.policy.queue_max:
            raise QueueFullError("Maximum number of queued jobs exceeded; post the job again later.")

    async def submit(self, request: ArchiveRequest, priority: int = 0) -> JobId:
        """Make a job durable and return its id; ``priority`` is -10 to 10, higher is sooner.

        Raises:
            QueueFullError: as many jobs wait as may; several may have asked ``check_capacity`` at the same time.
            RequestError: the archive would have to be deleted at once, or a target does not exist.
        """
        self._check_retention(request)
        self._check_targets(request.targets, "delivery.to")
        async with self._intake:
            await self.check_capacity()
            return await self._submit(request, priority)

    def _check_retention(self, request: ArchiveRequest) -> None:
        keep_until, today = request.options.retention.keep_until, self._tools.clock.now().date()
        if keep_until is not None and keep_until < today:
            raise RequestError(f"retention.keep_until must not be in the past; it is {keep_until}, today is {today}")

    def _check_targets(self, names: Sequence[str], field: str) -> None:
        known = self._tools.target_names
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None or not names:
            got = "nothing" if unknown is None else f"{unknown!r:.80}"
            raise RequestError(f"{field} must be a list of at least one of {', '.join(known)}, got {got}")

    async def _submit(self, request: ArchiveRequest, priority: int) -> JobId:
        job_id = new_job_id()
        stored = StoredJob(
            job_id=job_id,
            source=request.source,
            payload=request.payload,
            lms=str(LmsOrigin.of(request.lms_base_url)),
            accepted_at=self._tools.clock.now(),
            targets=tuple(dict.fromkeys((*request.targets, *self._tools.policy.also_to))),
            item_count=request.item_count,
            priority=priority,
        )
        await self._tools.secrets.put(job_id, request.token)
        await self._enqueue(stored, 1, Story())
        if self._tools.warm_up is not None:
            self._warming = asyncio.create_task(self._tools.warm_up())
        log.info("job_accepted", job_id=job_id, source=request.source, lms=stored.lms)
        return job_id

    async def _enqueue(self, stored: StoredJob, run: int, before: Story) -> None:
        lane, turn = job_lane(stored.lms, stored.item_count), job_turn(stored.priority)
        with (
            SetWorkflowID(runs.run_workflow_id(stored.job_id, run)),
            SetEnqueueOptions(queue_partition_key=lane, priority=turn),
        ):
            await DBOS.enqueue_workflow_async(
                JOB_QUEUE, self._running.archive_job, job_to_json(stored), run, list(before.history)
            )

    @property
    def _running(self) -> ArchiveWorkflows:
        if self._workflows is None:
            raise ConflictError("the engine has not been started")
        return self._workflows

    async def story(self, job_id: JobId) -> Story | None:
        """Return what a job says about itself, or None when there is no such job."""
        return await views.story_of(job_id)

    async def job_view(self, job_id: JobId) -> JobView:
        """Return the whole story of a job for people and scripts.

        Raises:
            NotFoundError: there is no such job.
        """
        view = await views.job_view(job_id)
        is_kept = view["archive"] is not None and await self._delivery.kept_archive(job_id) is not None
        # That of a finished job is there for a moment more, until it is cleaned up.
        if is_kept and (JobState(view["state"]) in GIVEN_UP or is_only_believed(view["deliveries"])):
            ended_at = datetime.fromisoformat(view["history"][-1]["at"])
            view["kept_until"] = (ended_at + timedelta(days=self._config.keep_failed_days)).isoformat()
        if JobState(view["state"]).is_final:
            return view
        return with_deadline(view, self._tools.policy.job_timeout_s, self._tools.clock.now())

    async def jobs(self, limit: int) -> list[JobLine]:
        """Return a line on each of the newest jobs."""
        return await views.job_list(limit)

    async def troubles(self) -> dict[str, str]:
        """Return what keeps this process from taking jobs; see ``Health.troubles``."""
        return await self._health.troubles()

    async def measure(self) -> None:
        """Bring the metrics that the database knows up to date."""
        await self._health.measure()

    async def worker_status(self) -> WorkerStatus:
        """Return how busy the worker is, in the words of the existing worker."""
        return await views.worker_status(self._jobs_max, self._tools.policy.queue_max, draining=self.is_draining)

    @property
    def _jobs_max(self) -> int:
        """Jobs that all living executors together run at once."""
        return self._tools.policy.jobs_max * (1 if self._watch is None else len(self._watch.living))

    async def evidence_file(self, job_id: JobId, name: str) -> Path:
        """Return the place of a piece of evidence.

        Raises:
            NotFoundError: there is none of that name.
        """
        return await self._finish.evidence_file(job_id, name)

    async def archive_file(self, job_id: JobId) -> tuple[Path, FinishedArchive]:
        """Return the place of a packed archive that is on the worker, and what it is.

        Raises:
            NotFoundError: there is no such job, or its archive is not there (yet, or any more).
        """
        story, _ = await self._known(job_id)
        kept = await self._delivery.kept_archive(job_id)
        if kept is None or story.archive is None:
            raise NotFoundError(
                f"There is no archive of this job on the worker; the job is {story.state}. One that was delivered, or "
                "was kept for ARCHIVEWORKER_KEEP_FAILED_DAYS, is gone."
            )
        return await self._delivery.brought_here(job_id, kept), archive_from_json(kept_to_json(story.archive, kept))

    async def cancel(self, job_id: JobId) -> None:
        """Stop a job that has not ended and tell the LMS.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: it has ended, or its kept archive is being delivered.
        """
        story, stored = await self._known(job_id)
        if story.state.is_final:
            raise ConflictError(f"The job is {story.state} and cannot be cancelled.")
        known = await runs.runs_of(job_id)
        active = [run for run in known if run.status in ACTIVE]
        if any(run.name == runs.REDELIVERY for run in active):
            raise ConflictError("The job's kept archive is being delivered; a cancelled job would not keep it.")
        await DBOS.cancel_workflows_async([run.workflow_id for run in active])
        with SetWorkflowID(runs.cancel_workflow_id(job_id, runs.next_number(known))):
            # Not by the queue: there it would wait for the end of the very jobs that are to make room.
            await DBOS.start_workflow_async(self._running.abandon_job, job_to_json(stored), story.to_json())

    async def retry(self, job_id: JobId, token: Secret | None) -> None:
        """Run a job again that ended without an archive; items that have a record are not made again.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: it has not ended, or succeeded, or the files that it made are gone.
            TokenRefusedError: its token was erased and none was given.
        """
        story, stored = await self._known(job_id)
        if not story.state.is_final or story.state is JobState.FINISHED:
            raise ConflictError(
                f"The job is {story.state}; only one that FAILED, timed out or was cancelled can be retried."
            )
        # A cancelled job begins anew in any case.
        if story.state is not JobState.CANCELLED and await self._housekeeping.has_discarded(job_id):
            raise ConflictError(
                "What the job had made was discarded, as it is ARCHIVEWORKER_KEEP_FAILED_DAYS after its end; "
                "post it again."
            )
        run = await self._next_run(job_id)
        await self._take_token(job_id, token)
        await self._enqueue(replace(stored, accepted_at=self._tools.clock.now()), run, story)

    async def redeliver(self, job_id: JobId, to: Sequence[str] = (), token: Secret | None = None) -> None:
        """Deliver the kept archive of a job that has failed, without making it again.

        Args:
            job_id: of the job.
            to: names of targets; none: those that have not got it.
            token: for the LMS, when that is one of them; it is erased at the end.

        Raises:
            NotFoundError: there is no such job.
            RequestError: there is no such target.
            ConflictError: it has not ended, or there is no kept archive.
            TokenRefusedError: the LMS is a target and no token was given.
        """
        if to:
            self._check_targets(to, "to")
        async with self._intake:
            story, stored = await self._known(job_id)
            kept, archive = await self._delivery.kept_archive(job_id), story.archive
            if story.state is not JobState.FAILED or kept is None or archive is None:
                raise ConflictError(f"The job is {story.state}; {_ONLY_KEPT}")
            # Release 0.1 noted no deliveries.
            story = story if story.deliveries else story.expecting(stored.targets)
            targets = list(dict.fromkeys(to or story.undelivered))
            run = await self._next_run(job_id)
            if LMS in targets:
                await self._take_token(job_id, token)
            arguments = (job_to_json(stored), story.to_json(), kept_to_json(archive, kept), targets, run)
            lane = job_lane(stored.lms, stored.item_count)
            with SetWorkflowID(runs.redelivery_workflow_id(job_id, run)), SetEnqueueOptions(queue_partition_key=lane):
                await DBOS.enqueue_workflow_async(JOB_QUEUE, self._running.redeliver_job, *arguments)

    async def _next_run(self, job_id: JobId) -> int:
        """Return the number of a job's next run, when the one before has been put away."""
        known = await runs.runs_of(job_id)
        for run in known:
            if run.status in ACTIVE:
                await runs.put_away(run.workflow_id)
        return runs.next_number(known)

    async def _take_token(self, job_id: JobId, token: Secret | None) -> None:
        if token is not None:
            await self._tools.secrets.put(job_id, token)
            await self._open_jobs.close(job_id)
        elif await self._tools.secrets.get(job_id) is None:
            raise TokenRefusedError(
                "The job's token was erased when it ended; give one that the LMS takes for this job, or post it again."
            )

    async def _known(self, job_id: JobId) -> tuple[Story, StoredJob]:
        story = await views.story_of(job_id)
        if story is None:
            raise NotFoundError(f"Job with requested jobid '{job_id[:80]}' was not found")
        return story, await load_job(job_id)

    async def sweep(self) -> None:
        """Discard the working files of jobs that ended long ago; evidence stays."""
        await self._housekeeping.sweep()
