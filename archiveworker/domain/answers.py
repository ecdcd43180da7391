"""What the HTTP API answers, and the JSON bodies that it takes besides jobs: one type for each.

The engine and the routes build them, the client reads them, and the OpenAPI document is made from them, so that the
three cannot differ. They are plain dictionaries while the program runs; a newer worker may add keys.
"""

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

from archiveworker.domain.delivery import DeliveryState
from archiveworker.domain.document import PdfProfile
from archiveworker.domain.job import ArchiveLayout, JobState


class Problem(TypedDict):
    """Why a request was refused.

    Attributes:
        error: one sentence: what is wrong, why, and what to do about it.
    """

    error: str


class AppInfo(TypedDict):
    """What serves here.

    Attributes:
        app: always ``archiveworker``.
        version: of the worker.
    """

    app: Literal["archiveworker"]
    version: str


class Version(TypedDict):
    """Which version serves here.

    Attributes:
        version: of the worker.
    """

    version: str


class Alive(TypedDict):
    """The process answers."""

    status: Literal["ok"]


class Readiness(TypedDict):
    """Whether jobs can be done here now.

    Attributes:
        status: ``ok`` when every check is.
        checks: ``ok``, or a sentence that says what is wrong, for each of ``database``, ``browser``, ``disk``,
            ``draining``.
    """

    status: Literal["ok", "unavailable"]
    checks: dict[str, str]


class WorkerStatus(TypedDict):
    """How busy the worker is, in the words of the existing worker.

    Attributes:
        status: ``IDLE`` nothing to do, ``ACTIVE`` jobs run, ``BUSY`` further jobs are refused, ``UNAVAILABLE`` it is
            shutting down.
        jobs_processing: ids of the jobs that run.
        jobs_queued: ids of the jobs that wait.
        jobs_max: how many may run at once.
        queue_max: how many may wait.
        queue_len: how many wait.
    """

    status: Literal["IDLE", "ACTIVE", "BUSY", "UNAVAILABLE"]
    jobs_processing: list[str]
    jobs_queued: list[str]
    jobs_max: int
    queue_max: int
    queue_len: int


class Accepted(TypedDict):
    """A job was taken; it is on the disk.

    Attributes:
        jobid: of the job, a random UUID; whoever has it may ask for the job's state.
        status: the job's first state as its plugin calls it: a word, or local_archiving's number.
    """

    jobid: str
    status: str | int


class JobStatus(TypedDict):
    """Where a job is.

    Attributes:
        id: of the job.
        status: its state.
    """

    id: str
    status: JobState


class JobLine(TypedDict):
    """A line on a job.

    Attributes:
        id: of the job.
        state: where it is.
        source: name of the interface that it came through.
        lms: origin of the LMS.
        accepted_at: when it was taken, ISO 8601, UTC.
        items_total: number of items; null before it is known.
        archive: file name; null before it is packed.
        reason: why it failed; otherwise empty.
    """

    id: str
    state: JobState
    source: str
    lms: str
    accepted_at: str
    items_total: int | None
    archive: str | None
    reason: str


class JobList(TypedDict):
    """The newest jobs.

    Attributes:
        jobs: newest first.
    """

    jobs: list[JobLine]


class Transition(TypedDict):
    """A change of a job's state.

    Attributes:
        state: that it entered.
        at: when, ISO 8601, UTC.
    """

    state: JobState
    at: str


class Progress(TypedDict):
    """How far a job is.

    Attributes:
        items_total: number of items; null before the LMS has said what there is.
        items_done: items that are made.
        items_failed: items that failed for good.
        items_active: items that wait or are being made.
        percent: 0 to 100; 100 when the job has finished. Of one that ended without an archive, the share that a retry
            need not make again.
    """

    items_total: int | None
    items_done: int
    items_failed: int
    items_active: int
    percent: int


