"""Time-stamps as results of steps: what is stored is read back, by the next version too."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.errors import ConflictError
from archiveworker.domain.evidence import ChainCertificate, Timestamp, Trust, VerifiedTimestamp
from archiveworker.domain.revocation import CertificateRevocation, RevocationData, RevocationState, RevocationVerdict
from archiveworker.evidence import evidence_names
from archiveworker.jobs.stamps import stamps_from_json, stamps_to_json

AT = datetime(2026, 11, 21, 1, 27, 43, tzinfo=UTC)
CRL, RESPONSE = b"a list", b"a response"
VERDICT = RevocationVerdict(
    (
        CertificateRevocation("CN=TSA", RevocationState.GOOD, "not revoked", "ocsp", AT),
        CertificateRevocation("CN=CA", RevocationState.UNKNOWN, "nobody says", is_published=False),
    )
)
PROOF = VerifiedTimestamp(
    digest=Digest(HashAlgorithm.SHA512, bytes(64)),
    generated_at=AT,
    serial_number=2**150,
    policy_oid="1.2.3",
    tsa_name="CN=TSA",
    trust=Trust.CONFIGURED,
    accuracy_s=0.5,
    chain=(ChainCertificate("CN=TSA", Sha256.of(b"x"), AT),),
)
STAMP = Timestamp(b"query", b"reply", b"chain", PROOF, "https://tsa.example/", RevocationData(
    (CRL,), (RESPONSE,), VERDICT, ("no answer",)
))  # fmt: skip
GOLDEN = Path(__file__).parents[2] / "data" / "stored_stamp_v1.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / evidence_names.crl_name(CRL)).write_bytes(CRL)
    (tmp_path / evidence_names.ocsp_name(RESPONSE)).write_bytes(RESPONSE)
    return tmp_path


def test_stamps_are_read_back(folder: Path) -> None:
    plain = replace(STAMP, revocation=None, proof=replace(PROOF, digest=Sha256.of(b"y"), chain=(), accuracy_s=None))
    stored = json.loads(json.dumps(stamps_to_json([STAMP, plain])))
    first, second = stamps_from_json(stored, folder)
    assert (first, second) == (STAMP, plain)
    assert first.proof.chain == PROOF.chain, "the chain is not part of a proof's equality"
    assert CRL.decode() not in json.dumps(stored), "large data stay in files"
    assert stamps_from_json(None, folder) == ()


def test_the_one_stamp_that_release_0_1_stored_is_read(tmp_path: Path) -> None:
    (stamp,) = stamps_from_json(json.loads(GOLDEN.read_text(encoding="utf-8")), tmp_path)
    assert stamp.query == b"query"
    assert stamp.proof.digest == Sha256.of(b"y")
    assert (stamp.revocation, stamp.proof.accuracy_s, stamp.proof.chain) == (None, None, ())


def test_revocation_data_that_are_gone_or_changed_are_named(folder: Path) -> None:
    stored = stamps_to_json([STAMP])
    crl = folder / evidence_names.crl_name(CRL)
    crl.write_bytes(b"another list")
    with pytest.raises(ConflictError, match=rf"{crl.name} was changed"):
        stamps_from_json(stored, folder)
    crl.unlink()
    with pytest.raises(ConflictError, match=rf"{crl.name} is missing"):
        stamps_from_json(stored, folder)
