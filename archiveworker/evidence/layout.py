"""Which files of the worker's own making stand in an archive beside what was archived (contract "Layout").

Pure: takes entries, gives entries. In this order::

    contents = with_sidecars(files)                    # <name>.sha256 beside every file
    manifest = manifest_of(contents)                   # the same for the same contents: this is what gets stamped
    evidence = evidence_of(manifest, stamp, record)    # all that differs from job to job
    pack([*contents, manifest, *evidence], ...)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from archiveworker.domain.evidence import Timestamp
from archiveworker.domain.ids import ArchivePath, JobId
from archiveworker.evidence import leaves, verify_text
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.entries import Entry, InlineFile

EVIDENCE_FOLDER = "evidence/"
EVIDENCE_LIST_NAME = ArchivePath("evidence/evidence-sha256.txt")
QUERY_NAME = ArchivePath("evidence/manifest-sha256.txt.tsq")
REPLY_NAME = ArchivePath("evidence/manifest-sha256.txt.tsr")
CHAIN_NAME = ArchivePath("evidence/chain.pem")
VERIFY_NAME = ArchivePath("evidence/VERIFY.txt")
JOB_NAME = ArchivePath("evidence/job.txt")

_NO_TIME = datetime(1980, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What differs between two runs of the same job; stands in ``evidence/job.txt``.

    Attributes:
        job_id: of this run.
        archived_at: when it was packed, UTC.
        software: name and version of the worker.
        lms: address of the LMS.
    """

    job_id: JobId
    archived_at: datetime
    software: str
    lms: str


@dataclass(frozen=True, slots=True)
class TreeStamp:
    """The time-stamp from which every file's own evidence record is made (see ``leaves``).

    Attributes:
        note: contents of ``evidence/hash-tree.txt``.
        stamp: over the tree's root.
    """

    note: bytes = field(repr=False)
    stamp: Timestamp


def is_content(name: str) -> bool:
    """Tell whether ``name`` is a file that the manifest lists, so that it may have a sidecar or be one."""
    return name != lists.MANIFEST_NAME.value and not name.startswith(EVIDENCE_FOLDER)


def with_sidecars(files: Sequence[Entry], *, include_filehashes: bool = True) -> tuple[Entry, ...]:
    """Return ``files`` and a ``.sha256`` beside each one.

    Where a file of that name is among the contents already (a student may have handed it in), it stays and its
    neighbour gets no sidecar.

    Args:
        files: the contents.
        include_filehashes: False returns the files alone.
    """
    if not include_filehashes:
        return tuple(files)
    taken = {entry.path.value.casefold() for entry in files}
    entries: list[Entry] = list(files)
    for entry in files:
        path = entry.path.with_suffix_added(lists.SIDECAR_SUFFIX)
        if path.value.casefold() not in taken:
            entries.append(InlineFile(path, lists.sidecar(entry.path.name, entry.sha256), entry.modified_at))
    return tuple(entries)


def manifest_of(contents: Sequence[Entry]) -> InlineFile:
    """Return ``manifest-sha256.txt`` over ``contents``, dated like the youngest of them."""
    data = lists.render({entry.path: entry.sha256 for entry in contents})
    return InlineFile(lists.MANIFEST_NAME, data, max((e.modified_at for e in contents), default=_NO_TIME))


def evidence_of(
    manifest: InlineFile, stamp: Timestamp | None, record: JobRecord, tree: TreeStamp | None = None
) -> tuple[InlineFile, ...]:
    """Return everything below ``evidence/``, closed by the list of its digests.

    Args:
        manifest: as ``manifest_of`` made it.
        stamp: over the manifest; None when the archive is unstamped.
        record: of the job.
        tree: over the files' hash tree; None when there is none.
    """
    moment = record.archived_at.replace(microsecond=0)
    contents = {
        VERIFY_NAME: verify_text.inside_archive(stamp, file_count=manifest.data.count(b"\n")),
        JOB_NAME: _job_text(record, stamp),
    }
    if stamp is not None:
        contents |= {QUERY_NAME: stamp.query, REPLY_NAME: stamp.reply, CHAIN_NAME: stamp.chain_pem}
    if tree is not None:
        contents |= {leaves.NOTE_NAME: tree.note, leaves.QUERY_NAME: tree.stamp.query}
        contents |= {leaves.REPLY_NAME: tree.stamp.reply, leaves.CHAIN_NAME: tree.stamp.chain_pem}
    files = [InlineFile(path, data, moment) for path, data in contents.items()]
    digests = {file.path: file.sha256 for file in files} | {manifest.path: manifest.sha256}
    return (*files, InlineFile(EVIDENCE_LIST_NAME, lists.render_sealed(digests), moment))


def _job_text(record: JobRecord, stamp: Timestamp | None) -> bytes:
    lines = [
        ("Job", record.job_id),
        ("Archived-At", f"{record.archived_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"),
        ("Software", record.software),
        ("LMS", record.lms),
    ]
    if stamp is None:
        lines.append(("Time-Stamp", "none"))
    else:
        lines += [
            ("Time-Stamp", f"{stamp.proof.generated_at:%Y-%m-%dT%H:%M:%SZ}"),
            ("Time-Stamp-Authority", stamp.proof.tsa_name),
            ("Time-Stamp-Address", stamp.tsa_url),
            ("Time-Stamp-Serial-Number", str(stamp.proof.serial_number)),
            ("Time-Stamp-Policy", stamp.proof.policy_oid),
            ("Time-Stamp-Trust", stamp.proof.trust.value),
        ]
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in lines).encode()
