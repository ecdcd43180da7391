"""The demo TSA's certificates: a root, a CA under it, and a certificate that may only stamp times (RFC 3161, 2.3).

The CA publishes what an auditor needs later: lists of revoked certificates (RFC 5280) and OCSP responses (RFC 6960).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from archiveworker.demo.certificates import Issuer, Span, name, new_key, root_of, write_key
from archiveworker.runtime.clock import Clock, SystemClock

POLICY_OID: Final = "1.3.6.1.4.1.13762.3"
_CA_DAYS: Final = 3650
_LIST_DAYS: Final = 7
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Validity:
    """How long the stamping certificate and what is said about it hold.

    Attributes:
        valid_from: first moment of the stamping certificate, UTC.
        valid_until: its last moment; may be in the past.
        lifetime_s: a new certificate for each time-stamp, which holds so long, and so do CRLs and OCSP responses;
            None keeps one certificate.
    """

    valid_from: datetime
    valid_until: datetime
    lifetime_s: float | None = None


@dataclass(slots=True)
class Authority:
    """The authority's certificates, as files (PEM) and as what issues more.

    Attributes:
        folder: of the files.
        validity: of the stamping certificate.
        base_url: where CRLs, OCSP and CA certificates are served, with a slash at its end.
        root: issues the CA's certificate.
        ca: issues the stamping certificate.
        embeds_chain: tokens bring the CA's certificate along; otherwise only the stamping one.
    """

    folder: Path
    validity: Validity
    base_url: str
    root: Issuer
    ca: Issuer
    embeds_chain: bool = True
    clock: Clock = field(default_factory=SystemClock)
    _tsa_key: rsa.RSAPrivateKey = field(default_factory=new_key)
    _issued: list[tuple[x509.Certificate, Issuer]] = field(default_factory=list)
    _appointed: Issuer | None = None

    @property
    def root_pem(self) -> Path:
        """The root's certificate, for ``-CAfile``."""
        return self.folder / "root.pem"

    @property
    def tsa_pem(self) -> Path:
        """The stamping certificate, for ``-untrusted``."""
        return self.folder / "tsa.pem"

    @property
    def chain_pem(self) -> Path:
        """All three, the stamping one first."""
        return self.folder / "chain.pem"

    @property
    def embedded_pem(self) -> Path:
        """What tokens bring along beside the stamping certificate."""
        return self.folder / "embedded.pem"

    @property
    def key_pem(self) -> Path:
        """The stamping key, readable by the owner alone."""
        return self.folder / "tsa.key"

    def write(self) -> None:
        """Write all files, with a first stamping certificate."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_key(self.key_pem, self._tsa_key)
        self.root_pem.write_bytes(self.root.certificate.public_bytes(Encoding.PEM))
        self._issued.append((self.ca.certificate, self.root))
        embedded = [self.ca.certificate, self.root.certificate] if self.embeds_chain else []
        self.embedded_pem.write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in embedded))
        self.renew()

    def renew(self) -> None:
        """Issue the stamping certificate (again)."""
        given, now = self.validity, self.clock.now()
        span = (given.valid_from, given.valid_until)
        if given.lifetime_s is not None:
            # A moment before now: a certificate begins with a whole second.
            span = (now - timedelta(seconds=2), now + timedelta(seconds=given.lifetime_s))
        extensions = [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])]
        tsa = self.ca.issue(
            name("Demo Time-Stamp Authority"), self._tsa_key.public_key(), span, critical=extensions,
            places=places(self.base_url, "ca"),
        )  # fmt: skip
        self._issued.append((tsa, self.ca))
        self.tsa_pem.write_bytes(tsa.public_bytes(Encoding.PEM))
        chain = (tsa, self.ca.certificate, self.root.certificate)
        self.chain_pem.write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in chain))

    def crl(self, issuer: Issuer, *, revoked: bool = False) -> bytes:
        """Return an issuer's list, DER.

        Args:
            issuer: ``root`` or ``ca``.
            revoked: it names everything that was issued, for a stolen key.
        """
        span = self._said()
        made = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
        made = made.last_update(span[0]).next_update(span[1])
        for certificate, by in self._issued if revoked else []:
            if by is issuer:
                entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
                entry = entry.revocation_date(certificate.not_valid_before_utc)
                entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
                made = made.add_revoked_certificate(entry.build())
        return made.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def ocsp(self, query: bytes, *, revoked: bool = False) -> bytes:
        """Answer an OCSPRequest, DER; for the CA's certificate the root answers, otherwise one whom the CA appointed.

        Raises:
            ValueError: it is no request.
        """
        serial = ocsp.load_der_ocsp_request(query).serial_number
        found = [pair for pair in self._issued if pair[0].serial_number == serial]
        if not found:
            refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
            return refusal.public_bytes(Encoding.DER)
        (certificate, issuer), span = found[0], self._said()
        status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
        made = ocsp.OCSPResponseBuilder().add_response(
            cert=certificate, issuer=issuer.certificate, algorithm=hashes.SHA1(), cert_status=status,  # noqa: S303
            this_update=span[0], next_update=span[1],
            revocation_time=certificate.not_valid_before_utc if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )  # fmt: skip
        responder = issuer if issuer is self.root else self._responder()
        made = made.responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
        if responder is not issuer:
            made = made.certificates([responder.certificate])
        return made.sign(responder.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def _responder(self) -> Issuer:
        if self._appointed is None:
            key, now = new_key(), self.clock.now()
            usage = [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])]
            span = (now - _HOUR, now + timedelta(days=_CA_DAYS))
            certificate = self.ca.issue(name("Demo OCSP Responder"), key.public_key(), span, critical=usage)
            self._appointed = Issuer(certificate, key)
        return self._appointed

    def _said(self) -> Span:
        """From when and until when what is said now holds."""
        now = self.clock.now().replace(microsecond=0)
        if self.validity.lifetime_s is not None:
            return now, now + timedelta(seconds=self.validity.lifetime_s)
        return now - _HOUR, now + timedelta(days=_LIST_DAYS)


def places(base_url: str, issuer: str) -> list[x509.ExtensionType]:
    """Return the extensions that say where an issuer's CRL, OCSP responder and certificate are."""
    crl = x509.UniformResourceIdentifier(f"{base_url}{issuer}.crl")
    access = (
        (AuthorityInformationAccessOID.OCSP, f"{base_url}ocsp"),
        (AuthorityInformationAccessOID.CA_ISSUERS, f"{base_url}{issuer}.der"),
    )
    found = [x509.AccessDescription(kind, x509.UniformResourceIdentifier(place)) for kind, place in access]
    point = x509.DistributionPoint([crl], None, None, None)
    return [x509.CRLDistributionPoints([point]), x509.AuthorityInformationAccess(found)]


def make_authority(folder: Path, validity: Validity, base_url: str, *, embeds_chain: bool = True) -> Authority:
    """Make keys and certificates in ``folder``.

    Args:
        folder: is made if needed.
        validity: of the stamping certificate.
        base_url: where its CRLs and the like will be served, with a slash at its end.
        embeds_chain: see ``Authority``.
    """
    began = validity.valid_from - timedelta(days=1)
    # The root must still hold when the stamping certificate has long expired.
    span = (began, max(validity.valid_until, validity.valid_from + timedelta(days=_CA_DAYS)))
    root = root_of("Demo Root CA", span)
    key = new_key()
    ca = root.issue(name("Demo Time-Stamp CA"), key.public_key(), span, is_ca=True, places=places(base_url, "root"))
    authority = Authority(folder, validity, base_url, root, Issuer(ca, key), embeds_chain)
    authority.write()
    return authority
