"""How long the gateway remembers that a host was not there."""

import asyncio
from typing import Any

import pytest

from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering import fetcher
from archiveworker.rendering.config import GatewayConfig
from archiveworker.rendering.fetcher import Failure, Fetcher
from archiveworker.rendering.policy import Policy
from archiveworker.rendering.wire import Response
from tests.fakes.worker import free_port

# RFC 6761, 6.4: no name below "invalid" exists, and no resolver asks anybody for one.
CDN = "https://cdn.invalid"


def fetcher_for(own: str) -> Fetcher:
    return Fetcher(Policy(LmsOrigin.of(own), ("cdn.invalid",)), GatewayConfig())


async def test_a_host_that_is_not_there_is_not_asked_for_by_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    looked_up: list[str] = []
    look_up = loop.getaddrinfo

    async def counted(host: str, *args: Any, **kwargs: Any) -> Any:
        looked_up.append(host)
        return await look_up(host, *args, **kwargs)

    monkeypatch.setattr(loop, "getaddrinfo", counted)
    one = fetcher_for("https://lms.example")
    # The words of a failure stand in the archive: they must not depend on which page came first.
    nobody = Failure(502, "no answer (ClientConnectorDNSError)")
    assert [await one.get(f"{CDN}/{name}.js", {}) for name in "abc"] == [nobody] * 3
    assert looked_up == ["cdn.invalid"]
    monkeypatch.setattr(fetcher, "_REFUSED_LIFE_S", 0.0)
    another = fetcher_for("https://lms.example")
    assert [await another.get(f"{CDN}/{name}.js", {}) for name in "ab"] == [nobody] * 2
    assert len(looked_up) == 3
    await one.close()
    await another.close()


async def test_the_lms_itself_is_found_as_soon_as_it_is_there() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()

    port = free_port()
    one = fetcher_for(f"http://127.0.0.1:{port}")
    try:
        away = await one.get(f"http://127.0.0.1:{port}/a.css", {})
        assert isinstance(away, Failure)
        assert away.reason == "no answer (ClientConnectorError)"
        async with await asyncio.start_server(answer, "127.0.0.1", port):
            there = await one.get(f"http://127.0.0.1:{port}/a.css", {})
        assert isinstance(there, Response)
        assert there.body == b"ok"
    finally:
        await one.close()
