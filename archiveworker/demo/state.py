"""Everything that the demo LMS remembers: jobs, tokens, backups, uploaded files, deliveries. Files are on disk."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from archiveworker.demo.contract import Family, Plugin
from archiveworker.demo.course import Course
from archiveworker.demo.faults import FaultBook
from archiveworker.demo.journal import Journal
from archiveworker.demo.report import PageOptions
from archiveworker.demo.service import Service
from archiveworker.demo.workshop import Workshop, generate_workshops

FINAL_STATUSES: Final[frozenset[str | int]] = frozenset(
    {"FINISHED", "FAILED", "TIMEOUT", "DELETED", 220, 240, 250, 251}
)
"""quiz_archiver's words and local_archiving's numbers after which nothing may come and the token is gone."""


@dataclass(frozen=True, slots=True)
class LmsOptions:
    """How this Moodle is set up.

    Attributes:
        row_delay_s: the job's row is written this long after the worker's answer (trap 7 of the contract).
        backup_polls: how often a backup is asked for in vain.
        backup_s: and how long it takes at least, from the first question.
        backup_bytes: about how large a backup is; from 64 MiB on, in whole MiB, it is made while it is sent.
        max_upload_bytes: the site's ``maxbytes``; None is no limit.
        keeps_archives: False: an archive that is uploaded is hashed and thrown away: for one that is too large to be on
            the disk twice.
        user_quota_bytes: for the private files of one account.
        page: behaviour of the report pages.
    """

    row_delay_s: float = 0.2
    backup_polls: int = 1
    backup_s: float = 0.0
    backup_bytes: int = 200_000
    max_upload_bytes: int | None = None
    keeps_archives: bool = True
    user_quota_bytes: int = 100 * 1024**2
    page: PageOptions = field(default_factory=PageOptions)


@dataclass(slots=True)
class Backup:
    """A backup that a request announced.

    Attributes:
        contextid: context of the course or activity.
        filearea: ``course`` or ``activity``.
        filename: with ``.mbz``.
        polls: how often its state was asked.
        first_poll_s: loop time of the first question.
    """

    contextid: int
    filearea: str
    filename: str
    polls: int = 0
    first_poll_s: float = 0.0
    ready: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """An archive that was accepted.

    Attributes:
        jobid: of the worker.
        filename: the artifact's name.
        size_bytes: its size.
        sha256: its digest, hexadecimal.
        path: where the demo keeps it.
        parts: 1, or how many chunks it came in.
    """

    jobid: str
    filename: str
    size_bytes: int
    sha256: str
    path: Path
    parts: int


@dataclass(slots=True)
class Row:
    """A job as the plugin knows it.

    Attributes:
        plugin: who posted it.
        request: what was posted.
        jobid: the worker's id; None until it answered.
        visible_at_s: loop time from which the row is in the database; None until the worker answered.
        status: words for quiz_archiver, numbers for local_archiving.
        statuses: all of them in order, with progress where given.
        backups: by id.
    """

    plugin: Plugin
    token: str = field(repr=False)
    request: Mapping[str, Any] = field(repr=False)
    jobid: str | None = None
    visible_at_s: float | None = None
    status: str | int = "UNINITIALIZED"
    statuses: list[tuple[str | int, float | None]] = field(default_factory=list)
    backups: dict[str, Backup] = field(default_factory=dict)
    delivery: Delivery | None = None

    @property
    def visible(self) -> bool:
        """Whether the row can be found already."""
        return self.visible_at_s is not None and asyncio.get_running_loop().time() >= self.visible_at_s

    @property
    def complete(self) -> bool:
        """Whether nothing may come any more."""
        return self.status in FINAL_STATUSES


@dataclass(frozen=True, slots=True)
class DraftFile:
    """An uploaded file that nobody has claimed yet."""

    filename: str
    path: Path
    size_bytes: int
    sha256: str


@dataclass(slots=True)
class LmsState:
    """The LMS's memory.

    Attributes:
        course: what there is to archive.
        workdir: folder for uploads, backups and deliveries.
        base_url: own origin, without a slash at the end; known once the port is bound.
        tokens: valid tokens and the plugin whose functions they may call.
        services: valid tokens of services that were made by hand.
        rows: all jobs, in the order of their requests.
        drafts: itemid -> (filepath, filename) -> file.
        private_files: of the service account: (filepath, filename) -> file.
    """

    course: Course
    workdir: Path
    options: LmsOptions = field(default_factory=LmsOptions)
    faults: FaultBook = field(default_factory=FaultBook)
    journal: Journal = field(default_factory=Journal)
    base_url: str = ""
    tokens: dict[str, Plugin] = field(default_factory=dict, repr=False)
    services: dict[str, Service] = field(default_factory=dict, repr=False)
    rows: list[Row] = field(default_factory=list)
    drafts: dict[int, dict[tuple[str, str], DraftFile]] = field(default_factory=dict)
    private_files: dict[tuple[str, str], DraftFile] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    _counter: int = 0
    _workshops: tuple[Workshop, ...] = ()

    @property
    def workshops(self) -> tuple[Workshop, ...]:
        """The course's workshops, made when they are first asked for."""
        if not self._workshops:
            self._workshops = generate_workshops(self.course)
        return self._workshops

    def knows(self, token: str) -> bool:
        """Whether a token is valid."""
        return token in self.tokens or token in self.services

    def next_number(self) -> int:
        """Return 1, 2, 3 ...: for ids and file names."""
        self._counter += 1
        return self._counter

    def create_token(self, plugin: Plugin) -> str:
        """Return a new token for the plugin's functions: 32 hexadecimal digits, as Moodle's."""
        token = self._new_token()
        self.tokens[token] = plugin
        return token

    def create_service_token(self, service: Service | None = None) -> str:
        """Return a new token of a service that was made by hand; None makes one with every function."""
        token = self._new_token()
        self.services[token] = service or Service()
        return token

    def _new_token(self) -> str:
        seed = f"{self.course.seed} {self.next_number()} {self.base_url}"
        return hashlib.sha256(seed.encode()).hexdigest()[:32]

    def row_of_job(self, jobid: str) -> Row | None:
        """Return the row of quiz_archiver's job, None while it is not there."""
        return next((row for row in self.rows if row.jobid == jobid and row.visible), None)

    def row_of_task(self, taskid: int, family: Family) -> Row | None:
        """Return the row of local_archiving's task; it exists before the request is posted."""
        matches = (row for row in self.rows if row.plugin.family is family and row.request.get("taskid") == taskid)
        return next(matches, None)

    def set_status(self, row: Row, status: str | int, progress: float | None = None) -> None:
        """Write a status; a final one deletes the token, as the plugins do."""
        row.status = status
        row.statuses.append((status, progress))
        if row.complete:
            self.tokens.pop(row.token, None)


STATE: Final = web.AppKey("demo_lms_state", LmsState)
