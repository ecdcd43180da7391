"""What the workflows work with; ``composition`` fills it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from archiveworker.domain.delivery import LMS
from archiveworker.domain.document import EmbeddedFiles, PdfProfile, Renderer
from archiveworker.domain.errors import SourceError, TokenRefusedError
from archiveworker.domain.evidence import Timestamper
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveFormat, ArchiveLayout, ArchiveRequest, JobState, OnError
from archiveworker.domain.ports import DeliveryTarget, SecretStore, Source, SourceConnection, Spool
from archiveworker.domain.retention import RetentionRule
from archiveworker.domain.secret import Secret
from archiveworker.jobs.records import StoredJob
from archiveworker.jobs.watch import Guard
from archiveworker.runtime.clock import Clock
from archiveworker.runtime.retry_ledger import RetryLedger


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """Numbers and choices that the administrator makes for all jobs.

    Attributes:
        jobs_max: jobs that one worker runs at once.
        queue_max: jobs that may wait.
        items_in_flight: items that one worker has begun and not finished; more than can be rendered at once, so that
            fetching the next overlaps with rendering the current one.
        lms_items_max: items of one LMS in flight at once.
        item_attempts: how often an item is tried before it has failed for good.
        retry_interval_s: wait before the second try, doubled for each further one.
        poll_interval_s: how often queues and running items are looked at.
        progress_interval_s: how often the LMS hears about progress.
        backup_poll_s: how often the LMS is asked whether a backup is ready.
        job_timeout_s: then a job is given up with TIMEOUT.
        lms_outage_s: how long a job waits for an LMS that does not answer anything.
        job_retries: how many requests and tries a job may repeat in all, besides some for each item.
        archive_format: container when the request does not say.
        archive_layout: where things stand in the archive when the request does not say.
        retention: what the request leaves open.
        organization: who archives; empty when it is not said.
        organization_url: its page or its ROR id; empty when it is not said.
        contact_email: whom to ask; empty when it is not said.
        pdf_profile: what PDFs claim to be.
        pdf_embed: what is put into the PDFs beside their pages.
        pdf_embed_max_bytes: of all files in one PDF; what does not fit stays outside.
        compression_level: of gzip (0 to 3) and, scaled, of zip.
        min_free_bytes: room on the spool's disk below which no work begins and the worker is not ready.
        on_timestamp_error: FAIL delivers only what is stamped; REPORT delivers unstamped and says so.
        also_to: targets of every job, besides those that it names.
        delivery_retry_s: how long a delivery that may succeed later is tried again.
    """

    jobs_max: int = 4
    queue_max: int = 8
    items_in_flight: int = 8
    lms_items_max: int = 8
    item_attempts: int = 4
    retry_interval_s: float = 5.0
    poll_interval_s: float = 0.5
    progress_interval_s: float = 15.0
    backup_poll_s: float = 15.0
    job_timeout_s: float = 6 * 3600.0
    lms_outage_s: float = 4 * 3600.0
    job_retries: int = 500
    archive_format: ArchiveFormat = ArchiveFormat.TAR_GZ
    archive_layout: ArchiveLayout = ArchiveLayout.PLUGIN
    retention: RetentionRule = field(default_factory=RetentionRule)
    organization: str = ""
    organization_url: str = ""
    contact_email: str = ""
    pdf_profile: PdfProfile = PdfProfile.PDF_A_3A
    pdf_embed: EmbeddedFiles = EmbeddedFiles.NONE
    pdf_embed_max_bytes: int = 32 * 1024**2
    compression_level: int = 1
    min_free_bytes: int = 0
    on_timestamp_error: OnError = OnError.FAIL
    also_to: tuple[str, ...] = ()
    delivery_retry_s: float = 900.0


@dataclass(frozen=True, slots=True)
class JobTools:
    """Everything that a step may use.

    Attributes:
        sources: connectors by name.
        renderer: turns pages into PDFs.
        timestamper: None when no time-stamp authority is configured.
        secrets: tokens of running jobs.
        spool: files of running jobs, evidence of finished ones.
        clock: the time.
        policy: see JobPolicy.
        software: name and version, for the archive.
        trusted_pem: certificates that are believed for time-stamps; None when none are configured.
        targets: where archives may go besides the LMS, by name.
        warm_up: makes the renderer ready while an accepted job still waits for its turn; None: there is nothing to do.
        executor_id: of this process, when others share the spool; empty when it is alone.
        retries: counts what each job repeats; None: that is not limited.
    """

    sources: Mapping[str, Source]
    renderer: Renderer
    timestamper: Timestamper | None
    secrets: SecretStore
    spool: Spool
    clock: Clock
    policy: JobPolicy
    software: str
    trusted_pem: bytes | None = None
    targets: Mapping[str, DeliveryTarget] = field(default_factory=dict)
    warm_up: Callable[[], Coroutine[Any, Any, None]] | None = None
    executor_id: str = ""
    retries: RetryLedger | None = None

    @property
    def target_names(self) -> tuple[str, ...]:
        """Every name that a job may give as a target."""
        return (LMS, *sorted(self.targets))

    def evidence_folder(self, job_id: JobId) -> Path:
        """Return the folder whose files outlive the job."""
        return self.spool.job_folder(job_id) / EVIDENCE_FOLDER

    def work_folder(self, name: str) -> str:
        """Return the spool folder in which this process makes ``name``.

        Two processes never write to the same one, although one of them may not know yet that the other has taken over.
        """
        return f"{name}@{self.executor_id}" if self.executor_id else name


EVIDENCE_FOLDER = "evidence"
"""Name of the folder with time-stamps and manifest that stays when the rest of a job's spool is discarded."""

