"""The engine: starts and stops DBOS, takes jobs in, answers for them.

One engine a process, because DBOS is one a process. Queues, checkpoints and recovery are DBOS's own (DESIGN D1); a
restart with the same ``executor_id`` recovers what this process had begun.
"""

import asyncio
import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID, WorkflowHandleAsync

from archiveworker.domain.errors import ConflictError, NotFoundError, QueueFullError, RequestError, TokenRefusedError
from archiveworker.domain.ids import JobId, LmsOrigin, new_job_id
from archiveworker.domain.job import ArchiveRequest, JobState
from archiveworker.domain.secret import Secret
from archiveworker.jobs import views
from archiveworker.jobs.deadline import with_deadline
from archiveworker.jobs.drain import DrainGate
from archiveworker.jobs.fairness import job_lane, lane_width
from archiveworker.jobs.finish import FinishSteps
from archiveworker.jobs.records import StoredJob, job_to_json
from archiveworker.jobs.results import ACTIVE, load_job
from archiveworker.jobs.steps import JobSteps
from archiveworker.jobs.story import Story
from archiveworker.jobs.tools import EVIDENCE_FOLDER, JobTools, OpenJobs
from archiveworker.jobs.watch import NoGuard, Watch
from archiveworker.jobs.workflows import ITEM_QUEUE, JOB_QUEUE, WORKFLOW_VERSION, ArchiveWorkflows

log = structlog.get_logger(__name__)

