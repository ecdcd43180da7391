"""Verifies an archive (tar.gz, zip or an unpacked folder) in one pass, holding no file in memory; also a proof.

The checks are made in a fixed order, the order of ``STEPS``; each gives at least one ``Check``, and each failure names
the file. It fails closed: what cannot be told is UNKNOWN, never GOOD. Memory grows with the number of files (about
300 bytes each) and with the lists of digests, not with the files' sizes.

Not evidence, and not compared with anything: times and modes of files in the container.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import NotFoundError
from archiveworker.domain.evidence import VerificationReport
from archiveworker.evidence import (
    archive_records,
    layout,
    opening,
    proof_check,
    verify_bag,
    verify_checks,
    verify_stamps,
    verify_tables,
)
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.reading import Findings, Limits, Member, Scan, UnreadableError
from archiveworker.evidence.timestamp_check import load_certificates
from archiveworker.evidence.verify_cover import check_cover
from archiveworker.evidence.verify_names import check_names

STEPS = (
    "container",
    "names",
    "evidence",
    "manifest",
    "files",
    "sidecars",
    "manifest_timestamp",
    "archive_timestamp",
    "metadata",
    "counts",
    "cover",
    verify_bag.STEP,
    archive_records.STEP,
)
"""First parts of the checks' names, in the order in which they are made; they are numbered from 1 in reports."""

_LISTS = frozenset({lists.MANIFEST_NAME.value, layout.EVIDENCE_LIST_NAME.value})
_SIDECAR_MAX_BYTES = 1024
_TOKEN_SUFFIXES = (".tsq", ".tsr")


def verify(
    archive: Path,
    *,
    reply: bytes | Sequence[bytes] | None = None,
    trusted_pem: bytes | None = None,
    limits: Limits | None = None,
    name: str | None = None,
) -> VerificationReport:
    """Check an archive and return everything that was looked at.

    Args:
        archive: a tar.gz or zip file, or a folder that holds an unpacked archive.
        reply: DER TimeStampResp over the archive file (its detached ``.tsr``), or several of different authorities.
        trusted_pem: certificates that are believed for time-stamps; without them a time-stamp can be told to be
            sound, but not by whom it is (UNKNOWN).
        limits: against archives made to exhaust the machine.
        name: how the report calls the archive; its own name when None.

    Raises:
        NotFoundError: there is no such file or folder.
        VerificationError: ``trusted_pem`` holds no certificate.
        OSError: the archive cannot be read.
    """
    if not archive.exists():
        raise NotFoundError(f"there is no archive {str(archive)!r}; check the path")
    trusted = load_certificates(trusted_pem) if trusted_pem is not None else ()
    limits = limits or Limits()
    if proof_check.is_proof(archive):
        return proof_check.verify_proof(archive, trusted, limits)
    findings = Findings(name or archive.absolute().name or str(archive))
    scan = Scan(limits=limits)
    try:
        found = opening.members(archive, limits, findings, scan)
        _take_all(found, findings, scan, is_sorted=not archive.is_dir())
    except UnreadableError as exc:
        scan.complete = False
        findings.bad("container", f"{exc}; what follows could not be read")
    if findings.held("container"):
        findings.good("container", f"read to its end, {len(scan.digests)} files")
    check_names(scan.digests, limits, findings)
    file_count, tags = len(scan.digests), verify_bag.set_aside(scan)
    damaged = verify_checks.check_evidence_list(scan, findings)
    listed = verify_checks.check_manifest(scan, damaged, findings)
    verify_checks.check_files(scan, listed, manifest_damaged=lists.MANIFEST_NAME.value in damaged, findings=findings)
    payload, listed_payload = verify_bag.payload_of(scan, listed, tags)
    verify_checks.check_sidecars(payload, listed_payload, findings)
    verify_stamps.check_manifest_timestamps(scan, damaged, trusted, findings)
    replies = [reply] if isinstance(reply, bytes) else reply or ()
    verify_stamps.check_archive_timestamps(scan, archive, replies, trusted, findings)
    verify_tables.check_metadata(payload, findings)
    verify_tables.check_counts(payload, findings)
    check_cover(scan, trusted, findings)
    verify_bag.check(scan, tags, findings)
    archive_records.check_records(archive, scan, damaged, trusted, findings)
    return _report(scan, findings, file_count, is_bag=tags is not None)


def _report(scan: Scan, findings: Findings, file_count: int, *, is_bag: bool) -> VerificationReport:
    return VerificationReport(
        archive=findings.archive,
        checks=tuple(findings.checks),
        file_count=file_count,
        steps=tuple(step for step in STEPS if is_bag or step != verify_bag.STEP),
        proofs=tuple(findings.proofs),
        content_bytes=sum(scan.sizes_bytes.values()),
        archive_sha256=scan.archive_digest,
        manifest_sha256=scan.digests.get(lists.MANIFEST_NAME.value),
    )


def _take_all(members: Iterator[Member], findings: Findings, scan: Scan, *, is_sorted: bool) -> None:
    """Take every member.

    Args:
        members: of the archive; each is read to its end.
        findings: takes what is wrong.
        scan: takes what the checks need.
        is_sorted: whether names must ascend, as they do in whatever the worker packs.
    """
    previous = b""
    for member in verify_bag.without_base(members, scan, findings):
        name, raw_name = member.name, member.name.encode(errors="backslashreplace")
        if name in scan.digests:
            findings.bad("names", "the name stands twice in the archive", name)
        elif is_sorted and raw_name < previous:
            findings.bad("container.order", "it does not stand in the order of the names, as the worker packs", name)
        previous = max(previous, raw_name)
        _take(member, findings, scan)


def _take(member: Member, findings: Findings, scan: Scan) -> None:
    sha256, kept, size_bytes = hashlib.sha256(), bytearray(), 0
    store, max_bytes = _store(member.name, scan)
    for chunk in member.chunks:
        sha256.update(chunk)
        size_bytes += len(chunk)
        kept += chunk[: max(0, max_bytes + 1 - len(kept))]
    scan.digests[member.name] = Sha256(sha256.digest())
    scan.sizes_bytes[member.name] = size_bytes
    if store is None:
        return
    if len(kept) <= max_bytes:
        store[member.name] = bytes(kept)
        if member.name.startswith(layout.EVIDENCE_FOLDER) and member.name not in _LISTS:
            scan.evidence_bytes += len(kept)
    elif store is scan.kept:
        findings.bad("container.size", f"it is larger than {max_bytes} bytes, too large to be read", member.name)


def _store(name: str, scan: Scan) -> tuple[dict[str, bytes] | None, int]:
    """Return where the file's contents are kept, if at all, and up to which size."""
    limits = scan.limits
    if name in _LISTS or name in verify_bag.KEPT_NAMES or verify_tables.is_kept(verify_bag.plain(name)):
        return scan.kept, limits.max_list_bytes
    if name.startswith(layout.EVIDENCE_FOLDER):
        room_bytes = limits.max_evidence_bytes - scan.evidence_bytes
        return scan.kept, min(room_bytes, limits.max_token_bytes) if name.endswith(_TOKEN_SUFFIXES) else room_bytes
    if layout.is_content(name) and name.endswith(lists.SIDECAR_SUFFIX):
        return scan.sidecars, _SIDECAR_MAX_BYTES
    return None, -1
