"""The offline judge of revocation: every way to answer, and every way not to."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathValidationError
from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy, RevocationCheckingPolicy, RevocationCheckingRule

from archiveworker.domain.revocation import RevocationState, RevocationVerdict
from archiveworker.evidence.revocation import judge
from tests.unit.evidence.pki import AT, DAY, DER, Party, Tree, entry, make

GOOD, REVOKED, UNKNOWN = RevocationState.GOOD, RevocationState.REVOKED, RevocationState.UNKNOWN
TREE = Tree()
SIGNER, MIDDLE, ROOT = TREE.signer, TREE.middle, TREE.root
REASONS = x509.ReasonFlags


def states(verdict: RevocationVerdict) -> list[RevocationState]:
    return [certificate.state for certificate in verdict.certificates]


def second_judge_says_good(crls: list[bytes], ocsps: list[bytes]) -> bool:
    """Ask pyhanko-certvalidator, which shares no code with the judge."""

    def load(certificate: x509.Certificate) -> asn1_x509.Certificate:
        return asn1_x509.Certificate.load(certificate.public_bytes(DER))

    either = RevocationCheckingRule.CRL_OR_OCSP_REQUIRED
    context = ValidationContext(
        trust_roots=[load(ROOT.certificate)],
        other_certs=[load(MIDDLE.certificate)],
        moment=AT,
        allow_fetching=False,
        crls=[asn1_crl.CertificateList.load(data) for data in crls],
        ocsps=[asn1_ocsp.OCSPResponse.load(data) for data in ocsps],
        revinfo_policy=CertRevTrustPolicy(RevocationCheckingPolicy(either, either), retroactive_revinfo=True),
    )
    validator = CertificateValidator(load(SIGNER.certificate), validation_context=context)
    try:
        asyncio.run(validator.async_validate_usage(set(), {"time_stamping"}))
    except PathValidationError:
        return False
    return True


@pytest.mark.parametrize("source", ["crl", "ocsp", "both", "mixed"])
def test_a_chain_that_nobody_revoked_is_good(source: str) -> None:
    crls = [] if source == "ocsp" else [ROOT.crl()] if source == "mixed" else [ROOT.crl(), MIDDLE.crl()]
    ocsps = [] if source == "crl" else [MIDDLE.ocsp(SIGNER.certificate)]
    if source in ("ocsp", "both"):
        ocsps.append(ROOT.ocsp(MIDDLE.certificate))
    verdict = judge(TREE.chain, crls, ocsps, AT)
    assert states(verdict) == [GOOD, GOOD]
    assert verdict.state is GOOD
    assert verdict.certificates[0].source == ("crl" if source == "crl" else "ocsp")
    assert second_judge_says_good(crls, ocsps)


@pytest.mark.parametrize("reason", [None, *(r for r in REASONS if r is not REASONS.remove_from_crl)])
@pytest.mark.parametrize("when", [AT - timedelta(hours=1), AT + timedelta(hours=1)])
@pytest.mark.parametrize("source", ["crl", "ocsp"])
def test_a_revoked_signer(reason: x509.ReasonFlags | None, when: object, source: str) -> None:
    """RFC 3161 4: four reasons spare what was stamped before; all others, and none, spare nothing."""
    assert isinstance(when, type(AT))
    crls = [ROOT.crl(), MIDDLE.crl(entry(SIGNER, when, reason))] if source == "crl" else [ROOT.crl()]
    ocsps = [] if source == "crl" else [MIDDLE.ocsp(SIGNER.certificate, revoked=(when, reason))]
    spared = when > AT and reason in (
        REASONS.unspecified,
        REASONS.affiliation_changed,
        REASONS.superseded,
        REASONS.cessation_of_operation,
    )
    verdict = judge(TREE.chain, crls, ocsps, AT)
    assert verdict.state is (GOOD if spared else REVOKED)
    if not spared:
        assert verdict.reason.startswith(f"CN=Signer: it was revoked on {when:%Y-%m-%d %H:%M}")
    if when < AT:
        assert not second_judge_says_good(crls, ocsps)


def test_a_revoked_authority_above() -> None:
    crls = [ROOT.crl(entry(MIDDLE, AT - DAY, REASONS.ca_compromise)), MIDDLE.crl()]
    verdict = judge(TREE.chain, crls, [], AT)
    assert states(verdict) == [GOOD, REVOKED]
    assert "CN=Middle: it was revoked" in verdict.reason
    assert "cACompromise" in verdict.reason
    assert not second_judge_says_good(crls, [])


def test_one_source_that_says_revoked_outweighs_the_other() -> None:
    crls = [ROOT.crl(), MIDDLE.crl(entry(SIGNER, AT - DAY, REASONS.key_compromise))]
    assert judge(TREE.chain, crls, [MIDDLE.ocsp(SIGNER.certificate)], AT).state is REVOKED


def test_without_data_nothing_is_known() -> None:
    verdict = judge(TREE.chain, [], [], AT)
    assert states(verdict) == [UNKNOWN, UNKNOWN]
    assert verdict.reason == "CN=Signer: there are no revocation data for it"
    assert not second_judge_says_good([], [])


STRANGER = make("Middle", ROOT, authority=True)
RESPONDER = make("Responder", MIDDLE, usages=[ExtendedKeyUsageOID.OCSP_SIGNING])
NO_RESPONDER = make("Responder", MIDDLE, usages=[ExtendedKeyUsageOID.TIME_STAMPING])
FOREIGN_RESPONDER = make("Responder", ROOT, usages=[ExtendedKeyUsageOID.OCSP_SIGNING])
EXPIRED_RESPONDER = make(
    "Responder", MIDDLE, usages=[ExtendedKeyUsageOID.OCSP_SIGNING], span=(AT - 2000 * DAY, AT - 1000 * DAY)
)


def point(**fields: object) -> x509.IssuingDistributionPoint:
    given = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**given, **fields})  # type: ignore[arg-type]


NO_ANSWER: dict[str, tuple[Callable[[], bytes], str]] = {
    "another key": (lambda: MIDDLE.crl(key=STRANGER.key), "not signed by its issuer"),
    "old": (lambda: MIDDLE.crl(span=(AT - 9 * DAY, AT - DAY)), "of before the time-stamp"),
    "after expiry": (lambda: MIDDLE.crl(span=(AT + 200 * DAY, AT + 300 * DAY)), "when it had expired"),
    "delta": (lambda: MIDDLE.crl(extensions=[(x509.DeltaCRLIndicator(1), True)]), "delta CRL"),
    "for CAs": (lambda: MIDDLE.crl(extensions=[(point(only_contains_ca_certs=True), True)]), "for other"),
    "indirect": (lambda: MIDDLE.crl(extensions=[(point(indirect_crl=True), True)]), "for other"),
    "attributes": (lambda: MIDDLE.crl(extensions=[(point(only_contains_attribute_certs=True), True)]), "for other"),
    "some reasons": (
        lambda: MIDDLE.crl(extensions=[(point(only_some_reasons=frozenset([REASONS.superseded])), True)]),
        "for other",
    ),
    "another place": (
        lambda: MIDDLE.crl(extensions=[(point(full_name=[x509.UniformResourceIdentifier("http://x")]), True)]),
        "for other",
    ),
    "unknown extension": (
        lambda: MIDDLE.crl(extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\5\0"), True)]),
        "unknown critical extension",
    ),
    "another issuer": (lambda: ROOT.crl(), "no revocation data"),
    "junk": (lambda: b"junk", "no revocation data"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(NO_ANSWER))
def test_a_list_that_does_not_answer(case: str) -> None:
    made, reason = NO_ANSWER[case]
    verdict = judge(TREE.chain, [made()], [], AT)
    assert verdict.certificates[0].state is UNKNOWN
    assert reason in verdict.certificates[0].reason


NO_RESPONSE: dict[str, tuple[Callable[[], bytes], str]] = {
    "stranger": (lambda: MIDDLE.ocsp(SIGNER.certificate, responder=STRANGER), "not appointed"),
    "no right": (lambda: MIDDLE.ocsp(SIGNER.certificate, responder=NO_RESPONDER), "may not sign OCSP"),
    "of another CA": (lambda: MIDDLE.ocsp(SIGNER.certificate, responder=FOREIGN_RESPONDER), "not appointed"),
    "expired": (lambda: MIDDLE.ocsp(SIGNER.certificate, responder=EXPIRED_RESPONDER), "not valid when"),
    "old": (lambda: MIDDLE.ocsp(SIGNER.certificate, span=(AT - 9 * DAY, AT - DAY)), "of before the time-stamp"),
    "old, no end": (lambda: MIDDLE.ocsp(SIGNER.certificate, span=(AT - DAY, None)), "do not say how long"),
    "unknown": (lambda: MIDDLE.ocsp(SIGNER.certificate, status=ocsp.OCSPCertStatus.UNKNOWN), "does not know it"),
    "another certificate": (lambda: MIDDLE.ocsp(RESPONDER.certificate), "no revocation data"),
    "another issuer": (lambda: STRANGER.ocsp(SIGNER.certificate), "no revocation data"),
    "refusal": (
        lambda: ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(DER),
        "no revocation data",
    ),
    "damaged": (lambda: flipped(MIDDLE.ocsp(SIGNER.certificate)), "signature is wrong"),
    "junk": (lambda: b"\x30\x03junk", "no revocation data"),
}


def flipped(data: bytes) -> bytes:
    return data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]


@pytest.mark.parametrize("case", list(NO_RESPONSE))
def test_a_response_that_does_not_answer(case: str) -> None:
    made, reason = NO_RESPONSE[case]
    verdict = judge(TREE.chain, [], [made()], AT)
    assert verdict.certificates[0].state is UNKNOWN
    assert reason in verdict.certificates[0].reason


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("responder", [None, RESPONDER])
@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256()])
def test_every_form_of_response(by_name: bool, responder: Party | None, algorithm: hashes.HashAlgorithm) -> None:
    response = MIDDLE.ocsp(SIGNER.certificate, by_name=by_name, responder=responder, algorithm=algorithm)
    assert judge(TREE.chain[:2], [], [response], AT).state is GOOD


@pytest.mark.parametrize("span", [(AT + DAY, AT + 2 * DAY), (AT, AT)])
def test_a_list_of_after_the_time_stamp_answers_too(span: tuple[object, object]) -> None:
    assert judge(TREE.chain[:2], [MIDDLE.crl(span=span)], [], AT).state is GOOD  # type: ignore[arg-type]


def test_an_authority_that_may_not_sign_lists() -> None:
    authority = make("Middle", ROOT, authority=True, crl_sign=False)
    signer = make("Signer", authority)
    verdict = judge([signer.certificate, authority.certificate], [authority.crl()], [], AT)
    assert "may not sign CRLs" in verdict.reason


def test_the_name_of_a_distribution_point_must_match() -> None:
    here = x509.UniformResourceIdentifier("http://crl.example/1")
    points = x509.CRLDistributionPoints([x509.DistributionPoint([here], None, None, None)])
    signer = make("Signer", MIDDLE, extensions=[points])
    crl = MIDDLE.crl(extensions=[(point(full_name=[here], only_contains_user_certs=True), True)])
    assert judge([signer.certificate, MIDDLE.certificate], [crl], [], AT).state is GOOD


def test_a_certificate_that_is_never_revoked() -> None:
    never = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.56"), b"\x05\x00")
    signer = make("Signer", MIDDLE, extensions=[never])
    assert judge([signer.certificate, MIDDLE.certificate], [], [], AT).state is GOOD
    authority = make("Middle", ROOT, authority=True, extensions=[never])
    assert judge([authority.certificate, ROOT.certificate], [], [], AT).state is UNKNOWN, "not for authorities"


def test_the_end_of_a_chain_is_believed_but_a_loose_signer_is_not() -> None:
    assert judge([ROOT.certificate], [], [], AT).state is GOOD
    verdict = judge([SIGNER.certificate], [MIDDLE.crl()], [], AT)
    assert verdict.state is UNKNOWN
    assert "its issuer is not known" in verdict.reason


CRL, RESPONSE = MIDDLE.crl(entry(RESPONDER, AT, REASONS.superseded)), MIDDLE.ocsp(SIGNER.certificate)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=300, deadline=None)
@given(st.data(), st.booleans())
def test_damaged_data_never_raise_and_never_answer(data: st.DataObject, is_list: bool) -> None:
    original = CRL if is_list else RESPONSE
    changed = bytearray(original)
    changed[data.draw(st.integers(0, len(original) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(original))))
    verdict = judge(TREE.chain[:2], [bytes(changed[:cut])] * is_list, [bytes(changed[:cut])] * (not is_list), AT)
    assert verdict.state is UNKNOWN
