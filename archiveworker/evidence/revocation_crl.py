"""What one list of revoked certificates (RFC 5280 5, 6.3.3) says of one certificate."""

from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from archiveworker.evidence import der, revocation_answer
from archiveworker.evidence.certificates import UNREADABLE, is_authority
from archiveworker.evidence.revocation_answer import Answer, Question
from archiveworker.evidence.signatures import STRONG_DIGESTS

_SOURCE = "crl"


def load(crls: Iterable[bytes]) -> tuple[x509.CertificateRevocationList, ...]:
    """Read DER lists; what is none is left out."""
    found = []
    for encoded in crls:
        try:
            found.append(x509.load_der_x509_crl(encoded))
        except UNREADABLE:
            continue
    return tuple(found)


def answer(crl: x509.CertificateRevocationList, question: Question) -> Answer | str | None:
    """Return what ``crl`` says, or why it cannot be used, or None when it is about others."""
    try:
        if crl.issuer != question.certificate.issuer:
            return None
        unusable = _flaw(crl, question)
        if unusable:
            return unusable
        this_update, entry = (
            crl.last_update_utc,
            crl.get_revoked_certificate_by_serial_number(question.certificate.serial_number),
        )
        if entry is None:
            return revocation_answer.good(question, _SOURCE, this_update, crl.next_update_utc)
        return revocation_answer.revoked(question, _SOURCE, this_update, entry.revocation_date_utc, _reason(entry))
    except UNREADABLE as exc:
        return f"its CRL cannot be read ({exc})"


def _flaw(crl: x509.CertificateRevocationList, question: Question) -> str:
    digest = crl.signature_hash_algorithm
    if digest is not None and digest.name not in STRONG_DIGESTS:
        return "its CRL is signed with a digest other than SHA-256, SHA-384 or SHA-512"
    # The issuer's own key must have signed; CRLs of other keys (indirect, rolled over) are not known here.
    if not crl.is_signature_valid(question.issuer.public_key()):  # type: ignore[arg-type]
        return "its CRL is not signed by its issuer"
    # The bytes around the signature are not signed: an encoding other than DER's would go unnoticed.
    if not crl.public_bytes(Encoding.DER).endswith(der.encode(der.BIT_STRING, b"\x00", crl.signature)):
        return "its CRL's signature is not in DER"
    if not _may_sign_crls(question.issuer):
        return "its issuer may not sign CRLs (key usage)"
    for extension in crl.extensions:
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            if not _is_in_scope(extension.value, question.certificate):
                return "its CRL is for other certificates (issuing distribution point)"
        elif isinstance(extension.value, x509.DeltaCRLIndicator):
            return "its CRL is a delta CRL"
        elif extension.critical:
            return f"its CRL has an unknown critical extension ({extension.oid.dotted_string})"
    return ""


def _may_sign_crls(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _is_in_scope(point: x509.IssuingDistributionPoint, certificate: x509.Certificate) -> bool:
    """RFC 5280 6.3.3 (b)(2)."""
    if point.indirect_crl or point.only_contains_attribute_certs or point.only_some_reasons or point.relative_name:
        return False
    authority = is_authority(certificate)
    if (point.only_contains_user_certs and authority) or (point.only_contains_ca_certs and not authority):
        return False
    return point.full_name is None or not set(point.full_name).isdisjoint(_distribution_names(certificate))


def _distribution_names(certificate: x509.Certificate) -> set[x509.GeneralName]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return set()
    return {name for point in points for name in point.full_name or ()}


def _reason(entry: x509.RevokedCertificate) -> x509.ReasonFlags | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except UNREADABLE:
        return None