TIDY_INTERVAL_S: Final = 30.0
SWEEP_EVERY: Final = 120
"""Every how many times that it tidies up the engine looks at the whole spool: once an hour."""
_POOL_SIZE: Final = 10
_PUT_AWAY_S: Final = 10.0
_PUT_AWAY_POLL_S: Final = 0.1


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
        self._steps = JobSteps(tools, self._open_jobs, self._gate)
        self._finish = FinishSteps(tools, self._open_jobs)
        self._workflows: ArchiveWorkflows | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._intake = asyncio.Lock()

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
            "notification_listener_polling_interval_sec": policy.poll_interval_s,
        }
        DBOS(config=config)
        self._workflows = ArchiveWorkflows(self._config.instance_name, self._steps, self._finish, policy)
        DBOS.launch()
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
            await self._forget(await self._orphans())
        self._sweeper = asyncio.create_task(self._tidy_for_ever())

    async def stop(self, grace_s: float) -> bool:
        """Take no new work, let items in flight finish, stop. What is unfinished goes on at the next start.

        Returns:
            True when nothing in flight had to be given up.
        """
        is_deposed = self._watch is not None and self._watch.is_deposed
        clean = await self._gate.drain(0 if is_deposed else grace_s)
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._open_jobs.close_all()
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)
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
        active = len(await views.job_workflows(ACTIVE))
        if active >= self._jobs_max + self._tools.policy.queue_max:
            raise QueueFullError("Maximum number of queued jobs exceeded; post the job again later.")

    async def submit(self, request: ArchiveRequest) -> JobId:
        """Make a job durable and return its id.

        Raises:
            QueueFullError: as many jobs wait as may; several may have asked ``check_capacity`` at the same time.
            RequestError: the archive would have to be deleted at once.
        """
        self._check_retention(request)
        async with self._intake:
            await self.check_capacity()
            return await self._submit(request)

    def _check_retention(self, request: ArchiveRequest) -> None:
        keep_until, today = request.options.retention.keep_until, self._tools.clock.now().date()
        if keep_until is not None and keep_until < today:
            raise RequestError(f"retention.keep_until must not be in the past; it is {keep_until}, today is {today}")

    async def _submit(self, request: ArchiveRequest) -> JobId:
        job_id = new_job_id()
        stored = StoredJob(
            job_id=job_id,
            source=request.source,
            payload=request.payload,
            lms=str(LmsOrigin.of(request.lms_base_url)),
            accepted_at=self._tools.clock.now(),
            item_count=request.item_count,
        )
        await self._tools.secrets.put(job_id, request.token)
        await self._enqueue(stored, 1, Story())
        log.info("job_accepted", job_id=job_id, source=request.source, lms=stored.lms)
        return job_id

    async def _enqueue(self, stored: StoredJob, run: int, before: Story) -> None:
        workflow_id = stored.job_id if run == 1 else views.run_workflow_id(stored.job_id, run)
        lane = job_lane(stored.lms, stored.item_count)
        with SetWorkflowID(workflow_id), SetEnqueueOptions(queue_partition_key=lane):
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

    async def job_view(self, job_id: JobId) -> dict[str, Any]:
        """Return the whole story of a job for people and scripts.

        Raises:
            NotFoundError: there is no such job.
        """
        view = await views.job_view(job_id)
        if JobState(view["state"]).is_final:
            return view
        return with_deadline(view, self._tools.policy.job_timeout_s, self._tools.clock.now())

    async def jobs(self, limit: int) -> list[dict[str, Any]]:
        """Return a line on each of the newest jobs."""
        return await views.job_list(limit)

    async def worker_status(self) -> dict[str, Any]:
        """Return how busy the worker is, in the words of the existing worker."""
        return await views.worker_status(self._jobs_max, self._tools.policy.queue_max, draining=self.is_draining)

    @property
    def _jobs_max(self) -> int:
        """Jobs that all living executors together run at once."""
        return self._tools.policy.jobs_max * (1 if self._watch is None else len(self._watch.living))

    def evidence_file(self, job_id: JobId, name: str) -> Path:
        """Return the place of a piece of evidence.

        Raises:
            NotFoundError: there is none of that name.
        """
        folder = self._tools.evidence_folder(job_id)
        if "/" in job_id or job_id.startswith(".") or name not in {f.name for f in folder.glob("[!.]*")}:
            raise NotFoundError(f"There is no evidence of this name for job {job_id[:80]!r}.")
        return folder / name

    async def cancel(self, job_id: JobId) -> None:
        """Stop a job that has not ended and tell the LMS.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: it has ended.
        """
        story, stored = await self._known(job_id)
        if story.state.is_final:
            raise ConflictError(f"The job is {story.state} and cannot be cancelled.")
        runs = [w.workflow_id for w in await views.runs_of(job_id) if w.status in ACTIVE]
        await DBOS.cancel_workflows_async(runs)
        with SetWorkflowID(views.cancel_workflow_id(job_id)):
            # Not by the queue: there it would wait for the end of the very jobs that are to make room.
            await DBOS.start_workflow_async(self._running.abandon_job, job_to_json(stored), story.to_json())

    async def retry(self, job_id: JobId, token: Secret | None) -> None:
        """Run a job again that ended without an archive; items that have a record are not made again.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: it has not ended, or succeeded.
            TokenRefusedError: its token was erased and none was given.
        """
        story, stored = await self._known(job_id)
        if not story.state.is_final or story.state is JobState.FINISHED:
            raise ConflictError(
                f"The job is {story.state}; only one that FAILED, timed out or was cancelled can be retried."
            )
        runs = await views.runs_of(job_id)
        for run in runs:
            if run.status in ACTIVE:
                await _put_away(run.workflow_id)
        if token is not None:
            await self._tools.secrets.put(job_id, token)
            await self._open_jobs.close(job_id)
        elif await self._tools.secrets.get(job_id) is None:
            raise TokenRefusedError(
                "The job's token was erased when it ended; give one that the LMS takes for this job, or post it again."
            )
        again = replace(stored, accepted_at=self._tools.clock.now())
        await self._enqueue(again, len(runs) + 1, story)

    async def _known(self, job_id: JobId) -> tuple[Story, StoredJob]:
        story = await views.story_of(job_id)
        if story is None:
            raise NotFoundError(f"Job with requested jobid '{job_id[:80]}' was not found")
        return story, await load_job(job_id)

    async def _tidy_for_ever(self) -> None:
        suspects: frozenset[JobId] = frozenset()
        for number in itertools.count():
            await self._open_jobs.close_ended()
            if number % SWEEP_EVERY == 0:
                # Another executor may have stored a token whose job it is just about to store.
                orphans = await self._orphans()
                await self._forget(orphans & suspects)
                suspects = orphans
                await self.sweep()
                await self._tell_of_stranded_jobs()
            await asyncio.sleep(TIDY_INTERVAL_S)

    async def _tell_of_stranded_jobs(self) -> None:
        """Log the jobs that nobody of their version is there for, as after an upgrade that changed the workflows."""
        running = {WORKFLOW_VERSION} | {who.version for who in (self._watch.living if self._watch else ())}
        begun = await views.job_workflows(ACTIVE)
        stranded = [job.workflow_id for job in begun if job.app_version not in running]
        if stranded:
            log.warning(
                "stranded", jobs=stranded, advice="start a worker of their version, or cancel and post them again"
            )

    async def sweep(self) -> None:
        """Discard the working files of jobs that ended long ago; evidence stays."""
        limit = self._tools.clock.now() - timedelta(days=self._config.keep_failed_days)
        keep = frozenset({EVIDENCE_FOLDER})
        for job_id in await asyncio.to_thread(self._tools.spool.jobs_with_files, besides=keep):
            story = await views.story_of(job_id)
            if story is None or (story.state.is_final and _last_change(story) < limit):
                await asyncio.to_thread(self._tools.spool.discard, job_id, keep=keep)

    async def _orphans(self) -> frozenset[JobId]:
        """Return the jobs whose tokens a crash left behind: they never became durable, or had just ended."""
        stories = {job_id: await views.story_of(job_id) for job_id in await self._tools.secrets.job_ids()}
        return frozenset(j for j, story in stories.items() if story is None or story.state is JobState.FINISHED)

    async def _forget(self, job_ids: frozenset[JobId]) -> None:
        for job_id in sorted(job_ids):
            await self._tools.secrets.erase(job_id)


async def _put_away(workflow_id: str) -> None:
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


def _last_change(story: Story) -> datetime:
    return datetime.fromisoformat(story.history[-1][1]) if story.history else datetime.min.replace(tzinfo=UTC)
