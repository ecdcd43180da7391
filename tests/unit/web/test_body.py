"""Reading a body: what is no JSON object becomes one sentence, whatever it is."""

import gzip
from typing import Any

import pytest
from aiohttp import web

from archiveworker.web.body import MAX_DEPTH, json_object
from tests.unit.web.conftest import Serve

JSON = {"Content-Type": "application/json"}


async def _echo(request: web.Request) -> web.Response:
    return web.json_response(dict(await json_object(request)))


async def _posted(serve: Serve, data: Any, headers: dict[str, str], **options: Any) -> tuple[int, Any]:
    async with serve(_echo, **options) as client, client.post("/", data=data, headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (b'{"a": "\xc3\xbc"}', JSON),
        (b'{"a": "\\u00fc"}', {"Content-Type": "application/json; charset=utf-8"}),
        (b'{"a": "\xc3\xbc"}', {"Content-Type": "text/json"}),
        ('{"a": "ü"}'.encode("utf-16"), JSON),
        (gzip.compress('{"a": "ü"}'.encode(), mtime=0), {**JSON, "Content-Encoding": "gzip"}),
    ],
)
async def test_an_object_is_read(data: bytes, headers: dict[str, str], serve: Serve) -> None:
    assert await _posted(serve, data, headers) == (200, {"a": "ü"})


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "must be JSON; what came cannot be parsed"),
        (b"hello", "must be JSON; what came cannot be parsed"),
        (b"{", "must be JSON; what came cannot be parsed"),
        (b'{"a": NaN}', "must be JSON; what came cannot be parsed"),
        (b'{"a": -Infinity}', "must be JSON; what came cannot be parsed"),
        (b'{"a": "\xfc"}', "must be JSON; what came cannot be parsed"),
        (b'{"a": ' + b"9" * 5000 + b"}", "must be JSON; what came cannot be parsed"),
        (b"[" * 4000, "must be JSON; what came cannot be parsed"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b'{"a": "\\ud800"}', "one half of a surrogate pair"),
        (b'{"\\udc00": 1}', "one half of a surrogate pair"),
    ],
)
async def test_what_is_no_json_object_is_refused_with_a_sentence(data: bytes, sentence: str, serve: Serve) -> None:
    status, answer = await _posted(serve, data, JSON, max_bytes=8192)
    assert status == 400
    assert sentence in answer["error"]
    assert "\n" not in answer["error"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "nonsense"])
async def test_another_content_type_is_refused(content_type: str, serve: Serve) -> None:
    status, answer = await _posted(serve, b'{"a": 1}', {"Content-Type": content_type})
    assert status == 400
    assert "Content-Type: application/json" in answer["error"]


@pytest.mark.parametrize("kind", ["lists", "objects"])
async def test_depth_has_a_limit(kind: str, serve: Serve) -> None:
    def nested(levels: int) -> bytes:
        inner = levels - 1
        return (b'{"a": ' + b"[" * inner + b"]" * inner + b"}") if kind == "lists" else (
            b'{"a": ' * inner + b"{}" + b"}" * inner
        )  # fmt: skip

    assert (await _posted(serve, nested(MAX_DEPTH), JSON))[0] == 200
    status, answer = await _posted(serve, nested(MAX_DEPTH + 1), JSON)
    assert (status, answer["error"]) == (400, "Request payload is nested more than 20 levels deep.")


async def test_a_body_over_the_limit_is_413(serve: Serve) -> None:
    assert (await _posted(serve, b'{"a": 1}'.ljust(4096), JSON))[0] == 200
    for body in (b'{"a": 1}'.ljust(4097), b" " * 1_000_000):
        status, answer = await _posted(serve, body, JSON)
        assert status == 413
        assert "ARCHIVEWORKER_MAX_REQUEST_BYTES" in answer["error"]


async def test_a_small_body_that_unpacks_to_a_large_one_is_413(serve: Serve) -> None:
    bomb = gzip.compress(b'{"a": 1}'.ljust(3_000_000), mtime=0)
    status, _ = await _posted(serve, bomb, {**JSON, "Content-Encoding": "gzip"}, max_bytes=100_000)
    assert len(bomb) < 100_000
    assert status == 413


async def test_a_body_that_does_not_unpack_is_400(serve: Serve) -> None:
    status, answer = await _posted(serve, b"this is no gzip", {**JSON, "Content-Encoding": "gzip"})
    assert status == 400
    assert "Content-Encoding" in answer["error"]
