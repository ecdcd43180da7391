"""What was proved, and by what: time-stamps, checks, reports of a verification."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.revocation import RevocationData


class Trust(StrEnum):
    """Why the certificate at the end of a time-stamp's chain is believed."""

    CONFIGURED = "configured"
    """It is one of those that the operator or the auditor named."""
    EMBEDDED = "embedded"
    """It came with the token itself: the token is sound, but who made it is not proved."""


@dataclass(frozen=True, slots=True)
class ChainCertificate:
    """One certificate of a time-stamp's chain.

    Attributes:
        subject: RFC 4514.
        sha256: of its DER.
        expires_at: its last moment, UTC.
    """

    subject: str
    sha256: Sha256
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class VerifiedTimestamp:
    """A time-stamp token that held when it was checked. Source: RFC 3161, 2.4.2.

    Attributes:
        digest: what was stamped; it knows its algorithm.
        generated_at: the token's genTime, UTC; certificates are judged at this instant.
        serial_number: of the token, unique at its TSA.
        policy_oid: dotted policy of the TSA.
        tsa_name: subject of the signing certificate, RFC 4514.
        trust: why the chain's last certificate is believed.
        accuracy_s: how far the true time may be from ``generated_at`` in either direction; None when it does not say.
        chain: signer first.
    """

    digest: Sha256 | Digest
    generated_at: datetime
    serial_number: int
    policy_oid: str
    tsa_name: str
    trust: Trust
    accuracy_s: float | None = None
    chain: tuple[ChainCertificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A time-stamp with everything that an auditor needs beside it.

    Attributes:
        query: DER TimeStampReq as it was sent (``.tsq``).
        reply: DER TimeStampResp as it came (``.tsr``).
        chain_pem: certificates from the token and from the settings, PEM, signer first.
        proof: what the check on receipt established.
        tsa_url: where it came from, without credentials.
        revocation: what was fetched right after about the certificates of the chain; None when nothing was.
    """

    query: bytes = field(repr=False)
    reply: bytes = field(repr=False)
    chain_pem: bytes = field(repr=False)
    proof: VerifiedTimestamp
    tsa_url: str
    revocation: RevocationData | None = None


@dataclass(frozen=True, slots=True)
class StampSet:
    """Time-stamps of different authorities over one digest.

    Attributes:
        stamps: at least one.
        shortfall: why there are fewer than was asked for; empty when there are as many.
    """

    stamps: tuple[Timestamp, ...]
    shortfall: str = ""


class Timestamper(Protocol):
    """Has digests stamped by time-stamp authorities."""

    @property
    def algorithm(self) -> HashAlgorithm:
        """What makes the digests that it is to be given."""
        ...

    async def stamp(self, digest: Sha256 | Digest) -> Timestamp:
        """Return a time-stamp over ``digest`` that was checked on receipt.

        Raises:
            TimestampError: no authority gave a token that holds.
        """
        ...

    async def stamp_each(self, digest: Sha256 | Digest) -> StampSet:
        """Return time-stamps of as many authorities as are configured to stamp one archive.

        Raises:
            TimestampError: no authority gave a token that holds.
        """
        ...


class Verdict(StrEnum):
    """Outcome of one check, or of all together (the worst one)."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    """It could not be told, e.g. because no trusted certificate was given."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a verification.

    Attributes:
        name: stable identifier, e.g. ``manifest.file``.
        verdict: outcome.
        subject: what it is about: a path in the archive, or the archive's own name.
        message: a sentence for a person.
    """

    name: str
    verdict: Verdict
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """Everything that ``verify`` looked at.

    Attributes:
        archive: name of the archive.
        checks: in the order in which they were made.
        file_count: files of the archive that were compared with the manifest.
    """

    archive: str
    checks: tuple[Check, ...]
    file_count: int

    @property
    def verdict(self) -> Verdict:
        """BAD if any check is bad, else UNKNOWN if any is unknown or none was made, else GOOD."""
        verdicts = {c.verdict for c in self.checks}
        if Verdict.BAD in verdicts:
            return Verdict.BAD
        if Verdict.UNKNOWN in verdicts or not verdicts:
            return Verdict.UNKNOWN
        return Verdict.GOOD
