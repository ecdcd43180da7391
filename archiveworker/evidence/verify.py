"""Verifies an archive (tar.gz, zip or an unpacked folder) in one pass, holding no file in memory; also a proof.

The checks are made in a fixed order, the order of ``STEPS``; each gives at least one ``Check``, and each failure names
the file. It fails closed: what cannot be told is UNKNOWN, never GOOD. Memory grows with the number of files (about
300 bytes each) and with the lists of digests, not with the files' sizes.

Not evidence, and not compared with anything: times and modes of files in the container.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import NotFoundError
from archiveworker.domain.evidence import VerificationReport
from archiveworker.evidence import (
    archive_records,
    folder_reader,
    gzip_reader,
    layout,
    opening,
    proof_check,
    tar_reader,
    verify_checks,
    zip_reader,
)
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.reading import Findings, Limits, Member, Scan, UnreadableError
from archiveworker.evidence.timestamp_check import load_certificates

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
    archive_records.STEP,
)
"""First parts of the checks' names, in the order in which they are made; they are numbered from 1 in reports."""

_SIDECAR_MAX_BYTES = 1024


def verify(
    archive: Path, *, reply: bytes | None = None, trusted_pem: bytes | None = None, limits: Limits | None = None
) -> VerificationReport:
    """Check an archive and return everything that was looked at.

    Args:
        archive: a tar.gz or zip file, or a folder that holds an unpacked archive.
        reply: DER TimeStampResp over the archive file (its detached ``.tsr``).
        trusted_pem: certificates that are believed for time-stamps; without them a time-stamp can be told to be
            sound, but not by whom it is (UNKNOWN).
        limits: against archives made to exhaust the machine.

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
    findings = Findings(archive.name or str(archive))
    scan = Scan()
    try:
        _scan(archive, limits, findings, scan)
    except UnreadableError as exc:
        scan.complete = False
        findings.bad("container", f"{exc}; what follows could not be read")
    if findings.held("container"):
        findings.good("container", f"read to its end, {len(scan.digests)} files")
    verify_checks.check_names(scan.digests, findings)
    damaged = verify_checks.check_evidence_list(scan, findings)
    listed = verify_checks.check_manifest(scan, damaged, findings)
    verify_checks.check_files(scan, listed, manifest_damaged=lists.MANIFEST_NAME.value in damaged, findings=findings)
    verify_checks.check_sidecars(scan, listed, findings)
    verify_checks.check_manifest_timestamp(scan, damaged, trusted, findings)
    verify_checks.check_archive_timestamp(scan, reply, trusted, findings)
    verify_checks.check_metadata(scan, findings)
    archive_records.check_records(archive, scan, damaged, trusted, findings)
    return VerificationReport(findings.archive, tuple(findings.checks), len(scan.digests), STEPS)


def _scan(archive: Path, limits: Limits, findings: Findings, scan: Scan) -> None:
    if archive.is_dir():
        _take_all(folder_reader.members(archive, limits, findings), limits, findings, scan)
        return
    size_bytes = archive.stat().st_size
    with archive.open("rb") as source:
        magic = source.read(2)
        source.seek(0)
        if magic == gzip_reader.MAGIC:
            stream = gzip_reader.GzipReader(source, size_bytes, limits, findings)
            _take_all(tar_reader.members(stream, limits, findings), limits, findings, scan)
            scan.archive_digest = stream.finish()
        elif magic == zip_reader.MAGIC:
            reader = zip_reader.ZipReader(source, size_bytes, limits, findings)
            _take_all(reader.members(), limits, findings, scan)
            scan.archive_digest = reader.finish()
        else:
            raise UnreadableError("it is neither a tar.gz nor a zip archive")


def _take_all(members: Iterator[Member], limits: Limits, findings: Findings, scan: Scan) -> None:
    for member in members:
        sha256, kept = hashlib.sha256(), bytearray()
        store, max_bytes = _store(member.name, limits, scan)
        for chunk in member.chunks:
            sha256.update(chunk)
            kept += chunk[: max_bytes + 1 - len(kept)]
        if member.name in scan.digests:
            findings.bad("names", "the name stands twice in the archive", member.name)
        scan.digests[member.name] = Sha256(sha256.digest())
        if store is None:
            continue
        if len(kept) <= max_bytes:
            store[member.name] = bytes(kept)
        elif store is scan.kept:
            findings.bad("container", f"it is larger than {max_bytes} bytes, too large to be read", member.name)


def _store(name: str, limits: Limits, scan: Scan) -> tuple[dict[str, bytes] | None, int]:
    """Return where the file's contents are kept, if at all, and up to which size."""
    if name in verify_checks.KEPT_NAMES or opening.is_kept(name):
        return scan.kept, limits.max_list_bytes
    if layout.is_content(name) and name.endswith(lists.SIDECAR_SUFFIX):
        return scan.sidecars, _SIDECAR_MAX_BYTES
    return None, -1
