"""Where connections go, seen from a server on loopback that counts them, and a name whose address changes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from archiveworker.domain.errors import AddressRefusedError
from archiveworker.domain.secret import Secret
from archiveworker.runtime import outbound
from archiveworker.runtime.http import HttpOptions, client_session
from archiveworker.runtime.proxies import Proxy


class Answering:
    """A server on 127.0.0.1 that says 204 and counts."""

    port: int
    count: int = 0

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Answering]:
    answering = Answering()
    async with await asyncio.start_server(answering.on_connection, "127.0.0.1", 0) as listening:
        answering.port = listening.sockets[0].getsockname()[1]
        yield answering


async def status(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url, allow_redirects=False) as response:
        return response.status


def answers(monkeypatch: pytest.MonkeyPatch, *answered: list[str]) -> list[str]:
    """Be the name server of this process: each look-up gets the next answer."""
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in answered[len(asked) - 1]
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_a_private_address_is_for_those_who_may_have_one(server: Answering, host: str) -> None:
    url = f"http://{host}:{server.port}/"
    async with outbound.session(outbound.nobody) as session:
        with pytest.raises(AddressRefusedError, match="does not connect"):
            await status(session, url)
    assert server.count == 0
    async with outbound.session(outbound.anyone) as session:
        assert await status(session, url) == 204
    assert server.count == 1


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "[::]", "[::ffff:a9fe:a9fe]", "224.0.0.1"]
)
async def test_nobody_reaches_a_metadata_service(server: Answering, host: str) -> None:
    # 0.0.0.0 and [::] are this machine to Linux: the server would hear of it.
    async with outbound.session(outbound.anyone) as session:
        with pytest.raises(AddressRefusedError, match="does not connect"):
            await status(session, f"http://{host}:{server.port}/")
    assert server.count == 0


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0x7f000001", "127.0.0.1.", "１２７.0.0.1"]
)
async def test_a_private_address_in_disguise_is_the_same(server: Answering, host: str) -> None:
    async with outbound.session(outbound.nobody) as session:
        # Some are no URL to aiohttp, depending on its version; the system's resolver would read all of them.
        with pytest.raises((AddressRefusedError, aiohttp.InvalidURL)):
            await status(session, f"http://{host}:{server.port}/")
    assert server.count == 0


async def test_the_message_tells_the_poster_nothing_about_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ["10.11.12.13"])
    with capture_logs() as logs:
        async with outbound.session(outbound.nobody) as session:
            with pytest.raises(AddressRefusedError, match="does not connect") as caught:
                await status(session, "http://payroll.corp.example/")
    assert "10.11.12.13" not in str(caught.value)
    assert logs[0]["address"] == "10.11.12.13"


@pytest.mark.parametrize("answer", [["127.0.0.1", "169.254.169.254"], ["9.9.9.9", "169.254.169.254"], ["fe80::1"]])
async def test_one_bad_address_spoils_the_answer(
    server: Answering, monkeypatch: pytest.MonkeyPatch, answer: list[str]
) -> None:
    answers(monkeypatch, answer)
    async with outbound.session(outbound.anyone) as session:
        with pytest.raises(AddressRefusedError, match="link-local"):
            await status(session, f"http://lms.example:{server.port}/")
    assert server.count == 0


async def test_a_name_that_moves_is_checked_each_time_it_is_looked_up(
    server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answers(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    options = {"use_dns_cache": False, "force_close": True}
    async with aiohttp.ClientSession(connector=outbound.connector(outbound.anyone, **options)) as session:
        url = f"http://lms.example:{server.port}/"
        assert await status(session, url) == 204
        with pytest.raises(AddressRefusedError, match="link-local"):
            await status(session, url)
    assert (asked, server.count) == (["lms.example"] * 2, 1)


async def test_what_was_checked_is_what_is_connected_to(server: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    # A second look-up between check and connection would get the metadata service, and be seen here.
    asked = answers(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    async with outbound.session(outbound.anyone) as session:
        assert await status(session, f"http://lms.example:{server.port}/") == 204
    assert asked == ["lms.example"]


async def test_a_name_that_was_checked_for_one_does_not_open_the_address_for_another(
    server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, ["127.0.0.1"], ["127.0.0.1"])

    def only_lms(host: str, _port: int) -> bool:
        return host == "lms.example"

    async with outbound.session(only_lms) as session:
        assert await status(session, f"http://lms.example:{server.port}/") == 204
        with pytest.raises(AddressRefusedError, match="loopback"):
            await status(session, f"http://other.example:{server.port}/")
        with pytest.raises(AddressRefusedError, match="loopback"):
            await status(session, f"http://127.0.0.1:{server.port}/")
    assert server.count == 1


async def test_a_redirect_is_checked_again() -> None:
    async def away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    # No client of the worker follows one; whoever did, would be stopped all the same.
    async with await asyncio.start_server(away, "127.0.0.1", 0) as listening, outbound.session() as session:
        with pytest.raises(AddressRefusedError, match="link-local"):
            await session.get(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/")


async def test_a_proxy_may_be_inside_when_servers_may_not(server: Answering) -> None:
    proxy_url = f"http://127.0.0.1:{server.port}"
    async with client_session(HttpOptions(proxy=Proxy.of(Secret(proxy_url), ()), may_be_private=False)) as session:
        assert await status(session, "http://lms.example/") == 204
    async with client_session(HttpOptions(may_be_private=False)) as session:
        with pytest.raises(AddressRefusedError, match="ALLOWED_LMS"):
            await status(session, f"{proxy_url}/")
    assert server.count == 1


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "..", "x..example"])
async def test_what_is_no_name_is_not_looked_up(host: str) -> None:
    async with outbound.session() as session:
        with pytest.raises((aiohttp.ClientError, ValueError)):
            await status(session, f"http://{host}/")
