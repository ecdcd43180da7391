"""Small questions about X.509 certificates that several rooms of the evidence ask. Nothing here judges a chain."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from archiveworker.domain.errors import VerificationError

UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    OverflowError,
    InvalidSignature,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
"""What ``cryptography`` and ``rfc3161-client`` raise for bytes that are not what they should be."""


def load_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read one or more certificates.

    Raises:
        VerificationError: there is none, or one is damaged.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except UNREADABLE as exc:
        raise VerificationError(f"the certificates cannot be read ({exc}); they must be PEM") from exc


def is_issued_by(subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether ``issuer``'s name and key are those that signed ``subject``."""
    try:
        subject.verify_directly_issued_by(issuer)
    except (*UNREADABLE, InvalidSignature):
        return False
    return True


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Tell whether the certificate is a root."""
    return certificate.subject == certificate.issuer and is_issued_by(certificate, certificate)


def is_authority(certificate: x509.Certificate) -> bool:
    """Tell whether the certificate may issue others (basicConstraints)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except UNREADABLE:
        return False


def name_of(certificate: x509.Certificate) -> str:
    """Return the subject, RFC 4514."""
    return certificate.subject.rfc4514_string()
