"""What ``verify`` says about an archive's evidence records: the time-stamp over its hash tree, and all renewals.

The tree is made anew from the manifest, and the record that it gives for the manifest is judged. If that one holds,
so do those of all files: their digests are in its hash tree.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography import x509

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.errors import TimestampFlaw, TimestampRefusedError, VerificationError
from archiveworker.domain.evidence import Trust
from archiveworker.evidence import assembly, bagit, leaves, opening, renewals
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.reading import Findings, Scan
from archiveworker.evidence.record_check import ProvedRecord, check_record
from archiveworker.evidence.renewals import Renewal
from archiveworker.evidence.timestamp_check import check_query
from archiveworker.evidence.token_check import check_chain_file, token_check

STEP = "records"
_MANIFEST = lists.MANIFEST_NAME.value


def check_records(
    archive: Path, scan: Scan, changed: frozenset[str], trusted: Sequence[x509.Certificate], findings: Findings
) -> None:
    """Check the hash tree's time-stamp and the renewals beside the archive.

    Args:
        archive: where it is; renewals are looked for beside it.
        scan: of the archive, with the contents of its evidence.
        changed: files that are known to be damaged.
        trusted: certificates that are believed.
        findings: takes what is found.
    """
    beside = renewals.folder_of(archive).name
    try:
        renewed = renewals.read_all(archive)
    except VerificationError as exc:
        findings.bad(STEP, str(exc), beside)
        return
    if not renewed and leaves.NOTE_NAME.value not in scan.kept and leaves.REPLY_NAME.value not in scan.kept:
        return
    damaged = sorted(name for name in changed if opening.is_kept(name))
    if damaged:
        findings.unknown(STEP, "it is damaged (see above), so the records prove nothing", damaged[0])
        return
    subject = beside if renewed else leaves.REPLY_NAME.value
    try:
        history = assembly.history_of(scan.kept, renewed)
        manifest = scan.kept.get(_MANIFEST, b"")
        digests = {algorithm: algorithm.of(manifest) for algorithm in HashAlgorithm}
        proved = check_record(history.record_of(_MANIFEST), digests, token_check(trusted))
        _check_queries(scan.kept, renewed, proved)
        _check_chains(scan.kept, renewed, trusted)
    except VerificationError as exc:
        if _is_of_the_other_authority(exc, findings):
            findings.good(f"{STEP}.other", f"{exc}; another one holds, so it is not needed", subject)
        else:
            findings.bad(STEP, str(exc), subject)
        return
    _compare(archive, renewed, findings)
    if findings.held(STEP):
        note_proof(proved, subject, findings)


def _is_of_the_other_authority(failure: VerificationError, findings: Findings) -> bool:
    """Tell whether it is only that the tree's authority is not believed, as one of the manifest's is not."""
    cause = failure.__cause__
    is_chain = isinstance(cause, TimestampRefusedError) and cause.flaw is TimestampFlaw.CHAIN
    return is_chain and any(check.name == "manifest_timestamp.other" for check in findings.checks)


def _check_queries(kept: Mapping[str, bytes], renewed: Sequence[Renewal], proved: ProvedRecord) -> None:
    """Each query is the one that its reply answers: ``openssl ts -verify -queryfile`` must agree with the records."""
    pairs = [(kept.get(leaves.QUERY_NAME.value, b""), kept[leaves.REPLY_NAME.value])]
    pairs += [(renewal.files.get(renewals.QUERY_NAME, b""), renewal.reply) for renewal in renewed]
    for number, ((query, reply), stamp) in enumerate(zip(pairs, proved.stamps, strict=True), start=1):
        try:
            check_query(query, stamp.stamp.digest, reply)
        except VerificationError as exc:
            raise VerificationError(f"time-stamp {number} of the record: {exc}") from exc


def _check_chains(kept: Mapping[str, bytes], renewed: Sequence[Renewal], trusted: Sequence[x509.Certificate]) -> None:
    """The certificates beside each reply are its signer's and those above it."""
    pairs = [(kept.get(leaves.CHAIN_NAME.value, b""), kept[leaves.REPLY_NAME.value])]
    pairs += [(renewal.files.get(renewals.CHAIN_NAME, b""), renewal.reply) for renewal in renewed]
    for number, (chain, reply) in enumerate(pairs, start=1):
        try:
            check_chain_file(chain, reply, trusted)
        except VerificationError as exc:
            raise VerificationError(f"time-stamp {number} of the record: {exc}") from exc


