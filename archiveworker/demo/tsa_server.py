"""A time-stamp authority that runs: its POST route, its CRLs and OCSP, and TLS with client certificates when asked."""

import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from archiveworker.demo.authority import Validity, make_authority
from archiveworker.demo.certificates import name, new_key, root_of, write_key
from archiveworker.demo.tsa import DemoTsa, TsaFault
from archiveworker.runtime.clock import SystemClock

CLIENT_KEY_PASSWORD: Final = "made-up"  # noqa: S105 - of a demo
_SHUTDOWN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class TsaOptions:
    """What to run.

    Attributes:
        host: to listen on.
        port: of the TSA, 0 for any.
        valid_from: first moment of the stamping certificate; None is a day ago.
        valid_until: its last moment, may be in the past; None is in two years.
        lifetime_s: see ``Validity``.
        embeds_chain: tokens bring the certificates above the stamping one along.
        credentials: user and password to ask for; None asks for none.
        client_tls: serve https, and only to those who show the client certificate.
        faults: what goes wrong from the start.
    """

    host: str = "127.0.0.1"
    port: int = 0
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    lifetime_s: float | None = None
    embeds_chain: bool = True
    credentials: tuple[str, str] | None = None
    client_tls: bool = False
    faults: Sequence[TsaFault] = ()


@dataclass(frozen=True, slots=True)
class RunningTsa:
    """A time-stamp authority that can be asked.

    Attributes:
        tsa: takes faults.
        url: where it is.
        folder: with ``tls-ca.pem``, ``client.pem`` and ``client.key`` (see CLIENT_KEY_PASSWORD) when it speaks TLS.
    """

    tsa: DemoTsa
    url: str
    folder: Path


@asynccontextmanager
async def running_tsa(folder: Path, options: TsaOptions | None = None) -> AsyncIterator[RunningTsa]:
    """Run an authority.

    Raises:
        OSError: the port is taken.
    """
    options = options or TsaOptions()
    listener = listen(options.host, options.port)
    # CRLs and OCSP are served over http, as by every authority: with TLS on a port of their own.
    lists = listen(options.host, 0) if options.client_tls else listener
    now = SystemClock().now()
    validity = Validity(
        options.valid_from or now - timedelta(days=1),
        options.valid_until or now + timedelta(days=730),
        options.lifetime_s,
    )
    authority = make_authority(folder / "authority", validity, origin(lists) + "/", embeds_chain=options.embeds_chain)
    tsa = DemoTsa(folder / "tsa", authority, options.faults, credentials=options.credentials)
    tls = _tls(folder, options.host, now) if options.client_tls else None
    runners = []
    for each in dict.fromkeys((listener, lists)):
        runner = web.AppRunner(tsa.make_app(), access_log=None, shutdown_timeout=_SHUTDOWN_S)
        runners.append(runner)
        await runner.setup()
        await web.SockSite(runner, each, ssl_context=tls if each is listener else None).start()
    scheme = "https" if tls else "http"
    try:
        yield RunningTsa(tsa, f"{origin(listener, scheme)}/", folder)
    finally:
        for runner in runners:
            await runner.cleanup()


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Raises:
        OSError: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def origin(listener: socket.socket, scheme: str = "http") -> str:
    """Return the address of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://{host}:{port}"


def _tls(folder: Path, host: str, now: datetime) -> ssl.SSLContext:
    """Make a CA for TLS, a server's and a client's certificate; return what the server uses."""
    span = (now - timedelta(days=1), now + timedelta(days=30))
    ca = root_of("Demo TLS CA", span)
    (folder / "tls-ca.pem").write_bytes(ca.certificate.public_bytes(Encoding.PEM))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    for who, usage, places, password in (
        ("server", ExtendedKeyUsageOID.SERVER_AUTH, [address], None),
        ("client", ExtendedKeyUsageOID.CLIENT_AUTH, [], CLIENT_KEY_PASSWORD),
    ):
        key = new_key()
        usages = [x509.ExtendedKeyUsage([usage])]
        made = ca.issue(name(f"Demo TLS {who}"), key.public_key(), span, critical=usages, places=places)
        (folder / f"{who}.pem").write_bytes(made.public_bytes(Encoding.PEM))
        write_key(folder / f"{who}.key", key, password)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.load_verify_locations(folder / "tls-ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context
