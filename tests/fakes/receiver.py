"""A web server that receives archives as docs/howto/deliver-elsewhere.md tells it to, with faults to order.

It shares no code with the worker: both could only be wrong independently.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import Enum, auto

from aiohttp import web

SECRET = "made-up-secret-of-a-receiver-0123456789"
PATH = "/in/made-up-path-that-is-a-secret"


class Fault(Enum):
    """What goes wrong with one request."""

    ERROR_500 = auto()
    BUSY_429 = auto()
    FORBIDDEN_403 = auto()
    TOO_LARGE_413 = auto()
    """Told at once, without reading."""
    REDIRECT = auto()
    CUT = auto()
    """The connection breaks in the middle of the body."""
    STANDS_STILL = auto()
    """Reads nothing and says nothing."""
    SILENT = auto()
    """Reads everything and says nothing."""
    EARLY_200 = auto()
    """Says yes without having read."""
    HUGE_ANSWER = auto()
    ECHO = auto()
    """Refuses, and repeats what it knows."""


@dataclass
class Receiver:
    """What runs.

    Attributes:
        url: of the form's address.
        faults: strike one request each, in this order.
        stored: by idempotency key: name and bytes of each file, of every archive that was taken.
        asked: one entry a request, of whatever kind: its path.
        refused: why requests were refused.
        begun: set when a request has come.
        go_on: requests wait for it when it is not set.
    """

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    stored: dict[str, dict[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Receive an archive, or do what was ordered."""
        self.asked.append(request.path)
        self.begun.set()
        await self.go_on.wait()
        if self.faults:
            return await self._go_wrong(request, self.faults.pop(0))
        try:
            key, files = await _received(request)
        except ValueError as exc:
            self.refused.append(str(exc))
            return web.Response(status=403, text=str(exc))
        self.stored.setdefault(key, files)
        return web.Response(status=204)

    async def elsewhere(self, request: web.Request) -> web.StreamResponse:
        """Where a redirect leads; nobody must come here."""
        self.asked.append(request.path)
        return web.Response()

    async def _go_wrong(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        early = {
            Fault.TOO_LARGE_413: web.Response(status=413),
            Fault.REDIRECT: web.Response(status=307, headers={"Location": "/elsewhere"}),
            Fault.EARLY_200: web.Response(),
        }
        if fault in early:
            return early[fault]
        if fault is Fault.CUT:
            await request.content.readexactly(1000)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault is Fault.STANDS_STILL:
            await asyncio.Event().wait()
        while await request.content.readany():
            pass
        if fault is Fault.SILENT:
            await asyncio.Event().wait()
        if fault is Fault.HUGE_ANSWER:
            return web.Response(status=400, body=b"x" * 20_000_000, content_type="text/plain")
        if fault is Fault.ECHO:
            return web.Response(status=400, text=f"not with {SECRET}\n\x1b[31m{request.url}")
        if fault is Fault.BUSY_429:
            return web.Response(status=429, headers={"Retry-After": "1"})
        return web.Response(status=500 if fault is Fault.ERROR_500 else 403, text="the database is locked")


async def _received(request: web.Request) -> tuple[str, dict[str, bytes]]:
    """Return the idempotency key and the files.

    Raises:
        ValueError: the signature or a file is wrong.
    """
    parts = await request.multipart()
    first = await parts.next()
    if first is None or getattr(first, "name", "") != "parcel":
        raise ValueError("the first part is not the parcel")
    parcel = bytes(await first.read())  # type: ignore[union-attr]
    signed = request.headers["Archiveworker-Timestamp"].encode() + b"." + parcel
    expected = "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers["Archiveworker-Signature"]):
        raise ValueError("the signature is wrong")
    told = json.loads(parcel)
    if told["idempotency_key"] != request.headers["Idempotency-Key"]:
        raise ValueError("another key than the header's was signed")
    files: dict[str, bytes] = {}
    for entry in told["files"]:
        part = await parts.next()
        if part is None:
            raise ValueError("a file is missing")
        data = bytes(await part.read())  # type: ignore[union-attr]
        if (len(data), hashlib.sha256(data).hexdigest()) != (entry["size_bytes"], entry["sha256"]):
            raise ValueError(f"{entry['name']} is damaged")
        if (part.name, part.filename) != (entry["field"], entry["name"]):  # type: ignore[union-attr]
            raise ValueError(f"{entry['name']} is called otherwise in the form")
        files[entry["name"]] = data
    if await parts.next() is not None:
        raise ValueError("there is more than was signed")
    return told["idempotency_key"], files


@contextlib.asynccontextmanager
async def receiving(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver on this machine."""
    receiver = Receiver()
    receiver.go_on.set()
    app = web.Application(client_max_size=1024**4)
    app.router.add_post(PATH, receiver.post)
    app.router.add_route("*", "/elsewhere", receiver.elsewhere)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"{'https' if tls else 'http'}://{host}:{port}{PATH}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
