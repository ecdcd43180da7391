"""What ``verify`` says about a proof: a zip (or an unpacked folder) with files, each with its evidence record.

Shares no code with ``extract`` but the names of files. Everything in a proof is either a file whose record holds, or
follows from the records (tokens, what a renewal was over, certificates of the token), or is listed with its digest
(the instructions). The list closes with its own digest and guards against accidents; the proof is in the records.
"""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from archiveworker.domain.digest import HashAlgorithm, Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.evidence import VerificationReport
from archiveworker.evidence import manifest as lists
from archiveworker.evidence import opening, proof
from archiveworker.evidence.archive_records import note_proof
from archiveworker.evidence.reading import Findings, Limits, UnreadableError
from archiveworker.evidence.record_check import (
    MAX_RECORD_BYTES,
    TokenCheck,
    check_record,
    sequences_of,
    tokens_of,
)
from archiveworker.evidence.timestamp_check import chain_pem
from archiveworker.evidence.token_check import reply_of, token_check
from archiveworker.evidence.verify_names import check_names

STEPS = ("container", "names", "list", "records")
"""First parts of the checks' names, in the order in which they are made."""

_LIST = proof.LIST_NAME.value
_MAX_KEPT_BYTES = 256 * 1024**2


@dataclass(slots=True)
class _Seen:
    """What one pass leaves behind: digests of all files, contents of all but the proved ones."""

    digests: dict[str, dict[HashAlgorithm, bytes]] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)


def is_proof(archive: Path) -> bool:
    """Tell whether this is a proof rather than an archive: it has a list of proofs and no manifest.

    What cannot be read is no proof: it is then reported as a damaged archive.
    """
    manifest = lists.MANIFEST_NAME.value
    if archive.is_dir():
        return (archive / _LIST).is_file() and not (archive / manifest).exists()
    try:
        with zipfile.ZipFile(archive) as container:
            names = container.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return _LIST in names and manifest not in names


def verify_proof(archive: Path, trusted: Sequence[x509.Certificate], limits: Limits) -> VerificationReport:
    """Check a proof and return everything that was looked at.

    Args:
        archive: a zip file or a folder, of which ``is_proof`` says that it is one.
        trusted: certificates that are believed; without them the answer is UNKNOWN at best.
        limits: against proofs made to exhaust the machine.

    Raises:
        OSError: it cannot be read.
    """
    findings, seen = Findings(archive.name or str(archive)), _Seen()
    try:
        _scan(archive, limits, findings, seen)
    except UnreadableError as exc:
        findings.bad("container", f"{exc}; what follows could not be read")
    if findings.held("container"):
        findings.good("container", f"read to its end, {len(seen.digests)} files")
    check_names({n: Sha256(d[HashAlgorithm.SHA256]) for n, d in seen.digests.items()}, limits, findings)
    _check_list(seen, findings)
    _check_records(seen, token_check(trusted), findings)
    return VerificationReport(
        archive=findings.archive,
        checks=tuple(findings.checks),
        file_count=len(seen.digests),
        steps=STEPS,
        proofs=tuple(findings.proofs),
    )


def _scan(archive: Path, limits: Limits, findings: Findings, seen: _Seen) -> None:
    kept_bytes = 0
    for member in opening.members(archive, limits, findings):
        running = {algorithm: hashlib.new(algorithm.value) for algorithm in HashAlgorithm}
        is_file, kept = member.name.startswith(proof.FILES), bytearray()
        for chunk in member.chunks:
            for one in running.values():
                one.update(chunk)
            if not is_file and len(kept) <= MAX_RECORD_BYTES:
                kept += chunk
        if member.name in seen.digests:
            findings.bad("names", "the name stands twice", member.name)
        seen.digests[member.name] = {algorithm: one.digest() for algorithm, one in running.items()}
        if not is_file:
            seen.kept[member.name] = bytes(kept)
            kept_bytes += len(kept)
            if kept_bytes > _MAX_KEPT_BYTES:
                raise UnreadableError(f"records and texts have more than {_MAX_KEPT_BYTES} bytes together")


def _check_list(seen: _Seen, findings: Findings) -> None:
    """Every file is listed with its digest, and every listed one is there."""
    try:
        listed = {path.value: digest.raw for path, digest in lists.parse_sealed(seen.kept.get(_LIST, b"")).items()}
    except VerificationError as exc:
        findings.bad("list", str(exc), _LIST)
        return
    for name in sorted(set(listed) | (set(seen.digests) - {_LIST})):
        if name not in seen.digests:
            findings.bad("list", "it is missing: the list has it", name)
        elif name not in listed:
            findings.bad("list", "the list does not have it", name)
        elif seen.digests[name][HashAlgorithm.SHA256] != listed[name]:
            findings.bad("list", "it was changed: the list has another digest", name)
    if findings.held("list"):
        findings.good("list", f"{len(listed)} files agree with it", _LIST)


def _check_records(seen: _Seen, judge: TokenCheck, findings: Findings) -> None:
    """Every file has a record that holds, and whatever else lies there follows from the records."""
    files = sorted(name.removeprefix(proof.FILES) for name in seen.digests if name.startswith(proof.FILES))
    known = {proof.README_NAME.value, _LIST}
    for path in files:
        name = proof.record_name(path)
        try:
            proved = check_record(seen.kept[name], seen.digests[proof.file_name(path)], judge)
        except KeyError:
            findings.bad("records", "it has no record", proof.file_name(path))
        except VerificationError as exc:
            findings.bad("records", str(exc), proof.file_name(path))
        else:
            note_proof(proved, proof.file_name(path), findings)
            for stamp in proved.stamps if path == files[0] else ():
                findings.proved("records", stamp.stamp, proof.file_name(path))
            derived = _derived(path, seen.kept[name])
            known |= derived.keys()
            for other in sorted(other for other in derived if seen.kept.get(other) != derived[other]):
                findings.bad("records", f"it is missing, or not what the record of {path!r} holds", other)
        known.add(name)
    if not files:
        findings.bad("records", "there is no file below files/, so nothing is proved")
    for name in sorted(set(seen.kept) - known):
        findings.bad("records", "it belongs to no file", name)


def _derived(path: str, record: bytes) -> dict[str, bytes]:
    """Return the files that follow from a record."""
    found = {}
    for number, token in enumerate(tokens_of(record), start=1):
        found[proof.token_name(number)] = token
        found[proof.chain_name(number)] = chain_pem(reply_of(token))
    for era, sequence in enumerate(sequences_of(record), start=2):
        found[proof.sequence_name(path, era)] = sequence
    return found
