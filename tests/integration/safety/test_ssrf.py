"""The corpus of addresses against the real clients, with a canary on loopback that hears whoever gets through.

Each client is asked to use each address as if an attacker had written it. What is not reached is not enough: the reason
must be that the worker does not connect there, so that an address at which just nobody answers today counts as well.
"""

from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from cryptography import x509
from yarl import URL

from archiveworker.delivery.webhook import WebhookOptions, WebhookTarget
from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import (
    AddressRefusedError,
    ArchiveWorkerError,
    DeliveryError,
    RequestError,
    SettingsError,
    TimestampError,
)
from archiveworker.domain.ids import LmsOrigin
from archiveworker.domain.ports import Source
from archiveworker.domain.secret import Secret
from archiveworker.evidence.revocation_fetch import RevocationFetcher
from archiveworker.evidence.timestamp import Rfc3161Timestamper
from archiveworker.rendering.config import GatewayConfig
from archiveworker.rendering.gateway import LmsGateway
from archiveworker.rendering.wire import Request
from archiveworker.runtime import outbound
from archiveworker.runtime.http import HttpOptions
from archiveworker.runtime.retry import RetryPolicy
from archiveworker.sources.edx_proctoring import EdxProctoringSource
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.peer_review_exchange import PeerReviewExchangeSource
from archiveworker.sources.peer_review_exchange.config import ExchangeConfig
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from archiveworker.sources.reviewed.request import ReviewedConfig
from archiveworker.sources.workshop import WorkshopSource
from tests.contract.sources.posted import quiz_request
from tests.integration.safety.conftest import Canary, be_name_server
from tests.tools.write_ssrf_corpus import Entry, corpus
from tests.unit.evidence.pki import make

TOKEN = "0123456789abcdef0123456789abcdef"
LMS = "https://moodle.example.org"
NOT_PLAIN, NOT_PUBLIC = "its address is not a plain http:// one", "its address is not public"


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"cdn.example.net": ("9.9.9.9",)}
    for entry in corpus():
        if entry.answers:
            answers[LmsOrigin.of(entry.url.replace("{port}", "1")).host] = entry.answers
    be_name_server(monkeypatch, answers)


def sources(*, may_be_private: bool) -> dict[str, Source]:
    http = HttpOptions(connect_timeout_s=2, answer_timeout_s=2, may_be_private=may_be_private)
    retry = RetryPolicy(budget_s=0)
    shared = ReviewedConfig(targets=("directory",))
    moodle = MoodleConfig(http=http, retry=retry, call_timeout_s=2)
    return {
        "quiz_archiver": QuizArchiverSource(moodle),
        "workshop": WorkshopSource(moodle, shared),
        "peer_review": PeerReviewExchangeSource(ExchangeConfig(http=http, retry=retry, call_timeout_s=2), shared),
        "edx_proctoring": EdxProctoringSource(EdxConfig(http=http, retry=retry, call_timeout_s=2), shared),
    }


def posted(source: str, base_url: str) -> dict[str, object]:
    """What an attacker posts to have this address asked."""
    lms = {"base_url": base_url, "token": TOKEN}
    match source:
        case "quiz_archiver":
            return quiz_request(7, base_url, wstoken=TOKEN)
        case "workshop":
            return {"api_version": 1, "lms": lms, "workshop": {"cmid": 3}, "delivery": {"to": ["directory"]}}
        case "peer_review":
            return {"api_version": 1, "lms": lms, "activity": "12", "delivery": {"to": ["directory"]}}
        case _:
            delivery = {"to": ["directory"]}
            return {"api_version": 1, "lms": lms, "course_id": "course-v1:a+b+c", "delivery": delivery}


async def ask(source: Source, base_url: str) -> None:
    request = source.parse(posted(source.name, base_url))
    async with source.connect(request, None) as connection:
        await connection.probe()


async def outcome(call: Callable[[], Awaitable[object]]) -> type[BaseException] | None:
    try:
        await call()
    except ArchiveWorkerError as exc:
        return type(exc)
    return None


