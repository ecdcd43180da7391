"""A small time-stamp authority for the tests: certificates by ``cryptography``, tokens by the ``openssl`` command.

It shares no code with the worker. ``reply`` answers as ``openssl ts -reply`` does, at the real time;
``reply_at`` signs a TSTInfo with any genTime, so that a token can be older than its expired certificate.
"""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
POLICY = "1.3.6.1.4.1.99999.1"

_CONFIG = """
[tsa]
default_tsa = tsa_config
[tsa_config]
dir = {folder}
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsa.crt
signer_key = $dir/tsa.key
certs = $dir/bundle.pem
signer_digest = sha256
default_policy = {policy}
digests = sha256, sha384, sha512
accuracy = secs:1
clock_precision_digits = 0
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = {certificate_id}
"""


@dataclass(frozen=True)
class Tsa:
    """A signer with its chain, on disk.

    Attributes:
        folder: holds tsa.crt, tsa.key, bundle.pem (intermediates), ca.pem (root), tsa.cnf, *.crl (DER, of each issuer).
    """

    folder: Path

    @property
    def ca_pem(self) -> bytes:
        """The root, PEM."""
        return (self.folder / "ca.pem").read_bytes()

    def twin_of_signer(self) -> x509.Certificate:
        """Return a certificate with the signer's name, serial number and key that is not the signer's."""
        signer = x509.load_pem_x509_certificate((self.folder / "tsa.crt").read_bytes())
        key = serialization.load_pem_private_key((self.folder / "tsa.key").read_bytes(), None)
        assert isinstance(key, Key)
        return (
            x509.CertificateBuilder()
            .subject_name(signer.subject)
            .issuer_name(signer.issuer)
            .public_key(signer.public_key())
            .serial_number(signer.serial_number)
            .not_valid_before(signer.not_valid_before_utc)
            .not_valid_after(signer.not_valid_after_utc)
            .sign(key, hashes.SHA256())
        )

    def reply(self, query: bytes) -> bytes:
        """Answer ``query`` as ``openssl ts -reply`` does."""
        (self.folder / "in.tsq").write_bytes(query)
        openssl(
            "ts", "-reply", "-queryfile", "in.tsq", "-config", "tsa.cnf", "-section", "tsa_config", "-out", "out.tsr",
            cwd=self.folder,
        )  # fmt: skip
        return (self.folder / "out.tsr").read_bytes()

    def reply_at(self, digest: bytes, gen_time: datetime, *, nonce: int | None, embed: bool = True) -> bytes:
        """Sign a token over ``digest`` that claims ``gen_time``, whatever the clock says."""
        (self.folder / "tst.der").write_bytes(_tst_info(digest, gen_time, nonce))
        openssl(
            "cms", "-sign", "-binary", "-nodetach", "-cades", "-md", "sha256", "-outform", "DER",
            "-econtent_type", "1.2.840.113549.1.9.16.1.4", "-in", "tst.der", "-signer", "tsa.crt", "-inkey", "tsa.key",
            *(["-certfile", "bundle.pem"] if embed and (self.folder / "bundle.pem").stat().st_size else []),
            *([] if embed else ["-nocerts"]), "-out", "token.der",
            cwd=self.folder,
        )  # fmt: skip
        status = der(0x30, der(0x30, integer(0)))[2:]
        return der(0x30, status, (self.folder / "token.der").read_bytes())


