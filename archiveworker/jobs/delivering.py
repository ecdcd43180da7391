"""Takes a packed archive to each of its targets: the steps, and their order.

What one target has got it keeps, whatever becomes of the others: each is a checkpoint of its own, and one that fails
for good does not keep the next from being tried. For a job whose only target is the LMS the steps are those of
release 0.1 (``upload``, ``confirm``), so jobs that it began go on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
from dbos import error

from archiveworker.domain.delivery import LMS, DeliveryState, Parcel
from archiveworker.domain.errors import DeliveryError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import FinishedArchive
from archiveworker.jobs.book import Book
from archiveworker.jobs.records import Json, archive_from_json, archive_to_json
from archiveworker.jobs.running import reason_of, run_step
from archiveworker.jobs.tools import EVIDENCE_FOLDER, JobPolicy, JobTools, OpenJobs
from archiveworker.runtime.retry import RetryPolicy, retrying
from archiveworker.runtime.spool import COMPANIONS

log = structlog.get_logger(__name__)

RunStep = Callable[..., Awaitable[Any]]
PACKAGE_FOLDER = "package"


class DeliverySteps:
    """Steps that hand an archive over. Each may be repeated after a crash.

    Args:
        tools: what they work with.
        open_jobs: request and connection of each.
    """

    def __init__(self, tools: JobTools, open_jobs: OpenJobs) -> None:
        self._tools = tools
        self._open_jobs = open_jobs

    async def upload(self, job_id: JobId, archive: Json) -> dict[str, str]:
        """Bring the archive to the LMS; return the ticket for ``confirm``."""
        job = await self._open_jobs.get(job_id)
        return dict(await job.connection.upload(await self._parcel(job_id, archive)))

    async def confirm(self, job_id: JobId, archive: Json, ticket: Mapping[str, str], mark: str) -> str:
        """Make the LMS store the archive; return a warning or nothing.

        A mark on the spool, called ``mark``, remembers that the call was begun: after a crash, "I have it already" is
        then success. Another run has another mark: what that one is told is about a call that failed.
        """
        job = await self._open_jobs.get(job_id)
        begun_before = await asyncio.to_thread(self._tools.spool.mark, job_id, f"{PACKAGE_FOLDER}/{mark}")
        parcel = await self._parcel(job_id, archive)
        return await job.connection.confirm(parcel, ticket, begun_before=begun_before) or ""

    async def deliver(self, job_id: JobId, archive: Json, target: str) -> str:
        """Bring the archive to a target that the administrator has set up; return a warning or nothing.

        Raises:
            DeliveryError: it could not be brought there within ``JobPolicy.delivery_retry_s``.
        """
        place = self._tools.targets.get(target)
        if place is None:
            raise DeliveryError(
                f"this worker has no such target any more; it has {', '.join(self._tools.target_names)}: set it up "
                "again (ARCHIVEWORKER_DELIVERY_...)"
            )

        async def attempt() -> str | None:
            return await place.deliver(await self._parcel(job_id, archive), job_id)

        began_s = self._tools.clock.monotonic_s()
        policy = RetryPolicy(first_delay_s=1.0, max_delay_s=60.0, budget_s=self._tools.policy.delivery_retry_s)
        warning = await retrying(attempt, policy, what=f"delivery to {target}")
        took_s = round(self._tools.clock.monotonic_s() - began_s, 3)
        log.info("archive_delivered", target=target, bytes=archive_from_json(archive).size_bytes, took_s=took_s)
        return warning or ""

    async def kept_archive(self, job_id: JobId) -> str | None:
        """Return what the spool calls the packed archive, None when it is not there (any more)."""
        names = await asyncio.to_thread(self._tools.spool.names, job_id, PACKAGE_FOLDER)
        return next((f"{PACKAGE_FOLDER}/{name}" for name in names if name.startswith("archive.")), None)

    async def brought_here(self, job_id: JobId, spooled: str) -> Path:
        """Return the place of a packed archive on this machine, where it is brought if need be.

        Raises:
            NotFoundError: it is gone.
        """
        await self._tools.spool.fetch(job_id, PACKAGE_FOLDER)
        return await asyncio.to_thread(self._tools.spool.path_of, job_id, spooled)

    def whereabouts(self, job_id: JobId) -> str:
        """Say where a packed archive is that could not be delivered."""
        place = self._tools.spool.place(job_id, PACKAGE_FOLDER)
        return (
            f"The packed archive is kept in {place} for ARCHIVEWORKER_KEEP_FAILED_DAYS; "
            "archiveworker jobs redeliver hands it over when the cause is gone"
        )

    async def _parcel(self, job_id: JobId, archive: Json) -> Parcel:
        await self._tools.spool.fetch(job_id, EVIDENCE_FOLDER, COMPANIONS, PACKAGE_FOLDER)
        return await asyncio.to_thread(self._parcel_here, job_id, archive)

    def _parcel_here(self, job_id: JobId, archive: Json) -> Parcel:
        finished = archive_from_json(archive)
        evidence = self._tools.evidence_folder(job_id)
        private = self._tools.spool.companions(job_id)
        companions = (*sorted(evidence.glob("[!.]*")), *private)
        return Parcel(finished, self._tools.spool.path_of(job_id, finished.spooled), companions, frozenset(private))


class Deliveries:
    """The part of a workflow that hands an archive over.

    Args:
        steps: see there.
        policy: numbers of tries and waits.
        patiently: runs the upload within the job's time and waits for an LMS that is away; None: a few tries. What
            makes the LMS store the archive is never cut off by the job's time.
    """

    def __init__(self, steps: DeliverySteps, policy: JobPolicy, patiently: RunStep | None = None) -> None:
        self._steps = steps
        self._policy = policy
        self._upload = patiently or self._again

    async def to_all(self, job_id: JobId, archive: Json, targets: Sequence[str], book: Book, mark: str) -> None:
        """Bring the archive to each of ``targets``, in this order, and note in ``book`` what came of it.

        ``mark`` is that of ``DeliverySteps.confirm``.

        Raises:
            DeliveryError: not every target of the job has it; the sentence names those that have not.
        """
        book.expect(targets)
        for target in targets:
            state, message = await self._outcome(job_id, archive, target, book, mark)
            book.delivery(target, state, message)
            if target != targets[-1]:
                await book.publish()  # the last one is published with the state that follows
        lacking = [entry for entry in book.story.deliveries if entry["state"] != DeliveryState.DELIVERED]
        if lacking:
            said = "; ".join(f"{entry['target']}: {entry['message'] or 'not tried again'}" for entry in lacking)
            raise DeliveryError(f"The archive was not delivered everywhere. {said}")

    async def _outcome(
        self, job_id: JobId, archive: Json, target: str, book: Book, mark: str
    ) -> tuple[DeliveryState, str]:
        try:
            warning = await (
                self._to_lms(job_id, archive, mark)
                if target == LMS
                else run_step(f"deliver_to_{target}", self._steps.deliver, job_id, archive, target)
            )
        except error.DBOSMaxStepRetriesExceeded as exc:
            return DeliveryState.FAILED, reason_of(exc.errors[-1], "delivery_failed", target=target)
        except error.DBOSException:
            raise
        except Exception as exc:  # noqa: BLE001 - the other targets are tried all the same
            return DeliveryState.FAILED, reason_of(exc, "delivery_failed", target=target)
        book.warn("job", warning)
        # An LMS that warns has not said that it has the archive; what other places warn of is something else.
        return DeliveryState.DELIVERED, warning if target == LMS else ""

    async def _to_lms(self, job_id: JobId, archive: Json, mark: str) -> Any:
        ticket = await self._upload("upload", self._steps.upload, job_id, archive)
        return await self._again("confirm", self._steps.confirm, job_id, archive, ticket, mark)

    async def _again(self, name: str, step: Any, *args: Any) -> Any:
        attempts, interval_s = self._policy.item_attempts, self._policy.retry_interval_s
        return await run_step(name, step, *args, attempts=attempts, interval_s=interval_s)


def kept_to_json(archive: Mapping[str, Any], spooled: str) -> Json:
    """Return a kept archive as the steps want it: what the job's story says of it, and what the spool calls it."""
    return archive_to_json(FinishedArchive(archive["name"], spooled, archive["sha256"], archive["size_bytes"]))