@pytest.mark.parametrize("name", sources(may_be_private=True))
async def test_no_request_leads_an_lms_client_astray(canary: Canary, names: None, name: str) -> None:
    expected = {"no-url": {RequestError}, "special": {AddressRefusedError}, "private": {AddressRefusedError}}
    strict, usual = (sources(may_be_private=allowed)[name] for allowed in (False, True))
    wrong = []
    for entry in corpus():
        url = entry.url.replace("{port}", str(canary.port)).rstrip("/")
        for source, judged in ((strict, True), (usual, entry.verdict != "private")):
            if judged and (got := await outcome(lambda s=source, u=url: ask(s, u))) not in _also_refused(
                expected, entry
            ):
                wrong.append((entry, source is strict, got))
    assert wrong == []
    assert canary.heard == []
    # The canary is awake, and so are the clients: the LMS itself may be here, unless an administrator said no.
    assert await outcome(lambda: ask(usual, f"http://127.0.0.1:{canary.port}")) is not AddressRefusedError
    assert TOKEN.encode() in b"".join(canary.heard)


def _also_refused(expected: dict[str, set[type[RequestError]]], entry: Entry) -> set[type[BaseException]]:
    # These connectors take no letters beyond ASCII in an address; that is refused before anybody looks at the host.
    return {*expected[entry.verdict], *(() if entry.url.isascii() else (RequestError,))}


async def test_no_page_gets_the_gateway_to_ask(canary: Canary, names: None) -> None:
    entries = [(entry, entry.url.replace("{port}", str(canary.port))) for entry in corpus()]
    allowed = {f"{origin.host}:{origin.port}" for origin in map(_origin, (url for _, url in entries)) if origin}
    # Patterns cannot hold IPv6; a page's address can, and is no allowed host.
    hosts = tuple(sorted(one for one in allowed if one.count(":") == 1))
    for config in (GatewayConfig(), GatewayConfig(allowed_hosts=hosts)):
        gateway = LmsGateway(LmsOrigin.of(LMS), config)
        session = gateway.open("<p>x</p>", LMS)
        got = {url: (await session.answer(url, Request("GET", url, {}, b""))).status for _, url in entries}
        await gateway.close()
        assert got == dict.fromkeys(got, 403)
    assert canary.heard == []


@pytest.mark.parametrize("own_may_be_private", [False, True])
async def test_a_page_of_an_lms_at_such_an_address_loads_nothing(
    canary: Canary, names: None, own_may_be_private: bool
) -> None:
    entries = [one for one in corpus() if one.verdict != "no-url"][:: 1 if own_may_be_private else 3]
    for entry in entries:
        if entry.verdict == "private" and own_may_be_private:
            continue
        url = entry.url.replace("{port}", str(canary.port))
        gateway = LmsGateway(LmsOrigin.of(url), GatewayConfig(lms_may_be_private=own_may_be_private))
        answer = await gateway.open("<p>x</p>", url).answer(f"{url}x", Request("GET", f"{url}x", {}, b""))
        await gateway.close()
        # A browser never sends letters beyond ASCII in a host; they are no URL to the gateway's client.
        assert answer.status == 403 or (answer.status == 502 and not url.isascii()), entry
    assert canary.heard == []


async def test_no_certificate_leads_to_one_of_them(canary: Canary, names: None) -> None:
    issuer = make("issuer", authority=True)
    fetcher = RevocationFetcher()
    for entry in corpus():
        url = entry.url.replace("{port}", str(canary.port))
        if not url.lower().startswith("http://") or not url.isascii():
            continue  # others are not asked for at all, and names in certificates are ASCII (RFC 5280, 4.2.1.6)
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
        signer = make("signer", issuer, extensions=[x509.CRLDistributionPoints([point])])
        fetched = await fetcher.fetch([signer.certificate, issuer.certificate], URL("https://tsa.example.org/"))
        assert fetched.crls == ()
        reason = NOT_PLAIN if entry.verdict == "no-url" else NOT_PUBLIC
        assert [problem.rpartition(": ")[2] for problem in fetched.problems] == [reason], entry
    assert canary.heard == []


async def test_not_even_an_administrator_gets_to_the_special_ones(canary: Canary, names: None) -> None:
    async with outbound.session(timeout=aiohttp.ClientTimeout(total=5)) as session:
        for entry in corpus():
            url = entry.url.replace("{port}", str(canary.port))
            if entry.verdict != "special":
                continue

            async def stamp(url: str = url) -> object:
                return await Rfc3161Timestamper([url], session=session, trusted_pem=None).stamp(Sha256.of(b""))

            async def check(url: str = url) -> object:
                return await WebhookTarget("x", WebhookOptions(Secret(url), Secret("s" * 32))).check()

            assert await outcome(stamp) in (TimestampError, SettingsError), entry
            assert await outcome(check) in (DeliveryError, SettingsError), entry
    assert canary.heard == []


def _origin(url: str) -> LmsOrigin | None:
    try:
        return LmsOrigin.of(url)
    except ValueError:
        return None
