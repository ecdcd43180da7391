"""What one OCSP response (RFC 6960) says of one certificate."""

from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from archiveworker.evidence import der, revocation_answer, signatures
from archiveworker.evidence.certificates import UNREADABLE, is_issued_by
from archiveworker.evidence.revocation_answer import Answer, Question

_SOURCE = "ocsp"


def load(ocsps: Iterable[bytes]) -> tuple[ocsp.OCSPResponse, ...]:
    """Read DER responses; what is none, or says nothing, is left out."""
    found = []
    for encoded in ocsps:
        try:
            response = ocsp.load_der_ocsp_response(encoded)
            if response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL:
                found.append(response)
        except UNREADABLE:
            continue
    return tuple(found)


def answer(response: ocsp.OCSPResponse, question: Question) -> Answer | str | None:
    """Return what ``response`` says, or why it cannot be used, or None when it is about others."""
    try:
        single = next((one for one in response.responses if _is_about(one, question)), None)
        if single is None:
            return None
        _check_signature(response, question.issuer)
        return _answer(single, question)
    except UNREADABLE as exc:
        return f"its OCSP response does not hold ({exc})"


def _answer(single: ocsp.OCSPSingleResponse, question: Question) -> Answer | str:
    this_update = single.this_update_utc
    if single.certificate_status is ocsp.OCSPCertStatus.GOOD:
        return revocation_answer.good(question, _SOURCE, this_update, single.next_update_utc)
    if single.certificate_status is ocsp.OCSPCertStatus.REVOKED and single.revocation_time_utc is not None:
        return revocation_answer.revoked(
            question, _SOURCE, this_update, single.revocation_time_utc, single.revocation_reason
        )
    return "its OCSP responder does not know it"


def _is_about(single: ocsp.OCSPSingleResponse, question: Question) -> bool:
    if single.serial_number != question.certificate.serial_number:
        return False
    # The library builds a request only to compute the digests of name and key that a response must hold.
    digest = single.hash_algorithm
    same = ocsp.OCSPRequestBuilder().add_certificate(question.certificate, question.issuer, digest).build()
    return (single.issuer_name_hash, single.issuer_key_hash) == (same.issuer_name_hash, same.issuer_key_hash)


def _check_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    """Check that the issuer signed, or one whom it has appointed (RFC 6960 4.2.2.2).

    Raises:
        ValueError: neither did.
    """
    signer = next((c for c in (issuer, *response.certificates) if _is_responder(c, response)), None)
    if signer is None:
        raise ValueError("the certificate of its signer is missing")
    if signer != issuer:
        _check_appointed(signer, issuer, response)
    # The bytes around the signature are not signed: an encoding other than DER's would go unnoticed.
    if der.encode(der.BIT_STRING, b"\x00", response.signature) not in response.public_bytes(Encoding.DER):
        raise ValueError("its signature is not in DER")
    is_pss = response.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS
    digest = response.signature_hash_algorithm
    signatures.check(signer.public_key(), response.signature, response.tbs_response_bytes, digest, is_pss=is_pss)


def _check_appointed(signer: x509.Certificate, issuer: x509.Certificate, response: ocsp.OCSPResponse) -> None:
    if not is_issued_by(signer, issuer):
        raise ValueError("its signer was not appointed by the certificate's issuer")
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if ExtendedKeyUsageOID.OCSP_SIGNING not in usage:
        raise ValueError("its signer may not sign OCSP responses")
    if not signer.not_valid_before_utc <= response.produced_at_utc <= signer.not_valid_after_utc:
        raise ValueError("its signer's certificate was not valid when it was made")


def _is_responder(certificate: x509.Certificate, response: ocsp.OCSPResponse) -> bool:
    if response.responder_name is not None:
        return certificate.subject == response.responder_name
    return response.responder_key_hash == _key_hash(certificate)


def _key_hash(certificate: x509.Certificate) -> bytes:
    """RFC 6960 4.2.1, KeyHash: the SHA-1 of the key's bits; the first method of RFC 5280 4.2.1.2 makes the same."""
    return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
