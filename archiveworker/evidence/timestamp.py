"""The maker of time-stamps: asks RFC 3161 authorities until enough of them gave a token that holds.

A reply is judged on receipt by ``timestamp_check`` (another library, DESIGN D8), never years later. Right after, what
tells whether a certificate of its chain was revoked is fetched and judged (``revocation_fetch``, ``revocation``), and
goes with the time-stamp. Credentials in a URL are sent as basic authentication and never shown.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import aiohttp
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161ng import encode_timestamp_request, make_timestamp_request

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.errors import (
    SettingsError,
    TimestampError,
    TimestampFlaw,
    TimestampRefusedError,
    VerificationError,
)
from archiveworker.domain.evidence import StampSet, Timestamp, VerifiedTimestamp
from archiveworker.domain.job import OnError
from archiveworker.domain.revocation import RevocationData, RevocationState
from archiveworker.domain.secret import Secret
from archiveworker.evidence import revocation, timestamp_check
from archiveworker.evidence.certificates import is_self_signed, load_certificates
from archiveworker.evidence.revocation_fetch import RevocationFetcher
from archiveworker.evidence.timestamp_post import Authority, AuthorityOptions, post
from archiveworker.runtime import metrics

_NONCE_BITS: Final = 128

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class StampOptions:
    """How to stamp.

    Attributes:
        algorithm: of the digests that are stamped.
        count: authorities that stamp each digest.
        timeout_s: for one request, from connecting to the last byte.
        fetcher: fetches revocation data; None fetches nothing.
        on_missing_revocation: FAIL refuses a time-stamp of whose certificates nobody says whether they were revoked;
            REPORT takes it and says so. One that was revoked is always refused.
    """

    algorithm: HashAlgorithm = HashAlgorithm.SHA256
    count: int = 1
    timeout_s: float = 15.0
    fetcher: RevocationFetcher | None = None
    on_missing_revocation: OnError = OnError.REPORT


class Rfc3161Timestamper:
    """A ``Timestamper`` over HTTP. Source: RFC 3161 3.4.

    Args:
        authorities: in the order in which they are asked; a bare URL may hold user and password.
        session: for the requests; not closed here.
        trusted_pem: certificates that are believed; None believes the chain that a token brings along, and the
            proof says so.
        options: how to stamp.

    Raises:
        SettingsError: no authority, a bad URL, policy or client certificate, bad certificates, or fewer authorities
            than are to stamp.
    """

    def __init__(
        self,
        authorities: Sequence[AuthorityOptions | Secret | str],
        *,
        session: aiohttp.ClientSession,
        trusted_pem: bytes | None,
        options: StampOptions | None = None,
    ) -> None:
        self._options = options or StampOptions()
        if not authorities:
            raise SettingsError("a time-stamper needs the URL of at least one time-stamp authority")
        if self._options.count > len(authorities):
            raise SettingsError(
                f"{self._options.count} time-stamps are asked for, but only {len(authorities)} authorities are set up"
            )
        given = [a if isinstance(a, AuthorityOptions) else AuthorityOptions(a) for a in authorities]
        self._authorities = tuple(Authority.of(one, number) for number, one in enumerate(given, start=1))
        self._session = session
        try:
            self._trusted = load_certificates(trusted_pem) if trusted_pem else ()
        except VerificationError as exc:
            raise SettingsError(f"the trusted certificates of the time-stamp authorities: {exc}") from exc

    @property
    def algorithm(self) -> HashAlgorithm:
        """What makes the digests that it is to be given."""
        return self._options.algorithm

    async def stamp(self, digest: Sha256 | Digest) -> Timestamp:
        """Return a time-stamp over ``digest`` that was checked on receipt.

        Raises:
            TimestampError: no authority gave a token that holds; the message names each one and why.
        """
        return (await self._stamps(digest, 1)).stamps[0]

    async def stamp_each(self, digest: Sha256 | Digest) -> StampSet:
        """Return time-stamps of as many authorities as ``StampOptions.count`` says, in the order of the authorities.

        Raises:
            TimestampError: no authority gave a token that holds; the message names each one and why.
        """
        return await self._stamps(digest, self._options.count)

    async def _stamps(self, digest: Sha256 | Digest, wanted: int) -> StampSet:
        waiting, failures = list(self._authorities), []
        made: list[Timestamp] = []
        while waiting and len(made) < wanted:
            asked = waiting[: wanted - len(made)]
            del waiting[: len(asked)]
            for authority, outcome in zip(asked, await self._ask_all(asked, digest), strict=True):
                if isinstance(outcome, Timestamp):
                    made.append(outcome)
                else:
                    failures.append(f"{authority.shown}: {outcome}")
        said = "; ".join(failures)
        if not made:
            raise TimestampError(
                f"no time-stamp authority gave a token that holds ({said}); try again later or configure another one"
            )
        missing = wanted - len(made)
        return StampSet(tuple(made), f"{missing} of {wanted} time-stamps are missing ({said})" if missing else "")

    async def _ask_all(self, asked: Sequence[Authority], digest: Sha256 | Digest) -> list[Timestamp | str]:
        return list(await asyncio.gather(*(self._try(authority, digest) for authority in asked)))

    async def _try(self, authority: Authority, digest: Sha256 | Digest) -> Timestamp | str:
        """Return a time-stamp, or why there is none."""
        began_s = time.monotonic()
        try:
            stamp = await self._ask(authority, digest)
        except (TimestampError, VerificationError) as exc:
            metrics.TSA_SECONDS.labels("failed").observe(time.monotonic() - began_s)
            log.warning("timestamp_failed", tsa_url=authority.shown, reason=str(exc))
            return str(exc)
        metrics.TSA_SECONDS.labels("stamped").observe(time.monotonic() - began_s)
        state = stamp.revocation.verdict.state.value if stamp.revocation else "not asked"
        log.info(
            "timestamped",
            tsa_url=authority.shown,
            digest=digest.hex,
            trust=stamp.proof.trust.value,
            revocation=state,
        )
        return stamp

    async def _ask(self, authority: Authority, digest: Sha256 | Digest) -> Timestamp:
        # An int becomes a minimal DER INTEGER; OpenSSL's TSA refuses raw random bytes once in 256 times.
        nonce = secrets.randbits(_NONCE_BITS)
        request = make_timestamp_request(
            digest=digest.raw,
            hashname=digest.algorithm.value,
            include_tsa_certificate=True,
            nonce=nonce,
            tsa_policy_id=authority.policy_oid,
        )
        query: bytes = encode_timestamp_request(request)
        reply = await post(self._session, authority, query, timeout_s=self._options.timeout_s)
        proof, chain = await self._checked(authority, reply, digest, nonce)
        timestamp_check.check_query(query, digest, reply)
        data = await self._revocation(authority, chain, proof)
        pem = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)
        return Timestamp(query, reply, pem, proof, authority.shown, data)

    async def _checked(
        self, authority: Authority, reply: bytes, digest: Sha256 | Digest, nonce: int
    ) -> tuple[VerifiedTimestamp, tuple[x509.Certificate, ...]]:
        """Check the reply; where it leaves out certificates of its chain, fetch those first."""

        def check(known: Sequence[x509.Certificate]) -> VerifiedTimestamp:
            return timestamp_check.check_reply(
                reply, digest, nonce=nonce, policy_oid=authority.policy_oid, trusted=self._trusted, known=known
            )

        failure, proof = None, None
        try:
            proof = check(())
        except TimestampRefusedError as exc:
            # All that comes before was found good: it is signed by whoever the certificate is for.
            if exc.flaw is not TimestampFlaw.CHAIN:
                raise
            failure = exc
        chain = timestamp_check.chain_of(reply, self._trusted)
        ends = chain[-1] in self._trusted or is_self_signed(chain[-1])
        known = () if ends or self._options.fetcher is None else await self._issuers(authority, chain)
        if known:
            return check(known), timestamp_check.chain_of(reply, self._trusted, known)
        if proof is None:
            raise failure if failure else AssertionError("unreachable")
        return proof, chain

    async def _issuers(self, authority: Authority, chain: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
        assert self._options.fetcher is not None  # noqa: S101 - for the type checker; the caller made sure
        return await self._options.fetcher.missing_issuers(chain, authority.url)

    async def _revocation(
        self, authority: Authority, chain: Sequence[x509.Certificate], proof: VerifiedTimestamp
    ) -> RevocationData | None:
        """Fetch and judge revocation data.

        Raises:
            TimestampRefusedError: a certificate was revoked, or nothing is known and that is not enough.
        """
        if self._options.fetcher is None:
            return None
        fetched = await self._options.fetcher.fetch(chain, authority.url)
        verdict = revocation.judge(chain, fetched.crls, fetched.ocsps, proof.generated_at)
        needed = self._options.on_missing_revocation is OnError.FAIL
        if verdict.state is RevocationState.REVOKED or (verdict.state is RevocationState.UNKNOWN and needed):
            said = "; ".join((verdict.reason, *fetched.problems))
            raise TimestampRefusedError(
                f"the time-stamp does not hold: its certificates are not known to be good ({said})",
                flaw=TimestampFlaw.REVOCATION,
            )
        crls, ocsps = (
            tuple(one for one in kind if any(revocation.is_answer(one, p, proof.generated_at) for p in pairwise(chain)))
            for kind in (fetched.crls, fetched.ocsps)
        )
        return RevocationData(crls, ocsps, verdict, fetched.problems)
