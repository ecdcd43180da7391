"""Stand-ins for time-stamp tokens, so that trees and chains of any size can be tested in no time.

A token here is DER that says what it is over and when, with a digest of that in place of the signature. The real
thing is in ``tests/integration/evidence``.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta

from archiveworker.domain.digest import Digest, HashAlgorithm
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.evidence import Trust, VerifiedTimestamp
from archiveworker.evidence.record_check import CheckedToken

START = datetime(2026, 1, 1, tzinfo=UTC)
VALID_FOR = timedelta(days=365)


def token(algorithm: HashAlgorithm, digest: bytes, at: datetime) -> bytes:
    says = f"{algorithm.value} {digest.hex()} {at.isoformat()}"
    body = f"{says} {hashlib.sha256(says.encode()).hexdigest()}".encode()
    size = len(body).to_bytes(2, "big") if len(body) > 255 else bytes([len(body)])
    return bytes([0x30, 0x80 | len(size)]) + size + body


def check(raw: bytes, algorithm: HashAlgorithm, digest: bytes) -> CheckedToken:
    found = re.search(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", raw)
    try:
        at = datetime.fromisoformat(found[0].decode()) if found else START
    except ValueError as exc:
        raise VerificationError("no time") from exc
    if raw != token(algorithm, digest, at):
        raise VerificationError("another digest was stamped")
    stamp = VerifiedTimestamp(Digest(algorithm, digest), at, 1, "1.2", "CN=TSA", Trust.CONFIGURED)
    return CheckedToken(stamp, at + VALID_FOR)
