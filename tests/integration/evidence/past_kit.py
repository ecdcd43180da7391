"""Stamps as an authority would have done it years ago: for archives whose time-stamps have long expired.

``tsa_kit.Tsa.reply_at`` lets ``openssl cms`` sign, which adds the time of the signature: now, when the certificate is
no longer valid, and DSS refuses that. Here the token is put together by hand (RFC 5652 5, RFC 3161 2.4.2), without it.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from archiveworker.domain.digest import Digest, Sha256
from archiveworker.domain.evidence import Timestamp
from archiveworker.evidence import timestamp_check
from tests.integration.evidence.tsa_kit import Tsa, der, integer

NONCE = 2**90 + 1
_TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
_SIGNING_CERTIFICATE_V2 = bytes.fromhex("060b2a864886f70d010910022f")
_ECDSA_WITH_SHA256 = der(0x30, bytes.fromhex("06082a8648ce3d040302"))
_POLICY = der(0x06, bytes.fromhex("2b06010401868d1f01"))


@dataclass(frozen=True)
class Past:
    """A ``Timestamper`` at some time in the past.

    Attributes:
        tsa: with an ECDSA key.
        at: the time.
    """

    tsa: Tsa
    at: datetime

    async def stamp(self, digest: Sha256 | Digest) -> Timestamp:
        reply = der(0x30, der(0x30, integer(0)), self.token(digest))
        trusted = timestamp_check.load_certificates(self.tsa.ca_pem)
        proof = timestamp_check.check_reply(reply, digest, nonce=NONCE, trusted=trusted)
        query = der(0x30, integer(1), _imprint(digest), integer(NONCE), b"\x01\x01\xff")
        return Timestamp(query, reply, timestamp_check.chain_pem(reply, trusted), proof, "https://tsa.example")

    def token(self, digest: Sha256 | Digest) -> bytes:
        """Return the DER TimeStampToken."""
        moment = der(0x18, self.at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())
        info = der(0x30, integer(1), _POLICY, _imprint(digest), integer(7), moment, integer(NONCE))
        signer = x509.load_pem_x509_certificate((self.tsa.folder / "tsa.crt").read_bytes())
        others = x509.load_pem_x509_certificates((self.tsa.folder / "bundle.pem").read_bytes())
        certificates = [c.public_bytes(serialization.Encoding.DER) for c in (signer, *others)]
        sha256 = der(0x30, bytes.fromhex("0609608648016503040201"))
        signed = der(
            0x30,
            integer(3),
            der(0x31, sha256),
            der(0x30, _TST_INFO, der(0xA0, der(0x04, info))),
            der(0xA0, *certificates),
            der(0x31, self._signer_info(signer, info, sha256)),
        )
        return der(0x30, _SIGNED_DATA, der(0xA0, signed))

    def _signer_info(self, signer: x509.Certificate, info: bytes, sha256: bytes) -> bytes:
        key = serialization.load_pem_private_key((self.tsa.folder / "tsa.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        named = der(0x30, der(0x30, der(0x30, der(0x04, signer.fingerprint(hashes.SHA256())))))
        attributes = sorted(
            der(0x30, kind, der(0x31, value))
            for kind, value in (
                (_CONTENT_TYPE, _TST_INFO),
                (_MESSAGE_DIGEST, der(0x04, hashlib.sha256(info).digest())),
                (_SIGNING_CERTIFICATE_V2, named),
            )
        )
        signature = key.sign(der(0x31, *attributes), ec.ECDSA(hashes.SHA256()))
        issuer = der(0x30, signer.issuer.public_bytes(), integer(signer.serial_number))
        return der(0x30, integer(1), issuer, sha256, der(0xA0, *attributes), _ECDSA_WITH_SHA256, der(0x04, signature))


def _imprint(digest: Sha256 | Digest) -> bytes:
    return der(0x30, der(0x30, digest.algorithm.oid), der(0x04, digest.raw))
