"""What CRL and OCSP have in common: a question about a certificate at a time, and an answer to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from archiveworker.domain.revocation import RevocationState

_SKEW = timedelta(minutes=5)
"""How far the clocks of a TSA and of a revocation service may be apart."""

_LEAVES_EARLIER_STAMPS_VALID = frozenset(
    {
        x509.ReasonFlags.unspecified,
        x509.ReasonFlags.affiliation_changed,
        x509.ReasonFlags.superseded,
        x509.ReasonFlags.cessation_of_operation,
    }
)


@dataclass(frozen=True, slots=True)
class Question:
    """Was ``certificate`` revoked for time-stamps made ``at``?

    Attributes:
        certificate: of the chain.
        issuer: the next one in the chain.
        at: UTC.
    """

    certificate: x509.Certificate
    issuer: x509.Certificate
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What one CRL or OCSP response says.

    Attributes:
        state: GOOD or REVOKED.
        reason: for a person.
        source: ``crl`` or ``ocsp``.
        as_of: thisUpdate.
    """

    state: RevocationState
    reason: str
    source: str
    as_of: datetime


def good(question: Question, source: str, this_update: datetime, next_update: datetime | None) -> Answer | str:
    """Return that the certificate was not revoked, or why these data cannot say so for that time."""
    words = source.upper()
    if next_update is not None and next_update < question.at:
        return f"the {words} data are of before the time-stamp (next update {_shown(next_update)})"
    if next_update is None and this_update < question.at - _SKEW:
        return (
            f"the {words} data are of before the time-stamp ({_shown(this_update)}) and do not say how long they hold"
        )
    if this_update > question.certificate.not_valid_after_utc:
        return f"the {words} data are of {_shown(this_update)}, when it had expired and need not be listed any more"
    return Answer(RevocationState.GOOD, f"not revoked ({words} of {_shown(this_update)})", source, this_update)


def revoked(
    question: Question, source: str, this_update: datetime, revoked_at: datetime, reason: x509.ReasonFlags | None
) -> Answer:
    """Return what a revocation means for a time-stamp made at the question's time. Source: RFC 3161 4.1, 4.2."""
    words = f"revoked on {_shown(revoked_at)} ({'no reason given' if reason is None else reason.value})"
    if revoked_at > question.at and reason in _LEAVES_EARLIER_STAMPS_VALID:
        return Answer(RevocationState.GOOD, f"{words}, after the time-stamp, which stays valid", source, this_update)
    return Answer(RevocationState.REVOKED, f"it was {words}", source, this_update)


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
