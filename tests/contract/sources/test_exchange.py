"""The source of the exchange API against a strict server: pages, tokens, refusals, files, and what must never show."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import (
    ArchiveWorkerError,
    IntegrityError,
    LimitExceededError,
    RecordError,
    RequestError,
    SourceError,
    SourceUnavailableError,
    TokenRefusedError,
)
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveFormat, FinishedArchive, OnError, Plan
from archiveworker.domain.peer_review.base import FileId
from archiveworker.domain.peer_review.codec import decode
from archiveworker.domain.peer_review.exchange import PeerReviewFile
from archiveworker.domain.peer_review.kinds import Phase
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import HttpOptions
from archiveworker.runtime.retry import RetryPolicy
from archiveworker.runtime.spool import LocalItemSpool, LocalSpool
from archiveworker.sources.peer_review_exchange import PeerReviewExchangeSource
from archiveworker.sources.peer_review_exchange.config import ExchangeConfig
from archiveworker.sources.reviewed.request import ReviewedConfig
from tests.fakes import peer_review as fake
from tests.fakes.exchange_server import ExchangeServer, serving

JOB = JobId("6f9619ff-8b86-4011-b42d-00c04fc964ff")
TOKEN = "good-token"
CONFIG = ExchangeConfig(
    http=HttpOptions(connect_timeout_s=2.0, answer_timeout_s=2.0),
    retry=RetryPolicy(first_delay_s=0.002, max_delay_s=0.01, budget_s=0.3),
    probe_timeout_s=1.0,
    call_timeout_s=2.0,
    transfer_timeout_s=5.0,
    page_size=5,
)
ACTIVITY = "/activities/17"


def activity(count: int = 8, **changes: object) -> PeerReview:
    record = fake.make(count)
    files = tuple(replace(one, sha256=None, size_bytes=None) for one in record.files)
    return replace(record, files=files, activity=replace(record.activity, **changes))  # type: ignore[arg-type]


@pytest.fixture
async def server() -> AsyncIterator[ExchangeServer]:
    record = activity()
    made = ExchangeServer(record, {one.id: f"bytes of {one.id}".encode() for one in record.files})
    async with serving(made):
        yield made


@pytest.fixture
def spool(tmp_path: Path) -> LocalItemSpool:
    return LocalSpool(tmp_path / "spool").shared(JOB)


def body(server: ExchangeServer, **changes: object) -> dict[str, Any]:
    made = {
        "api_version": 1,
        "lms": {"base_url": server.base_url, "token": TOKEN},
        "activity": "17",
        "delivery": {"to": ["directory"]},
    }
    return {key: value for key, value in {**made, **changes}.items() if value is not None}


def source(config: ExchangeConfig = CONFIG) -> PeerReviewExchangeSource:
    return PeerReviewExchangeSource(config, ReviewedConfig(targets=("directory", "webhook")))


async def plan(
    server: ExchangeServer, spool: LocalItemSpool, config: ExchangeConfig = CONFIG, **changes: object
) -> Plan:
    connector = source(config)
    async with connector.connect(connector.parse(body(server, **changes)), JOB) as connection:
        return await connection.plan(spool)


async def probe(server: ExchangeServer, **changes: object) -> None:
    connector = source()
    async with connector.connect(connector.parse(body(server, **changes)), None) as connection:
        await connection.probe()


def archived(spool: LocalItemSpool) -> PeerReview:
    return decode((spool.folder / "peer_review.json").read_bytes(), PeerReviewFile).peer_review


async def test_everything_that_the_server_has_arrives(server: ExchangeServer, spool: LocalItemSpool) -> None:
    made = await plan(server, spool)
    record = archived(spool)
    assert replace(record, files=()) == replace(server.record, files=())
    assert {one.id for one in record.files} == set(server.contents)
    assert len(made.items) == 1 + 8
    assert sorted(file.path.name for file in made.files) == [
        f"{name}.jsonl"
        for name in ("activity", "allocations", "files", "forms", "participants", "queue", "reviews", "submissions")
    ]
    pages = (spool.folder / "raw" / "reviews.jsonl").read_text().splitlines()
    assert len(pages) == 5, "24 reviews, five on a page"
    assert [json.loads(line)["answer"]["total_count"] for line in pages] == [24] * 5


async def test_pages_may_be_smaller_than_was_asked_for(server: ExchangeServer, spool: LocalItemSpool) -> None:
    server.page_size_max = 2
    await plan(server, spool)
    assert len(archived(spool).reviews) == 24


async def test_ids_are_encoded_in_addresses(spool: LocalItemSpool) -> None:
    strange = "kurs/1?x=ä#&..%2F"
    record = activity(id=strange)
    first = replace(record.files[0], id=FileId("a/../b c.pdf?token=1"))
    works = (replace(record.submissions[0], file_ids=(first.id,)), *record.submissions[1:])
    record = replace(record, files=(first, *record.files[1:]), submissions=works)
    made = ExchangeServer(record, {one.id: b"x" for one in record.files}, tokens={TOKEN: {strange}})
    async with serving(made):
        await plan(made, spool, activity=strange)
    assert {one.status for one in archived(spool).files} == {"ok"}
    assert "GET /activities/kurs%2F1%3Fx%3D%C3%A4%23%26..%252F" in made.asked


Order = Callable[[ExchangeServer], Callable[[web.Request], web.StreamResponse]]


def refuse(status: int, code: str, **headers: str) -> Order:
    return lambda server: lambda _: server.problem(status, code, f"because of {TOKEN}", **headers)


def send(text: str, status: int = 200, **headers: str) -> Order:
    return lambda _: lambda _: web.Response(text=text, status=status, headers=headers)


REFUSALS = [
    (refuse(401, "token_refused"), TokenRefusedError, "has expired"),
    (refuse(403, "out_of_scope"), TokenRefusedError, "may not read this activity, or there is none"),
    (refuse(404, "not_found"), SourceError, "no such thing below lms.base_url"),
    (refuse(400, "bad_request"), SourceError, "refused with HTTP 400"),
    (send("", 302, Location="https://elsewhere.test/"), SourceError, "does not follow a redirect with a token"),
    (send("<html>Log in</html>"), RecordError, "a web page"),
    (send(""), RecordError, "came as nothing"),
    (send("[1]"), RecordError, "not in the peer-review exchange format"),
    (send("[" * 100_000), RecordError, "no JSON"),
    (send('{"api_version": 2}'), RecordError, "not in the peer-review exchange format"),
]


@pytest.mark.parametrize("path", [ACTIVITY, f"{ACTIVITY}/reviews"])
@pytest.mark.parametrize(("order", "kind", "message"), REFUSALS)
async def test_refusals_are_clear(
    server: ExchangeServer, spool: LocalItemSpool, path: str, order: Order, kind: type[SourceError], message: str
) -> None:
    for _ in range(2):  # a bad page token is tried once more from the first page
        server.once(path, order(server))
    with structlog.testing.capture_logs() as logs, pytest.raises(kind, match=message) as caught:
        await plan(server, spool)
    assert type(caught.value) is kind
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)) + repr(logs)
    assert TOKEN not in shown
    assert server.seen_tokens == {TOKEN}


@pytest.mark.parametrize("order", [refuse(429, "busy", Retry_After="0"), refuse(503, "busy"), send("oops", 502)])
async def test_a_busy_server_is_asked_again(server: ExchangeServer, spool: LocalItemSpool, order: Order) -> None:
    server.once(f"{ACTIVITY}/reviews", order(server))
    await plan(server, spool)
    assert len(archived(spool).reviews) == 24


async def test_a_server_that_stays_busy_is_believed(server: ExchangeServer, spool: LocalItemSpool) -> None:
    server.once(ACTIVITY, refuse(429, "busy", Retry_After="1800")(server))
    with pytest.raises(SourceUnavailableError, match="busy") as caught:
        await plan(server, spool)
    assert caught.value.retry_after_s == 1800


async def test_probing_refuses_what_reading_would(server: ExchangeServer) -> None:
    await probe(server)
    with pytest.raises(TokenRefusedError, match="may not read this activity"):
        await probe(server, activity="18")
    with pytest.raises(TokenRefusedError, match="has expired"):
        await probe(server, lms={"base_url": server.base_url, "token": "old"})
    server.record = replace(server.record, activity=replace(server.record.activity, phase=Phase.SUBMISSION))
    with pytest.raises(SourceError, match="still in its submission phase"):
        await probe(server)
    await probe(server, options={"allow_open": True})


async def test_a_token_that_expires_in_the_middle(server: ExchangeServer, spool: LocalItemSpool) -> None:
    """A retry with a new token goes on: what was read whole is not read again, old page tokens are of no use."""

    def expired(_: web.Request) -> web.StreamResponse:
        server.tokens = {"fresh-token-2": {"17"}}
        return server.problem(401, "token_refused", "expired")

    handled = 0

    async def count(request: web.Request) -> web.StreamResponse:
        nonlocal handled
        handled += request.path.endswith("/reviews")
        return expired(request) if handled == 3 else await original(request)

    original, server.handle = server.handle, count  # type: ignore[method-assign]
    async with serving(server):
        with pytest.raises(TokenRefusedError, match="has expired"):
            await plan(server, spool)
        asked = list(server.asked)
        await plan(server, spool, lms={"base_url": server.base_url, "token": "fresh-token-2"})
    again = server.asked[len(asked) :]
    assert f"GET {ACTIVITY}/submissions" not in again
    assert sum(path == f"GET {ACTIVITY}/reviews" for path in again) == 1 + 5, "refused once, then from the first page"
    assert len(archived(spool).reviews) == 24


async def test_a_missing_file_is_a_finding_and_a_damaged_one_an_error(
    server: ExchangeServer, spool: LocalItemSpool
) -> None:
    server.contents = {key: value for key, value in server.contents.items() if key != "file00003"}
    await plan(server, spool)
    assert {one.id: one.status.value for one in archived(spool).files if one.status != "ok"} == {"file00003": "missing"}


@pytest.mark.parametrize("announced", [{"sha256": "0" * 64}, {"size_bytes": 3}])
async def test_other_bytes_than_announced(
    server: ExchangeServer, spool: LocalItemSpool, announced: dict[str, object]
) -> None:
    files = (replace(server.record.files[0], **announced), *server.record.files[1:])  # type: ignore[arg-type]
    server.record = replace(server.record, files=files)
    with pytest.raises(IntegrityError, match="file file00000 arrived with other bytes"):
        await plan(server, spool)
    await plan(server, spool, options={"on_item_error": "report"})
    assert archived(spool).files[0].status == "refused"


async def test_a_file_that_is_too_large_is_not_fetched(server: ExchangeServer, spool: LocalItemSpool) -> None:
    config = replace(CONFIG, max_file_bytes=10)
    await plan(server, spool, config)
    assert {one.status for one in archived(spool).files} == {"refused"}


async def test_an_answer_that_is_too_large(server: ExchangeServer, spool: LocalItemSpool) -> None:
    with pytest.raises(LimitExceededError, match="ARCHIVEWORKER_MAX_REPORT_BYTES"):
        await plan(server, spool, replace(CONFIG, max_answer_bytes=500))


async def test_pages_without_an_end(server: ExchangeServer, spool: LocalItemSpool) -> None:
    page = '{"api_version": 1, "items": [], "next_page_token": "again", "total_count": null}'
    for _ in range(2):
        server.once(f"{ACTIVITY}/forms", send(page)(server))
    with pytest.raises(RecordError, match="no end"):
        await plan(server, spool)
    with pytest.raises(RecordError, match="more than 20 allocations"):
        await plan(server, spool, replace(CONFIG, max_record_count=20))


async def test_another_activity_than_was_asked_for(server: ExchangeServer, spool: LocalItemSpool) -> None:
    server.record = replace(server.record, activity=replace(server.record.activity, id="18"))
    server.once(ACTIVITY, lambda _: server.document("activity", {"activity": server.record.activity}))
    with pytest.raises(RecordError, match="another activity"):
        await plan(server, spool)


async def test_counts_of_the_pages_are_compared(server: ExchangeServer, spool: LocalItemSpool) -> None:
    short = {"items": server.record.reviews[:23], "next_page_token": None, "total_count": 24}
    server.record = replace(server.record, announced=replace(server.record.announced, review_count=None))
    server.once(f"{ACTIVITY}/reviews", lambda _: server.document("reviews_page", short))
    await plan(server, spool)
    assert archived(spool).announced.review_count == 24, "23 came: the check totalcount-mismatch finds it"
    few = {"items": (), "next_page_token": None, "total_count": 1}
    server.once(f"{ACTIVITY}/forms", lambda _: server.document("forms_page", few))
    other = LocalSpool(spool.folder.parent.parent).shared(JobId("6f9619ff-8b86-4011-b42d-00c04fc964fe"))
    with pytest.raises(RecordError, match="there are 1 forms and gives 0"):
        await plan(server, other)


async def test_what_a_server_does_not_count_is_not_announced(server: ExchangeServer, spool: LocalItemSpool) -> None:
    server.counts = False
    server.record = replace(server.record, announced=replace(server.record.announced, review_count=None))
    await plan(server, spool)
    assert archived(spool).announced.review_count is None


async def test_a_slow_server_is_given_up(server: ExchangeServer, spool: LocalItemSpool) -> None:
    server.held = asyncio.Event()
    with pytest.raises(SourceUnavailableError, match="took too long"):
        await plan(server, spool, replace(CONFIG, call_timeout_s=0.2))
    server.held.set()


def test_a_request_is_read(server: ExchangeServer) -> None:
    options = {
        "allow_open": True, "excerpts": True, "pseudonyms": True, "archive_format": "zip", "paper_format": "Letter",
        "keep_html_files": False, "keep_until": "2040-12-31", "on_item_error": "report", "archive_filename": "Übung 1",
    }  # fmt: skip
    request = source().parse(body(server, options=options))
    assert request.options.archive_name == "Übung 1"
    assert request.options.archive_format is ArchiveFormat.ZIP
    assert request.options.on_item_error is OnError.REPORT
    assert str(request.options.retention.keep_until) == "2040-12-31"
    assert request.targets == ("directory",)
    assert TOKEN not in json.dumps(request.payload)
    assert source().resume(request.payload, Secret(TOKEN)) == request


WRONG = [
    ({"activity": None}, "activity is missing"),
    ({"activity": ".."}, "activity must be the id"),
    ({"activity": "a\u0000"}, "activity must be"),
    ({"api_version": 2}, "api_version 2 is not known here"),
    ({"lms": {"base_url": "ftp://x.test", "token": TOKEN}}, "lms.base_url"),
    ({"lms": {"base_url": "https://u:p@x.test", "token": TOKEN}}, "lms.base_url"),
    ({"lms": {"base_url": "https://x.test/?a=1", "token": TOKEN}}, "lms.base_url must be an address without query"),
    (
        {"lms": {"base_url": "https://x.test", "token": "a b"}},
        "lms.token must be 1 to 4096 characters of printable ASCII",
    ),
    ({"lms": "https://x.test"}, "lms must be an object"),
    ({"delivery": None}, "delivery.to is missing.*directory, webhook"),
    ({"delivery": {"to": []}}, "delivery.to must be a list"),
    ({"delivery": {"to": ["s3"]}}, "names a target that this worker does not have; there are: directory, webhook"),
    ({"delivery": {"to": ["directory", "directory"]}}, "different names"),
    ({"options": {"pseudonym": True}}, "options.pseudonym is not known here"),
    ({"options": {"excerpts": "yes"}}, "options.excerpts must be true or false"),
    ({"options": {"keep_until": "soon"}}, "keep_until must be a day"),
    ({"options": {"keep_until": "2030-01-01", "retention": {"keep_years": 3}}}, "must not stand beside retention"),
    ({"options": {"on_item_error": "ignore"}}, "must be one of fail, report"),
    ({"options": {"archive_filename": "../x"}}, "archive_filename"),
    ({"opitons": {}}, "opitons is not known here"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_a_wrong_request_is_refused(server: ExchangeServer, changes: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        source().parse(body(server, **changes))
    assert TOKEN not in str(caught.value)


def test_without_a_target_no_job_is_taken(server: ExchangeServer) -> None:
    with pytest.raises(RequestError, match="set up a delivery target"):
        PeerReviewExchangeSource(CONFIG).parse(body(server))
    known = PeerReviewExchangeSource(CONFIG, ReviewedConfig(targets=("lms", "directory")))
    with pytest.raises(RequestError, match="does not have; there are: directory"):
        known.parse(body(server, delivery={"to": ["lms"]}))


async def test_the_lms_takes_no_archive(server: ExchangeServer) -> None:
    connector = source()
    request = connector.parse(body(server))
    async with connector.connect(request, JOB) as connection:
        parcel = Parcel(FinishedArchive("a.tar.gz", "a", "0" * 64, 1), Path("a"))
        with pytest.raises(ArchiveWorkerError, match="only reads; name another"):
            await connection.upload(parcel)
