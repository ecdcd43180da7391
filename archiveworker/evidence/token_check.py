"""Judges a time-stamp token that stands alone (in an evidence record), by the judge of whole replies."""

from collections.abc import Sequence

from cryptography import x509

from archiveworker.domain.digest import Digest, HashAlgorithm
from archiveworker.evidence import der, timestamp_check
from archiveworker.evidence.record_check import CheckedToken, TokenCheck

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
        chain = timestamp_check.load_certificates(timestamp_check.chain_pem(reply, trusted))
        return CheckedToken(stamp, min(certificate.not_valid_after_utc for certificate in chain))

    return check
