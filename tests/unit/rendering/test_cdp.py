"""Speaking DevTools Protocol: against a browser of the test's own at the other end of the pipe."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from archiveworker.domain.errors import BrowserGoneError, RenderError
from archiveworker.rendering.cdp import Connection


class FakeBrowser:
    """Reads commands and writes what a test tells it to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def heard(self) -> dict[str, Any]:
        return dict(json.loads((await self._reader.readuntil(b"\0"))[:-1]))

    def say(self, **message: Any) -> None:
        self.writer.write(json.dumps(message).encode() + b"\0")


@pytest_asyncio.fixture
async def both() -> AsyncIterator[tuple[Connection, FakeBrowser]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    fake = FakeBrowser(*await asyncio.open_unix_connection(sock=theirs))
    connection = await Connection.open(ours)
    yield connection, fake
    connection.close()
    fake.writer.close()


async def test_answers_find_their_commands_in_any_order(both: tuple[Connection, FakeBrowser]) -> None:
    connection, fake = both
    first, second = connection.browser.send("A.first", {"x": 1}), connection.browser.send("A.second")
    heard = [await fake.heard(), await fake.heard()]
    assert [(one["method"], one["params"]) for one in heard] == [("A.first", {"x": 1}), ("A.second", {})]
    fake.say(id=heard[1]["id"], result={"is": "second"})
    fake.say(id=heard[0]["id"], result={"is": "first"})
    assert await asyncio.gather(first, second) == [{"is": "first"}, {"is": "second"}]


async def test_messages_are_put_together_from_pieces(both: tuple[Connection, FakeBrowser]) -> None:
    connection, fake = both
    answer, other = connection.browser.send("A.long"), connection.browser.send("A.short")
    long = json.dumps({"id": 1, "result": {"data": "ü" * 100_000}}).encode() + b"\0"
    for start in range(0, len(long), 7_001):
        fake.writer.write(long[start : start + 7_001])
        await fake.writer.drain()
    fake.writer.write(json.dumps({"method": "A.event", "params": {}}).encode() + b'\0{"id": 2, "result"')
    fake.writer.write(b": {}}\0")
    assert await answer == {"data": "ü" * 100_000}
    assert await other == {}


async def test_a_refusal_is_an_error_that_says_what(both: tuple[Connection, FakeBrowser]) -> None:
    connection, fake = both
    answer = connection.browser.send("Page.print")
    fake.say(id=(await fake.heard())["id"], error={"code": -32000, "message": "Printing failed\nat line 7"})
    with pytest.raises(RenderError, match=r"could not render the page \(Printing failed\)$"):
        await answer


async def test_a_browser_that_hangs_up_fails_all_that_waits_and_all_that_comes(
    both: tuple[Connection, FakeBrowser],
) -> None:
    connection, fake = both
    answer = connection.browser.send("A.never")
    fake.writer.close()
    with pytest.raises(BrowserGoneError, match="the browser ended"):
        await answer
    assert not connection.browser.is_open
    with pytest.raises(BrowserGoneError, match="the browser lost the page"):
        await connection.browser.send("A.later")
    connection.browser.tell("A.whatever")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"method": "Inspector.targetCrashed", "params": {}, "sessionId": "S"}, "its process ended"),
        ({"method": "Target.detachedFromTarget", "params": {"sessionId": "S"}}, "it was closed"),
    ],
)
async def test_a_page_that_is_gone_fails_what_waits_for_it_and_nothing_else(
    both: tuple[Connection, FakeBrowser], event: dict[str, Any], reason: str
) -> None:
    connection, fake = both
    page = connection.browser.named("S")
    of_page, of_browser = page.send("Page.navigate"), connection.browser.send("Browser.getVersion")
    assert (await fake.heard())["sessionId"] == "S"
    fake.say(**event)
    with pytest.raises(BrowserGoneError, match=reason):
        await of_page
    await asyncio.wait_for(page.wait_until_ended(), 1)
    fake.say(id=2, result={})
    assert await of_browser == {}


async def test_events_go_to_the_listener_of_their_session(both: tuple[Connection, FakeBrowser]) -> None:
    connection, fake = both
    heard: list[Any] = []
    answer = connection.browser.send("A.b")
    connection.browser.named("S").on("Page.loaded", heard.append)
    fake.say(method="Page.loaded", params={"of": "S"}, sessionId="S")
    fake.say(method="Page.loaded", params={"of": "the browser"})
    fake.say(method="Page.loaded", params={"of": "nobody"}, sessionId="T")
    fake.say(id=1, result={})
    await answer
    assert heard == [{"of": "S"}]


async def test_an_answer_for_somebody_who_went_away_is_dropped(both: tuple[Connection, FakeBrowser]) -> None:
    connection, fake = both
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await connection.browser.send("A.slow")
    answer = connection.browser.send("A.next")
    fake.say(id=1, result={"is": "late"})
    fake.say(id=2, result={"is": "mine"})
    assert await answer == {"is": "mine"}
