"""An archive job and its items, as every room sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from archiveworker.domain.document import ArchiveFile, Document, PdfFacts, RenderOptions
from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.retention import RetentionRule
from archiveworker.domain.secret import Secret


class JobState(StrEnum):
    """Where a job is. The names are those that Moodle's quiz_archiver shows (classes/ArchiveJob.php)."""

    AWAITING_PROCESSING = "AWAITING_PROCESSING"
    RUNNING = "RUNNING"
    WAITING_FOR_BACKUP = "WAITING_FOR_BACKUP"
    FINALIZING = "FINALIZING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """True when nothing more will happen to the job by itself."""
        return not NEXT_STATES[self]


GIVEN_UP: Final = frozenset({JobState.FAILED, JobState.TIMEOUT, JobState.CANCELLED})
"""How a job can end without an archive that was delivered."""

NEXT_STATES: Final[Mapping[JobState, frozenset[JobState]]] = MappingProxyType(
    {
        JobState.AWAITING_PROCESSING: frozenset({JobState.RUNNING}) | GIVEN_UP,
        JobState.RUNNING: frozenset({JobState.WAITING_FOR_BACKUP, JobState.FINALIZING}) | GIVEN_UP,
        JobState.WAITING_FOR_BACKUP: frozenset({JobState.FINALIZING}) | GIVEN_UP,
        JobState.FINALIZING: frozenset({JobState.FINISHED}) | GIVEN_UP,
        JobState.FINISHED: frozenset(),
        JobState.FAILED: frozenset(),
        JobState.TIMEOUT: frozenset(),
        JobState.CANCELLED: frozenset(),
    }
)
"""The only transitions there are."""


class ArchiveFormat(StrEnum):
    """Container of the archive. Moodle's GDPR export is only right for ``TAR_GZ`` (docs/adr/0003)."""

    TAR_GZ = "tar.gz"
    ZIP = "zip"
    ZIP_STORED = "zip-stored"
    """A zip without compression."""

    @property
    def suffix(self) -> str:
        """End of the file's name, without a dot at its beginning."""
        return "tar.gz" if self is ArchiveFormat.TAR_GZ else "zip"


class ArchiveLayout(StrEnum):
    """Where things stand in the archive (docs/adr/0009)."""

    PLUGIN = "plugin"
    """What Moodle's plugins read: everything at the root."""
    BAGIT = "bagit"
    """A bag of RFC 8493 below one folder; Moodle stores it but cannot export one student's data from it."""


class OnError(StrEnum):
    """What to do when one part of a job fails for good."""

    FAIL = "fail"
    """The job ends FAILED."""
    REPORT = "report"
    """The archive is delivered without the part, and says so."""


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """Choices of a job that do not depend on the LMS.

    Attributes:
        archive_name: file name without extension; one path part, safe to write.
        archive_format: container; None takes the worker's setting.
        render: how pages are rendered.
        file_hashes: put a ``.sha256`` beside every file.
        flatten: put all files of the items into one folder.
        on_item_error: what an item that failed for good does to the job.
        layout: where things stand in the archive; None takes the worker's setting.
        retention: how long the archive is to be kept; what it leaves open is as the worker's settings say.
    """

    archive_name: str
    archive_format: ArchiveFormat | None = None
    render: RenderOptions = field(default_factory=RenderOptions)
    file_hashes: bool = True
    flatten: bool = False
    on_item_error: OnError = OnError.FAIL
    layout: ArchiveLayout | None = None
    retention: RetentionRule = field(default_factory=RetentionRule)


@dataclass(frozen=True, slots=True)
class ArchiveRequest:
    """A request that was parsed and checked; everything in it may be trusted to be well-formed.

    Attributes:
        source: name of the connector, e.g. ``quiz_archiver``.
        payload: the request's body as it came, without the token; the connector can parse it again.
        token: of the LMS's web service.
        lms_base_url: the LMS's own address, without a slash at the end.
        options: see ArchiveOptions.
        targets: names of where the archive goes, in this order; ``lms`` is the LMS itself.
        item_count: how many items there will be; None when only the LMS knows.
        further_urls: what else the job asks beside the LMS; subject to the same rules as the LMS.
    """

    source: str
    payload: Mapping[str, object]
    token: Secret = field(repr=False)
    lms_base_url: str
    options: ArchiveOptions
    targets: tuple[str, ...] = ("lms",)
    item_count: int | None = None
    further_urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """One unit of work: of fetching, rendering, retry, checkpoint.

    Attributes:
        key: unique in the job, stable over retries.
        lms_id: the LMS's own number for it.
        title: for people, e.g. ``Attempt 33``.
        facts: what the LMS already said about it (metadata columns), as text.
    """

    key: ItemKey
    lms_id: int
    title: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedBackup:
    """A file that the LMS prepares itself and the archive takes in as it is.

    Attributes:
        backup_id: how the LMS calls it.
        path: where it will stand in the archive.
    """

    backup_id: str
    path: ArchivePath


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a job will fetch.

    Attributes:
        items: sorted by ``lms_id``, each once.
        backups: in the order of the request.
        metadata_columns: columns of the metadata table, empty when none is wanted.
        metadata_name: file name of the metadata table in the archive.
        files: what planning left on the spool and the archive takes in as it is.
    """

    items: tuple[PlannedItem, ...]
    backups: tuple[PlannedBackup, ...] = ()
    metadata_columns: tuple[str, ...] = ()
    metadata_name: str = "metadata.csv"
    files: tuple[ArchiveFile, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchedItem:
    """What the LMS gave for one item.

    Attributes:
        document: the page to render.
        folder: the item's folder in the archive.
        file_stem: name of the rendered files, without extension; safe to write.
        attachments: files that were downloaded to the spool already.
        warnings: sentences for the item's record.
    """

    document: Document
    folder: ArchivePath
    file_stem: str
    attachments: tuple[ArchiveFile, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """What came of an item that succeeded; this is its checkpoint.

    Attributes:
        key: of the item.
        folder: the item's folder in the archive.
        files: everything that it adds to the archive, without sidecars.
        page_count: pages of its PDF.
        warnings: sentences for ``GET /jobs/<id>`` and the archive.
        took_s: seconds from the first request to the last byte on the spool.
        pdf: what was found in its PDF; None in a record of release 0.1.
    """

    key: ItemKey
    folder: ArchivePath
    files: tuple[ArchiveFile, ...]
    page_count: int
    warnings: tuple[str, ...] = ()
    took_s: float = 0.0
    pdf: PdfFacts | None = None


@dataclass(frozen=True, slots=True)
class FinishedArchive:
    """The packed archive, ready to be delivered.

    Attributes:
        name: file name with extension.
        spooled: where it is, relative to the job's spool folder.
        sha256: hex digest of the whole file.
        size_bytes: its length.
    """

    name: str
    spooled: str
    sha256: str
    size_bytes: int
