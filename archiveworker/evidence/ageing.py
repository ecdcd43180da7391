"""When an archive's newest time-stamp ages: its certificates expire, or its algorithms are no longer advised.

The table is that of ETSI TS 119 312 V1.5.1 (2024-12), as the default policy of DSS 6.3 has it. It only says when to
renew; no time-stamp is refused because of it. Accepted: a table in a program ages as well; a nearer end for a digest
can be given on the command line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from archiveworker.domain.digest import HashAlgorithm

_RSA_FROM_1900: Final = datetime(2029, 1, 1, tzinfo=UTC)
_RSA_SMALLER: Final = datetime(2019, 10, 1, tzinfo=UTC)
_EC_BELOW_256: Final = datetime(2021, 10, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class End:
    """The first thing that ends.

    Attributes:
        at: when, UTC.
        why: what ends then.
    """

    at: datetime
    why: str


def end_of(
    chain: Sequence[x509.Certificate], algorithm: HashAlgorithm, digest_ends: Mapping[HashAlgorithm, datetime]
) -> End:
    """Return when a time-stamp should have been renewed.

    Args:
        chain: its certificates, signer first.
        algorithm: of its hash tree.
        digest_ends: when digests are no longer to be relied on; those that are missing have no end.
    """
    ends = [End(c.not_valid_after_utc, f"the certificate {_name(c)} expires") for c in chain]
    for certificate in chain:
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            at = _RSA_FROM_1900 if key.key_size >= 1900 else _RSA_SMALLER
            ends.append(End(at, f"RSA with {key.key_size} bits is no longer advised (ETSI TS 119 312)"))
        elif isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < 256:
            ends.append(End(_EC_BELOW_256, f"ECDSA with {key.key_size} bits is no longer advised (ETSI TS 119 312)"))
    if algorithm in digest_ends:
        ends.append(End(digest_ends[algorithm], f"{algorithm.value} is no longer relied on"))
    return min(ends, key=lambda end: end.at)


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()
