"""One signature over bytes, checked with a public key of any kind that time-stamps and OCSP responses use.

Known are RSA (PKCS #1 v1.5, PSS with a matching mask), ECDSA, Ed25519 and Ed448; digests from SHA-256 on. Anything else
is an error: accepted risk.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

STRONG_DIGESTS = frozenset({"sha256", "sha384", "sha512"})


def check(
    key: CertificatePublicKeyTypes, signature: bytes, data: bytes, digest: hashes.HashAlgorithm | None, *, is_pss: bool
) -> None:
    """Check a signature.

    Args:
        key: of the signer.
        signature: as its algorithm encodes it.
        data: what was signed.
        digest: of the signature algorithm; not used by Ed25519 and Ed448.
        is_pss: RSA with PSS padding.

    Raises:
        ValueError: it is wrong, or made in a way that is not known here.
    """
    try:
        if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, data)
            return
        if digest is None or digest.name not in STRONG_DIGESTS:
            raise ValueError("the signature's digest is other than SHA-256, SHA-384 or SHA-512")
        if isinstance(key, rsa.RSAPublicKey):
            pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=padding.PSS.AUTO)
            key.verify(signature, data, pss if is_pss else padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(digest))
        else:
            raise ValueError("the signing key is neither RSA nor of an elliptic curve")
    except InvalidSignature as exc:
        raise ValueError("the signature is wrong") from exc
