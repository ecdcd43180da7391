"""The judge of time-stamps (RFC 3161): takes a reply and says what it proves, or raises.

Shares no code with ``timestamp.py``, which asks for them (DESIGN D8). The chain is judged by ``rfc3161-client`` at
the token's own time, so a token stays good after its certificate has expired. Before that each thing is looked at by
itself, in the order of ``TimestampFlaw``, so that the error names the first one that is wrong. Not judged here:
revocation (see ``revocation``).

Traps of ``rfc3161-client`` 1.0.9 that are met here: its builder shares lists between copies (only the constructor is
used); it trusts every certificate that it is given as "intermediate" (none is; the token's own ones are used for
building the chain anyway, and others are put among them); it wants the token's certificates in SET order (see ``der``);
it answers ``True`` or raises.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import PKIStatus, TimeStampResponse, VerifierBuilder, decode_timestamp_response
from rfc3161_client import VerificationError as _Rfc3161Error

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.errors import TimestampFlaw, TimestampRefusedError, VerificationError
from archiveworker.domain.evidence import ChainCertificate, Trust, VerifiedTimestamp
from archiveworker.evidence import cms, der
from archiveworker.evidence.certificates import (
    UNREADABLE,
    is_authority,
    is_issued_by,
    is_self_signed,
    load_certificates,
    name_of,
)

__all__ = [
    "chain_of",
    "chain_pem",
    "check_chain",
    "check_query",
    "check_reply",
    "digest_of",
    "imprint_algorithm",
    "load_certificates",
]

_ALGORITHMS = {
    "2.16.840.1.101.3.4.2.1": HashAlgorithm.SHA256,
    "2.16.840.1.101.3.4.2.2": HashAlgorithm.SHA384,
    "2.16.840.1.101.3.4.2.3": HashAlgorithm.SHA512,
}
_FAILURES = {
    0: "badAlg: the digest's algorithm is not supported",
    2: "badRequest: the request is not permitted or supported",
    5: "badDataFormat: the data have the wrong format",
    14: "timeNotAvailable: its clock is not available",
    15: "unacceptedPolicy: the policy is not supported",
    16: "unacceptedExtension: an extension is not supported",
    17: "addInfoNotAvailable: the additional information is not available",
    25: "systemFailure: a failure of its system",
}
"""RFC 3161 2.4.2, PKIFailureInfo."""
_MAX_CHAIN = 10


def check_reply(
    reply: bytes,
    digest: Sha256 | Digest,
    *,
    nonce: int | None = None,
    policy_oid: str | None = None,
    trusted: Sequence[x509.Certificate] = (),
    known: Sequence[x509.Certificate] = (),
) -> VerifiedTimestamp:
    """Check a TimeStampResp: status, digest, nonce, policy, purpose, signature, chain. Source: RFC 3161 2.4.2.

    Args:
        reply: DER TimeStampResp (``.tsr``).
        digest: what must have been stamped.
        nonce: what the request held; None when it is not known.
        policy_oid: dotted, what the request asked for; None when any will do.
        trusted: certificates that are believed; when there are none, the end of the token's own chain is taken
            and the proof says so.
        known: certificates that may stand between the token's own ones and the believed ones; they are not believed.

    Raises:
        TimestampRefusedError: something does not hold; the sentence and ``flaw`` say what.
    """
    response = _decoded(reply, known)
    with _step(TimestampFlaw.UNREADABLE):
        info = response.tst_info
        generated_at, accuracy_s = _generated_at(response), _accuracy_s(response)
    with _step(TimestampFlaw.DIGEST):
        _check_digest(response, digest)
    with _step(TimestampFlaw.NONCE):
        if nonce is not None and info.nonce != nonce:
            raise ValueError("the nonce is not the one of the request")
    with _step(TimestampFlaw.ALGORITHM):
        token = cms.parse_token(response.time_stamp_token())
        cms.check_algorithm(token)
    with _step(TimestampFlaw.POLICY):
        if policy_oid is not None and info.policy.dotted_string != policy_oid:
            raise ValueError(f"it was made under the policy {info.policy.dotted_string}, not {policy_oid}")
    chain = _chain_of_signer(response, token, trusted)
    with _step(TimestampFlaw.CHAIN):
        _check_links(chain, trusted)
    with _step(TimestampFlaw.VALIDITY):
        _check_validity(chain, generated_at)
    if is_self_signed(chain[-1]):
        _check_with_library(response, digest, chain[-1], nonce)
    return VerifiedTimestamp(
        digest=digest,
        generated_at=generated_at,
        serial_number=info.serial_number,
        policy_oid=info.policy.dotted_string,
        tsa_name=name_of(chain[0]),
        trust=Trust.CONFIGURED if trusted else Trust.EMBEDDED,
        accuracy_s=accuracy_s,
        chain=tuple(
            ChainCertificate(name_of(c), Sha256(c.fingerprint(SHA256())), c.not_valid_after_utc) for c in chain
        ),
    )


def _chain_of_signer(
    response: TimeStampResponse, token: cms.SignedToken, trusted: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Return the chain of whoever signed the token, having made sure that it is the signer's."""
    with _step(TimestampFlaw.SIGNER):
        chain = _chain(response, trusted)
    with _step(TimestampFlaw.PURPOSE):
        _check_purpose(chain[0])
    with _step(TimestampFlaw.SIGNING_CERTIFICATE):
        cms.check_certificate_id(token, chain[0])
    with _step(TimestampFlaw.SIGNATURE):
        cms.check_signature(token, chain[0])
    return chain