DISCARDED: Final = frozenset({JobState.FINISHED, JobState.CANCELLED})
"""States in which that is done at the job's end; the files of other ended jobs stay until the sweeper comes."""


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job with everything that its steps need to talk to the LMS.

    Attributes:
        stored: as the engine keeps it.
        request: parsed again, with its token.
        connection: shared by all steps of the job in this process, so that sockets are used again.
    """

    stored: StoredJob
    request: ArchiveRequest
    connection: SourceConnection


class OpenJobs:
    """The jobs that this process works on, opened when first asked for.

    Args:
        tools: sources and secrets.
        load: reads a stored job back from the engine.
        guard: asked before each use, because whatever a step does outside begins with the connection.
    """

    def __init__(self, tools: JobTools, load: Callable[[JobId], Awaitable[StoredJob]], guard: Guard) -> None:
        self._tools = tools
        self._load = load
        self._guard = guard
        self._open: dict[JobId, tuple[AsyncExitStack, OpenJob]] = {}
        self._lock = asyncio.Lock()

    async def get(self, job_id: JobId) -> OpenJob:
        """Return the open job.

        Raises:
            TokenRefusedError: its token was erased, as it is when a job ends.
            SourceError: its source does not exist in this version.
        """
        await self._guard.check()
        token = await self._tools.secrets.get(job_id)
        async with self._lock:
            entry = self._open.get(job_id)
            if entry is not None and (token is None or entry[1].request.token.reveal() != token.reveal()):
                # Another process has ended the job, or has begun to retry it with a new token.
                await self._open.pop(job_id)[0].aclose()
            if token is None:
                raise TokenRefusedError(
                    "the job's token was erased; post a new job, or retry this one with a new token"
                )
            if job_id not in self._open:
                self._open[job_id] = await self._opened(job_id, token)
            return self._open[job_id][1]

    async def _opened(self, job_id: JobId, token: Secret) -> tuple[AsyncExitStack, OpenJob]:
        stored = await self._load(job_id)
        source = self._tools.sources.get(stored.source)
        if source is None:
            raise SourceError(f"this worker has no source {stored.source!r}; the job was taken by another version")
        request = source.resume(stored.payload, token)
        stack = AsyncExitStack()
        connection = await stack.enter_async_context(source.connect(request, job_id))
        return stack, OpenJob(stored, request, connection)

    async def close(self, job_id: JobId) -> None:
        """Close the connection of a job that ended, or whose token changed."""
        async with self._lock:
            entry = self._open.pop(job_id, None)
        if entry is not None:
            await entry[0].aclose()

    async def close_ended(self) -> None:
        """Close the connections of jobs that ended in another process."""
        if self._open:
            running = frozenset(await self._tools.secrets.job_ids())
            for job_id in [job_id for job_id in self._open if job_id not in running]:
                await self.close(job_id)

    async def close_all(self) -> None:
        """Close every connection."""
        for job_id in list(self._open):
            await self.close(job_id)
