"""Each client of the worker goes through a proxy, both real processes; names that only the proxy knows prove it."""

import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from archiveworker import timestamping
from archiveworker.delivery.webhook import WebhookOptions, WebhookTarget
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import AddressRefusedError
from archiveworker.domain.ids import JobId, LmsOrigin
from archiveworker.domain.secret import Secret
from archiveworker.rendering.config import GatewayConfig
from archiveworker.rendering.fetcher import Failure, Fetcher
from archiveworker.rendering.policy import Policy
from archiveworker.runtime.http import HttpOptions, client_session, describe_failure
from archiveworker.runtime.proxies import Proxy
from archiveworker.settings import Settings
from tests.contract.delivery.conftest import make_parcel
from tests.fakes.proxy import RunningProxy, running_proxy
from tests.fakes.receiver import SECRET, receiving

pytestmark = pytest.mark.asyncio(loop_scope="module")

LMS, UNKNOWN = "lms.example.test", "nobody.example.test"
USER = "archive:pass"
BODY = bytes(range(256)) * 1000


@dataclass
class Server:
    """What listens behind the proxies.

    Attributes:
        ca: PEM file that its certificate leads to.
        port: of http.
        tls_port: of https.
        asked: methods and paths.
    """

    ca: Path
    port: int = 0
    tls_port: int = 0
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path_qs}")
        return web.Response(body=await request.read() or b"style", headers={"Content-Type": "text/css"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", f"/CN={LMS}", "-addext", f"subjectAltName=DNS:{LMS}", "-days", "2"]
    make = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *subject]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    found = Server(certificate)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    found.port, found.tls_port = (address[1] for address in runner.addresses)
    yield found
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socks5"])
async def proxy(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[RunningProxy]:
    """A proxy that knows the server, under one name for each of its ports."""
    names = {LMS: server.port, f"tls.{LMS}": server.tls_port}
    async with running_proxy(request.param, names, USER) as made:
        yield made


def through(proxy: RunningProxy, *bypass: str) -> Proxy:
    found = Proxy.of(Secret(proxy.url), bypass)
    assert found is not None
    return found


async def test_bodies_go_there_and_back(server: Server, proxy: RunningProxy) -> None:
    async with client_session(HttpOptions(proxy=through(proxy))) as session:
        for _ in range(2):
            async with session.post(f"http://{LMS}/echo?a=1", data=BODY) as answer:
                assert (answer.status, await answer.read()) == (200, BODY)
    assert server.asked[-2:] == ["POST /echo?a=1"] * 2
    assert f"{LMS}:80" in proxy.passed


async def test_tls_goes_through_and_is_checked(server: Server, proxy: RunningProxy) -> None:
    """The certificate is for another name than the proxy was asked for: the one is good, the other is not."""
    async with client_session(HttpOptions(proxy=through(proxy), ca_bundle=server.ca)) as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError) as caught:
            await session.get(f"https://tls.{LMS}/")
        assert describe_failure(caught.value) == "its TLS certificate is not trusted"
    async with running_proxy(proxy.url.split(":")[0], {LMS: server.tls_port}) as other:
        async with (
            client_session(HttpOptions(proxy=through(other), ca_bundle=server.ca)) as session,
            session.post(f"https://{LMS}/echo", data=BODY) as answer,
        ):
            assert await answer.read() == BODY
        assert other.passed == [f"{LMS}:443"]


async def test_what_is_bypassed_and_this_machine_are_asked_directly(server: Server, proxy: RunningProxy) -> None:
    before = list(proxy.passed)
    async with client_session(HttpOptions(proxy=through(proxy, UNKNOWN))) as session:
        async with session.get(f"http://127.0.0.1:{server.port}/direct") as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientConnectorDNSError):
            await session.get(f"http://www.{UNKNOWN}/")
    assert proxy.passed == before


async def test_the_rule_about_addresses_holds_for_what_the_url_says(proxy: RunningProxy) -> None:
    before = list(proxy.passed)
    async with client_session(HttpOptions(proxy=through(proxy), may_be_private=False)) as session:
        for address in ("169.254.169.254", "10.0.0.1", "[fd00:ec2::254]"):
            with pytest.raises(AddressRefusedError):
                await session.get(f"http://{address}/latest/meta-data")
    assert proxy.passed == before


async def test_what_the_proxy_cannot_reach_is_told_without_its_password(proxy: RunningProxy) -> None:
    async with client_session(HttpOptions(proxy=through(proxy))) as session:
        with pytest.raises(aiohttp.ClientError) as caught:
            await session.get(f"https://{UNKNOWN}/")
    assert describe_failure(caught.value) == "the proxy of ARCHIVEWORKER_PROXY did not connect to it"
    assert "pass" not in f"{caught.value} {caught.value!r}"


async def test_a_wrong_password_is_refused(proxy: RunningProxy) -> None:
    wrong = Proxy.of(Secret(proxy.url.replace(USER, "archive:wrong")), ())
    async with client_session(HttpOptions(proxy=wrong)) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"https://{LMS}/")


async def test_pages_get_their_files_through_it(server: Server, proxy: RunningProxy) -> None:
    config = GatewayConfig(proxy=through(proxy))
    fetcher = Fetcher(Policy(LmsOrigin.of(f"http://{LMS}")), config)
    try:
        answer = await fetcher.get(f"http://{LMS}/style.css", {})
        assert not isinstance(answer, Failure)
        assert answer.body == b"style"
        refused = await fetcher.get(f"http://{UNKNOWN}/style.css", {})
        assert isinstance(refused, Failure), "the policy is asked before the proxy"
    finally:
        await fetcher.close()
    assert server.asked[-1] == "GET /style.css"
    assert f"{UNKNOWN}:80" not in proxy.passed


async def test_archives_go_through_it(proxy: RunningProxy, tmp_path: Path) -> None:
    async with receiving() as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        async with running_proxy(proxy.url.split(":")[0], {"records.example.test": port}) as own:
            url = receiver.url.replace(f"127.0.0.1:{port}", "records.example.test")
            target = WebhookTarget("records", WebhookOptions(Secret(url), Secret(SECRET), proxy=through(own)))
            await target.deliver(make_parcel(tmp_path / "spool"), JobId("c0199590-e54a-11f1-9fb7-02fc00000001"))
            assert own.passed == ["records.example.test:80"]
        assert len(receiver.stored) == 1


async def test_time_stamps_come_through_it(proxy: RunningProxy, tmp_path: Path) -> None:
    async with DemoServer(DemoOptions(seed=1, attempts=1, workdir=tmp_path)) as lms:
        port = int(lms.tsa_url.split(":")[2].split("/")[0])
        async with running_proxy(proxy.url.split(":")[0], {"tsa.example.test": port}) as own:
            url = lms.tsa_url.replace(f"127.0.0.1:{port}", "tsa.example.test")
            settings = Settings(proxy=Secret(own.url), tsa_urls=(Secret(url),), tsa_ca=lms.authority.root_pem)
            async with timestamping.open_timestamper(settings) as timestamper:
                assert timestamper is not None
                stamp = await timestamper.stamp(Sha256.of(b"data"))
            assert stamp.tsa_url == url
            assert "tsa.example.test:80" in own.passed


async def test_the_settings_reach_every_client() -> None:
    settings = Settings(proxy=Secret("socks5://archive:hidden-word@proxy.example.test"), no_proxy=("example.org",))
    assert settings.route is not None
    assert str(settings.route.url) == "socks5://proxy.example.test:1080"
    assert settings.lms_http.proxy == settings.route
    assert "hidden-word" not in f"{settings!r} {settings.route!r}"
