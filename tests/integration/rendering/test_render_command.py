"""``archiveworker render`` from the outside."""

import os
import sys
from pathlib import Path

import pytest

from archiveworker.runtime import process

pytestmark = pytest.mark.chromium

MAIN = "import sys; from archiveworker.cli import main; sys.exit(main())"


async def _run(*arguments: str) -> process.Completed:
    env = {"PATH": os.environ["PATH"]}
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
