"""What the engine tidies up by and by: connections, files and tokens that no job needs any more.

Safe beside other executors: what belongs to a job that runs anywhere is left alone.
"""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from archiveworker.domain.ids import JobId
from archiveworker.domain.job import JobState
from archiveworker.jobs import views
from archiveworker.jobs.results import ACTIVE, load_results
from archiveworker.jobs.runs import workflows_in
from archiveworker.jobs.story import Story
from archiveworker.jobs.tools import EVIDENCE_FOLDER, JobTools, OpenJobs
from archiveworker.jobs.watch import Watch
from archiveworker.jobs.workflows import WORKFLOW_VERSION

log = structlog.get_logger(__name__)

TIDY_INTERVAL_S: Final = 30.0
SWEEP_EVERY: Final = 120
"""Every how many times that it tidies up the engine looks at the whole spool: once an hour."""


class Housekeeping:
    """Tidies up after jobs.

    Args:
        tools: spool, secrets, clock.
        open_jobs: connections of this process.
        watch: over the other executors; None when there are none.
        keep_failed_days: how long the files of a failed job stay on the spool.
    """

    def __init__(self, tools: JobTools, open_jobs: OpenJobs, watch: Watch | None, keep_failed_days: float) -> None:
        self._tools = tools
        self._open_jobs = open_jobs
        self._watch = watch
        self._keep_failed_days = keep_failed_days
        self._sweeping = asyncio.Lock()

    async def tidy_for_ever(self) -> None:
        """Tidy up until cancelled."""
        suspects: frozenset[JobId] = frozenset()
        for number in itertools.count():
            await self._open_jobs.close_ended()
            await self._drop_copies()
            if number % SWEEP_EVERY == 0:
                # Another executor may have stored a token whose job it is just about to store.
                orphans = await self._orphans()
                await self._forget(orphans & suspects)
                suspects = orphans
                await self.sweep()
                await self._tell_of_stranded_jobs()
            await asyncio.sleep(TIDY_INTERVAL_S)

    async def _drop_copies(self) -> None:
        """Remove this machine's copies of what jobs that have ended have in the store."""
        for job_id in await asyncio.to_thread(self._tools.spool.idle_copies):
            story = await views.story_of(job_id)
            if story is None or story.state.is_final:
                await asyncio.to_thread(self._tools.spool.drop_copy, job_id)

    async def _tell_of_stranded_jobs(self) -> None:
        """Log the jobs that nobody of their version is there for, as after an upgrade that changed the workflows."""
        running = {WORKFLOW_VERSION} | {who.version for who in (self._watch.living if self._watch else ())}
        begun = await workflows_in(ACTIVE)
        stranded = [job.workflow_id for job in begun if job.app_version not in running]
        if stranded:
            log.warning(
                "stranded", jobs=stranded, advice="start a worker of their version, or cancel and post them again"
            )

    async def sweep(self) -> None:
        """Discard the working files of jobs that ended long ago; evidence stays."""
        async with self._sweeping:
            await self._sweep()

    async def _sweep(self) -> None:
        limit = self._tools.clock.now() - timedelta(days=self._keep_failed_days)
        keep = frozenset({EVIDENCE_FOLDER})
        for job_id in await asyncio.to_thread(self._tools.spool.jobs_with_files, besides=keep):
            story = await views.story_of(job_id)
            if story is None or (story.state.is_final and _last_change(story) < limit):
                await asyncio.to_thread(self._tools.spool.discard, job_id, keep=keep)

    async def has_discarded(self, job_id: JobId) -> bool:
        """Return whether a job's items have made files that are not there any more, so that it cannot go on."""
        made = (file for record in (await load_results(job_id)).records.values() for file in record.files)
        for file in itertools.islice(made, 1):  # all of a job's are discarded at once
            try:
                (await asyncio.to_thread(self._tools.spool.opened, job_id, file.spooled)).close()
            except FileNotFoundError:
                return True
        return False

    async def forget_orphans(self) -> None:
        """Erase tokens that a crash left behind; only where no other executor may be about to store their jobs."""
        await self._forget(await self._orphans())

    async def _orphans(self) -> frozenset[JobId]:
        """Return the jobs whose tokens a crash left behind: they never became durable, or had just ended."""
        stories = {job_id: await views.story_of(job_id) for job_id in await self._tools.secrets.job_ids()}
        return frozenset(j for j, story in stories.items() if story is None or story.state is JobState.FINISHED)

    async def _forget(self, job_ids: frozenset[JobId]) -> None:
        for job_id in sorted(job_ids):
            await self._tools.secrets.erase(job_id)


def _last_change(story: Story) -> datetime:
    return datetime.fromisoformat(story.history[-1][1]) if story.history else datetime.min.replace(tzinfo=UTC)
