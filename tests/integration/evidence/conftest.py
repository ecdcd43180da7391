"""A time-stamp authority on loopback, with faults to order."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from archiveworker.domain.digest import Sha256
from archiveworker.domain.evidence import Timestamp
from archiveworker.evidence.timestamp import Rfc3161Timestamper
from tests.integration.evidence.tsa_kit import Tsa, make_tsa

Answer = Callable[[bytes, web.Request], Awaitable[web.StreamResponse] | web.StreamResponse]


def answering(body: bytes, content_type: str = "application/timestamp-reply") -> web.Response:
    """Return an HTTP answer as a TSA gives it."""
    return web.Response(body=body, content_type=content_type)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """Serve ``answer`` on loopback and yield its URL."""

    async def handle(request: web.Request) -> web.StreamResponse:
        result = answer(await request.read(), request)
        return result if isinstance(result, web.StreamResponse) else await result

    app = web.Application()
    app.router.add_post("/tsa", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield f"http://127.0.0.1:{port}/tsa"
    finally:
        await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture(scope="session")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    """An authority whose tokens hold the signer's certificate alone."""
    return make_tsa(tmp_path_factory.mktemp("tsa") / "plain")


@pytest.fixture(scope="session")
def long_tsa(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    """An authority with an intermediate, which embeds its whole chain."""
    return make_tsa(tmp_path_factory.mktemp("tsa") / "long", intermediate=True, embed_root=True, key_type="ec")


Stamper = Callable[[Tsa, Sha256, bytes | None], Awaitable[Timestamp]]


@pytest.fixture
def stamp(session: aiohttp.ClientSession) -> Stamper:
    """Have a digest stamped by an authority over HTTP."""

    async def ask(authority: Tsa, digest: Sha256, trusted_pem: bytes | None) -> Timestamp:
        async with serving(lambda query, _: answering(authority.reply(query))) as url:
            stamper = Rfc3161Timestamper([url], session=session, trusted_pem=trusted_pem)
            return await stamper.stamp(digest)

    return ask


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder
