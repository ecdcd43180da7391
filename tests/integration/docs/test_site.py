"""The website of the documentation: it builds strictly, links lead somewhere, and nothing is asked of another host."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from playwright.async_api import Page, async_playwright

from archiveworker.rendering.chromium import find

ROOT = Path(__file__).parents[3]
_FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data", "use": "href"}
"""Elements that fetch what they name; of ``link`` all but a few kinds do."""
_NOT_FETCHED = {"canonical", "prev", "next", "alternate", "author", "license"}
_OUTSIDE = re.compile(r"(?:[a-z]+:)?//", re.I)


class _Links(HTMLParser):
    """Collects anchors, links and what is fetched of one page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in _FETCHED and _FETCHED[tag] in values:
            self.fetched.append(values[_FETCHED[tag]])
        if tag == "link" and not set(values.get("rel", "").split()) & _NOT_FETCHED:
            self.fetched.append(values["href"])
        self.fetched += [part.split()[0] for part in values.get("srcset", "").split(",") if part.strip()]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it as ``make docs`` does, into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    """Serve it on loopback; give its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_every_page_of_the_documentation_is_in_it(site: Path) -> None:
    for page in (ROOT / "docs").glob("**/*.md"):
        name = "index" if page.stem == "README" else page.stem
        assert (site / page.relative_to(ROOT / "docs").with_name(f"{name}.html")).exists()


def test_every_link_and_every_anchor_leads_somewhere(site: Path) -> None:
    pages = {file: _Links(file) for file in site.rglob("*.html") if file.name != "404.html"}
    followed = 0
    for file, page in pages.items():
        for link in [*page.links, *page.fetched]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{file.relative_to(site)}: {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].anchors, f"{file.relative_to(site)}: {link}"
            followed += 1
    assert followed > 1000


def test_no_page_and_no_style_names_a_resource_of_another_host(site: Path) -> None:
    for file in site.rglob("*.html"):
        assert [one for one in _Links(file).fetched if _OUTSIDE.match(one)] == [], file
    for file in site.rglob("*.css"):
        named = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')\s]+)", file.read_text(encoding="utf-8"))
        assert [one for one in named if _OUTSIDE.match(one)] == [], file


@pytest.mark.chromium
async def test_a_browser_asks_nothing_of_another_host_and_search_finds(served: str) -> None:
    asked: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(None).path, args=["--no-sandbox"])
        page = await browser.new_page(color_scheme="dark", viewport={"width": 1200, "height": 800})
        page.on("request", lambda request: asked.append(request.url))
        for path in ("index.html", "howto/install.html", "reference/http.html"):
            await page.goto(f"{served}/{path}", wait_until="load")
        assert await page.evaluate("document.body.dataset.mdColorScheme") == "slate", "it is dark where the reader is"
        await _search(page, "time-stamp authority")
        await browser.close()
    assert [one for one in asked if not one.startswith((served, "data:", "blob:"))] == []
    assert any("search_index" in one for one in asked)


async def _search(page: Page, words: str) -> None:
    box = page.locator("input.md-search__input")
    await box.click()
    await box.press_sequentially(words)  # the page listens to keys
    await page.locator(".md-search-result__link").first.wait_for(timeout=60_000)
