"""Makes X.509 certificates for the demo's time-stamp authority and its TLS."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate with the key that may sign others."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    def issue(
        self,
        subject: x509.Name,
        key: rsa.RSAPublicKey,
        span: Span,
        *,
        is_ca: bool = False,
        critical: Sequence[x509.ExtensionType] = (),
        places: Sequence[x509.ExtensionType] = (),
    ) -> x509.Certificate:
        """Return a certificate for ``subject``.

        Args:
            subject: whose it is.
            key: of the subject.
            span: first and last moment.
            is_ca: it may issue end certificates.
            critical: further extensions that must be understood.
            places: further ones that need not be.
        """
        made = builder(subject, self.certificate.subject, key, span)
        made = made.add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
        made = made.add_extension(_usage(is_ca=is_ca), critical=True)
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        made = made.add_extension(issuer_key, critical=False)
        for extension in critical:
            made = made.add_extension(extension, critical=True)
        for extension in places:
            made = made.add_extension(extension, critical=False)
        return made.sign(self.key, hashes.SHA256())


def root_of(common_name: str, span: Span) -> Issuer:
    """Return a new root."""
    key, subject = new_key(), name(common_name)
    made = builder(subject, subject, key.public_key(), span)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    return Issuer(made.add_extension(_usage(is_ca=True), critical=True).sign(key, hashes.SHA256()), key)


def new_key() -> rsa.RSAPrivateKey:
    """Return a new key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write_key(file: Path, key: rsa.RSAPrivateKey, password: str | None = None) -> None:
    """Write a key as PEM, readable by the owner alone."""
    file.touch(mode=0o600)
    seal: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        seal = serialization.BestAvailableEncryption(password.encode())
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, seal))


def builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, span: Span) -> x509.CertificateBuilder:
    """Return the beginning of a certificate."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def name(common_name: str) -> x509.Name:
    """Return a made-up name."""
    pairs = ((NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, "Demo LMS"), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
