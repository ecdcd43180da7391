"""A small made-up public key infrastructure: root, intermediate, signer, and what they say about revocation."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

# The library dates OCSP responses by the clock, so the made-up time-stamps are of now.
AT = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
ASKED = x509.AuthorityInformationAccess(
    [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://ocsp.example"))]
)
DER = serialization.Encoding.DER


@dataclass(frozen=True)
class Party:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def crl(
        self,
        *revoked: x509.RevokedCertificate,
        span: tuple[datetime, datetime] = (AT - DAY, AT + 6 * DAY),
        extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> bytes:
        """Return this authority's list, DER; ``key`` signs in place of its own."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(span[0]).next_update(span[1])
        for entry in revoked:
            builder = builder.add_revoked_certificate(entry)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(key or self.key, hashes.SHA256()).public_bytes(DER)

    def ocsp(
        self,
        subject: x509.Certificate,
        *,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        revoked: tuple[datetime, x509.ReasonFlags | None] | None = None,
        span: tuple[datetime, datetime | None] = (AT, AT + DAY),
        responder: "Party | None" = None,
        by_name: bool = False,
        algorithm: hashes.HashAlgorithm | None = None,
    ) -> bytes:
        """Return a response about ``subject``, DER; ``responder`` signs in place of this authority."""
        signer = responder or self
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=subject,
            issuer=self.certificate,
            algorithm=algorithm or hashes.SHA1(),
            cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else status,
            this_update=span[0],
            next_update=span[1],
            revocation_time=revoked[0] if revoked else None,
            revocation_reason=revoked[1] if revoked else None,
        )
        encoding = ocsp.OCSPResponderEncoding.NAME if by_name else ocsp.OCSPResponderEncoding.HASH
        builder = builder.responder_id(encoding, signer.certificate)
        if responder is not None:
            builder = builder.certificates([responder.certificate])
        return builder.sign(signer.key, hashes.SHA256()).public_bytes(DER)


def make(
    name: str,
    issuer: Party | None = None,
    *,
    authority: bool = False,
    usages: Sequence[x509.ObjectIdentifier] = (),
    span: tuple[datetime, datetime] = (AT - 100 * DAY, AT + 100 * DAY),
    extensions: Sequence[x509.ExtensionType] = (),
    crl_sign: bool = True,
) -> Party:
    """Make a party; without ``issuer`` it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_usage(authority, crl_sign), critical=True)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    signer = issuer.key if issuer else key
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return Party(builder.add_extension(issuer_key, critical=False).sign(signer, hashes.SHA256()), key)


def _usage(authority: bool, crl_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority and crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True)
class Tree:
    """A root, an authority below it and a time-stamp signer below that."""

    root: Party = field(default_factory=lambda: make("Root", authority=True))
    middle: Party = field(init=False)
    signer: Party = field(init=False)

    def __post_init__(self) -> None:
        stamping = [ExtendedKeyUsageOID.TIME_STAMPING]
        object.__setattr__(self, "middle", make("Middle", self.root, authority=True, extensions=[ASKED]))
        object.__setattr__(self, "signer", make("Signer", self.middle, usages=stamping, extensions=[ASKED]))

    @property
    def chain(self) -> list[x509.Certificate]:
        """Signer first."""
        return [self.signer.certificate, self.middle.certificate, self.root.certificate]


def entry(party: Party, when: datetime, reason: x509.ReasonFlags | None = None) -> x509.RevokedCertificate:
    """Return a line of a CRL."""
    builder = x509.RevokedCertificateBuilder().serial_number(party.certificate.serial_number).revocation_date(when)
    if reason is not None:
        builder = builder.add_extension(x509.CRLReason(reason), critical=False)
    return builder.build()
