"""Fetches what a certificate chain needs to be judged years later: missing issuers, CRLs and OCSP responses.

The addresses stand in certificates, which others wrote, so they are asked with care: http alone (what is fetched is
signed; https would need certificates to judge certificates), public addresses alone (checked when the name is resolved,
so that a name cannot point elsewhere later), no redirect, no cookie, bounded in number, size and time. The time-stamp
authority's own host, and hosts that an administrator names, may have private addresses.

What cannot be fetched is told, never raised: whether it matters is the caller's to decide.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TypeVar

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID
from yarl import URL

from archiveworker.domain.errors import AddressRefusedError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.evidence.certificates import UNREADABLE, is_issued_by, is_self_signed, name_of
from archiveworker.runtime import outbound
from archiveworker.runtime.http import USER_AGENT, describe_failure
from archiveworker.runtime.proxies import Proxy

_Body = TypeVar("_Body")
_MAX_CHAIN = 10
_MAX_ADDRESSES = 2
_TRIES = 2
_MAX_SMALL_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds of the requests.

    Attributes:
        timeout_s: of each, from connecting to the last byte.
        max_crl_bytes: of one list; larger ones are not kept.
        private_hosts: names (without port) that may have private addresses.
        proxy: through which requests go; None goes directly.
    """

    timeout_s: float = 15.0
    max_crl_bytes: int = 8 * 1024**2
    private_hosts: frozenset[str] = frozenset()
    proxy: Proxy | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched about a chain.

    Attributes:
        crls: DER, each one once.
        ocsps: DER, each one once.
        problems: sentences about what could not be fetched.
    """

    crls: tuple[bytes, ...] = field(repr=False)
    ocsps: tuple[bytes, ...] = field(repr=False)
    problems: tuple[str, ...]


class RevocationFetcher:
    """Asks the services that certificates name.

    Args:
        limits: of the requests.
    """

    def __init__(self, limits: FetchLimits | None = None) -> None:
        self._limits = limits or FetchLimits()

    async def missing_issuers(self, chain: Sequence[x509.Certificate], tsa_url: URL) -> tuple[x509.Certificate, ...]:
        """Return certificates that lead on from the end of ``chain``, as far as they say where (caIssuers).

        Args:
            chain: signer first.
            tsa_url: of the authority that gave it.
        """
        found: list[x509.Certificate] = []
        async with self._session(tsa_url) as session:
            last = chain[-1]
            while not is_self_signed(last) and len(chain) + len(found) < _MAX_CHAIN:
                above = await self._issuer(session, last)
                if above is None or above in found or above in chain:
                    break
                found.append(above)
                last = above
        return tuple(found)

    async def fetch(self, chain: Sequence[x509.Certificate], tsa_url: URL) -> Fetched:
        """Fetch CRLs and OCSP responses for every certificate of ``chain`` but its end.

        Args:
            chain: signer first, each next one issued the one before.
            tsa_url: of the authority that gave it.
        """
        problems: list[str] = []
        async with self._session(tsa_url) as session:
            crls, ocsps = await asyncio.gather(
                asyncio.gather(*(self._crl(session, certificate, problems) for certificate in chain[:-1])),
                asyncio.gather(*(self._ocsp(session, *pair, problems) for pair in pairwise(chain))),
            )
        return Fetched(_once(crls), _once(ocsps), tuple(sorted(problems)))

    async def _issuer(self, session: "_GuardedSession", certificate: x509.Certificate) -> x509.Certificate | None:
        for address in _access(certificate, AuthorityInformationAccessOID.CA_ISSUERS):
            try:
                body = await session.ask(address, _MAX_SMALL_BYTES, _certificates_of)
            except _NotFetched:
                continue
            for candidate in body:
                if is_issued_by(certificate, candidate):
                    return candidate
        return None

    async def _crl(
        self, session: "_GuardedSession", certificate: x509.Certificate, problems: list[str]
    ) -> bytes | None:
        max_bytes = self._limits.max_crl_bytes
        asked = [partial(session.ask, address, max_bytes, _der_crl) for address in _crl_addresses(certificate)]
        return await _first(asked, f"CRL for {name_of(certificate)}", problems)

    async def _ocsp(
        self, session: "_GuardedSession", certificate: x509.Certificate, issuer: x509.Certificate, problems: list[str]
    ) -> bytes | None:
        # SHA-1 only names the issuer here (RFC 5019 2.1.1); many responders know nothing else.
        builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1())  # noqa: S303
        query = builder.build().public_bytes(Encoding.DER)
        addresses = _access(certificate, AuthorityInformationAccessOID.OCSP)
        asked = [partial(session.ask, address, _MAX_SMALL_BYTES, _checked_ocsp, query) for address in addresses]
        return await _first(asked, f"OCSP response for {name_of(certificate)}", problems)

    def _session(self, tsa_url: URL) -> "_GuardedSession":
        return _GuardedSession(self._limits, tsa_url)


class _NotFetched(Exception):
    """An address gave nothing usable; the text says why, without the address."""


class _GuardedSession:
    """Requests to addresses that somebody else chose."""

    def __init__(self, limits: FetchLimits, tsa_url: URL) -> None:
        self._limits = limits
        self._rule = _Rule(limits.private_hosts, tsa_url)

    async def __aenter__(self) -> "_GuardedSession":
        self._session = outbound.session(
            self._rule.may_be_private,
            self._limits.proxy,
            timeout=aiohttp.ClientTimeout(total=self._limits.timeout_s),
            headers={"User-Agent": USER_AGENT},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ask(
        self, address: str, max_bytes: int, parse: Callable[[bytes], _Body], query: bytes | None = None
    ) -> _Body:
        """Return what ``address`` gave, parsed; POST when there is an OCSP query.

        Raises:
            _NotFetched: it gave nothing usable.
        """
        url = self._rule.checked(address)
        try:
            return parse(await self._persistently(url, max_bytes, query))
        except UNREADABLE as exc:
            raise _NotFetched(f"what came cannot be read ({exc})") from exc

    async def _persistently(self, url: URL, max_bytes: int, query: bytes | None) -> bytes:
        for left in reversed(range(_TRIES)):
            try:
                return await self._body(url, max_bytes, query)
            except AddressRefusedError as exc:
                raise _NotFetched("its address is not public") from exc
            except TimeoutError as exc:
                raise _NotFetched(f"no answer within {self._limits.timeout_s:g} s") from exc
            except (aiohttp.InvalidURL, ValueError) as exc:
                raise _NotFetched("its address is no URL") from exc
            except aiohttp.ClientError as exc:
                if not left:
                    raise _NotFetched(describe_failure(exc)) from exc
        raise AssertionError("unreachable")

    async def _body(self, url: URL, max_bytes: int, query: bytes | None) -> bytes:
        headers = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"} if query else {}
        method = "GET" if query is None else "POST"
        request = self._session.request(method, url, data=query, headers=headers, allow_redirects=False)
        async with request as response:
            if response.status >= 500:
                response.raise_for_status()
            if response.status != 200:
                raise _NotFetched(f"HTTP {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    raise _NotFetched(f"it is larger than {max_bytes} bytes")
            return bytes(body)


class _Rule:
    """Which addresses of certificates may be asked: see the module."""

    def __init__(self, private_hosts: frozenset[str], tsa_url: URL) -> None:
        self._private_hosts = private_hosts
        self._own = {(tsa_url.host, tsa_url.port), (tsa_url.host, 80)}

    def checked(self, address: str) -> URL:
        """Return the address as a URL.

        Raises:
            _NotFetched: it may not be asked.
        """
        try:
            origin, url = LmsOrigin.of(address), URL(address)
        except ValueError as exc:
            raise _NotFetched("its address is not a plain http:// one") from exc
        if origin.scheme != "http":
            raise _NotFetched("its address is not a plain http:// one")
        return url

    def may_be_private(self, host: str, port: int) -> bool:
        """Return whether this host and port may have a private address; see ``runtime.outbound``."""
        return host in self._private_hosts or (host, port) in self._own


async def _first(tries: Iterable[Callable[[], Awaitable[_Body]]], what: str, problems: list[str]) -> _Body | None:
    """Return what the first address gives; note why when none does."""
    reasons = []
    for attempt in tries:
        try:
            return await attempt()
        except _NotFetched as exc:
            reasons.append(str(exc))
    if reasons:
        problems.append(f"{what}: {'; '.join(reasons)}")
    return None


def _once(values: Iterable[bytes | None]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _crl_addresses(certificate: x509.Certificate) -> list[str]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except UNREADABLE:
        return []
    names = [name for point in points if point.crl_issuer is None for name in point.full_name or ()]
    return _http([name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)])


def _access(certificate: x509.Certificate, method: x509.ObjectIdentifier) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except UNREADABLE:
        return []
    places = [one.access_location for one in found if one.access_method == method]
    return _http([place.value for place in places if isinstance(place, x509.UniformResourceIdentifier)])


def _http(addresses: Iterable[str]) -> list[str]:
    return [address for address in addresses if address.lower().startswith("http://")][:_MAX_ADDRESSES]


def _der_crl(body: bytes) -> bytes:
    pem = body.lstrip().startswith(b"-----BEGIN ")
    crl = x509.load_pem_x509_crl(body) if pem else x509.load_der_x509_crl(body)
    return crl.public_bytes(Encoding.DER)


def _checked_ocsp(body: bytes) -> bytes:
    status = ocsp.load_der_ocsp_response(body).response_status
    if status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(f"the responder says {status.name.lower()}")
    return body


def _certificates_of(body: bytes) -> list[x509.Certificate]:
    """RFC 5280 4.2.2.1: one certificate, or a "certs-only" CMS message."""
    if body.lstrip().startswith(b"-----BEGIN "):
        return x509.load_pem_x509_certificates(body)
    try:
        return [x509.load_der_x509_certificate(body)]
    except ValueError:
        return list(pkcs7.load_der_pkcs7_certificates(body))