def make_tsa(
    folder: Path,
    *,
    key_type: str = "rsa",
    intermediate: bool = False,
    valid: tuple[datetime, datetime] | None = None,
    purpose: bool = True,
    critical: bool = True,
    embed_root: bool = False,
    certificate_id: str = "sha256",
    listed_at: datetime | None = None,
    revoked_at: datetime | None = None,
) -> Tsa:
    """Make a root, perhaps an intermediate, and a time-stamping certificate in ``folder``.

    Args:
        folder: is created.
        key_type: ``rsa`` or ``ec``.
        intermediate: put a CA between root and signer; it is embedded in the tokens.
        valid: validity of the signer's certificate; now-ish when None.
        purpose: whether the signer's certificate may time-stamp.
        critical: whether that extension is critical, as RFC 3161 2.3 wants.
        embed_root: put the root in the tokens as well.
        certificate_id: digest with which a token names its signer; ``sha1`` is RFC 2634, others are RFC 5035.
        listed_at: when the issuers said what is revoked; now when None.
        revoked_at: when the signer's certificate was, because its key was stolen; never when None.
    """
    folder.mkdir(parents=True)
    now = datetime.now(UTC)
    long = (now - timedelta(days=3650), now + timedelta(days=3650))
    root_key = _key(key_type)
    root = _certificate("Test Root", root_key, "Test Root", root_key, long)
    issuer, issuer_key, bundle = "Test Root", root_key, []
    if intermediate:
        middle_key = _key(key_type)
        bundle.append(_certificate("Test Intermediate", middle_key, issuer, issuer_key, long))
        issuer, issuer_key = "Test Intermediate", middle_key
    if embed_root:
        bundle.append(root)
    key = _key(key_type)
    span = valid or (now - timedelta(days=1), now + timedelta(days=365))
    signer = _certificate("Test TSA", key, issuer, issuer_key, span, leaf=True, purpose=purpose, critical=critical)
    (folder / "ca.pem").write_bytes(_pem(root))
    (folder / "tsa.crt").write_bytes(_pem(signer))
    (folder / "bundle.pem").write_bytes(b"".join(_pem(c) for c in bundle))
    (folder / "tsa.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    for number, (name, issuing_key) in enumerate({"Test Root": root_key, issuer: issuer_key}.items()):
        (folder / f"{number}.crl").write_bytes(_crl(name, issuing_key, listed_at or now, (signer, revoked_at)))
    config = _CONFIG.format(folder=folder, policy=POLICY, certificate_id=certificate_id)
    (folder / "tsa.cnf").write_text(config if bundle else config.replace("certs = $dir/bundle.pem\n", ""))
    (folder / "serial").write_text("01\n")
    return Tsa(folder)


def openssl(*args: str, cwd: Path | None = None) -> str:
    """Run openssl and return what it said; a failure is an AssertionError."""
    done = subprocess.run(["openssl", *args], cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _key(key_type: str) -> Key:
    if key_type == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _certificate(
    name: str,
    key: Key,
    issuer: str,
    issuer_key: Key,
    span: tuple[datetime, datetime],
    *,
    leaf: bool = False,
    purpose: bool = True,
    critical: bool = True,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(ca=not leaf, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(_usage(leaf), critical=True)
    )
    if leaf:
        wanted = ExtendedKeyUsageOID.TIME_STAMPING if purpose else ExtendedKeyUsageOID.EMAIL_PROTECTION
        builder = builder.add_extension(x509.ExtendedKeyUsage([wanted]), critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _crl(issuer: str, key: Key, now: datetime, revoked: tuple[x509.Certificate, datetime | None]) -> bytes:
    """Return a list, good for ten years, of revoked certificates; empty when there is no time for the one given."""
    certificate, at = revoked
    entries = []
    if at is not None:
        entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(at)
        stolen = x509.CRLReason(x509.ReasonFlags.key_compromise)
        entries.append(entry.add_extension(stolen, critical=False).build())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_name(issuer))
        .last_update(now)
        .next_update(now + timedelta(days=3650))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    for entry in entries:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _usage(leaf: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=leaf,
        content_commitment=leaf,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not leaf,
        crl_sign=not leaf,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"), x509.NameAttribute(NameOID.COMMON_NAME, text)]
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def der(tag: int, *parts: bytes) -> bytes:
    """Return one DER value."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def integer(value: int) -> bytes:
    """Return a minimal DER INTEGER for ``value`` >= 0."""
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _tst_info(digest: bytes, gen_time: datetime, nonce: int | None) -> bytes:
    sha256 = der(0x30, bytes.fromhex("0609608648016503040201"), b"\x05\x00")
    policy = der(0x06, bytes.fromhex("2b06010401868d1f01"))
    imprint = der(0x30, sha256, der(0x04, digest))
    moment = der(0x18, gen_time.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())
    extra = b"" if nonce is None else integer(nonce)
    return der(0x30, integer(1), policy, imprint, integer(7), moment, extra)
