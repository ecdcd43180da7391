"""The check of ``verify`` that asks what no time-stamp covers: the evidence beside the manifest's stamp.

The stamp inside an archive covers the manifest, and so the contents, but not the other files below ``evidence/``;
only the archive's detached stamp covers those. Whoever changes an archive on purpose can write them and their list
anew. So they are held against the token: ``job.txt`` must tell the same time, authority and serial number,
``chain.pem`` must be the chain of the token's signer (VERIFY.txt tells people to use its last certificate), and a file
of a kind that is not known here is not called good. Accepted risk: VERIFY.txt itself is not compared, because another
release words it differently; the report says where the commands are documented.
"""

import re
from collections.abc import Sequence

from cryptography import x509

from archiveworker.domain.errors import VerificationError
from archiveworker.domain.evidence import Proof, Trust
from archiveworker.evidence import layout
from archiveworker.evidence.reading import Findings, Scan
from archiveworker.evidence.timestamp_check import check_chain

_STEP = "cover"
_KNOWN = re.compile(r"evidence/(?:job\.txt|VERIFY\.txt|evidence-sha256\.txt|chain\.pem|manifest-sha256\.txt\.ts[qr])\Z")
"""Files whose meaning is known here."""


def check_cover(scan: Scan, trusted: Sequence[x509.Certificate], findings: Findings) -> None:
    """What no time-stamp covers contradicts none, and is of a known kind."""
    stamped = next((proof for proof in findings.proofs if proof.step == "manifest_timestamp"), None)
    _check_job(scan, stamped, findings)
    if stamped is not None:
        _check_chain(scan, trusted, findings)
    if any(proof.step == "archive_timestamp" for proof in findings.proofs):
        if findings.held(_STEP):
            findings.good(_STEP, "the archive's own time-stamp covers every byte")
        return
    unknown = [n for n in scan.digests if n.startswith(layout.EVIDENCE_FOLDER) and not _KNOWN.match(n)]
    for name in unknown:
        findings.unknown(_STEP, "no time-stamp covers it, and it is of no kind that is known here", name)
    if findings.held(_STEP) and not unknown:
        findings.good(_STEP, "nothing in the evidence contradicts the time-stamp, and nothing else is in there")


def _check_job(scan: Scan, stamped: Proof | None, findings: Findings) -> None:
    name = layout.JOB_NAME.value
    raw = scan.kept.get(name)
    if raw is None:
        return
    lines = raw.decode(errors="replace").splitlines()
    said = {label: value.strip() for label, _, value in (line.partition(":") for line in lines)}
    moment = said.get("Time-Stamp", "none")
    if stamped is None:
        if moment != "none" and scan.complete and layout.REPLY_NAME.value not in scan.digests:
            findings.bad(_STEP, "it speaks of a time-stamp, which is not in the archive", name)
        return
    proof = stamped.stamp
    expected = {
        "Time-Stamp": f"{proof.generated_at:%Y-%m-%dT%H:%M:%SZ}",
        "Time-Stamp-Authority": " ".join(proof.tsa_name.split()),
        "Time-Stamp-Serial-Number": str(proof.serial_number),
        "Time-Stamp-Policy": proof.policy_oid,
    }
    for label, value in expected.items():
        if said.get(label, "none") != value:
            told = said.get(label, "nothing")
            findings.bad(_STEP, f"it says {label}: {told}, the time-stamp says {value}", name)
    if said.get("Time-Stamp-Trust") not in [trust.value for trust in Trust]:
        findings.bad(_STEP, "it does not say why the time-stamp was trusted", name)


def _check_chain(scan: Scan, trusted: Sequence[x509.Certificate], findings: Findings) -> None:
    """The certificates are those from the token's signer up, in that order, and no others."""
    name = layout.CHAIN_NAME.value
    raw, reply = scan.kept.get(name), scan.kept.get(layout.REPLY_NAME.value)
    if raw is None or reply is None:
        return
    try:
        check_chain(raw, reply, trusted=trusted)
    except VerificationError as exc:
        findings.bad(_STEP, str(exc), name)
