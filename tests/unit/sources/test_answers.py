"""What clients of LMSs do with an answer, and with none, against real sockets on loopback."""

import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from archiveworker.domain.errors import LimitExceededError, RecordError, Retry
from archiveworker.domain.secret import Secret
from archiveworker.runtime.http import NETWORK
from archiveworker.sources.answers import is_busy, quoted, read_json, read_refusal, unreachable

TOKEN = Secret("made-up-token")
KIB = 1024


async def answer(request: web.Request) -> web.Response:
    return web.Response(body=request.query["body"].encode() * int(request.query.get("times", "1")))


@pytest.fixture
async def url() -> AsyncIterator[Any]:
    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server:
        yield lambda **query: server.make_url("/").with_query(query)


@pytest.mark.parametrize(
    ("body", "kind"), [("", "nothing"), (" <html>", "a web page"), ("{", "something that is no JSON")]
)
async def test_what_is_no_json_is_named_with_the_advice(url: Any, body: str, kind: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url(body=body)) as response:
        with pytest.raises(RecordError, match=f"^the list came as {kind}; ask the cook$"):
            await read_json(response, "the list", KIB, "ask the cook")


async def test_an_answer_may_be_as_large_as_the_limit_and_no_larger(url: Any) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(url(body="1", times=KIB)) as response:
            assert await read_json(response, "the list", KIB, "") == int("1" * KIB)
        async with session.get(url(body="1", times=KIB + 1)) as response:
            with pytest.raises(LimitExceededError, match="more than 1024 bytes; raise ARCHIVEWORKER_MAX_REPORT_BYTES"):
                await read_json(response, "the list", KIB, "")


async def test_of_a_long_refusal_only_the_beginning_is_read(url: Any) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(url(body="no", times=4 * 1024 * KIB)) as response:
            assert 64 * KIB <= len(await read_refusal(response)) < 4 * 1024 * KIB
        async with session.get(url(body="no")) as response:
            assert await read_refusal(response) == b"no"


def test_words_of_an_lms_are_one_short_line_without_the_token() -> None:
    assert quoted("made-up-token\n is  bad", TOKEN) == "*** is bad"
    assert len(quoted("x" * 1000, TOKEN)) == 200


async def test_a_server_that_is_not_there_may_be_asked_again_and_the_cause_shows_no_token() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(NETWORK) as caught:
            await session.get(f"http://127.0.0.1:{port}/{TOKEN.reveal()}")
        shown = aiohttp.ClientError(f"no answer from /{TOKEN.reveal()}")
    failure = unreachable(caught.value, "the list could not be had", "the LMS", TOKEN)
    assert failure.retry is Retry.LATER
    assert str(failure) == (
        "the list could not be had: no connection could be made; check that the LMS is up and the worker can reach it"
    )
    assert "***" in str(unreachable(shown, "the list could not be had", "the LMS", TOKEN).__cause__)


@pytest.mark.parametrize(("status", "busy"), [(200, False), (404, False), (408, True), (429, True), (500, True)])
def test_which_statuses_pass(status: int, busy: bool) -> None:
    assert is_busy(status) is busy
