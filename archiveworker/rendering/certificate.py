"""The throw-away key with which the gateway answers https inside Chromium.

One self-signed certificate serves every host: Chromium is told to accept this one public key whatever the name, and
nothing else on the machine trusts it. It is new at every start and never leaves the process (it is on disk, readable
by the owner alone, only while OpenSSL reads it). The LMS's real certificate is checked by the gateway on the way out.
"""

import base64
import datetime
import hashlib
import ssl
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from archiveworker.runtime.temporary import OwnedFolder

_NOT_BEFORE = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_NOT_AFTER = datetime.datetime(2049, 12, 31, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class GatewayCertificate:
    """A key pair that only our own Chromium believes.

    Attributes:
        context: server side of TLS.
        pin: base64 SHA-256 of the SubjectPublicKeyInfo, for ``--ignore-certificate-errors-spki-list``.
    """

    context: ssl.SSLContext
    pin: str


def throw_away() -> GatewayCertificate:
    """Make a fresh key pair and certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "archiveworker rendering gateway")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .sign(key, hashes.SHA256())
    )
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with OwnedFolder("gateway") as folder:
        file = folder.path / "key.pem"
        file.write_bytes(pem)
        context.load_cert_chain(file)
    return GatewayCertificate(context, base64.b64encode(hashlib.sha256(spki).digest()).decode())
