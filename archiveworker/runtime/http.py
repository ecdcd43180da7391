"""HTTP out of the worker: one way to make an aiohttp session, and bytes that are hashed while they are written.

Nothing here keeps a cookie, and callers that send a token follow no redirect: a
token must only go where it was meant to go. Which addresses are connected to is the rule of ``outbound``. Not for
Chromium's requests (``rendering``). Time-stamp authorities and the services that certificates name are asked in
``evidence``, with the TLS of here.
Accepted risk: exceptions of aiohttp may hold a URL; ``without_secret`` replaces those that hold a secret.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

import aiohttp

from archiveworker import __version__
from archiveworker.domain.errors import LimitExceededError, SettingsError
from archiveworker.domain.secret import Secret
from archiveworker.runtime import metrics, outbound, trust
from archiveworker.runtime.clock import Clock
from archiveworker.runtime.digests import Digested, HashingWriter
from archiveworker.runtime.proxies import Proxy

USER_AGENT: Final = f"archiveworker/{__version__}"
BLOCK_BYTES: Final = 1024 * 1024
STARS: Final = "***"
NETWORK: Final = (aiohttp.ClientError, TimeoutError, ConnectionError, ssl.SSLError)
"""What the network does to us; other ``OSError`` are troubles of our own disk."""
UNTRUSTED: Final = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)
"""Those that another certificate mends, and no second try."""
SessionFactory = Callable[[], contextlib.AbstractAsyncContextManager[aiohttp.ClientSession]]
_KEEP_ALIVE_S: Final = 30.0
_MAX_RETRY_AFTER_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How to talk to servers.

    Attributes:
        connect_timeout_s: to resolve, connect and shake hands.
        answer_timeout_s: without a single byte, after the request was sent.
        connections_per_host: at the same time.
        ca_bundle: PEM file with certificates to trust in addition to the system's.
        proxy: through which requests go; None goes directly.
        may_be_private: whether servers may have private addresses (``runtime.outbound``).
    """

    connect_timeout_s: float = 10.0
    answer_timeout_s: float = 60.0
    connections_per_host: int = 8
    ca_bundle: Path | None = None
    proxy: Proxy | None = None
    may_be_private: bool = True


def client_session(options: HttpOptions) -> aiohttp.ClientSession:
    """Return a session that reuses its connections; to be closed by the caller (``async with``).

    There is no limit on the whole exchange: a caller sets it, as it knows how large the answer may be.

    Raises:
        SettingsError: the CA bundle cannot be read.
    """
    connector = outbound.connector(
        outbound.anyone if options.may_be_private else outbound.nobody,
        options.proxy,
        limit=0,
        limit_per_host=options.connections_per_host,
        ssl=trust.context(options.ca_bundle),
        keepalive_timeout=_KEEP_ALIVE_S,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=options.connect_timeout_s, sock_read=options.answer_timeout_s
        ),
        headers={"User-Agent": USER_AGENT},
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        trace_configs=[metrics.lms_trace()],
    )


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """With what the worker proves who it is to a server that asks for it (TLS).

    Attributes:
        certificate: PEM file, perhaps with its chain.
        key: PEM file with the key; None when it stands in the same file.
        password: of the key; None when it has none.
    """

    certificate: Path
    key: Path | None = None
    password: Secret | None = None


def client_context(ca_bundle: Path | None, identity: ClientCertificate | None) -> ssl.SSLContext:
    """Return what a TLS connection trusts and shows.

    Args:
        ca_bundle: PEM file with certificates to trust in addition to the system's.
        identity: is shown to a server that asks; None shows nothing.

    Raises:
        SettingsError: a file cannot be used.
    """
    if identity is None:
        return trust.context(ca_bundle)
    context = trust.own_context(ca_bundle)
    # Without a password OpenSSL would ask for one on the terminal.
    password = identity.password.reveal() if identity.password else ""
    try:
        context.load_cert_chain(identity.certificate, identity.key, password=lambda: password)
    except (OSError, ssl.SSLError, ValueError) as exc:
        raise SettingsError(
            f"the client certificate {identity.certificate} cannot be used with its key: both must be readable PEM "
            "files that belong together, and the password must be that of the key"
        ) from exc
    return context


