"""One request to one time-stamp authority over HTTP (RFC 3161 3.4): address, credentials, client certificate, answer.

Nothing here looks into query or reply. A password in a URL is sent as basic authentication; it, the URL's query and a
key's password are never shown.
"""

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp
from yarl import URL

from archiveworker.domain.errors import AddressRefusedError, SettingsError, TimestampError
from archiveworker.domain.secret import Secret
from archiveworker.evidence import der
from archiveworker.runtime.http import ClientCertificate, client_context

_MAX_REPLY_BYTES = 1024 * 1024
_QUERY_TYPE = "application/timestamp-query"
_REPLY_TYPE = "application/timestamp-reply"


@dataclass(frozen=True, slots=True)
class AuthorityOptions:
    """One authority as an administrator describes it.

    Attributes:
        url: http or https; may hold user and password.
        policy_oid: dotted; is asked for, and must be the token's. None takes any.
        identity: shown to an https server that asks for a client certificate.
        ca_bundle: PEM file with certificates to trust for https in addition to the system's.
    """

    url: Secret | str
    policy_oid: str | None = None
    identity: ClientCertificate | None = None
    ca_bundle: Path | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Authority:
    """One authority, ready to be asked.

    Attributes:
        url: without credentials.
        headers: may hold its password.
        shown: its URL without credentials and query.
        policy_oid: see ``AuthorityOptions``.
        tls: None for http.
    """

    url: URL
    headers: Mapping[str, str]
    shown: str
    policy_oid: str | None
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, options: AuthorityOptions, number: int) -> Self:
        """Check and prepare what an administrator wrote.

        Args:
            options: of the authority.
            number: its place in the list, from 1, for messages: the URL itself may hold a password.

        Raises:
            SettingsError: the URL, the policy or the client certificate cannot be used.
        """
        parsed = _parsed(options.url.reveal() if isinstance(options.url, Secret) else options.url)
        if parsed is None:
            raise SettingsError(f"time-stamp authority number {number} must be an http:// or https:// URL with a host")
        if options.identity is not None and parsed.scheme != "https":
            raise SettingsError(
                f"time-stamp authority number {number} has a client certificate, so it must be https://"
            )
        try:
            if options.policy_oid is not None:
                der.object_identifier(options.policy_oid)
        except ValueError as exc:
            raise SettingsError(f"the policy of time-stamp authority number {number}: {exc}") from exc
        headers = {"Content-Type": _QUERY_TYPE, "Accept": _REPLY_TYPE}
        if parsed.user is not None:
            credentials = f"{parsed.user}:{parsed.password or ''}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(credentials).decode()
        bare = parsed.with_user(None).with_fragment(None)
        tls = client_context(options.ca_bundle, options.identity) if parsed.scheme == "https" else None
        return cls(bare, headers, str(bare.with_query(None)), options.policy_oid, tls)


async def post(session: aiohttp.ClientSession, authority: Authority, query: bytes, *, timeout_s: float) -> bytes:
    """Send a query and return the reply.

    Args:
        session: for the request.
        authority: to ask.
        query: DER TimeStampReq.
        timeout_s: from connecting to the last byte.

    Raises:
        TimestampError: there was no reply.
    """
    try:
        async with session.post(
            authority.url,
            data=query,
            headers=authority.headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            ssl=authority.tls or True,
        ) as response:
            _check_head(response)
            return await _limited(response.content)
    except AddressRefusedError as exc:
        raise TimestampError(f"its address cannot be used: {exc}") from exc
    except TimeoutError as exc:
        raise TimestampError(f"no answer within {timeout_s:g} s") from exc
    except aiohttp.ClientError as exc:
        # The text of a ClientError may hold the URL; its class says enough.
        raise TimestampError(f"the request failed ({_reason(exc)})") from exc


def _check_head(response: aiohttp.ClientResponse) -> None:
    if response.status in (401, 403):
        raise TimestampError(
            f"HTTP {response.status}; check the user name and password in its URL, and its client certificate"
        )
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
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return "its TLS certificate is not trusted"
    if isinstance(exc, aiohttp.ClientConnectorSSLError | aiohttp.ClientOSError) and "alert" in str(exc).lower():
        return "it refused the TLS connection; it may want another client certificate"
    if isinstance(exc, aiohttp.ClientConnectorError) and exc.os_error.strerror:
        return exc.os_error.strerror
    return type(exc).__name__


def _parsed(text: str) -> URL | None:
    try:
        url = URL(text.strip())
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.host else None
