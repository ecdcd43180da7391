"""A small LMS of the tests' own, canaries that must stay silent, and renderers over the real Chromium."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from archiveworker.domain.document import Document, RenderedDocument, RenderOptions
from archiveworker.domain.errors import ToolError
from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from archiveworker.runtime import process

CREATED_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclass
class Lms:
    """Serves what a test puts into ``routes`` and remembers who asked for what."""

    base_url: str = ""
    routes: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs, {k.lower(): v for k, v in request.headers.items()}))
        route = self.routes.get(request.path)
        return web.Response(status=404) if route is None else await route(request)

    def serve(self, path: str, body: str | bytes, content_type: str = "text/html", **headers: str) -> None:
        async def route(_request: web.Request) -> web.StreamResponse:
            raw = body.encode() if isinstance(body, str) else body
            return web.Response(body=raw, headers={"Content-Type": content_type, **headers})

        self.routes[path] = route

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.requests]


@contextlib.asynccontextmanager
async def running_lms(**kwargs: object) -> AsyncIterator[Lms]:
    lms = Lms()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", lms.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, **kwargs)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    lms.base_url = f"{'https' if kwargs.get('ssl_context') else 'http'}://127.0.0.1:{port}"
    try:
        yield lms
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="module")
async def lms() -> AsyncIterator[Lms]:
    async with running_lms() as server:
        yield server


@dataclass
class Canary:
    """A port of this machine that nobody may reach; counts connections (TCP) and datagrams (UDP)."""

    port: int
    touched: list[str] = field(default_factory=list)


@pytest_asyncio.fixture(loop_scope="module")
async def canary() -> AsyncIterator[Canary]:
    bird = Canary(0)

    async def on_connection(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bird.touched.append("tcp")
        writer.close()

    class Udp(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            bird.touched.append("udp")

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0)
    bird.port = server.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Udp, ("127.0.0.1", bird.port))
    yield bird
    transport.close()
    server.close()
    await server.wait_closed()


@contextlib.asynccontextmanager
async def running_renderer(config: RendererConfig) -> AsyncIterator[ChromiumRenderer]:
    renderer = ChromiumRenderer(config)
    try:
        await renderer.start()
    except ToolError as exc:
        pytest.skip(f"no Chromium on this machine: {exc}")
    try:
        yield renderer
    finally:
        await renderer.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def renderer() -> AsyncIterator[ChromiumRenderer]:
    """One browser with short limits, shared by the tests of a module."""
    config = RendererConfig(browser_count=1, ready_limit_s=8, render_limit_s=20, stuck_s=0.5)
    async with running_renderer(config) as made:
        yield made


Render = Callable[..., Awaitable[RenderedDocument]]


@pytest.fixture
def render(renderer: ChromiumRenderer, lms: Lms, tmp_path: Path) -> Render:
    """Render HTML as a page of the test's LMS; the body alone is enough."""
    count = iter(range(1000))

    async def call(
        html: str, options: RenderOptions | None = None, *, by: ChromiumRenderer | None = None, **fields: object
    ) -> RenderedDocument:
        folder = tmp_path / f"out{next(count)}"
        folder.mkdir()
        return await (by or renderer).render(page(html, lms.base_url, **fields), options or RenderOptions(), folder)

    return call


def page(html: str, base_url: str, **fields: object) -> Document:
    """A document with made-up data."""
    if "<html" not in html:
        html = f"<!DOCTYPE html><html lang='en'><head><title>Page</title></head><body>{html}</body></html>"
    values = {"title": "Attempt 33", "created_at": CREATED_AT, **fields}
    return Document(html=html, base_url=base_url, **values)


async def text_of(pdf: Path) -> str:
    """What pdftotext reads."""
    done = await process.run(["pdftotext", "-layout", str(pdf), "-"], timeout_s=30)
    assert done.returncode == 0
    return done.stdout.decode()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
