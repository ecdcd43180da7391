"""What the workflows need from the outside, as small protocols. ``composition`` decides who fulfils them.

Every method may raise the errors of ``domain.errors``; their retry verdict decides what the engine does next. A method
must be safe to call again after a crash: the engine repeats the step that was in flight.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import (
    ArchiveRequest,
    FetchedItem,
    JobState,
    Plan,
    PlannedBackup,
    PlannedItem,
)
from archiveworker.domain.json_schema import Schema
from archiveworker.domain.secret import Secret


class Readable(Protocol):
    """Bytes that come as they are asked for."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        ...

    def close(self) -> None:
        """Give back whatever they come from."""
        ...


class ItemSpool(Protocol):
    """A folder of the spool in which one item or backup may write."""

    @property
    def folder(self) -> Path:
        """The folder; it exists and is empty when the work begins."""
        ...

    @property
    def collected(self) -> Path:
        """Folder of the job in which ``SourceConnection.plan`` left what all its items share; only ``plan`` writes."""
        ...

    @property
    def companions(self) -> Path:
        """Folder of the job for files that are delivered beside the archive, never in it, and shown nowhere else."""
        ...

    def relative(self, file: Path) -> str:
        """Return how ``ArchiveFile.spooled`` calls ``file``, which lies below ``folder`` or ``collected``."""
        ...


class SourceConnection(Protocol):
    """An LMS, seen by one job: its token, its functions, its quirks."""

    async def probe(self) -> None:
        """Find out in less than two seconds whether the LMS answers and takes the token.

        Raises:
            TokenRefusedError: the LMS answers and refuses the token.
            SourceUnavailableError: it does not answer.
        """
        ...

    async def plan(self, spool: ItemSpool) -> Plan:
        """Ask the LMS for whatever is needed to know the whole of the work.

        Args:
            spool: its folder is ``collected``. It is not emptied when the step is repeated, nor by a retry: what an
                earlier try left there need not be asked for again.
        """
        ...

    async def fetch_item(self, item: PlannedItem, spool: ItemSpool) -> FetchedItem:
        """Fetch the page of one item and download its attachments to the spool."""
        ...

    async def backup_is_ready(self, backup: PlannedBackup) -> bool:
        """Ask whether the LMS has finished preparing a backup.

        Raises:
            SourceError: it failed, or is not known there.
        """
        ...

    async def fetch_backup(self, backup: PlannedBackup, spool: ItemSpool) -> ArchiveFile:
        """Download a backup that is ready."""
        ...

    async def report(self, state: JobState, progress_percent: int | None = None) -> None:
        """Tell the LMS where the job is. A final state makes the LMS delete the token.

        ``progress_percent`` (0 to 100) goes with RUNNING only. States the LMS does not know are translated or left out.
        """
        ...

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        """Bring the archive's bytes to the LMS and return the ticket that ``confirm`` needs."""
        ...

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        """Make the LMS store what was uploaded; afterwards the job is finished there and the token is gone.

        Args:
            parcel: what was uploaded.
            ticket: what ``upload`` returned.
            begun_before: True when an earlier call may have got through although its answer was lost (a crash): an
                answer that means "I have it already" is then success.

        Returns:
            None, or a warning: why the delivery is believed although the LMS did not say so; the archive is then kept.
        """
        ...


class Source(Protocol):
    """A kind of LMS interface: parses its requests and opens connections."""

    @property
    def name(self) -> str:
        """How requests and stored jobs call it; never changes."""
        ...

    def parse(self, body: Mapping[str, object]) -> ArchiveRequest:
        """Check a request's body.

        Raises:
            RequestError: one sentence that names the field and what it may be.
        """
        ...

    def resume(self, payload: Mapping[str, object], token: Secret) -> ArchiveRequest:
        """Parse ``ArchiveRequest.payload`` of a stored job again, with the token that was kept apart."""
        ...

    def connect(self, request: ArchiveRequest, job_id: JobId | None) -> AbstractAsyncContextManager[SourceConnection]:
        """Open a connection; ``job_id`` is None only for probing."""
        ...

    def request_schemas(self) -> Mapping[str, Schema]:
        """Return what ``parse`` takes as JSON Schemas (draft 2020-12), by name, each with an example.

        A request has to be valid under one of them. They refer to nothing outside of themselves.
        """
        ...

    def accepted_status(self) -> str | int:
        """Return the ``status`` that the answer to an accepted request carries for this plugin family."""
        ...


