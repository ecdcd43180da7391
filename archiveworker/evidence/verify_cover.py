"""The check of ``verify`` that asks what no time-stamp covers: the evidence beside the manifest's stamp.

The stamp inside an archive covers the manifest, and so the contents, but not the other files below ``evidence/``;
only the archive's detached stamp covers those. Whoever changes an archive on purpose can write them and their list
anew. So they are held against the token: ``job.txt`` must tell the same time, authority and serial number,
``chain.pem`` must be the chain of the token's signer (VERIFY.txt tells people to use its last certificate), and a file
of a kind that is not known here is not called good. Accepted risk: VERIFY.txt itself is not compared, because another
release words it differently; the report says where the commands are documented.
"""

import re
from collections.abc import Mapping, Sequence

from cryptography import x509

from archiveworker.domain.errors import VerificationError
from archiveworker.domain.evidence import Proof, Trust
from archiveworker.evidence import evidence_names, layout
from archiveworker.evidence.reading import Findings, Scan
from archiveworker.evidence.timestamp_check import check_chain
from archiveworker.evidence.verify_stamps import answers_for_any, revocation_files

_STEP = "cover"
_KNOWN = re.compile(
    r"evidence/(?:job\.txt|VERIFY\.txt|evidence-sha256\.txt|chain(?:\.\d+)?\.pem|manifest-sha256\.txt(?:\.\d+)?\.ts[qr]"
    r"|hash-tree\.(?:txt|tsq|tsr|chain\.pem)"
    r"|crl/[0-9a-f]{16}\.crl|ocsp/[0-9a-f]{16}\.ors)\Z"
)
"""Files whose meaning is known here."""


def check_cover(scan: Scan, trusted: Sequence[x509.Certificate], findings: Findings) -> None:
    """What no time-stamp covers contradicts none, and is of a known kind."""
    stamps = [proof for proof in findings.proofs if proof.step == "manifest_timestamp"]
    _check_job(scan, stamps, findings)
    if stamps:
        for number in evidence_names.stamp_numbers(scan.kept):
            _check_chain(scan, number, trusted, findings)
    loose = _check_revocation(scan, findings)
    if any(proof.step == "archive_timestamp" for proof in findings.proofs):
        if findings.held(_STEP):
            findings.good(_STEP, "the archive's own time-stamp covers every byte")
        return
    unknown = [n for n in scan.digests if n.startswith(layout.EVIDENCE_FOLDER) and not _KNOWN.match(n)]
    for name in unknown:
        findings.unknown(_STEP, "no time-stamp covers it, and it is of no kind that is known here", name)
    for name in loose:
        findings.unknown(_STEP, "it says nothing of the certificates of a time-stamp", name)
    if findings.held(_STEP) and not unknown and not loose:
        findings.good(_STEP, "nothing in the evidence contradicts the time-stamp, and nothing else is in there")


def _check_job(scan: Scan, stamps: Sequence[Proof], findings: Findings) -> None:
    name = layout.JOB_NAME.value
    raw = scan.kept.get(name)
    if raw is None:
        return
    lines = raw.decode(errors="replace").splitlines()
    said = {label: value.strip() for label, _, value in (line.partition(":") for line in lines)}
    moment = said.get("Time-Stamp", "none")
    if not stamps:
        if moment != "none" and scan.complete and not evidence_names.stamp_numbers(scan.digests):
            findings.bad(_STEP, "it speaks of a time-stamp, which is not in the archive", name)
        return
    # One that does not hold is not among the proofs: what is said of it is held against nothing.
    count = len(evidence_names.stamp_numbers(scan.digests))
    told = [_facts(said, "Time-Stamp" if n == 1 else f"Time-Stamp-{n}") for n in range(1, count + 1)]
    for proof in stamps:
        expected = _expected(proof)
        if count > 1 and expected not in told:
            number = expected["-Serial-Number"]
            findings.bad(_STEP, f"it does not tell of the time-stamp with the serial number {number}", name)
        for part, value in expected.items() if count == 1 else ():
            if told[0][part] != value:
                label = f"Time-Stamp{part}"
                findings.bad(_STEP, f"it says {label}: {told[0][part]}, the time-stamp says {value}", name)
    if said.get("Time-Stamp-Trust") not in [trust.value for trust in Trust]:
        findings.bad(_STEP, "it does not say why the time-stamp was trusted", name)


def _expected(proof: Proof) -> dict[str, str]:
    stamp = proof.stamp
    return {
        "": f"{stamp.generated_at:%Y-%m-%dT%H:%M:%SZ}",
        "-Authority": " ".join(stamp.tsa_name.split()),
        "-Serial-Number": str(stamp.serial_number),
        "-Policy": stamp.policy_oid,
    }


def _facts(said: Mapping[str, str], label: str) -> dict[str, str]:
    return {part: said.get(label + part, "nothing") for part in ("", "-Authority", "-Serial-Number", "-Policy")}


def _check_chain(scan: Scan, number: int, trusted: Sequence[x509.Certificate], findings: Findings) -> None:
    """The certificates are those from the token's signer up, in that order, and no others."""
    name = evidence_names.chain_name(number).value
    raw, reply = scan.kept.get(name), scan.kept.get(evidence_names.reply_name(number).value)
    if raw is None or reply is None:
        return
    try:
        check_chain(raw, reply, trusted=trusted)
    except VerificationError as exc:
        findings.bad(_STEP, str(exc), name)


def _check_revocation(scan: Scan, findings: Findings) -> list[str]:
    """CRLs and OCSP responses are called by what they hold; return those that say nothing of any certificate."""
    proofs = [proof.stamp for proof in findings.proofs]
    loose = []
    for path in revocation_files(scan):
        data = scan.kept[path]
        if path.rsplit("/", 1)[-1] not in (evidence_names.crl_name(data), evidence_names.ocsp_name(data)):
            findings.bad(_STEP, "its name is not that of its contents", path)
        elif proofs and not answers_for_any(data, scan, proofs):
            loose.append(path)
    return loose