def note_proof(proved: ProvedRecord, subject: str, findings: Findings) -> None:
    """Note what a record proves, and what it leaves open."""
    first, count = proved.stamps[0].stamp, len(proved.stamps)
    at, until = f"{first.generated_at:%Y-%m-%d %H:%M:%S} UTC", f"{proved.expires_at:%Y-%m-%d}"
    if count == 1:
        findings.good(STEP, f"stamped {at} by {first.tsa_name}; certificates valid until {until}", subject)
    else:
        last = f"{proved.stamps[-1].stamp.generated_at:%Y-%m-%d %H:%M:%S} UTC"
        findings.good(
            STEP,
            f"stamped {at} by {first.tsa_name}; renewals: {count - 1}, the last {last}; "
            f"certificates valid until {until}",
            subject,
        )
    for number, stamp in enumerate(proved.stamps, start=1):
        if stamp.late:
            findings.unknown(
                f"{STEP}.late",
                f"time-stamp {number} was renewed only after its certificate had expired "
                f"({stamp.expires_at:%Y-%m-%d}): misuse of its key in between could not have been noticed",
                subject,
            )
    if any(stamp.stamp.trust is Trust.EMBEDDED for stamp in proved.stamps):
        findings.unknown(
            f"{STEP}.trust",
            "the time-stamps are sound, but no trusted certificate was given: who made them is not proved",
            subject,
        )


class FileDigests:
    """Takes digests of all files outside the evidence, a bag's own tag files left out, while somebody reads them.

    Args:
        algorithms: of the digests.
    """

    def __init__(self, algorithms: Sequence[HashAlgorithm]) -> None:
        self._found: dict[HashAlgorithm, dict[str, bytes]] = {algorithm: {} for algorithm in algorithms}
        self._running = {algorithm: hashlib.new(algorithm.value) for algorithm in algorithms}
        self._name = ""

    def take(self, name: str, chunk: bytes) -> None:
        """Take the next piece of a file, one file after the other; of an empty file an empty piece."""
        if name != self._name:
            self._close()
            self._name = name
        for one in self._running.values():
            one.update(chunk)

    def of(self, algorithm: HashAlgorithm) -> dict[str, bytes]:
        """Return the digests of all files by name."""
        self._close()
        found = self._found[algorithm]
        left_out = bagit.TAG_NAMES if bagit.TAG_LIST_NAME.value in found else ()
        return {name: digest for name, digest in found.items() if name not in left_out}

    def _close(self) -> None:
        if self._name and not self._name.startswith("evidence/"):
            for algorithm, one in self._running.items():
                self._found[algorithm][self._name] = one.digest()
        self._running = {algorithm: hashlib.new(algorithm.value) for algorithm in self._found}
        self._name = ""


def file_digests(archive: Path, algorithms: Sequence[HashAlgorithm]) -> FileDigests:
    """Return the digests of an archive's files, taken in one pass.

    Raises:
        NotFoundError: there is no such file or folder.
        VerificationError: the container is damaged.
        OSError: the archive cannot be read.
    """
    digests = FileDigests(algorithms)
    for member in opening.sound_members(archive):
        digests.take(member.name, b"")
        for chunk in member.chunks:
            digests.take(member.name, chunk)
    return digests


def _compare(archive: Path, renewed: Sequence[Renewal], findings: Findings) -> None:
    """Compare the files with the new digests that renewals of the hash tree are over."""
    trees = [renewal for renewal in renewed if renewal.is_hash_tree]
    if not trees:
        return
    try:
        seen = file_digests(archive, tuple(dict.fromkeys(renewal.algorithm for renewal in trees)))
    except VerificationError as exc:
        findings.bad(STEP, str(exc))
        return
    for renewal in trees:
        for name in _differing(seen.of(renewal.algorithm), renewal.digests):
            findings.bad(STEP, f"its {renewal.algorithm.value} is not the one that was stamped by a renewal", name)


def _differing(seen: Mapping[str, bytes], listed: Mapping[str, bytes]) -> list[str]:
    return sorted(name for name in listed if seen.get(name) != listed[name])
