"""How time-stamps are stored as results of steps.

CRLs and OCSP responses are not among them: they may be large, and lie in the job's evidence folder already; what is
stored are their digests.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.errors import ConflictError
from archiveworker.domain.evidence import ChainCertificate, Timestamp, Trust, VerifiedTimestamp
from archiveworker.domain.revocation import CertificateRevocation, RevocationData, RevocationState, RevocationVerdict
from archiveworker.evidence import evidence_names
from archiveworker.evidence.layout import TreeStamp
from archiveworker.jobs.records import FORMAT, Json


def stamps_to_json(stamps: Sequence[Timestamp]) -> Json:
    """Return the stored form of the time-stamps over one thing."""
    return {"format": FORMAT, "stamps": [stamp_to_json(stamp) for stamp in stamps]}


def stamps_from_json(data: Json | None, folder: Path) -> tuple[Timestamp, ...]:
    """Read the stored form.

    Args:
        data: None when there are none; release 0.1 stored one alone.
        folder: with the CRLs and OCSP responses.

    Raises:
        ConflictError: one of those is not there any more, or another one.
    """
    if data is None:
        return ()
    found = (stamp_from_json(stamp, folder) for stamp in data.get("stamps", [data]))
    return tuple(stamp for stamp in found if stamp is not None)


def stamp_to_json(stamp: Timestamp) -> Json:
    """Return the stored form."""
    return {
        "format": FORMAT,
        "query": b64encode(stamp.query).decode(),
        "reply": b64encode(stamp.reply).decode(),
        "chain_pem": stamp.chain_pem.decode("ascii"),
        "tsa_url": stamp.tsa_url,
        "digest": digest_to_text(stamp.proof.digest),
        "generated_at": stamp.proof.generated_at.isoformat(),
        "serial_number": str(stamp.proof.serial_number),
        "policy_oid": stamp.proof.policy_oid,
        "tsa_name": stamp.proof.tsa_name,
        "trust": stamp.proof.trust.value,
        "accuracy_s": stamp.proof.accuracy_s,
        "chain": [
            {"subject": c.subject, "sha256": c.sha256.hex, "expires_at": c.expires_at.isoformat()}
            for c in stamp.proof.chain
        ],
        "revocation": None if stamp.revocation is None else _revocation_to_json(stamp.revocation),
    }


def stamp_from_json(data: Json | None, folder: Path | None = None) -> Timestamp | None:
    """Read the stored form; without ``folder`` the revocation data are left out.

    Raises:
        ConflictError: a CRL or an OCSP response is not in ``folder`` any more, or another one.
    """
    if data is None:
        return None
    stored = data.get("revocation")
    return Timestamp(
        query=b64decode(data["query"]),
        reply=b64decode(data["reply"]),
        chain_pem=data["chain_pem"].encode("ascii"),
        tsa_url=data["tsa_url"],
        proof=VerifiedTimestamp(
            digest=digest_from_text(data["digest"]),
            generated_at=datetime.fromisoformat(data["generated_at"]),
            serial_number=int(data["serial_number"]),
            policy_oid=data["policy_oid"],
            tsa_name=data["tsa_name"],
            trust=Trust(data["trust"]),
            # Release 0.1 did not write what follows.
            accuracy_s=data.get("accuracy_s"),
            chain=tuple(
                ChainCertificate(c["subject"], Sha256.from_hex(c["sha256"]), datetime.fromisoformat(c["expires_at"]))
                for c in data.get("chain", [])
            ),
        ),
        revocation=None if stored is None or folder is None else _revocation_from_json(stored, folder),
    )


def tree_to_json(tree: TreeStamp) -> Json:
    """Return the stored form of the hash tree's time-stamp."""
    return {"format": FORMAT, "note": b64encode(tree.note).decode(), "stamp": stamp_to_json(tree.stamp)}


def tree_from_json(data: Json | None, folder: Path) -> TreeStamp | None:
    """Read the stored form; see ``stamps_from_json``.

    Raises:
        ConflictError: a CRL or an OCSP response is not in ``folder`` any more, or another one.
    """
    stamp = None if data is None else stamp_from_json(data["stamp"], folder)
    return None if data is None or stamp is None else TreeStamp(b64decode(data["note"]), stamp)


def digest_to_text(digest: Sha256 | Digest) -> str:
    """Return ``<algorithm>:<hex>``; for SHA-256 the digits alone, as release 0.1 wrote them."""
    return digest.hex if digest.algorithm is HashAlgorithm.SHA256 else f"{digest.algorithm}:{digest.hex}"


def digest_from_text(text: str) -> Sha256 | Digest:
    """Read what ``digest_to_text`` wrote."""
    algorithm, colon, digits = text.rpartition(":")
    return Digest(HashAlgorithm(algorithm), bytes.fromhex(digits)) if colon else Sha256.from_hex(digits)


def _revocation_to_json(data: RevocationData) -> Json:
    return {
        "crls": [Sha256.of(crl).hex for crl in data.crls],
        "ocsps": [Sha256.of(response).hex for response in data.ocsps],
        "problems": list(data.problems),
        "certificates": [
            {
                "subject": c.subject,
                "state": c.state.value,
                "reason": c.reason,
                "source": c.source,
                "as_of": None if c.as_of is None else c.as_of.isoformat(),
                "is_published": c.is_published,
            }
            for c in data.verdict.certificates
        ],
    }


def _revocation_from_json(data: Json, folder: Path) -> RevocationData:
    certificates = tuple(
        CertificateRevocation(
            subject=c["subject"],
            state=RevocationState(c["state"]),
            reason=c["reason"],
            source=c["source"],
            as_of=None if c["as_of"] is None else datetime.fromisoformat(c["as_of"]),
            is_published=c["is_published"],
        )
        for c in data["certificates"]
    )
    return RevocationData(
        crls=_kept(data["crls"], folder, evidence_names.crl_name_of),
        ocsps=_kept(data["ocsps"], folder, evidence_names.ocsp_name_of),
        verdict=RevocationVerdict(certificates),
        problems=tuple(data["problems"]),
    )


def _kept(digests: Sequence[str], folder: Path, name_of: Callable[[Sha256], str]) -> tuple[bytes, ...]:
    found = []
    for digest in map(Sha256.from_hex, digests):
        file = folder / name_of(digest)
        try:
            found.append(file.read_bytes())
        except OSError as exc:
            raise ConflictError(
                f"{file.name} is missing among the evidence of the job; archiveworker jobs retry"
            ) from exc
        if Sha256.of(found[-1]) != digest:
            raise ConflictError(f"{file.name} was changed among the evidence of the job; archiveworker jobs retry")
    return tuple(found)
