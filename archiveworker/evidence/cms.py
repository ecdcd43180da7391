"""The signature of a time-stamp token, checked with ``cryptography`` alone (RFC 5652, RFC 5035).

Two things that ``rfc3161-client`` leaves open are done here: the token names its signing certificate by digest
(ESSCertID, which ``openssl ts -verify`` insists on), and a token whose chain ends before a root can still be told
sound or not. Chains, purposes and validity are not judged here. Accepted risk: only the usual signature algorithms (see
``signatures``) are known; another one is an error.
"""

import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from archiveworker.evidence import der, signatures

_DIGESTS: dict[bytes, hashes.HashAlgorithm] = {
    bytes.fromhex("0609608648016503040201"): hashes.SHA256(),
    bytes.fromhex("0609608648016503040202"): hashes.SHA384(),
    bytes.fromhex("0609608648016503040203"): hashes.SHA512(),
}
_SHA256_OID = bytes.fromhex("0609608648016503040201")
_RSA_PSS_OID = bytes.fromhex("06092a864886f70d01010a")
_SIGNED_DATA_VERSION, _SIGNER_INFO_VERSION = der.unsigned(3), der.unsigned(1)
# RFC 3370, RFC 5754, RFC 5753, RFC 8419: what a signer's key, with its digest, may call itself.
_RSA_OIDS = {
    "": bytes.fromhex("06092a864886f70d010101"),
    "sha256": bytes.fromhex("06092a864886f70d01010b"),
    "sha384": bytes.fromhex("06092a864886f70d01010c"),
    "sha512": bytes.fromhex("06092a864886f70d01010d"),
}
_ECDSA_OIDS = {
    "sha256": bytes.fromhex("06082a8648ce3d040302"),
    "sha384": bytes.fromhex("06082a8648ce3d040303"),
    "sha512": bytes.fromhex("06082a8648ce3d040304"),
}
_EDWARDS_OIDS = (bytes.fromhex("06032b6570"), bytes.fromhex("06032b6571"))
_CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
_SIGNING_CERTIFICATE = bytes.fromhex("060b2a864886f70d010910020c")
_SIGNING_CERTIFICATE_V2 = bytes.fromhex("060b2a864886f70d010910022f")
_TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")


@dataclass(frozen=True, slots=True)
class SignedToken:
    """The parts of a token that its one signature binds together.

    Attributes:
        content: DER TSTInfo.
        attributes: signed attributes by DER type; each holds the contents of its SET.
        signed_bytes: what the signature is over.
        digest_oid: DER identifier of the digest algorithm.
        signature_oid: DER identifier of the signature algorithm.
        signature: the signature itself.
        signer_id: DER IssuerAndSerialNumber of the signing certificate.
    """

    content: bytes
    attributes: dict[bytes, bytes]
    signed_bytes: bytes
    digest_oid: bytes
    signature_oid: bytes
    signature: bytes
    signer_id: bytes


def parse_token(token: bytes) -> SignedToken:
    """Take a TimeStampToken apart.

    Raises:
        ValueError: it is not a DER CMS SignedData over a TSTInfo with exactly one signer and signed attributes.
    """
    _, content = _exactly(der.read_all(der.read_one(token).body), 2)
    signed = der.read_all(der.read_one(content.body).body)
    if signed[0].raw != _SIGNED_DATA_VERSION:
        raise ValueError("the token is not a SignedData of version 3")
    content_type, wrapped = _exactly(der.read_all(signed[2].body), 2)
    if content_type.raw != _TST_INFO:
        raise ValueError("the token's content is not a TSTInfo")
    (signer,) = _exactly(der.read_all(signed[-1].body), 1)
    fields = der.read_all(signer.body)
    version, signer_id, digest_algorithm, attributes, signature_algorithm, signature = fields[:6]
    if version.raw != _SIGNER_INFO_VERSION or len(fields) > 7:
        raise ValueError("the token's signer is not described as a SignerInfo of version 1")
    if signed[1].raw != der.encode(der.SET, digest_algorithm.raw):
        raise ValueError("the token's list of digest algorithms is not its signer's")
    if attributes.tag != der.CONTEXT_0 or signature.tag != der.OCTET_STRING:
        raise ValueError("the token has no signed attributes")
    return SignedToken(
        content=der.read_one(wrapped.body).body,
        attributes=_attributes(attributes.body),
        signed_bytes=der.encode(der.SET, attributes.body),
        digest_oid=der.read_all(digest_algorithm.body)[0].raw,
        signature_oid=der.read_all(signature_algorithm.body)[0].raw,
        signature=signature.body,
        signer_id=signer_id.raw,
    )


