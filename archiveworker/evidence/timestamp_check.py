"""The judge of time-stamps (RFC 3161): takes a reply and says what it proves, or raises.

Shares no code with ``timestamp.py``, which asks for them (DESIGN D8). The chain is judged by ``rfc3161-client`` at
the token's own time, so a token stays good after its certificate has expired. Not judged: revocation.

Traps of ``rfc3161-client`` 1.0.9 that are met here: its builder shares lists between copies (only the constructor is
used); it trusts every certificate that it is given as "intermediate" (none is; the token's own ones are used for
building the chain anyway); it wants the token's certificates in SET order (see ``der``); it answers ``True`` or raises.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import PKIStatus, TimeStampResponse, VerifierBuilder, decode_timestamp_response
from rfc3161_client import VerificationError as _Rfc3161Error

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.evidence import Trust, VerifiedTimestamp
from archiveworker.evidence import cms, der

_SHA256_OID = "2.16.840.1.101.3.4.2.1"
_UNREADABLE = (
    ValueError, LookupError, TypeError, OverflowError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion,
    x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType,
)  # fmt: skip
_MAX_CHAIN = 10


def load_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Read one or more certificates.

    Raises:
        VerificationError: there is none, or one is damaged.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except _UNREADABLE as exc:
        raise VerificationError(f"the certificates cannot be read ({exc}); they must be PEM") from exc


def check_reply(
    reply: bytes, digest: Sha256, *, nonce: int | None = None, trusted: Sequence[x509.Certificate] = ()
) -> VerifiedTimestamp:
    """Check a TimeStampResp: status, digest, nonce, purpose, signature, chain. Source: RFC 3161 2.4.2.

    Args:
        reply: DER TimeStampResp (``.tsr``).
        digest: what must have been stamped.
        nonce: what the request held; None when it is not known.
        trusted: certificates that are believed; when there are none, the end of the token's own chain is taken
            and the proof says so.

    Raises:
        VerificationError: something does not hold; the sentence says what.
    """
    response = _decoded(reply)
    try:
        _check_info(response, digest, nonce)
        chain = _chain(response, trusted)
        cms.check_signature(cms.parse_token(response.time_stamp_token()), chain[0])
        generated_at = _generated_at(response)
        if trusted or _is_root(chain[-1]):
            _check_chain(response, digest, trusted or chain[-1:], nonce)
        else:
            _check_partial_chain(chain, generated_at)
        return VerifiedTimestamp(
            digest=digest,
            generated_at=generated_at,
            serial_number=response.tst_info.serial_number,
            policy_oid=response.tst_info.policy.dotted_string,
            tsa_name=chain[0].subject.rfc4514_string(),
            trust=Trust.CONFIGURED if trusted else Trust.EMBEDDED,
        )
    except _UNREADABLE as exc:
        raise VerificationError(f"the time-stamp does not hold: {exc}") from exc


def check_query(query: bytes, digest: Sha256, reply: bytes) -> None:
    """Check that ``query`` is the request that ``reply`` answers, for ``digest``.

    Raises:
        VerificationError: it is another one.
    """
    try:
        nonce = _decoded(reply).tst_info.nonce
        expected = der.expected_queries(digest.raw, nonce)
    except _UNREADABLE as exc:
        raise VerificationError(f"the time-stamp cannot be read: {exc}") from exc
    if query not in expected:
        raise VerificationError("the query is not the one that the time-stamp answers")


def chain_pem(reply: bytes, trusted: Sequence[x509.Certificate] = ()) -> bytes:
    """Return the certificates from the signer to the end of its chain, PEM, signer first.

    Raises:
        VerificationError: the signer's certificate is not in the reply.
    """
    try:
        chain = _chain(_decoded(reply), trusted)
    except _UNREADABLE as exc:
        raise VerificationError(f"the time-stamp's certificates cannot be read: {exc}") from exc
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)


def check_chain(pem: bytes, reply: bytes, *, trusted: Sequence[x509.Certificate] = ()) -> None:
    """Check that ``pem`` is the chain of the reply's signer: these certificates, in this order, in this spelling.

    Args:
        pem: the certificates, signer first (``chain.pem``).
        reply: DER TimeStampResp.
        trusted: certificates that are believed; one that is called like one of them is the same.

    Raises:
        VerificationError: it is another chain, or a certificate in it is damaged.
    """
    certificates = load_certificates(pem)
    try:
        _check_undamaged(certificates, [*certificates, *trusted])
        # The last one alone is taken as given: what leads up to it is in the token, or is not its chain.
        chain = _chain(_decoded(reply), certificates[-1:])
    except _UNREADABLE as exc:
        raise VerificationError(f"the chain does not belong to the time-stamp: {exc}") from exc
    if b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain) != pem:
        raise VerificationError("it is not the chain of the time-stamp's certificate")


def _decoded(reply: bytes) -> TimeStampResponse:
    try:
        response = decode_timestamp_response(der.in_set_order(reply))
        status, words = response.status, "; ".join(response.status_string)
        token = response.time_stamp_token()
    except _UNREADABLE as exc:
        raise VerificationError(f"this is not a time-stamp reply in DER: {exc}") from exc
    if status != PKIStatus.GRANTED:
        name = PKIStatus(status).name.lower() if status in list(PKIStatus) else str(status)
        raise VerificationError(f"the time-stamp was not granted: status {name}{f' ({words})' if words else ''}")
    if not token:
        raise VerificationError("the reply says that the time-stamp was granted, but holds none")
    return response


def _check_info(response: TimeStampResponse, digest: Sha256, nonce: int | None) -> None:
    imprint = response.tst_info.message_imprint
    if imprint.hash_algorithm.dotted_string != _SHA256_OID or imprint.message != digest.raw:
        raise ValueError(f"another digest was stamped ({imprint.message.hex()}, expected {digest.hex})")
    if nonce is not None and response.tst_info.nonce != nonce:
        raise ValueError("the nonce is not the one of the request")


def _generated_at(response: TimeStampResponse) -> datetime:
    moment = response.tst_info.gen_time
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _chain(response: TimeStampResponse, trusted: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """Signer first; each next one issued the one before; ends at a trusted one, a root, or where nothing is known."""
    known = [x509.load_der_x509_certificate(raw) for raw in sorted(response.signed_data.certificates)]
    (info,) = response.signed_data.signer_infos
    anchors = list(trusted)
    chain = [c for c in known + anchors if c.issuer == info.issuer and c.serial_number == info.serial_number][:1]
    if not chain:
        raise ValueError("the token does not hold the certificate of its signer; the TSA must embed it (certReq)")
    while not _is_root(chain[-1]) and chain[-1] not in anchors and len(chain) < _MAX_CHAIN:
        above = next((c for c in anchors + known if c not in chain and _issued(c, chain[-1])), None)
        if above is None:
            break
        chain.append(above)
    _check_undamaged(known, [*known, *anchors])
    return chain


def _check_undamaged(embedded: Sequence[x509.Certificate], others: Sequence[x509.Certificate]) -> None:
    """What can be told to be damaged is not passed over, even where the chain does not need it.

    A token may hold certificates of another way up (a cross-certificate), whose issuers are not known here. But one
    whose issuer is known was signed by it, and one that is called like another one, serial number and all, is the same.
    """
    for certificate in embedded:
        issuers = [other for other in others if other.subject == certificate.issuer]
        if issuers and not any(_issued(issuer, certificate) for issuer in issuers):
            raise ValueError("a certificate is damaged: its issuer did not sign it")
        for other in others:
            twins = (other.subject, other.serial_number) == (certificate.subject, certificate.serial_number)
            if twins and other != certificate:
                raise ValueError("two certificates have one name and serial number; one of them is damaged")


def _issued(issuer: x509.Certificate, subject: x509.Certificate) -> bool:
    try:
        subject.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer and _issued(certificate, certificate)


def _check_chain(
    response: TimeStampResponse, digest: Sha256, roots: Sequence[x509.Certificate], nonce: int | None
) -> None:
    try:
        verifier = VerifierBuilder(roots=list(roots), nonce=nonce).build()
        holds = verifier.verify(response, digest.raw)
    except _Rfc3161Error as exc:
        raise VerificationError(f"the time-stamp does not hold: {_plain(str(exc))}") from exc
    if holds is not True:
        raise VerificationError("the time-stamp does not hold")


def _plain(message: str) -> str:
    """Keep OpenSSL's reason, drop its source lines."""
    for marker in ('data: "', 'reason: "'):
        _, found, rest = message.partition(marker)
        if found:
            return rest.partition('"')[0].removeprefix("Verify error: ")
    return message


def _check_partial_chain(chain: Sequence[x509.Certificate], at: datetime) -> None:
    usage = chain[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise ValueError("the signer's certificate is not for time-stamping alone (critical EKU timeStamping)")
    for certificate in chain:
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            raise ValueError(f"{certificate.subject.rfc4514_string()} was not valid at the time of the stamp")
    for issuer in chain[1:]:
        if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            raise ValueError(f"{issuer.subject.rfc4514_string()} is not a certificate authority")
