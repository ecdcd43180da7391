"""Answers that are larger inside than outside, from a server on loopback that says exactly these bytes."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from archiveworker.domain.errors import ArchiveWorkerError, LimitExceededError, SourceUnavailableError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.domain.secret import Secret
from archiveworker.rendering.config import GatewayConfig
from archiveworker.rendering.gateway import LmsGateway
from archiveworker.rendering.wire import Request
from archiveworker.runtime.http import HttpOptions, client_session
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.moodle.site import UPLOAD_PATH, WS_PATH, MoodleSite

MIB = 1024**2
CONFIG = MoodleConfig(
    http=HttpOptions(connect_timeout_s=5, answer_timeout_s=5), max_answer_bytes=MIB, large_answer_bytes=MIB // 4
)
MAX_GROWTH_BYTES = 150 * MIB


@asynccontextmanager
async def saying(head: str, *blocks: bytes) -> AsyncIterator[str]:
    """Serve one answer, whatever is asked."""

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{head}\r\n".encode())
            for block in blocks:
                writer.write(block)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        writer.close()

    async with await asyncio.start_server(on_connection, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def ask_moodle(base_url: str) -> object:
    site = MoodleSite.checked(base_url, base_url + WS_PATH, base_url + UPLOAD_PATH)
    async with client_session(CONFIG.http) as session:
        return await MoodleClient(session, site, Secret("x" * 32), CONFIG).ask("core_x", {}, timeout_s=20)


def _packed(data: bytes, count: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(data) for _ in range(count)) + packer.flush()


@pytest.fixture
def growth_bytes() -> Callable[[], int]:
    """Return what the process grew by at its peak since now (Linux, proc(5))."""

    def peak() -> int:
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    return lambda: peak() - before


@pytest.mark.parametrize("times", [1, 2], ids=["packed", "packed twice"])
async def test_an_answer_that_unpacks_to_400_mib(times: int, growth_bytes: Callable[[], int]) -> None:
    bomb = _packed(b" " * MIB, 400)
    for _ in range(times - 1):
        bomb = gzip.compress(bomb)
    head = f"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n"
    async with saying(head, bomb) as base_url:
        with pytest.raises(
            ArchiveWorkerError, match="ARCHIVEWORKER_MAX_REPORT_BYTES" if times == 1 else "instead of JSON"
        ):
            await ask_moodle(base_url)
        gateway = LmsGateway(LmsOrigin.of(base_url), GatewayConfig(max_response_bytes=MIB))
        session = gateway.open("<p>x</p>", base_url)
        answer = await session.answer(f"{base_url}/x.css", Request("GET", f"{base_url}/x.css", {}, b""))
        await gateway.close()
    assert answer.status == (502 if times == 1 else 200)
    assert len(answer.body) <= MIB
    assert growth_bytes() < MAX_GROWTH_BYTES


async def test_an_answer_without_end() -> None:
    async with saying("Content-Type: application/json\r\n", *[b"[" * 65536] * 64) as base_url:
        with pytest.raises(LimitExceededError, match="ARCHIVEWORKER_MAX_REPORT_BYTES"):
            await ask_moodle(base_url)


@pytest.mark.parametrize("depth", [1_000, 100_000])
async def test_an_answer_of_nothing_but_brackets(depth: int) -> None:
    body = json.dumps({"a": 1}).replace("1", "[" * depth + "]" * depth).encode()
    async with saying(f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n", body) as base_url:
        try:
            assert isinstance(await ask_moodle(base_url), dict)
        except SourceUnavailableError as exc:
            assert "instead of JSON" in str(exc)  # noqa: PT017 - both are right, a crash is not


@pytest.mark.parametrize(
    "head",
    [
        "X: " + "y" * 100_000 + "\r\n",
        "".join(f"X-{number}: y\r\n" for number in range(50_000)),
        "Content-Length: -1\r\n",
    ],
    ids=["a long header", "many headers", "a negative length"],
)
@pytest.mark.parametrize("ask", ["moodle", "gateway"])
async def test_a_head_that_no_server_sends(head: str, ask: str, growth_bytes: Callable[[], int]) -> None:
    async with saying(head, b"{}") as base_url:
        asks: dict[str, Callable[[str], Awaitable[object]]] = {"moodle": ask_moodle, "gateway": _ask_gateway}
        try:
            assert await asks[ask](base_url) in ({}, 200, 502)
        except SourceUnavailableError as exc:
            assert "did not answer" in str(exc)  # noqa: PT017 - both are right, a crash is not
    assert growth_bytes() < MAX_GROWTH_BYTES


async def _ask_gateway(base_url: str) -> int:
    gateway = LmsGateway(LmsOrigin.of(base_url), GatewayConfig(request_limit_s=10))
    answer = await gateway.open("<p>x</p>", base_url).answer(base_url, Request("GET", base_url, {}, b""))
    await gateway.close()
    return answer.status