def check_algorithm(token: SignedToken) -> None:
    """Check that the token was signed over a digest that is known to be strong.

    Raises:
        ValueError: it was not.
    """
    if token.digest_oid not in _DIGESTS:
        raise ValueError("the token is signed with a digest other than SHA-256, SHA-384 or SHA-512")


def check_signature(token: SignedToken, signer: x509.Certificate) -> None:
    """Check that ``signer`` signed exactly this content.

    Raises:
        ValueError: it did not; the sentence says which part does not hold.
    """
    signer_id = der.encode(der.SEQUENCE, signer.issuer.public_bytes(), der.signed(signer.serial_number))
    if token.signer_id != signer_id:
        raise ValueError("the token says that another certificate signed it")
    check_algorithm(token)
    digest = _DIGESTS[token.digest_oid]
    _check_named_algorithm(token, signer, digest)
    if token.attributes.get(_CONTENT_TYPE) != _TST_INFO:
        raise ValueError("the signed content type is not a TSTInfo")
    expected = der.encode(der.OCTET_STRING, hashlib.new(digest.name, token.content).digest())
    if token.attributes.get(_MESSAGE_DIGEST) != expected:
        raise ValueError("the signed digest is not that of the token's content")
    is_pss = token.signature_oid == _RSA_PSS_OID
    try:
        signatures.check(signer.public_key(), token.signature, token.signed_bytes, digest, is_pss=is_pss)
    except ValueError as exc:
        raise ValueError(f"the token's signature does not hold: {exc}") from exc


def check_certificate_id(token: SignedToken, signer: x509.Certificate) -> None:
    """Check that the token names ``signer``'s certificate: RFC 5035 3, RFC 2634 5.4, the first ESSCertID.

    Raises:
        ValueError: it names another one, or none.
    """
    encoded = token.attributes.get(_SIGNING_CERTIFICATE_V2)
    if encoded is not None:
        first = der.read_all(der.read_all(der.read_all(der.read_one(encoded).body)[0].body)[0].body)
        algorithm = der.read_all(first[0].body)[0].raw if first[0].tag == der.SEQUENCE else _SHA256_OID
        known = _DIGESTS.get(algorithm)
        if known is None:
            raise ValueError("the token names its signing certificate with an unknown digest")
        digest, name = first[1 if first[0].tag == der.SEQUENCE else 0], known
        matches = digest.body == signer.fingerprint(name)
    elif (encoded := token.attributes.get(_SIGNING_CERTIFICATE)) is not None:
        first = der.read_all(der.read_all(der.read_all(der.read_one(encoded).body)[0].body)[0].body)
        matches = first[0].body == signer.fingerprint(hashes.SHA1())  # noqa: S303 - RFC 2634 knows only SHA-1
    else:
        raise ValueError("the token does not name its signing certificate")
    if not matches:
        raise ValueError("the token names another signing certificate")


def _check_named_algorithm(token: SignedToken, signer: x509.Certificate, digest: hashes.HashAlgorithm) -> None:
    key, named = signer.public_key(), token.signature_oid
    if isinstance(key, rsa.RSAPublicKey):
        fits = named in (_RSA_PSS_OID, _RSA_OIDS[""], _RSA_OIDS[digest.name])
    elif isinstance(key, ec.EllipticCurvePublicKey):
        fits = named == _ECDSA_OIDS[digest.name]
    else:
        fits = named in _EDWARDS_OIDS
    if not fits:
        raise ValueError("the token names a signature algorithm that is not that of its signer's key, or is not known")


def _attributes(body: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for attribute in der.read_all(body):
        kind, values = _exactly(der.read_all(attribute.body), 2)
        if kind.raw in found:
            raise ValueError("a signed attribute stands twice")
        found[kind.raw] = values.body
    return found


def _exactly(values: list[der.Value], count: int) -> list[der.Value]:
    if len(values) != count:
        raise ValueError("a part of the token has more or fewer fields than it may have")
    return values
