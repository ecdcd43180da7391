"""Whether the certificates behind a time-stamp were good when it was made: the data, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class RevocationState(StrEnum):
    """What is known of a certificate."""

    GOOD = "good"
    """It was not revoked, or only later and for a reason that leaves earlier time-stamps valid (RFC 3161 4)."""
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """No revocation data answer for it."""


@dataclass(frozen=True, slots=True)
class CertificateRevocation:
    """What the revocation data say of one certificate of a chain.

    Attributes:
        subject: of the certificate, RFC 4514.
        state: at the time that was asked for.
        reason: a sentence for a person, without a full stop.
        source: ``crl`` or ``ocsp``; empty when nothing answers.
        as_of: when the issuer said so (thisUpdate), UTC; None when nothing answers.
        is_published: the certificate says where its revocation would be published.
    """

    subject: str
    state: RevocationState
    reason: str
    source: str = ""
    as_of: datetime | None = None
    is_published: bool = True


@dataclass(frozen=True, slots=True)
class RevocationVerdict:
    """What the revocation data say of a chain.

    Attributes:
        certificates: signer first; the trusted end of the chain is not among them.
    """

    certificates: tuple[CertificateRevocation, ...]

    @property
    def state(self) -> RevocationState:
        """REVOKED if any certificate is, else UNKNOWN if any is, else GOOD."""
        states = {certificate.state for certificate in self.certificates}
        for state in (RevocationState.REVOKED, RevocationState.UNKNOWN):
            if state in states:
                return state
        return RevocationState.GOOD

    @property
    def unanswered(self) -> tuple[CertificateRevocation, ...]:
        """Certificates that say where to ask about them, and for which no answer is there."""
        return tuple(c for c in self.certificates if c.state is RevocationState.UNKNOWN and c.is_published)

    @property
    def reason(self) -> str:
        """The first certificate that is not good, and why; a sentence without a full stop."""
        for state in (RevocationState.REVOKED, RevocationState.UNKNOWN):
            for certificate in self.certificates:
                if certificate.state is state:
                    return f"{certificate.subject}: {certificate.reason}"
        return "no certificate was revoked"


@dataclass(frozen=True, slots=True)
class RevocationData:
    """What was fetched about the certificates of a chain, and what it says.

    Attributes:
        crls: DER CertificateLists (RFC 5280 5).
        ocsps: DER OCSPResponses (RFC 6960 4.2).
        verdict: of them, at the token's own time.
        problems: sentences about what could not be fetched.
    """

    crls: Sequence[bytes] = field(repr=False)
    ocsps: Sequence[bytes] = field(repr=False)
    verdict: RevocationVerdict
    problems: tuple[str, ...] = ()