def check_query(query: bytes, digest: Sha256 | Digest, reply: bytes) -> None:
    """Check that ``query`` is the request that ``reply`` answers, for ``digest``.

    Raises:
        TimestampRefusedError: it is another one.
    """
    with _step(TimestampFlaw.UNREADABLE):
        info = _decoded(reply).tst_info
        policy = der.object_identifier(info.policy.dotted_string)
        expected = der.expected_queries(digest.algorithm.oid, digest.raw, info.nonce, [policy])
    if query not in expected:
        raise TimestampRefusedError("the query is not the one that the time-stamp answers", flaw=TimestampFlaw.QUERY)


def imprint_algorithm(reply: bytes) -> HashAlgorithm:
    """Return the algorithm of the digest that ``reply`` is over.

    Raises:
        TimestampRefusedError: it is no granted reply, or of an algorithm that is not used any more.
    """
    response = _decoded(reply)
    with _step(TimestampFlaw.UNREADABLE):
        dotted = response.tst_info.message_imprint.hash_algorithm.dotted_string
    with _step(TimestampFlaw.DIGEST):
        if dotted not in _ALGORITHMS:
            raise ValueError(f"it is over a digest other than SHA-256, SHA-384 or SHA-512 ({dotted})")
    return _ALGORITHMS[dotted]


def digest_of(data: bytes, reply: bytes) -> Sha256 | Digest:
    """Return the digest of ``data`` by the algorithm that ``reply`` uses.

    Raises:
        TimestampRefusedError: see ``imprint_algorithm``.
    """
    algorithm = imprint_algorithm(reply)
    return Digest(algorithm, algorithm.of(data)) if algorithm is not HashAlgorithm.SHA256 else Sha256.of(data)


def chain_of(
    reply: bytes, trusted: Sequence[x509.Certificate] = (), known: Sequence[x509.Certificate] = ()
) -> tuple[x509.Certificate, ...]:
    """Return the certificates from the signer to the end of its chain, signer first; see ``check_reply``.

    Raises:
        TimestampRefusedError: the signer's certificate is not in the reply.
    """
    response = _decoded(reply, known)
    with _step(TimestampFlaw.SIGNER):
        return tuple(_chain(response, trusted))


def chain_pem(reply: bytes, trusted: Sequence[x509.Certificate] = (), known: Sequence[x509.Certificate] = ()) -> bytes:
    """Return ``chain_of`` as PEM.

    Raises:
        TimestampRefusedError: the signer's certificate is not in the reply.
    """
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain_of(reply, trusted, known))


def check_chain(pem: bytes, reply: bytes, *, trusted: Sequence[x509.Certificate] = ()) -> None:
    """Check that ``pem`` is the chain of the reply's signer: these certificates, in this order, in this spelling.

    Args:
        pem: the certificates, signer first (``chain.pem``); those that the token does not hold are among them.
        reply: DER TimeStampResp.
        trusted: certificates that are believed; one that is called like one of them is the same.

    Raises:
        VerificationError: it is another chain, or a certificate in it is damaged.
    """
    certificates = load_certificates(pem)
    try:
        _check_undamaged(certificates, [*certificates, *trusted])
        # Its last one is taken as given; it must be the end of what leads up from the token's signer.
        chain = _chain(_decoded(reply, certificates), certificates[-1:])
    except UNREADABLE as exc:
        raise VerificationError(f"the chain does not belong to the time-stamp: {exc}") from exc
    if b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain) != pem:
        raise VerificationError("it is not the chain of the time-stamp's certificate")


@contextmanager
def _step(flaw: TimestampFlaw) -> Iterator[None]:
    """Turn what goes wrong inside into an error that names the step."""
    try:
        yield
    except UNREADABLE as exc:
        raise TimestampRefusedError(f"the time-stamp does not hold: {exc}", flaw=flaw) from exc


def _decoded(reply: bytes, known: Sequence[x509.Certificate] = ()) -> TimeStampResponse:
    try:
        response = decode_timestamp_response(der.in_set_order(reply, [c.public_bytes(Encoding.DER) for c in known]))
        status, words = response.status, "; ".join(response.status_string)
        token = response.time_stamp_token()
        failures = [_FAILURES.get(bit, f"failure {bit}") for bit in der.failure_bits(reply)]
    except UNREADABLE as exc:
        raise TimestampRefusedError(
            f"this is not a time-stamp reply in DER: {exc}", flaw=TimestampFlaw.UNREADABLE
        ) from exc
    if status != PKIStatus.GRANTED:
        name = PKIStatus(status).name.lower() if status in list(PKIStatus) else str(status)
        said = "; ".join(part for part in (words, *failures) if part)
        raise TimestampRefusedError(
            f"the time-stamp was not granted: status {name}{f' ({said})' if said else ''}", flaw=TimestampFlaw.STATUS
        )
    if not token:
        raise TimestampRefusedError(
            "the reply says that the time-stamp was granted, but holds none", flaw=TimestampFlaw.STATUS
        )
    return response