class PdfView(TypedDict):
    """What was found when the PDF of an item was looked at.

    Attributes:
        pages: of the PDF.
        width_mm: of its first page.
        height_mm: of its first page.
        words_shown: distinct longer words that a reader of the page sees.
        words_found: those of them in the PDF.
        images_drawn: on all pages.
        boxes_drawn: characters that no font of the worker has.
        files_embedded: associated files.
        profile: of PDF/A.
        size_bytes: of the file.
    """

    pages: int
    width_mm: float
    height_mm: float
    words_shown: int
    words_found: int
    images_drawn: int
    boxes_drawn: int
    files_embedded: int
    profile: PdfProfile
    size_bytes: int


class ItemView(TypedDict):
    """An item that was made.

    Attributes:
        item: its key, e.g. ``attempt-33``.
        folder: its place in the archive.
        pages: of its PDF.
        files: that it adds to the archive, without sidecars.
        size_bytes: of these files together.
        took_s: seconds from the first request to the last byte.
        warnings: sentences.
        pdf: null for items that release 0.1 archived.
    """

    item: str
    folder: str
    pages: int
    files: int
    size_bytes: int
    took_s: float
    warnings: list[str]
    pdf: PdfView | None


class FailureView(TypedDict):
    """An item that failed for good.

    Attributes:
        item: its key.
        code: of the error.
        message: a sentence.
    """

    item: str
    code: str
    message: str


class WarningView(TypedDict):
    """Something that a person should know.

    Attributes:
        subject: key of an item, or ``job``.
        message: a sentence.
    """

    subject: str
    message: str


class RetentionView(TypedDict):
    """How long the archive is to be kept.

    Attributes:
        keep_until: last day, ISO 8601; null when it cannot be told.
        keep_years: the rule that the day was counted by; null when the day itself was given.
        legal_basis: why it is kept.
        deletion_class: how it is to be destroyed.
    """

    keep_until: str | None
    keep_years: int | None
    legal_basis: str
    deletion_class: str


class ArchiveView(TypedDict):
    """The packed archive.

    Attributes:
        name: file name.
        sha256: hex digest of the file.
        size_bytes: of the file.
        layout: where things stand in it; null for one that release 0.1 packed.
        retention: null when no rule says so.
    """

    name: str
    sha256: str
    size_bytes: int
    layout: ArchiveLayout | None
    retention: RetentionView | None


class DeliveryView(TypedDict):
    """What came of the archive at a place.

    Attributes:
        target: name of the place.
        state: of the delivery.
        message: why it failed; otherwise empty.
    """

    target: str
    state: DeliveryState
    message: str


class JobView(TypedDict):
    """The whole story of a job.

    Attributes:
        id: of the job.
        state: where it is.
        reason: why it did not finish; otherwise empty.
        source: name of the interface that it came through.
        lms: origin of the LMS.
        accepted_at: when it was taken, ISO 8601, UTC.
        priority: -10 to 10, higher is sooner.
        history: every state so far, oldest first.
        progress: how far it is.
        items: that are made; at most 5000.
        failures: items that failed for good.
        warnings: of the job and of items.
        archive: null before it is packed.
        evidence: names of the pieces of evidence.
        deliveries: places that the archive goes to, in their order, once it is packed.
        kept_until: until when the archive of a job that failed, or of which the LMS did not say that it has it, stays
            on the worker, ISO 8601; null otherwise.
        deadline_at: of a job that has not ended: when it ends with TIMEOUT, ISO 8601.
    """

    id: str
    state: JobState
    reason: str
    source: str
    lms: str
    accepted_at: str
    priority: int
    history: list[Transition]
    progress: Progress
    items: list[ItemView]
    failures: list[FailureView]
    warnings: list[WarningView]
    archive: ArchiveView | None
    evidence: list[str]
    deliveries: list[DeliveryView]
    kept_until: str | None
    deadline_at: NotRequired[str]


class RetryOrder(TypedDict, total=False):
    """What a retry may bring.

    Attributes:
        token: a new one of the same LMS; the old one is erased when a job ends.
    """

    token: Annotated[str, Meta(min_length=1)] | None


class RedeliverOrder(TypedDict, total=False):
    """What another delivery may bring.

    Attributes:
        to: names of places; without it, those that have not got the archive.
        token: for the LMS, when that is one of them.
    """

    to: list[str]
    token: Annotated[str, Meta(min_length=1)] | None
