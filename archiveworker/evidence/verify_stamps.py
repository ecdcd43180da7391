"""The checks of ``verify`` about time-stamps: each judged at its own time, by what is kept about its certificates.

Of several time-stamps over one thing one that is believed is enough: another one whose certificates lead elsewhere, or
were revoked, is reported and does no harm. One that is broken (over something else, a wrong signature) is bad all the
same: nobody but a forger makes such a one.

Whether a certificate was revoked is asked only of those that say where their revocations are published; where the
answer was not kept, it is not known.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.errors import TimestampFlaw, TimestampRefusedError, VerificationError
from archiveworker.domain.evidence import Trust, VerifiedTimestamp
from archiveworker.domain.revocation import RevocationState, RevocationVerdict
from archiveworker.evidence import evidence_names, revocation
from archiveworker.evidence.reading import Findings, Scan
from archiveworker.evidence.timestamp_check import (
    chain_of,
    check_query,
    check_reply,
    imprint_algorithm,
    load_certificates,
)

_MANIFEST = evidence_names.MANIFEST
_DISBELIEF = frozenset({TimestampFlaw.CHAIN, TimestampFlaw.REVOCATION})
"""What may be wrong with a time-stamp that others hold beside: it is not believed, but not forged either."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What an archive keeps about certificates.

    Attributes:
        trusted: certificates that are believed; they come from outside.
        crls: DER.
        ocsps: DER.
    """

    trusted: Sequence[x509.Certificate]
    crls: Sequence[bytes]
    ocsps: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one time-stamp.

    Attributes:
        name: of its file; None for one that is not in the archive.
        proof: None when it does not hold.
        verdict: of its certificates; None when it does not hold.
        failure: None when it holds.
    """

    name: str | None
    proof: VerifiedTimestamp | None = None
    verdict: RevocationVerdict | None = None
    failure: VerificationError | None = None

    @property
    def is_certain(self) -> bool:
        """It holds, and no certificate was revoked as far as anybody publishes it."""
        return self.verdict is not None and not self.verdict.unanswered


def check_manifest_timestamps(
    scan: Scan, changed: frozenset[str], trusted: Sequence[x509.Certificate], findings: Findings
) -> None:
    """The manifest's time-stamps hold, judged at their own times."""
    step = "manifest_timestamp"
    names = [evidence_names.reply_name(number).value for number in evidence_names.stamp_numbers(scan.digests)]
    if not names or _MANIFEST not in scan.digests:
        findings.unknown(step, "no time-stamp was found: the time is not proved", _MANIFEST)
        return
    kept, outcomes = _kept(scan, changed, trusted), []
    for name in names:
        reply = scan.kept.get(name)
        if name in changed or reply is None:
            findings.unknown(step, "it is damaged (see above), so it proves nothing", name)
            continue
        outcome = _outcome_of_manifest(scan, name, reply, changed, kept)
        outcomes.append(outcome)
        query = name.removesuffix(".tsr") + ".tsq"
        if outcome.proof is not None and query not in changed:
            try:
                check_query(scan.kept.get(query, b""), outcome.proof.digest, reply)
            except VerificationError as exc:
                findings.bad(step, str(exc), query)
    blamed = _MANIFEST if _MANIFEST in changed else None
    _settle(step, outcomes, findings, subject=_MANIFEST, blamed=blamed)


def check_archive_timestamps(
    scan: Scan, archive: Path, replies: Sequence[bytes], trusted: Sequence[x509.Certificate], findings: Findings
) -> None:
    """The archive's detached time-stamps, if any are given, hold.

    Args:
        scan: of the archive.
        archive: its file.
        replies: DER TimeStampResps.
        trusted: certificates that are believed.
        findings: takes what is found.
    """
    step = "archive_timestamp"
    if not replies:
        return
    if scan.archive_digest is None:
        findings.unknown(step, "it is over the archive file, which is not there or could not be read to its end")
        return
    kept, outcomes = _kept(scan, frozenset(), trusted), []
    for reply in replies:
        try:
            algorithm = imprint_algorithm(reply)
            digest = scan.archive_digest if algorithm is HashAlgorithm.SHA256 else _digest_of(archive, algorithm)
            outcomes.append(_judged(None, reply, digest, kept, _certificates(scan)))
        except VerificationError as exc:
            outcomes.append(_Outcome(None, failure=exc))
    _settle(step, outcomes, findings, subject=None, blamed=None)


def revocation_files(scan: Scan) -> list[str]:
    """Return the names of the CRLs and OCSP responses in an archive."""
    folders = (evidence_names.CRL_FOLDER, evidence_names.OCSP_FOLDER)
    return [name for name in scan.kept if name.startswith(folders)]


def _kept(scan: Scan, changed: frozenset[str], trusted: Sequence[x509.Certificate]) -> _Kept:
    def below(folder: str) -> list[bytes]:
        return [data for name, data in scan.kept.items() if name.startswith(folder) and name not in changed]

    return _Kept(trusted, below(evidence_names.CRL_FOLDER), below(evidence_names.OCSP_FOLDER))


