"""``archiveworker render`` from the outside."""

import os
import sys
from pathlib import Path

import pytest

from archiveworker.runtime import process
from tests.integration.rendering.conftest import Lms

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

MAIN = "import sys; from archiveworker.cli import main; sys.exit(main())"


async def _run(*arguments: str, **settings: str) -> process.Completed:
    env = {"PATH": os.environ["PATH"], **{f"ARCHIVEWORKER_{name}": value for name, value in settings.items()}}
    return await process.run([sys.executable, "-c", MAIN, "render", *arguments], timeout_s=60, env=env)


async def test_a_page_and_what_lies_beside_it_are_rendered(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("p::after { content: ' styled' }")
    page = tmp_path / "my page.html"
    page.write_text("<html lang=en><head><link rel=stylesheet href=style.css></head><body><p>text</p></body></html>")
    done = await _run(str(page), "--out", str(tmp_path / "out"), "--html", "--paper", "A5")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().endswith("1 page(s), 0 warning(s)\n")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["my page.frozen.html", "my page.pdf"]
    assert "styled" in (tmp_path / "out" / "my page.frozen.html").read_text()


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = await _run(str(tmp_path / "none.html"))
    assert done.returncode == 66
    assert "none.html cannot be read (No such file or directory)" in done.stderr.decode()


async def test_a_page_that_is_not_ready_fails_where_the_worker_would(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>text</p><script>M = { util: { pending_js: ['never'] } };</script>")
    limits = {"READY_TIMEOUT_S": "0.5", "ON_READY_TIMEOUT": "fail"}
    done = await _run(str(page), "--out", str(tmp_path), **limits)
    assert done.returncode != 0
    assert "moodle" in done.stderr.decode()
    assert list(tmp_path.iterdir()) == [page]
    reported = await _run(str(page), "--out", str(tmp_path), **{**limits, "ON_READY_TIMEOUT": "report"})
    assert (reported.returncode, "1 warning(s)" in reported.stdout.decode()) == (0, True)


async def test_a_page_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>const all = []; for (;;) { all.push(new Uint8Array(64 << 20).fill(1)); }</script>")
    done = await _run(str(page), "--out", str(tmp_path), PAGE_MAX_MIB="300")
    assert done.returncode != 0
    assert "more than 300 MiB" in done.stderr.decode()


async def test_a_private_address_is_refused_where_the_worker_would(tmp_path: Path, lms: Lms) -> None:
    lms.serve("/style.css", "p::after { content: ' styled' }", "text/css")
    page = tmp_path / "page.html"
    page.write_text("<link rel=stylesheet href=style.css><p>text</p>")
    arguments = (str(page), "--out", str(tmp_path), "--base-url", lms.base_url)
    assert "0 warning(s)" in (await _run(*arguments)).stdout.decode()
    assert "not public" in (await _run(*arguments, PRIVATE_LMS="false")).stdout.decode()


async def test_settings_that_cannot_be_used_end_with_one_line(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>text</p>")
    done = await _run(str(page), CA_BUNDLE=str(tmp_path / "missing.pem"))
    assert done.returncode == 78
    assert "must be a readable PEM file" in done.stderr.decode()
