"""Which files of the worker's own making stand in an archive beside what was archived (contract "Layout").

Pure: takes entries, gives entries. In this order::

    contents = with_sidecars(files)                    # <name>.sha256 beside every file
    manifest = manifest_of(contents)                   # the same for the same contents: this is what gets stamped
    evidence = evidence_of(manifest, stamps, record)   # all that differs from job to job
    pack([*contents, manifest, *evidence], ...)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from archiveworker.domain.evidence import Timestamp
from archiveworker.domain.ids import ArchivePath, JobId
from archiveworker.evidence import bagit, evidence_names, leaves, verify_text
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.entries import Entry, InlineFile

EVIDENCE_FOLDER = evidence_names.FOLDER
EVIDENCE_LIST_NAME = ArchivePath("evidence/evidence-sha256.txt")
QUERY_NAME = evidence_names.query_name(1)
REPLY_NAME = evidence_names.reply_name(1)
CHAIN_NAME = evidence_names.chain_name(1)
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
    manifest: InlineFile, stamps: Sequence[Timestamp], record: JobRecord, tree: TreeStamp | None = None
) -> tuple[InlineFile, ...]:
    """Return everything below ``evidence/``, closed by the list of its digests.

    Args:
        manifest: as ``manifest_of`` made it.
        stamps: over the manifest, the most important one first; none when the archive is unstamped.
        record: of the job.
        tree: over the files' hash tree; None when there is none.
    """
    moment = record.archived_at.replace(microsecond=0)
    is_bag = bagit.is_manifest_of_bag(manifest.data)
    file_count = manifest.data.count(b"\n") + (len(bagit.TAG_NAMES) if is_bag else 0)
    contents = {
        VERIFY_NAME: verify_text.inside_archive(stamps, file_count=file_count, is_bag=is_bag),
        JOB_NAME: _job_text(record, stamps),
    }
    for number, stamp in enumerate(stamps, start=1):
        contents |= {
            evidence_names.query_name(number): stamp.query,
            evidence_names.reply_name(number): stamp.reply,
            evidence_names.chain_name(number): stamp.chain_pem,
            **revocation_files(stamp),
        }
    if tree is not None:
        contents |= {leaves.NOTE_NAME: tree.note, leaves.QUERY_NAME: tree.stamp.query}
        contents |= {leaves.REPLY_NAME: tree.stamp.reply, leaves.CHAIN_NAME: tree.stamp.chain_pem}
        contents |= revocation_files(tree.stamp)
    files = [InlineFile(path, data, moment) for path, data in contents.items()]
    digests = {file.path: file.sha256 for file in files} | {manifest.path: manifest.sha256}
    return (*files, InlineFile(EVIDENCE_LIST_NAME, lists.render_sealed(digests), moment))


def revocation_files(stamp: Timestamp) -> dict[ArchivePath, bytes]:
    """Return the CRLs and OCSP responses of a time-stamp and where they are in an archive."""
    if stamp.revocation is None:
        return {}
    crls = {ArchivePath(evidence_names.CRL_FOLDER + evidence_names.crl_name(c)): c for c in stamp.revocation.crls}
    ocsps = {ArchivePath(evidence_names.OCSP_FOLDER + evidence_names.ocsp_name(o)): o for o in stamp.revocation.ocsps}
    return crls | ocsps


def _job_text(record: JobRecord, stamps: Sequence[Timestamp]) -> bytes:
    lines = [
        ("Job", record.job_id),
        ("Archived-At", f"{record.archived_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"),
        ("Software", record.software),
        ("LMS", record.lms),
    ]
    if not stamps:
        lines.append(("Time-Stamp", "none"))
    for number, stamp in enumerate(stamps, start=1):
        label = "Time-Stamp" if number == 1 else f"Time-Stamp-{number}"
        lines += [(label + name, value) for name, value in _stamp_facts(stamp)]
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in lines).encode()


def _stamp_facts(stamp: Timestamp) -> list[tuple[str, str]]:
    proof, verdict = stamp.proof, stamp.revocation.verdict if stamp.revocation else None
    accuracy = [] if proof.accuracy_s is None else [("-Accuracy", f"{proof.accuracy_s:g} s")]
    expiry = [("-Expires", f"{min(c.expires_at for c in proof.chain):%Y-%m-%dT%H:%M:%SZ}")] if proof.chain else []
    return [
        ("", f"{proof.generated_at:%Y-%m-%dT%H:%M:%SZ}"),
        *accuracy,
        *expiry,
        ("-Digest", f"{proof.digest.algorithm}:{proof.digest.hex}"),
        ("-Authority", proof.tsa_name),
        ("-Address", stamp.tsa_url),
        ("-Serial-Number", str(proof.serial_number)),
        ("-Policy", proof.policy_oid),
        ("-Trust", proof.trust.value),
        ("-Revocation", "not asked" if verdict is None else f"{verdict.state} ({verdict.reason})"),
    ]