def describe_failure(exc: BaseException) -> str:
    """Say in a few words, without any address, why there was no answer."""
    match exc:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "its TLS certificate is not trusted"
        case aiohttp.ClientConnectorDNSError():
            return "its host name cannot be resolved"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return "the proxy of ARCHIVEWORKER_PROXY did not connect to it"
        case TimeoutError():
            return "it took too long"
        case aiohttp.ClientConnectorError():
            return "no connection could be made"
        case aiohttp.ClientPayloadError():
            return "the connection broke in the middle of the answer"
        case _:
            return "the connection broke"


def without_secret(exc: BaseException, secret: Secret) -> BaseException:
    """Return ``exc``, or when its text shows ``secret`` a stand-in that does not."""
    shown = f"{exc} {exc!r}"
    if not secret or secret.reveal() not in shown:
        return exc
    return ConnectionError(f"{type(exc).__name__}: {str(exc).replace(secret.reveal(), STARS)}")


async def open_file(path: Path, mode: str) -> BinaryIO:
    """Open a file in a thread; whoever is cancelled meanwhile leaves none open.

    Args:
        path: of the file.
        mode: ``rb`` or ``wb``.

    Raises:
        OSError: it cannot be opened.
    """
    nobody_wants_it = threading.Event()
    opened: list[BinaryIO] = []

    def open_it() -> BinaryIO:
        file = cast("BinaryIO", path.open(mode))
        opened.append(file)
        if nobody_wants_it.is_set():
            file.close()
        return file

    try:
        return await asyncio.to_thread(open_it)
    except asyncio.CancelledError:
        # The thread goes on, also when the event loop ends. Each says first what it has done and looks then at what the
        # other has: at least one of them closes the file.
        nobody_wants_it.set()
        for file in opened:
            file.close()
        raise


async def save_body(
    response: aiohttp.ClientResponse, path: Path, *, max_bytes: int, what: str, setting: str
) -> Digested:
    """Write the body of ``response`` to ``path``, taking SHA-256 and SHA-1 on the way, block by block.

    Args:
        response: whose headers were read already.
        path: made, or emptied.
        max_bytes: more is refused, whatever the header said.
        what: for the message, e.g. a file name.
        setting: for the message: what raises ``max_bytes``.

    Raises:
        LimitExceededError: the body is larger than ``max_bytes``, or than the room on the disk.
        aiohttp.ClientError: the connection broke.
        TimeoutError: nothing came for too long.
    """
    if (response.content_length or 0) > max_bytes:
        raise _too_large(what, max_bytes, setting)
    file = await open_file(path, "wb")
    writer = HashingWriter(file, with_sha1=True)

    def append(block: bytes) -> None:
        writer.write(block)
        file.flush()

    try:
        async for block in response.content.iter_chunked(BLOCK_BYTES):
            if writer.size_bytes + len(block) > max_bytes:
                raise _too_large(what, max_bytes, setting)
            try:
                await asyncio.to_thread(append, block)
            except OSError as exc:
                raise LimitExceededError(f"{what} cannot be written ({exc.strerror}); make room on the disk") from exc
        return writer.finish()
    finally:
        # A full disk was reported by ``append``; closing would only report it again, in place of that.
        with contextlib.suppress(OSError):
            file.close()


def _too_large(what: str, max_bytes: int, setting: str) -> LimitExceededError:
    return LimitExceededError(f"{what} is larger than the {max_bytes} bytes that the worker takes; raise {setting}")


async def read_range(file: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    """Yield ``length`` bytes of an open file from ``start`` on, in blocks.

    The file is the caller's to close: a server that answers early leaves this generator unfinished.

    Raises:
        OSError: the file is shorter than that, or cannot be read.
    """
    await asyncio.to_thread(file.seek, start)
    left = length
    while left:
        block = await asyncio.to_thread(file.read, min(BLOCK_BYTES, left))
        if not block:
            raise OSError("the file became shorter while it was sent")
        left -= len(block)
        yield block


def last_modified_s(response: aiohttp.ClientResponse) -> int | None:
    """Return the header ``Last-Modified`` in seconds since 1970 (RFC 9110, 8.8.2), None when missing or unreadable."""
    text = response.headers.get("Last-Modified")
    if not text:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError):
        return None


def retry_after_s(response: aiohttp.ClientResponse, clock: Clock) -> float | None:
    """Return the header ``Retry-After`` (RFC 9110, 10.2.3: seconds or a date) in seconds, at most an hour."""
    text = response.headers.get("Retry-After")
    if not text:
        return None
    try:
        seconds = float(text) if text.strip().isdigit() else (parsedate_to_datetime(text) - clock.now()).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_S)
