"""Object stores and traces, whose clients are those of libraries, go through the same proxy as everything else.

Real processes again: a proxy, moto's S3 server (plain and over TLS), an OpenTelemetry collector. Names that only the
proxy knows prove the way.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from archiveworker import composition, storage
from archiveworker.domain.errors import SettingsError, StoreUnavailableError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.object_store import ObjectStore
from archiveworker.runtime.object_store_spool import ObjectStoreSpool
from archiveworker.runtime.object_store_url import StoreUrl
from archiveworker.runtime.proxies import Proxy
from archiveworker.settings import Settings
from tests.contract.delivery.conftest import JOB, contents, make_parcel
from tests.fakes.collector import Collector
from tests.fakes.proxy import ROOT, RunningProxy, running_proxy
from tests.fakes.s3 import KEY, S3Server, running_s3
from tests.fakes.tls import make_certificate

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORE, COLLECTOR, NOBODY = "store.example.test", "collector.example.test", "nobody.example.test"
USER = "archive:p%40ss"
SOCKS = Secret("socks5://archive:hidden-word@proxy.example.test")


@dataclass
class Place:
    """An S3 server behind the proxy.

    Attributes:
        server: itself.
        endpoint: by which only the proxy finds it.
        ca: PEM file to believe, None where there is no TLS.
    """

    server: S3Server
    endpoint: str
    ca: Path | None

    def line(self, bucket: str) -> str:
        return f"s3://{bucket}/exams?endpoint={self.endpoint}"


@pytest.fixture(scope="module", params=["http", "https"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if request.param == "http":
        with running_s3() as server:
            yield Place(server, f"http://{STORE}", None)
        return
    certificate = make_certificate(tmp_path_factory.mktemp("store"), STORE, "IP:127.0.0.1")
    with running_s3(certificate) as server:
        yield Place(server, f"https://{STORE}", certificate.pem)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(place: Place) -> AsyncIterator[RunningProxy]:
    async with running_proxy("http", {STORE: place.server.port}, "archive:p@ss") as made:
        made.url = made.url.replace("archive:p@ss", USER)
        yield made


def route(proxy: RunningProxy, *bypass: str) -> Proxy:
    found = Proxy.of(Secret(proxy.url), bypass)
    assert found is not None
    return found


async def test_archives_and_working_files_go_through_it(place: Place, proxy: RunningProxy, tmp_path: Path) -> None:
    line = place.line(place.server.make_bucket())
    settings = Settings(
        data_dir=tmp_path,
        proxy=Secret(proxy.url),
        ca_bundle=place.ca,
        delivery_s3=(line,),
        delivery_s3_keys=(KEY,),
        spool_url=line,
        spool_key=KEY,
    )
    [target] = composition.build_targets(settings).values()
    await target.check()
    parcel = make_parcel(tmp_path / "spool")
    await target.deliver(parcel, JOB)
    bucket = line.split("/")[2]
    assert len(place.server.keys(bucket)) == len(contents(parcel))
    state = await asyncio.to_thread(storage.open_state, settings)
    assert isinstance(state.spool, ObjectStoreSpool)
    await asyncio.to_thread(state.spool.write_mark, "mark")
    assert await asyncio.to_thread(state.spool.read_mark) == "mark"
    port = 443 if place.ca else 80
    assert set(proxy.passed) == {f"{STORE}:{port}"}


async def test_what_is_bypassed_and_this_machine_are_asked_directly(place: Place, proxy: RunningProxy) -> None:
    before, bucket = list(proxy.passed), place.server.make_bucket()
    near = ObjectStore(StoreUrl(bucket, endpoint=place.server.endpoint, path_style=True), KEY, place.ca, route(proxy))
    assert await asyncio.to_thread(near.head, "x") is None
    for style, bypass in ((True, STORE), (False, STORE), (False, f"{bucket}.{STORE}")):
        url = StoreUrl(bucket, endpoint=place.endpoint, path_style=style)
        direct = ObjectStore(url, KEY, place.ca, route(proxy, bypass))
        with pytest.raises(StoreUnavailableError, match="EndpointConnectionError"):
            await asyncio.to_thread(direct.head, "x")
    assert proxy.passed == before


async def test_what_the_proxy_does_not_connect_to_is_told_without_its_password(
    place: Place, proxy: RunningProxy
) -> None:
    far = ObjectStore(StoreUrl("bucket", endpoint=f"https://{NOBODY}", path_style=True), KEY, None, route(proxy))
    with pytest.raises(StoreUnavailableError, match="proxy of ARCHIVEWORKER_PROXY did not connect to") as caught:
        await asyncio.to_thread(far.head, "x")
    assert "p@ss" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert "p%40ss" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_proxies_of_the_environment_are_not_read(
    place: Place, proxy: RunningProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy.url)
    before = list(proxy.passed)
    store = ObjectStore(StoreUrl("bucket", endpoint=place.endpoint, path_style=True), KEY, place.ca)
    with pytest.raises(StoreUnavailableError, match="EndpointConnectionError"):
        await asyncio.to_thread(store.head, "x")
    assert proxy.passed == before


async def test_the_keys_of_a_web_identity_come_through_it(
    place: Place, proxy: RunningProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of Kubernetes' service accounts: botocore asks STS for keys, here moto's at the same place."""
    token = tmp_path / "token"
    token.write_text("made-up-token-of-a-service-account")
    given = {
        "WEB_IDENTITY_TOKEN_FILE": str(token),
        "ROLE_ARN": "arn:aws:iam::123456789012:role/archives",
        "REGION": "eu-central-1",
        "ENDPOINT_URL_STS": place.endpoint,
        "EC2_METADATA_DISABLED": "true",
        "CONFIG_FILE": str(tmp_path / "none"),
        "SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }
    for name, value in given.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    bucket = place.server.make_bucket()
    store = ObjectStore(StoreUrl(bucket, endpoint=place.endpoint, path_style=True), None, place.ca, route(proxy))
    await asyncio.to_thread(store.put_bytes, "x", b"data")
    assert place.server.objects(bucket) == {"x": b"data"}


async def test_amazons_own_address_is_known_to_the_list(proxy: RunningProxy) -> None:
    """The settings name none then; nothing is asked of it here."""
    before = list(proxy.passed)
    for bypass in ("amazonaws.com", "s3.eu-central-1.amazonaws.com", "bucket.s3.eu-central-1.amazonaws.com"):
        ObjectStore(StoreUrl("bucket", region="eu-central-1"), KEY, None, Proxy.of(SOCKS, (bypass,)))
    with pytest.raises(SettingsError, match=r"or s3\.eu-central-1\.amazonaws\.com in ARCHIVEWORKER_NO_PROXY"):
        ObjectStore(StoreUrl("bucket", region="eu-central-1"), KEY, None, Proxy.of(SOCKS, ("eu-west-1.amazonaws.com",)))
    assert proxy.passed == before


async def test_a_socks_proxy_is_refused_with_what_to_do() -> None:
    settings = Settings(proxy=SOCKS, delivery_s3=(f"s3://bucket/x?endpoint=https://{STORE}",), delivery_s3_keys=(KEY,))
    with pytest.raises(SettingsError, match=f"SOCKS proxy; name an HTTP proxy .* or {STORE} in ARCHIVEWORKER_NO_PROXY"):
        composition.build_targets(settings)


TRACED = """
import sys
from pathlib import Path
from archiveworker.domain.secret import Secret
from archiveworker.runtime import tracing
from archiveworker.runtime.proxies import Proxy
url, bundle, proxy, *bypass = sys.argv[1:]
with tracing.exported(url, Path(bundle) if bundle else None, Proxy.of(Secret(proxy), bypass)):
    with tracing.span("render"):
        pass
"""
"""OpenTelemetry's provider is one a process."""


async def traced(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", TRACED, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    out, err = await process.communicate()
    return process.returncode or 0, (out + err).decode()


@pytest.mark.parametrize("tls", [False, True])
async def test_traces_go_through_it_but_for_what_is_bypassed(tls: bool, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, COLLECTOR, "IP:127.0.0.1")
    async with Collector(certificate.context if tls else None) as collector:
        port = int(collector.url.split(":")[2].split("/")[0])
        bundle = str(certificate.pem) if tls else ""
        async with running_proxy("http", {COLLECTOR: port}, "archive:p@ss") as own:
            url = collector.url.replace(f"127.0.0.1:{port}", f"{COLLECTOR}:4318")
            way = own.url.replace("archive:p@ss", USER)
            assert await traced(url, bundle, way) == (0, "")
            assert [span.name for span in collector.spans] == ["render"]
            assert own.passed == [f"{COLLECTOR}:4318"]
            assert await traced(collector.url, bundle, way, "10.0.0.0/8") == (0, "")
            assert [span.name for span in collector.spans] == ["render"] * 2
            assert own.passed == [f"{COLLECTOR}:4318"], "this machine is asked directly"


async def test_traces_cannot_go_through_a_socks_proxy() -> None:
    code, said = await traced(f"http://{COLLECTOR}:4318/v1/traces", "", SOCKS.reveal())
    assert code == 1
    assert f"or {COLLECTOR} in ARCHIVEWORKER_NO_PROXY" in said
    assert "hidden-word" not in said
