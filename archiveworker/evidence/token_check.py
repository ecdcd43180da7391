"""Judges a time-stamp token that stands alone (in an evidence record), by the judge of whole replies.

Revocation is judged by the lists that the token itself holds: a certificate that they call revoked is refused. Where
they say nothing, nothing is known, and that is accepted: records are made from time-stamps whose revocation data,
OCSP responses included, lie beside them in the archive.
"""

from collections.abc import Sequence
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from archiveworker.domain.digest import Digest, HashAlgorithm
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.revocation import RevocationState
from archiveworker.evidence import der, revocation, timestamp_check
from archiveworker.evidence.record_check import CheckedToken, TokenCheck

_CONTEXT_1 = 0xA1
_GRANTED = der.encode(der.SEQUENCE, der.unsigned(0))


def reply_of(token: bytes) -> bytes:
    """Return a DER TimeStampResp, granted, that holds ``token``; ``openssl ts`` reads it. Source: RFC 3161 2.4.2."""
    return der.encode(der.SEQUENCE, _GRANTED, token)


def token_check(trusted: Sequence[x509.Certificate]) -> TokenCheck:
    """Return what ``check_record`` needs to judge tokens.

    Args:
        trusted: certificates that are believed; none: the end of a token's own chain is, and the proof says so.
    """

    def check(token: bytes, algorithm: HashAlgorithm, digest: bytes) -> CheckedToken:
        reply = reply_of(token)
        stamp = timestamp_check.check_reply(reply, Digest(algorithm, digest), trusted=trusted)
        chain = timestamp_check.chain_of(reply, trusted)
        verdict = revocation.judge(chain, _crls(token), (), stamp.generated_at)
        if verdict.state is RevocationState.REVOKED:
            raise VerificationError(f"a certificate of its chain had been revoked: {verdict.reason}")
        return CheckedToken(stamp, min(certificate.not_valid_after_utc for certificate in chain))

    return check


def _crls(token: bytes) -> list[bytes]:
    """Return the CertificateLists in a token (RFC 5652 5.1: crls [1])."""
    signed = der.read_one(der.read_all(der.read_one(token).body)[1].body)
    return [crl.raw for part in der.read_all(signed.body) if part.tag == _CONTEXT_1 for crl in der.read_all(part.body)]


def check_chain_file(pem: bytes, reply: bytes, trusted: Sequence[x509.Certificate]) -> None:
    """Check that ``chain.pem`` beside a reply holds the signer's certificate, those above it in order, and no others.

    Args:
        pem: what stands beside the reply; it may go on above a trusted certificate, or end below one.
        reply: DER TimeStampResp.
        trusted: certificates that are believed.

    Raises:
        VerificationError: it does not.
    """
    certificates = timestamp_check.load_certificates(pem)
    expected = timestamp_check.load_certificates(timestamp_check.chain_pem(reply, trusted))
    known = min(len(certificates), len(expected))
    is_own = certificates[:known] == expected[:known]
    is_own = is_own and b"".join(c.public_bytes(Encoding.PEM) for c in certificates) == pem
    top = certificates[-1]
    # A copy of a root that was changed still fits what it issued, but no longer itself.
    pairs = [*pairwise(certificates), *([(top, top)] if top.subject == top.issuer else [])]
    try:
        for subject, issuer in pairs:
            subject.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        is_own = False
    if not is_own:
        raise VerificationError("the certificates beside it are not its own")
