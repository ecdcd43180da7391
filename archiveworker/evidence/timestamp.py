"""The maker of time-stamps: asks a list of RFC 3161 authorities, in order, until one gives a token that holds.

A reply is judged on receipt by ``timestamp_check`` (another library, DESIGN D8), never years later. Credentials in a
URL are sent as basic authentication and never shown. Revocation is not asked for.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp
import structlog
from rfc3161ng import encode_timestamp_request, make_timestamp_request
from yarl import URL

from archiveworker.domain.digest import Digest, Sha256
from archiveworker.domain.errors import SettingsError, TimestampError, VerificationError
from archiveworker.domain.evidence import Timestamp
from archiveworker.domain.secret import Secret
from archiveworker.evidence import timestamp_check

_MAX_REPLY_BYTES = 1024 * 1024
_NONCE_BITS = 128
_QUERY_TYPE = "application/timestamp-query"
_REPLY_TYPE = "application/timestamp-reply"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, repr=False)
class _Authority:
    """One TSA. ``headers`` may hold its password; ``shown`` is its URL without credentials and query."""

    url: URL
    headers: Mapping[str, str]
    shown: str


class Rfc3161Timestamper:
    """A ``Timestamper`` over HTTP. Source: RFC 3161 3.4.

    Args:
        urls: authorities in the order in which they are asked; may hold user and password.
        session: for the requests; not closed here.
        trusted_pem: certificates that are believed; None believes the chain that a token brings along, and the
            proof says so.
        timeout_s: for one request, from connecting to the last byte.

    Raises:
        SettingsError: no URL, a bad one, or bad certificates.
    """

    def __init__(
        self,
        urls: Sequence[Secret | str],
        *,
        session: aiohttp.ClientSession,
        trusted_pem: bytes | None,
        timeout_s: float,
    ) -> None:
        if not urls:
            raise SettingsError("a time-stamper needs the URL of at least one time-stamp authority")
        self._authorities = tuple(_authority(url, number) for number, url in enumerate(urls, start=1))
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            self._trusted = timestamp_check.load_certificates(trusted_pem) if trusted_pem else ()
        except VerificationError as exc:
            raise SettingsError(f"the trusted certificates of the time-stamp authorities: {exc}") from exc

    async def stamp(self, digest: Sha256 | Digest) -> Timestamp:
        """Return a time-stamp over ``digest`` that was checked on receipt.

        Raises:
            TimestampError: no authority gave a token that holds; the message names each one and why.
        """
        failures = []
        for authority in self._authorities:
            try:
                stamp = await self._ask(authority, digest)
            except (TimestampError, VerificationError) as exc:
                log.warning("timestamp_failed", tsa_url=authority.shown, reason=str(exc))
                failures.append(f"{authority.shown}: {exc}")
            else:
                log.info("timestamped", tsa_url=authority.shown, digest=digest.hex, trust=stamp.proof.trust.value)
                return stamp
        raise TimestampError(
            f"no time-stamp authority gave a token that holds ({'; '.join(failures)}); "
            "try again later or configure another one"
        )

    async def _ask(self, authority: _Authority, digest: Sha256 | Digest) -> Timestamp:
        # An int becomes a minimal DER INTEGER; OpenSSL's TSA refuses raw random bytes once in 256 times.
        nonce = secrets.randbits(_NONCE_BITS)
        request = make_timestamp_request(
            digest=digest.raw, hashname=digest.algorithm.value, include_tsa_certificate=True, nonce=nonce
        )
        query: bytes = encode_timestamp_request(request)
        reply = await self._post(authority, query)
        proof = timestamp_check.check_reply(reply, digest, nonce=nonce, trusted=self._trusted)
        timestamp_check.check_query(query, digest, reply)
        chain = timestamp_check.chain_pem(reply, self._trusted)
        return Timestamp(query=query, reply=reply, chain_pem=chain, proof=proof, tsa_url=authority.shown)

    async def _post(self, authority: _Authority, query: bytes) -> bytes:
        try:
            async with self._session.post(
                authority.url,
                data=query,
                headers=authority.headers,
                allow_redirects=False,
                timeout=self._timeout,
            ) as response:
                _check_head(response)
                return await _limited(response.content)
        except TimeoutError as exc:
            raise TimestampError(f"no answer within {self._timeout.total:g} s") from exc
        except aiohttp.ClientError as exc:
            # The text of a ClientError may hold the URL; its class says enough.
            raise TimestampError(f"the request failed ({_reason(exc)})") from exc


def _check_head(response: aiohttp.ClientResponse) -> None:
    if response.status in (401, 403):
        raise TimestampError(f"HTTP {response.status}; check the user name and password in its URL")
    if 300 <= response.status < 400:
        raise TimestampError(f"HTTP {response.status}, a redirect, which is not followed; configure the final URL")
    if response.status != 200:
        raise TimestampError(f"HTTP {response.status}")
    if response.content_type != _REPLY_TYPE:
        raise TimestampError(f"it answered {response.content_type!r} instead of {_REPLY_TYPE!r}; check the URL")


async def _limited(stream: aiohttp.StreamReader) -> bytes:
    reply = bytearray()
    async for chunk in stream.iter_any():
        reply += chunk
        if len(reply) > _MAX_REPLY_BYTES:
            raise TimestampError(f"its answer is larger than {_MAX_REPLY_BYTES} bytes; this is no time-stamp")
    return bytes(reply)


def _reason(exc: aiohttp.ClientError) -> str:
    if isinstance(exc, aiohttp.ClientConnectorError) and exc.os_error.strerror:
        return exc.os_error.strerror
    return type(exc).__name__


def _authority(url: Secret | str, number: int) -> _Authority:
    parsed = _parsed(url.reveal() if isinstance(url, Secret) else url)
    if parsed is None:
        # The URL itself is not shown: it may hold a password.
        raise SettingsError(f"time-stamp authority number {number} must be an http:// or https:// URL with a host")
    headers = {"Content-Type": _QUERY_TYPE, "Accept": _REPLY_TYPE}
    if parsed.user is not None:
        credentials = f"{parsed.user}:{parsed.password or ''}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(credentials).decode()
    bare = parsed.with_user(None).with_fragment(None)
    return _Authority(bare, headers, str(bare.with_query(None)))


def _parsed(text: str) -> URL | None:
    try:
        url = URL(text.strip())
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.host else None
