"""What makes rendering fast changes nothing: the same words and the same picture with and without."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageChops

from archiveworker.demo import report
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.domain.document import Document, RenderOptions
from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from archiveworker.runtime import process
from tests.integration.rendering.conftest import Lms, page, running_renderer, text_of

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "recordings" / "moodle_quiz"
REPORTS = sorted(RECORDINGS.glob("*generate_attempt_report.resp.json")) if RECORDINGS.is_dir() else []
DPI = 60


@dataclass
class Two:
    """A renderer that begins each page afresh, and one that saves what it can."""

    plain: ChromiumRenderer
    quick: ChromiumRenderer


LIMITS = {"browser_count": 1, "ready_limit_s": 20, "stuck_s": 0.5}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain() -> AsyncIterator[ChromiumRenderer]:
    async with running_renderer(RendererConfig(renders_per_context_count=1, thrifty=False, **LIMITS)) as renderer:
        yield renderer


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["context", "thrifty"])
async def one_more(plain: ChromiumRenderer, request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    """With one optimisation more, each time: the context is kept; its process is, and nothing is drawn unasked."""
    config = RendererConfig(renders_per_context_count=50, thrifty=request.param == "thrifty", **LIMITS)
    async with running_renderer(config) as renderer:
        yield Two(plain, renderer)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(plain: ChromiumRenderer) -> AsyncIterator[Two]:
    async with running_renderer(RendererConfig(renders_per_context_count=50, **LIMITS)) as quick:
        yield Two(plain, quick)


async def pictures(pdf: Path) -> list[Image.Image]:
    """What a reader sees, page by page."""
    done = await process.run(["pdftoppm", "-r", str(DPI), "-png", str(pdf), str(pdf.with_suffix(""))], timeout_s=60)
    assert done.returncode == 0
    return [Image.open(file).convert("RGB") for file in sorted(pdf.parent.glob(f"{pdf.stem}-*.png"))]


async def assert_same(plain: Path, quick: Path) -> None:
    assert await text_of(plain) == await text_of(quick)
    both = list(zip(await pictures(plain), await pictures(quick), strict=True))
    assert both
    for number, (before, after) in enumerate(both, 1):
        assert ImageChops.difference(before, after).getbbox() is None, f"page {number} looks different"


async def render_both(two: Two, documents: list[Document], folder: Path) -> list[tuple[Path, Path]]:
    """Render all documents with both, each renderer in its own turn, so that the caches of the quick one are warm."""

    async def all_by(name: str, renderer: ChromiumRenderer) -> list[Path]:
        found = []
        for number, document in enumerate(documents):
            out = folder / f"{name}{number}"
            await asyncio.to_thread(out.mkdir)
            found.append((await renderer.render(document, RenderOptions(keep_html=True), out)).pdf)
        return found

    return list(zip(await all_by("plain", two.plain), await all_by("quick", two.quick), strict=True))


async def test_the_demo_s_reports_look_the_same(one_more: Two, tmp_path: Path) -> None:
    async with DemoServer(DemoOptions(attempts=2, workdir=tmp_path / "lms")) as lms:
        documents = [
            page(report.attempt_report(lms.course, attempt, base_url=lms.base_url), lms.base_url)
            for attempt in [*lms.course.attempts, lms.course.attempts[0]]
        ]
        for plain, quick in await render_both(one_more, documents, tmp_path):
            await assert_same(plain, quick)
            assert plain.read_bytes() == quick.read_bytes()


async def test_real_reports_look_the_same(one_more: Two, tmp_path: Path) -> None:
    if not REPORTS:
        pytest.skip("the recordings of a real Moodle are not beside this checkout")
    documents = []
    for recording in [*REPORTS, REPORTS[0]]:
        answer, _ = json.JSONDecoder().raw_decode(recording.read_text(encoding="utf-8"))
        documents.append(page(answer["report"], "http://127.0.0.1:8100"))
    for plain, quick in await render_both(one_more, documents, tmp_path):
        await assert_same(plain, quick)


async def test_a_file_is_asked_for_once_and_kept_by_the_browser(two: Two, lms: Lms, tmp_path: Path) -> None:
    lms.serve("/style.css", "p { color: #123456 }", "text/css")
    document = page(f"<link rel=stylesheet href='{lms.base_url}/style.css'><p>Text in colour</p>", lms.base_url)
    await render_both(two, [document] * 2, tmp_path)
    # One request of each renderer's gateway, whatever the browsers did.
    assert lms.paths() == ["/style.css"] * 2


async def test_storage_is_empty_for_the_next_page(two: Two, lms: Lms, tmp_path: Path) -> None:
    script = """
      <p id=out></p><script>
      const left = [];
      if (localStorage.getItem('trace')) { left.push('localStorage'); }
      if (sessionStorage.getItem('trace')) { left.push('sessionStorage'); }
      if (document.cookie) { left.push('cookie'); }
      if (window.name) { left.push('name'); }
      (async () => {
        if ((await indexedDB.databases()).length) { left.push('IndexedDB'); }
        if ((await caches.keys()).length) { left.push('Cache'); }
        localStorage.setItem('trace', '1'); sessionStorage.setItem('trace', '1');
        document.cookie = 'trace=1; max-age=99999'; window.name = 'trace';
        await new Promise((ok) => { indexedDB.open('trace').onsuccess = ok; });
        await (await caches.open('trace')).put('/x', new Response('x'));
        document.getElementById('out').textContent = 'Found traces: ' + (left.join(' ') || 'nothing');
      })();
      </script>"""
    document = page(script, lms.base_url, must_contain=("Found traces: nothing",))
    await render_both(two, [document] * 3, tmp_path)


async def test_requests_that_outlive_their_page_are_not_the_next_one_s(two: Two, lms: Lms, tmp_path: Path) -> None:
    # Printing is the last thing that happens to a page; what it asks for then is still under way when it is closed.
    many = "for (let i = 0; i < 200; i++) fetch('/late' + i, {keepalive: true}).catch(() => 0)"
    late = f"for (const when of ['afterprint', 'pagehide']) addEventListener(when, () => {{ {many}; }});"
    hostile = page(f"<p>Before</p><script>{late}</script>", lms.base_url)
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    await two.quick.render(hostile, RenderOptions(), tmp_path / "first")
    after = await two.quick.render(page("<p>After</p>", lms.base_url), RenderOptions(), tmp_path / "second")
    assert not [warning for warning in after.warnings if "late" in warning]


async def test_who_waits_for_a_frame_gets_one(two: Two, lms: Lms, tmp_path: Path) -> None:
    html = """<p id=a></p><p id=b></p><p id=c></p><script>
      const say = (id, text) => { document.getElementById(id).textContent = text; };
      new IntersectionObserver(() => say('a', 'intersection')).observe(document.body);
      new ResizeObserver(() => say('b', 'resize')).observe(document.body);
      requestAnimationFrame(() => requestAnimationFrame(() => say('c', 'animation')));
      </script>"""
    wanted = ("intersection", "resize", "animation")
    await render_both(two, [page(html, lms.base_url, must_contain=wanted)] * 2, tmp_path)


async def test_a_process_that_a_page_left_busy_is_not_the_next_one_s(lms: Lms, tmp_path: Path) -> None:
    # Requests that fail when the page is closed, and promises that go on from there, for ever.
    lms.serve("/n", "x")
    loops = "const go = () => fetch('/n?' + Math.random()).then(go, go); for (let i = 0; i < 50; i++) { go(); }"
    busy = page(f"<p>Busy</p><script>{loops}</script>", lms.base_url)
    calm = page("<p>Calm</p>", lms.base_url, must_contain=("Calm",))
    async with running_renderer(RendererConfig(browser_count=1, ready_limit_s=1, render_limit_s=15)) as renderer:
        for number, document in enumerate([busy, calm] * 4):
            out = tmp_path / str(number)
            await asyncio.to_thread(out.mkdir)
            await renderer.render(document, RenderOptions(), out)


async def test_a_browser_that_grew_too_large_is_replaced_without_a_failed_page(lms: Lms, tmp_path: Path) -> None:
    config = RendererConfig(browser_count=1, browser_max_mib=1)
    async with running_renderer(config) as renderer:
        for number in range(12):
            (tmp_path / str(number)).mkdir()
            result = await renderer.render(page("<p>Text</p>", lms.base_url), RenderOptions(), tmp_path / str(number))
            assert result.page_count == 1
        # Looked at every five pages: two browsers were given up.
        assert renderer.browsers_started == 3


async def test_memory_is_measured(lms: Lms, tmp_path: Path) -> None:
    async with running_renderer(RendererConfig(browser_count=1)) as renderer:
        await renderer.render(page("<p>Text</p>", lms.base_url), RenderOptions(), tmp_path)
        sizes = await renderer.memory_bytes()
    assert len(sizes) == 1
    assert 10 * 1024**2 < sizes[0] < 1_500 * 1024**2


@pytest.mark.slow
async def test_memory_stays_flat(lms: Lms, tmp_path: Path) -> None:
    """The long version is ``make bench ARGS=--full``."""
    text = "".join(f"<p>Paragraph {number} of a page</p>" for number in range(200))
    sizes: list[int] = []
    async with running_renderer(RendererConfig(browser_count=1, renders_per_context_count=10)) as renderer:
        for number in range(40):
            out = tmp_path / str(number)
            await asyncio.to_thread(out.mkdir)
            await renderer.render(page(text, lms.base_url), RenderOptions(), out)
            sizes += await renderer.memory_bytes()
        assert renderer.browsers_started == 1
    second, last = sizes[10:20], sizes[30:40]
    assert sum(last) < 1.25 * sum(second)
