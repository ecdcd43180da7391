"""The small parts of the gateway: wire, quiet answers, cache, mirror, key."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.errors import SettingsError, ToolError
from archiveworker.rendering import certificate, chromium, quiet, wire
from archiveworker.rendering.cache import ResponseCache
from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.mirror import Mirrors
from archiveworker.rendering.wire import Request, Response


async def _read(raw: bytes) -> Request | None:
    reader = asyncio.StreamReader(limit=wire.STREAM_LIMIT_BYTES)
    reader.feed_data(raw)
    reader.feed_eof()
    return await wire.read_request(reader)


async def test_a_request_is_read_with_its_body() -> None:
    request = await _read(b"post http://x/y HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nX-A:  b \r\n\r\nabcdef")
    assert request == Request("POST", "http://x/y", {"host": "x", "content-length": "3", "x-a": "b"}, b"abc")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"GET /",
        b"GET / HTTP/1.1\r\n",
        b"GET /\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_request_ends_the_connection(raw: bytes) -> None:
    assert await _read(raw) is None


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    asyncio.run(_read(raw))


def test_a_header_cannot_break_out_of_its_line() -> None:
    head = wire.encode_head(Response(200, (("Location", "x\r\nSet-Cookie: a=b"), ("Content-Type", "text/css")), b"abc"))
    assert head == b"HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: 3\r\n\r\n"


@pytest.mark.parametrize(
    ("target", "body", "data"),
    [
        ("/lib/ajax/service.php?info=core_fetch_notifications", b'[{"methodname": "core_fetch_notifications"}]', [[]]),
        ("/lib/ajax/service.php?info=media_videojs_get_language", b"", ["{}"]),
        ("/lib/ajax/service.php?info=a,b%2Cc", b"", [None, None, None]),
        ("/lib/ajax/service.php?info=3-method-calls", b"", [None, None, None]),
        ("/lib/ajax/service.php?info=x", b'[{"methodname": "x"}, {"methodname": "y"}]', [None, None]),
        ("/lib/ajax/service.php", b"{", [None]),
    ],
)
def test_moodles_calls_get_as_many_harmless_results(target: str, body: bytes, data: list[object]) -> None:
    answer = quiet.before_asking("/moodle/lib/ajax/service.php", Request("POST", target, {}, body))
    assert answer is not None
    assert json.loads(answer.body) == [{"error": False, "data": one} for one in data]


def test_only_plain_gets_go_out_and_none_to_the_login_form() -> None:
    for method, path in (("POST", "/x"), ("PUT", "/x"), ("OPTIONS", "/x"), ("GET", "/login/index.php")):
        assert quiet.before_asking(path, Request(method, path, {}, b"")) == quiet.NOTHING
    assert quiet.before_asking("/x", Request("GET", "/x", {}, b"")) is None
    assert quiet.before_asking("/x", Request("HEAD", "/x", {}, b"")) is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 4_000)), max_size=40))
def test_the_cache_never_exceeds_its_limit(entries: list[tuple[str, int]]) -> None:
    cache = ResponseCache(8_000)
    for url, size in entries:
        cache.put(url, Response(200, (), b"x" * size))
        assert cache.size_bytes <= 8_000
        kept = cache.get(url)
        assert kept is not None
        assert len(kept.body) == size


def test_the_cache_drops_what_was_used_longest_ago() -> None:
    cache = ResponseCache(3 * 2_024)
    for url in "abc":
        cache.put(url, Response(200, (), b"x" * 1_000))
    assert cache.get("a") is not None
    cache.put("d", Response(200, (), b"x" * 1_000))
    assert [url for url in "abcd" if cache.get(url) is not None] == ["a", "c", "d"]
    cache.put("huge", Response(200, (), b"x" * 10_000))
    assert cache.get("huge") is None


def test_a_mirror_answers_from_its_folder_only(tmp_path: Path) -> None:
    root = tmp_path / "lib"
    (root / "a b").mkdir(parents=True)
    (root / "a b" / "x.js").write_text("1")
    (tmp_path / "secret").write_text("no")
    mirrors = Mirrors((("https://cdn.example.net/lib@1/", root),))
    found = mirrors.get("https://cdn.example.net/lib@1/a%20b/x.js?V=2")
    assert found is not None
    assert (found.status, found.body, found.media_type) == (200, b"1", "text/javascript")
    for name in ("../secret", "%2e%2e/secret", "a%20b/%2e%2e/%2e%2e/secret", "/etc/passwd", "%2Fetc/passwd", "a\0", ""):
        answer = mirrors.get(f"http://cdn.example.net/lib@1/{name}")
        assert answer is not None
        assert answer.status == 404
    assert mirrors.get("https://cdn.example.net/lib@10/x.js") is None


def test_every_key_is_new_and_its_pin_is_a_sha256() -> None:
    first, second = certificate.throw_away(), certificate.throw_away()
    assert first.pin != second.pin
    assert len(first.pin) == 44


def test_the_configured_browser_is_the_only_one_tried(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="ARCHIVEWORKER_CHROMIUM"):
        chromium.find(tmp_path / "none")
    program = tmp_path / "chrome"
    program.touch(mode=0o755)
    assert chromium.find(program).origin == "configured"


def test_playwrights_headless_shell_is_found_before_its_whole_browser(tmp_path: Path) -> None:
    whole = tmp_path / "chromium-1208" / "chrome-linux64" / "chrome"
    shell, older = (
        tmp_path / f"chromium_headless_shell-{build}" / "chrome-linux" / "headless_shell" for build in (1208, 999)
    )
    for program in (whole, older, shell):
        program.parent.mkdir(parents=True)
        program.touch(mode=0o755)
    for found in (shell, older, whole):
        assert chromium.find(None, tmp_path) == chromium.Chromium(found, "playwright")
        found.unlink()


@pytest.mark.parametrize("wrong", [{"browser_count": -1}, {"pages_per_browser_count": 0}, {"ready_limit_s": 0}])
def test_a_configuration_that_cannot_work_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match=r"positive numbers|greater than 0"):
        RendererConfig(**wrong)  # type: ignore[arg-type]