class DeliveryTarget(Protocol):
    """A place for archives that the administrator has set up; jobs call it by its name."""

    @property
    def name(self) -> str:
        """How requests and stored jobs call it."""
        ...

    async def deliver(self, parcel: Parcel, job_id: JobId) -> str | None:
        """Bring the archive and its companions there; safe to repeat, what arrived before is not stored twice.

        Returns:
            None, or a warning.

        Raises:
            DeliveryError: it could not be brought there; its retry verdict says whether trying again may help.
        """
        ...

    async def check(self) -> tuple[str, str]:
        """Look whether an archive could be brought there, without bringing one.

        Returns:
            what was seen, and a doubt that a person should look at, or nothing.

        Raises:
            DeliveryError: it could not.
        """
        ...


class SecretStore(Protocol):
    """Keeps a job's token, sealed, for as long as the job needs it."""

    async def put(self, job_id: JobId, secret: Secret) -> None:
        """Seal and store ``secret``, durable on return."""
        ...

    async def get(self, job_id: JobId) -> Secret | None:
        """Return the secret, or None when it was erased or never there."""
        ...

    async def erase(self, job_id: JobId) -> None:
        """Forget the secret; no error when there is none."""
        ...

    async def job_ids(self) -> list[JobId]:
        """Return the jobs whose secrets are kept."""
        ...


class Spool(Protocol):
    """Where a job's files wait until they are packed.

    Work is done in folders of this machine. When others do not see them, ``keep`` and ``keep_files`` bring what was
    made to where they do, and ``fetch`` and ``opened`` bring back what somebody else kept; else these do nothing.
    """

    def job_folder(self, job_id: JobId) -> Path:
        """Return the folder of a job on this machine; it may not exist yet."""
        ...

    def item(self, job_id: JobId, name: str) -> ItemSpool:
        """Make (or empty) the folder ``name`` of a job and return it."""
        ...

    def shared(self, job_id: JobId) -> ItemSpool:
        """Make the folder ``collected`` of a job, unless it is there already with what it holds, and return it."""
        ...

    def companions(self, job_id: JobId) -> tuple[Path, ...]:
        """Return the files that go beside the archive of a job, and nowhere else."""
        ...

    def path_of(self, job_id: JobId, spooled: str) -> Path:
        """Return the place of a file of this machine that was spooled.

        Raises:
            NotFoundError: it is gone, or the name points outside of the job's folder.
        """
        ...

    def opened(self, job_id: JobId, spooled: str) -> Readable:
        """Return the bytes of a spooled file, wherever they are; to be closed. Blocking.

        Raises:
            FileNotFoundError: it is gone.
        """
        ...

    def names(self, job_id: JobId, name: str) -> tuple[str, ...]:
        """Return the names of the files in the folder ``name`` of a job, wherever they are. Blocking."""
        ...

    def place(self, job_id: JobId, name: str) -> str:
        """Say for people where the folder ``name`` of a job is kept."""
        ...

    def mark(self, job_id: JobId, name: str) -> bool:
        """Leave a mark that whoever goes on with the job sees; return True when it was there already. Blocking."""
        ...

    async def fetch(self, job_id: JobId, *names: str) -> None:
        """Bring those folders of a job to this machine as they were last kept.

        Raises:
            StoreError: they cannot be had, or are not what was kept.
            SpoolFullError: there is no room on this machine.
        """
        ...

    async def keep(self, job_id: JobId, *names: str) -> None:
        """Bring those folders of a job, as they are now, to where others see them.

        Raises:
            StoreError: it cannot be done.
        """
        ...

    async def keep_files(self, job_id: JobId, files: Sequence[ArchiveFile]) -> None:
        """Bring files with known digests to where others see them.

        Raises:
            StoreError: it cannot be done, or a file is not what it was.
        """
        ...

    def jobs_with_files(self, *, besides: frozenset[str] = frozenset()) -> list[JobId]:
        """Return the jobs that have more on the spool than the folders named in ``besides``. Blocking."""
        ...

    def idle_copies(self) -> list[JobId]:
        """Return the jobs of which this machine has copies that nobody has used for a while. Blocking."""
        ...

    def drop_copy(self, job_id: JobId) -> None:
        """Remove this machine's copy of a job's files. Blocking."""
        ...

    def free_bytes(self) -> int:
        """Return how much room is left on this machine."""
        ...

    def discard(self, job_id: JobId, *, keep: frozenset[str] = frozenset()) -> None:
        """Remove a job's folders except those named in ``keep``. Blocking."""
        ...
