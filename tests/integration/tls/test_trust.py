"""Each client of the worker believes the system's authorities and those of the CA bundle, and nobody else.

Three real TLS servers: OpenSSL is told (``SSL_CERT_FILE``) that the first one's authority is the system's, the second
one's is in the bundle, nobody knows the third one's.
"""

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from archiveworker.cli.client import client_of
from archiveworker.client import WorkerClient, WorkerRefusedError, WorkerUnavailableError
from archiveworker.domain.errors import SettingsError, StoreError, StoreUnavailableError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering.config import GatewayConfig
from archiveworker.rendering.fetcher import Failure, Fetcher
from archiveworker.rendering.policy import Policy
from archiveworker.runtime import outbound
from archiveworker.runtime.http import UNTRUSTED, HttpOptions, client_context, client_session
from archiveworker.runtime.object_store import ObjectStore
from archiveworker.runtime.object_store_url import StoreUrl
from tests.fakes.s3 import KEY
from tests.fakes.tls import ServerCertificate, make_certificate

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.openssl]

SYSTEM, BUNDLE, UNKNOWN = range(3)
Ask = Callable[[str, Path | None], Awaitable[bool]]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> list[ServerCertificate]:
    folder = tmp_path_factory.mktemp("tls")
    return [make_certificate(folder / name, "localhost") for name in ("system", "bundle", "unknown")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def urls(certificates: list[ServerCertificate]) -> AsyncIterator[list[str]]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"app": "archiveworker", "version": "0", "api": 7, "name": "archiveworker"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    for certificate in certificates:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate.context).start()
    yield [f"https://localhost:{address[1]}" for address in runner.addresses]
    await runner.cleanup()


@pytest.fixture
def bundle(certificates: list[ServerCertificate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundle, at a path that no other test has: what it holds is read once."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates[SYSTEM].pem))
    own = tmp_path / "bundle.pem"
    own.write_bytes(certificates[BUNDLE].pem.read_bytes())
    return own


async def lms(url: str, ca_bundle: Path | None) -> bool:
    try:
        async with client_session(HttpOptions(ca_bundle=ca_bundle)) as session, session.get(url) as answer:
            return answer.status == 200
    except UNTRUSTED:
        return False


async def authority(url: str, ca_bundle: Path | None) -> bool:
    try:
        async with outbound.session() as session, session.get(url, ssl=client_context(ca_bundle, None)) as answer:
            return answer.status == 200
    except UNTRUSTED:
        return False


async def pages(url: str, ca_bundle: Path | None) -> bool:
    fetcher = Fetcher(Policy(LmsOrigin.of(url)), GatewayConfig(ca_bundle=ca_bundle))
    try:
        answer = await fetcher.get(f"{url}/style.css", {})
    finally:
        await fetcher.close()
    if isinstance(answer, Failure):
        assert "Certificate" in answer.reason
        return False
    return True


async def store(url: str, ca_bundle: Path | None) -> bool:
    place = ObjectStore(StoreUrl("bucket", endpoint=url, path_style=True), KEY, ca_bundle)
    try:
        return await asyncio.to_thread(place.head, "x") is not None
    except StoreUnavailableError:
        raise
    except StoreError:
        return False


async def script(url: str, ca_bundle: Path | None) -> bool:
    try:
        with WorkerClient(url, ca_bundle=ca_bundle) as client:
            await asyncio.to_thread(client.info)
    except WorkerUnavailableError:
        return False
    return True


async def command(url: str, ca_bundle: Path | None) -> bool:
    try:
        with client_of(Namespace(worker=url), {"ARCHIVEWORKER_CA_BUNDLE": str(ca_bundle or "")}) as client:
            await asyncio.to_thread(client.info)
    except WorkerUnavailableError:
        return False
    return True


CLIENTS: list[Ask] = [lms, authority, pages, store, script, command]


@pytest.mark.parametrize("ask", CLIENTS)
async def test_a_bundle_is_believed_in_addition_to_the_system(ask: Ask, urls: list[str], bundle: Path) -> None:
    assert [await ask(url, bundle) for url in urls] == [True, True, False]


@pytest.mark.parametrize("ask", CLIENTS)
async def test_a_bundle_that_cannot_be_used_is_a_matter_of_settings(ask: Ask, urls: list[str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for unusable in (broken, tmp_path / "missing.pem"):
        with pytest.raises((SettingsError, WorkerRefusedError), match="must be a readable PEM file"):
            await ask(urls[SYSTEM], unusable)


async def test_without_a_bundle_the_system_is_believed(urls: list[str], bundle: Path) -> None:
    """Of those that ask OpenSSL at each call; aiohttp asked it when it was imported, before this test."""
    for ask in (store, script, command):
        assert [await ask(url, None) for url in urls] == [True, False, False]