def _outcome_of_manifest(scan: Scan, name: str, reply: bytes, changed: frozenset[str], kept: _Kept) -> _Outcome:
    number = next(n for n in evidence_names.stamp_numbers([name]))
    chain = evidence_names.chain_name(number).value
    known = _read(scan.kept.get(chain, b"")) if chain not in changed else ()
    try:
        algorithm = imprint_algorithm(reply)
        digest: Sha256 | Digest = scan.digests[_MANIFEST]
        if algorithm is not HashAlgorithm.SHA256:
            digest = Digest(algorithm, algorithm.of(scan.kept.get(_MANIFEST, b"")))
        return _judged(name, reply, digest, kept, known)
    except VerificationError as exc:
        return _Outcome(name, failure=exc)


def _judged(
    name: str | None, reply: bytes, digest: Sha256 | Digest, kept: _Kept, known: Sequence[x509.Certificate]
) -> _Outcome:
    """Judge a time-stamp; certificates that only the archive has are used where the token's own do not lead on.

    Raises:
        VerificationError: it does not hold.
    """
    try:
        proof = check_reply(reply, digest, trusted=kept.trusted)
    except TimestampRefusedError as exc:
        if exc.flaw is not TimestampFlaw.CHAIN or not known:
            raise
        proof = check_reply(reply, digest, trusted=kept.trusted, known=known)
    try:
        chain = chain_of(reply, kept.trusted, known)
    except VerificationError:
        chain = chain_of(reply, kept.trusted)
    verdict = revocation.judge(chain, kept.crls, kept.ocsps, proof.generated_at)
    if verdict.state is RevocationState.REVOKED:
        raise TimestampRefusedError(f"the time-stamp does not hold: {verdict.reason}", flaw=TimestampFlaw.REVOCATION)
    return _Outcome(name, proof, verdict)


def _settle(
    step: str, outcomes: Sequence[_Outcome], findings: Findings, *, subject: str | None, blamed: str | None
) -> None:
    """Note what became of each time-stamp.

    Args:
        step: first part of the checks' names.
        outcomes: of the time-stamps over one thing.
        findings: takes the notes.
        subject: what they are over.
        blamed: what is named when one does not hold; None names its own file.
    """
    certain = any(outcome.is_certain for outcome in outcomes)
    for outcome in outcomes:
        failure = outcome.failure
        if outcome.proof is not None and outcome.verdict is not None:
            _note_proof(step, subject, outcome.proof, findings)
            _note_revocation(step, outcome.verdict, findings, subject=outcome.name or subject, certain=certain)
        elif certain and isinstance(failure, TimestampRefusedError) and failure.flaw in _DISBELIEF:
            findings.good(f"{step}.other", f"{failure}; another one holds, so it is not needed", outcome.name)
        else:
            findings.bad(step, str(failure), blamed or outcome.name)


def _note_proof(step: str, subject: str | None, proof: VerifiedTimestamp, findings: Findings) -> None:
    moment = f"{proof.generated_at:%Y-%m-%d %H:%M:%S} UTC"
    findings.proved(step, proof, subject)
    findings.good(step, f"stamped {moment} by {proof.tsa_name}, serial number {proof.serial_number}", subject)
    if proof.trust is Trust.EMBEDDED:
        findings.unknown(
            f"{step}.trust",
            "the time-stamp is sound, but no trusted certificate was given: who made it is not proved",
            subject,
        )


def _note_revocation(
    step: str, verdict: RevocationVerdict, findings: Findings, *, subject: str | None, certain: bool
) -> None:
    name = f"{step}.revocation"
    said = next((c.reason for c in verdict.certificates if c.state is RevocationState.GOOD), None)
    if verdict.unanswered and certain:
        findings.good(f"{step}.other", "whether its certificates were revoked is not known; another one holds", subject)
    elif verdict.unanswered:
        findings.unknown(name, f"whether its certificates were revoked was not kept: {verdict.reason}", subject)
    elif said is not None:
        findings.good(name, f"its certificates were good then: {said}", subject)


def _certificates(scan: Scan) -> tuple[x509.Certificate, ...]:
    """Return every certificate that lies in an archive's evidence."""
    names = [name for name in scan.kept if name.startswith(evidence_names.FOLDER) and name.endswith(".pem")]
    return tuple(dict.fromkeys(c for name in names for c in _read(scan.kept[name])))


def _read(pem: bytes) -> tuple[x509.Certificate, ...]:
    try:
        return load_certificates(pem)
    except VerificationError:
        return ()


def answers_for_any(data: bytes, scan: Scan, proofs: Iterable[VerifiedTimestamp]) -> bool:
    """Tell whether a CRL or an OCSP response says something of a certificate in the archive at a time-stamp's time."""
    chain = _certificates(scan)
    moments = [proof.generated_at for proof in proofs]
    pairs = [(c, i) for c in chain for i in chain if c.issuer == i.subject and c != i]
    return any(revocation.is_answer(data, pair, at) for pair in pairs for at in moments)


def _digest_of(file: Path, algorithm: HashAlgorithm) -> Digest:
    """A second pass, and only where an algorithm other than SHA-256 is stamped: it stands in a file of its own."""
    with file.open("rb") as source:
        return Digest(algorithm, hashlib.file_digest(source, algorithm.value).digest())
