"""The demo TSA's certificates: a root, and under it a certificate that may only stamp times (RFC 3161, 2.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY_OID: Final = "1.3.6.1.4.1.13762.3"
_ROOT_DAYS: Final = 3650
_PEM: Final = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Authority:
    """Files of the authority, all PEM.

    Attributes:
        root_pem: the root's certificate, for ``-CAfile``.
        tsa_pem: the stamping certificate, for ``-untrusted``.
        chain_pem: both, the stamping one first.
        crl_pem: the root's list of revoked certificates.
        key_pem: the stamping key, readable by the owner alone.
    """

    root_pem: Path
    tsa_pem: Path
    chain_pem: Path
    crl_pem: Path
    key_pem: Path


def make_authority(
    folder: Path, *, valid_from: datetime, valid_until: datetime, crl_url: str | None = None, revoked: bool = False
) -> Authority:
    """Make keys and certificates in ``folder``.

    Args:
        folder: is made if needed.
        valid_from: first moment of the stamping certificate, UTC.
        valid_until: its last moment; may be in the past.
        crl_url: where the list of revoked certificates will be; None leaves the pointer out.
        revoked: the list names the stamping certificate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root_key, tsa_key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    root_name, tsa_name = _name("Demo Root CA"), _name("Demo Time-Stamp Authority")
    root_from = valid_from - timedelta(days=1)
    # The root must still hold when the stamping certificate has long expired.
    root_until = max(valid_until, valid_from + timedelta(days=_ROOT_DAYS))
    root = (
        _builder(root_name, root_name, root_key.public_key(), (root_from, root_until))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    builder = (
        _builder(tsa_name, root_name, tsa_key.public_key(), (valid_from, valid_until))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
    )
    if crl_url is not None:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_url)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    tsa = builder.sign(root_key, hashes.SHA256())
    crl = _crl(root_name, root_key, (root_from, root_until), [tsa] if revoked else [])
    return _write(folder, root, tsa, crl, tsa_key)


def _write(
    folder: Path,
    root: x509.Certificate,
    tsa: x509.Certificate,
    crl: x509.CertificateRevocationList,
    tsa_key: rsa.RSAPrivateKey,
) -> Authority:
    out = Authority(
        folder / "root.pem", folder / "tsa.pem", folder / "chain.pem", folder / "root.crl.pem", folder / "tsa.key"
    )
    out.root_pem.write_bytes(root.public_bytes(_PEM))
    out.tsa_pem.write_bytes(tsa.public_bytes(_PEM))
    out.chain_pem.write_bytes(tsa.public_bytes(_PEM) + root.public_bytes(_PEM))
    out.crl_pem.write_bytes(crl.public_bytes(_PEM))
    out.key_pem.touch(mode=0o600)
    key_format, no_password = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    out.key_pem.write_bytes(tsa_key.private_bytes(_PEM, key_format, no_password))
    return out


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, validity: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _crl(
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    validity: tuple[datetime, datetime],
    revoked: Sequence[x509.Certificate],
) -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer)
    builder = builder.last_update(validity[0]).next_update(validity[1])
    for certificate in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(validity[0]).build())
    return builder.sign(key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    pairs = ((NameOID.COUNTRY_NAME, "DE"), (NameOID.ORGANIZATION_NAME, "Demo LMS"), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
