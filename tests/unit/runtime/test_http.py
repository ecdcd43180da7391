"""Sessions and bodies, against a real server on loopback."""

import asyncio
import hashlib
import io
import os
import ssl
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from archiveworker import __version__
from archiveworker.domain.errors import LimitExceededError, SettingsError
from archiveworker.runtime import process
from archiveworker.runtime.http import (
    BLOCK_BYTES,
    HttpOptions,
    client_session,
    describe_failure,
    last_modified_s,
    open_file,
    read_range,
    save_body,
)

CONTENT = bytes(range(256)) * 10_000
FULL = Path("/dev/full")


async def serve_content(request: web.Request) -> web.StreamResponse:
    if request.path == "/headers":
        return web.json_response(dict(request.headers))
    response = web.StreamResponse(headers={"Last-Modified": request.query.get("modified", "")})
    await response.prepare(request)
    with io.BytesIO(CONTENT[: int(request.query.get("size", len(CONTENT)))]) as body:
        while block := body.read(100_000):
            await response.write(block)
    return response


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_get("/{path:.*}", serve_content)
    async with TestServer(app) as running:
        yield running


async def test_a_body_is_hashed_while_it_is_written(server, tmp_path):
    async with client_session(HttpOptions()) as session, session.get(server.make_url("/")) as response:
        saved = await save_body(response, tmp_path / "body", max_bytes=len(CONTENT), what="it", setting="LIMIT")

    assert (tmp_path / "body").read_bytes() == CONTENT
    assert saved.sha256.hex == hashlib.sha256(CONTENT).hexdigest()
    assert saved.sha1.hex == hashlib.sha1(CONTENT).hexdigest()
    assert saved.size_bytes == len(CONTENT)


async def test_a_body_that_says_nothing_of_its_size_is_stopped_at_the_limit(server, tmp_path):
    async with client_session(HttpOptions()) as session, session.get(server.make_url("/")) as response:
        assert response.content_length is None
        with pytest.raises(LimitExceededError, match="the file is larger than the 2559999 bytes .*raise LIMIT"):
            await save_body(response, tmp_path / "body", max_bytes=len(CONTENT) - 1, what="the file", setting="LIMIT")

    assert (tmp_path / "body").stat().st_size < len(CONTENT)


async def test_a_session_says_who_it_is_and_keeps_no_cookies(server):
    async with client_session(HttpOptions()) as session:
        async with session.get(server.make_url("/headers")) as response:
            headers = await response.json()
        assert len(session.cookie_jar) == 0

    assert headers["User-Agent"] == f"archiveworker/{__version__}"
    assert "Cookie" not in headers


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_bundle_that_cannot_be_used_is_a_matter_of_settings(tmp_path, content):
    bundle = tmp_path / "ca.pem"
    if content:
        bundle.write_text(content)
    with pytest.raises(SettingsError, match=r"ca\.pem cannot be used: it must be a readable PEM file"):
        client_session(HttpOptions(ca_bundle=bundle))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("Sat, 21 Nov 2026 01:28:27 GMT", 1795224507), ("", None), ("yesterday", None), ("Sat, 99 Nov 2026", None)],
)
async def test_last_modified_is_read_or_left(server, text, seconds):
    url = server.make_url("/").with_query(modified=text)
    async with client_session(HttpOptions()) as session, session.get(url) as response:
        assert last_modified_s(response) == seconds


async def test_a_range_of_a_file_is_read_in_blocks(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)

    with path.open("rb") as file:
        blocks = [block async for block in read_range(file, 10, len(CONTENT) - 20)]

    assert b"".join(blocks) == CONTENT[10:-10]
    assert max(map(len, blocks)) == BLOCK_BYTES


async def test_a_file_that_became_shorter_is_noticed(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"short")
    with path.open("rb") as file, pytest.raises(OSError, match="file became shorter while it was sent"):
        async for _ in read_range(file, 0, 6):
            pass


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("size", [10, len(CONTENT)])
async def test_a_full_disk_is_said_to_be_one(server, size):
    url = server.make_url("/").with_query(size=size)
    async with client_session(HttpOptions()) as session, session.get(url) as response:
        with pytest.raises(LimitExceededError, match="the file cannot be written .*make room on the disk"):
            await save_body(response, FULL, max_bytes=len(CONTENT), what="the file", setting="LIMIT")


@pytest.mark.openssl
async def test_a_private_ca_is_trusted_when_its_bundle_is_given(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    await process.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files], timeout_s=60.0)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    app = web.Application()
    app.router.add_get("/{path:.*}", serve_content)
    secure = TestServer(app, scheme="https", host="localhost")
    await secure.start_server(ssl=context)
    try:
        url = secure.make_url("/headers")
        async with client_session(HttpOptions(ca_bundle=certificate)) as session, session.get(url) as response:
            assert response.status == 200
        async with client_session(HttpOptions()) as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError, match="certificate") as caught:
                await session.get(url)
    finally:
        await secure.close()

    assert describe_failure(caught.value) == "its TLS certificate is not trusted"


async def test_whoever_is_cancelled_while_a_file_is_opened_leaves_none_open(tmp_path: Path) -> None:
    """A named pipe is opened for writing when somebody reads from it, and read to its end when no writer is left."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    opening = asyncio.create_task(open_file(pipe, "wb"))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    async with asyncio.timeout(20):
        assert await asyncio.to_thread(pipe.read_bytes) == b""


def test_whoever_is_cancelled_by_the_end_of_the_event_loop_leaves_none_open(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))

    async def read_at_the_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            reader.start()

    async def begin() -> list["asyncio.Task[object]"]:
        tasks: list[asyncio.Task[object]] = [
            asyncio.create_task(open_file(pipe, "wb")),
            asyncio.create_task(read_at_the_end()),
        ]
        await asyncio.sleep(0)
        return tasks

    tasks = asyncio.run(begin())
    reader.join(20)
    assert read == [b""]
    assert all(task.cancelled() for task in tasks)