def _check_digest(response: TimeStampResponse, digest: Sha256 | Digest) -> None:
    imprint = response.tst_info.message_imprint
    algorithm = imprint.hash_algorithm.dotted_string
    if _ALGORITHMS.get(algorithm) is not digest.algorithm:
        name = _ALGORITHMS.get(algorithm, algorithm)
        raise ValueError(f"another digest was stamped (of the algorithm {name}, expected {digest.algorithm})")
    if imprint.message != digest.raw:
        raise ValueError(f"another digest was stamped ({imprint.message.hex()}, expected {digest.hex})")


def _check_purpose(signer: x509.Certificate) -> None:
    """RFC 3161 2.3; ``openssl ts`` also wants a key usage, if there is one, that fits."""
    sentence = "the signer's certificate is not for time-stamping alone"
    try:
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound as exc:
        raise ValueError(f"{sentence} (no extended key usage)") from exc
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise ValueError(f"{sentence} (critical EKU timeStamping)")
    try:
        key_usage = signer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    others = key_usage.key_cert_sign or key_usage.crl_sign or key_usage.key_encipherment or key_usage.key_agreement
    if others or key_usage.data_encipherment or not (key_usage.digital_signature or key_usage.content_commitment):
        raise ValueError(f"{sentence} (key usage)")


def _generated_at(response: TimeStampResponse) -> datetime:
    moment = response.tst_info.gen_time
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _accuracy_s(response: TimeStampResponse) -> float | None:
    accuracy = response.tst_info.accuracy
    if accuracy is None:
        return None
    return (accuracy.seconds or 0) + (accuracy.millis or 0) / 1e3 + (accuracy.micros or 0) / 1e6


def _chain(response: TimeStampResponse, trusted: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """Signer first; each next one issued the one before; ends at a trusted one, a root, or where nothing is known."""
    known = [x509.load_der_x509_certificate(raw) for raw in sorted(response.signed_data.certificates)]
    (info,) = response.signed_data.signer_infos
    anchors = list(trusted)
    chain = [c for c in known + anchors if c.issuer == info.issuer and c.serial_number == info.serial_number][:1]
    if not chain:
        raise ValueError("the token does not hold the certificate of its signer; the TSA must embed it (certReq)")
    while not is_self_signed(chain[-1]) and chain[-1] not in anchors and len(chain) < _MAX_CHAIN:
        above = next((c for c in anchors + known if c not in chain and is_issued_by(chain[-1], c)), None)
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
        if issuers and not any(is_issued_by(certificate, issuer) for issuer in issuers):
            raise ValueError("a certificate is damaged: its issuer did not sign it")
        for other in others:
            twins = (other.subject, other.serial_number) == (certificate.subject, certificate.serial_number)
            if twins and other != certificate:
                raise ValueError("two certificates have one name and serial number; one of them is damaged")


def _check_links(chain: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate]) -> None:
    """Each one was issued by the next one: ``_chain`` made sure of that; the rest of it is asked here."""
    if trusted and chain[-1] not in trusted:
        raise ValueError(f"its chain ends at {name_of(chain[-1])}, which is not a trusted certificate")
    for issuer in chain[1:]:
        if not is_authority(issuer):
            raise ValueError(f"{name_of(issuer)} is not a certificate authority")


def _check_validity(chain: Sequence[x509.Certificate], at: datetime) -> None:
    moment = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    for certificate in chain:
        if at > certificate.not_valid_after_utc:
            raise ValueError(f"{name_of(certificate)} had expired at the time of the stamp ({moment})")
        if at < certificate.not_valid_before_utc:
            raise ValueError(f"{name_of(certificate)} was not yet valid at the time of the stamp ({moment})")


def _check_with_library(
    response: TimeStampResponse, digest: Sha256 | Digest, root: x509.Certificate, nonce: int | None
) -> None:
    """Have the whole judged again, path constraints included, by somebody who shares no code with what is above."""
    try:
        verifier = VerifierBuilder(roots=[root], nonce=nonce).build()
        holds = verifier.verify(response, digest.raw)
    except _Rfc3161Error as exc:
        raise TimestampRefusedError(
            f"the time-stamp does not hold: {_plain(str(exc))}", flaw=TimestampFlaw.CHAIN
        ) from exc
    except UNREADABLE as exc:
        raise TimestampRefusedError(f"the time-stamp does not hold: {exc}", flaw=TimestampFlaw.CHAIN) from exc
    if holds is not True:
        raise TimestampRefusedError("the time-stamp does not hold", flaw=TimestampFlaw.CHAIN)


def _plain(message: str) -> str:
    """Keep OpenSSL's reason, drop its source lines."""
    for marker in ('data: "', 'reason: "'):
        _, found, rest = message.partition(marker)
        if found:
            return rest.partition('"')[0].removeprefix("Verify error: ")
    return message
