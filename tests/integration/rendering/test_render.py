"""What comes out: text, structure, form, and always the same bytes."""

import asyncio
import base64
import io
from pathlib import Path

import pikepdf
import pytest
from aiohttp import web
from PIL import Image

from archiveworker.domain.document import ImageLimit, PaperFormat, PdfProfile, RenderOptions
from archiveworker.domain.errors import PageRejectedError, RenderTimeoutError
from archiveworker.rendering.config import GatewayConfig, ReadyTimeout, RendererConfig
from tests.integration.rendering.conftest import Lms, Render, page, running_renderer, text_of
from tests.integration.rendering.libraries import installed_libraries

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

MATHJAX = Path("/usr/share/javascript/mathjax")
TABLE = "<table><tr><th id=a>Step</th><th>State</th></tr><tr><td headers=a>1</td><td>Started</td></tr></table>"


def data_uri(image: Image.Image, kind: str = "PNG") -> str:
    out = io.BytesIO()
    image.save(out, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


async def test_a_page_becomes_a_tagged_pdf_with_outline_that_claims_pdfa_3a(render: Render) -> None:
    html = "<h1>Attempt of Änne Bäcker</h1><h2>Question 1</h2><p>An <em>answer</em>.</p><p lang='!?'>x</p>" + TABLE
    result = await render(html, language="de_at", must_contain=("Attempt of Änne Bäcker",))
    assert result.page_count == 1
    assert result.warnings == ()
    assert "Änne Bäcker" in await text_of(result.pdf)
    with pikepdf.open(result.pdf) as pdf:
        assert pdf.Root.MarkInfo.Marked is True
        assert str(pdf.Root.Lang) == "de-at"
        assert str(pdf.Root.Outlines.First.Title) == "Attempt of Änne Bäcker"
        assert str(pdf.trailer.Info.Title) == "Attempt 33"
        assert str(pdf.trailer.Info.CreationDate) == "D:20260304050607Z"
        assert pdf.trailer.ID is not None
        assert pdf.Root.StructTreeRoot.RoleMap["/Em"] == "/Span"
        metadata = pdf.Root.Metadata.read_bytes().decode()
    assert "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in metadata


async def test_formulas_are_typeset_from_a_local_mirror_and_can_be_searched(lms: Lms, render: Render) -> None:
    if not MATHJAX.is_dir():
        pytest.skip("Debian's libjs-mathjax is not installed")
    html = (
        "<html lang=en><head><title>f</title><script src='https://cdn.jsdelivr.net/npm/mathjax@2.7.9/MathJax.js"
        "?config=TeX-AMS_HTML'></script></head>"
        "<body><p>Euler \\(e^{i\\pi}+1=0\\) and $$\\frac{22}{7}$$</p></body></html>"
    )
    config = RendererConfig(browser_count=1, gateway=GatewayConfig(mirrors=installed_libraries()))
    async with running_renderer(config) as own:
        result = await render(html, by=own)
    text = await text_of(result.pdf)
    assert "π" in text
    assert "22" in text
    assert "\\frac" not in text
    assert result.warnings == ()
    assert lms.requests == []


async def test_the_same_page_gives_the_same_bytes(lms: Lms, render: Render) -> None:
    script = """<p id=r></p><p id=t></p><script>
      document.getElementById('r').textContent = 'drawn ' + Math.random();
      document.getElementById('t').id = 'yui_3_18_1_1_' + Date.now() + '_7';
      const old = document.createElement('table');  // node ids of Chromium depend on what was made and thrown away
      for (let i = 0; i < 100 * Math.round(performance.now()); i++) { old.insertRow(); }
    </script>"""
    other = TABLE.replace("id=a", "id=b").replace("headers=a", "headers=b")
    html = f"<h1>Same</h1>{TABLE}{script}{other}<a href='#none'>x</a>"
    options = RenderOptions(keep_html=True)
    first, second = await render(html, options), await render(html, options)
    assert first.pdf.read_bytes() == second.pdf.read_bytes()
    assert first.frozen_html is not None
    assert second.frozen_html is not None
    assert first.frozen_html.read_bytes() == second.frozen_html.read_bytes()


@pytest.mark.parametrize(("paper", "points"), [(PaperFormat.A5, (420, 595)), (PaperFormat.LETTER, (612, 792))])
async def test_the_paper_has_the_size_asked_for(render: Render, paper: PaperFormat, points: tuple[int, int]) -> None:
    result = await render("<p>x</p>", RenderOptions(paper=paper))
    with pikepdf.open(result.pdf) as pdf:
        box = [float(value) for value in pdf.pages[0].MediaBox]
    assert box[2] == pytest.approx(points[0], abs=1.5)
    assert box[3] == pytest.approx(points[1], abs=1.5)


async def test_profile_off_claims_nothing(render: Render) -> None:
    result = await render("<p>x</p>", RenderOptions(profile=PdfProfile.OFF))
    with pikepdf.open(result.pdf) as pdf:
        assert "/Metadata" not in pdf.Root


async def test_a_character_without_a_font_becomes_a_box_and_is_counted(render: Render) -> None:
    result = await render("<p>before \U0003fff0\U0003fff1 after</p>")
    text = await text_of(result.pdf)
    assert "before" in text
    assert "after" in text
    assert "\ufffd" in text
    assert any("2 character(s) are boxes" in warning for warning in result.warnings)


async def test_right_to_left_and_cjk_names_are_found(render: Render) -> None:
    await render("<h1>محمد علي — שרה — 王小明 😀</h1>", must_contain=("محمد علي", "שרה", "王小明", "😀"))


@pytest.mark.parametrize(
    ("html", "match"),
    [
        ("<p>Something else</p>", "does not contain 'Änne'"),
        ("<div style='height: 50px'></div>", "blank"),
        ("<form action='/login/index.php' id='login'><input type='password'>Log in</form>", "login form"),
    ],
)
async def test_a_page_that_is_not_the_document_is_rejected(render: Render, html: str, match: str) -> None:
    with pytest.raises(PageRejectedError, match=match):
        await render(html, must_contain=() if "div" in html else ("Änne",))


async def test_a_page_that_loses_its_text_on_paper_is_rejected(render: Render) -> None:
    words = "planets mountains rivers oceans forests deserts glaciers islands harbours villages"
    html = f"""<h1>Report</h1><main>{words}</main><script>
      addEventListener('beforeprint', () => {{ document.querySelector('main').style.display = 'none'; }});</script>"""
    with pytest.raises(PageRejectedError, match="lost the page's text: it has 1 of 11 words"):
        await render(html)


async def test_lazy_images_are_loaded_and_missing_ones_are_named(lms: Lms, render: Render) -> None:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(out, "PNG")
    lms.serve("/here.png", out.getvalue(), "image/png")
    html = "<p>x</p><div style='height: 9000px'></div><img loading=lazy src='/here.png'><img src='/gone.png'>"
    result = await render(html)
    assert "/here.png" in lms.paths()
    assert any("1 image(s) could not be shown" in warning for warning in result.warnings)
    assert any("/gone.png: HTTP 404" in warning for warning in result.warnings)


async def test_moodles_pending_list_and_open_requests_are_waited_for(lms: Lms, render: Render) -> None:
    lms.serve("/data.json", '"arrived late"', "application/json")
    html = """<p id=p>not yet</p><script>
      window.M = { util: { pending_js: ['core/first'] } };
      setTimeout(() => fetch('/data.json').then((r) => r.json()).then((t) => {
        document.getElementById('p').textContent = t; M.util.pending_js = []; }), 300);
    </script>"""
    result = await render(html)
    assert "arrived late" in await text_of(result.pdf)
    assert result.warnings == ()


async def test_a_page_that_waits_in_vain_is_printed_with_the_reason(render: Render) -> None:
    result = await render("<p>text</p><script>window.M = { util: { pending_js: ['mod_x/never'] } };</script>")
    assert any("moodle: mod_x/never" in warning for warning in result.warnings)


async def test_the_operator_may_have_such_a_page_fail(render: Render) -> None:
    config = RendererConfig(browser_count=1, stuck_s=0.3, ready_timeout=ReadyTimeout.FAIL)
    async with running_renderer(config) as own:
        with pytest.raises(RenderTimeoutError, match="mod_x/never"):
            await render("<p>x</p><script>window.M = {util: {pending_js: ['mod_x/never']}};</script>", by=own)


async def test_images_are_shrunk_on_request(render: Render) -> None:
    noise = Image.effect_noise((1600, 1200), 90).convert("RGB")
    html = f"<p>x</p><img width=400 src='{data_uri(noise, 'JPEG')}'>"
    full = await render(html)
    small = await render(html, RenderOptions(image_limit=ImageLimit(400, 400, 80), keep_html=True))
    assert small.pdf.stat().st_size < full.pdf.stat().st_size / 4
    assert small.raw_html is not None
    assert small.raw_html.stat().st_size < len(html) / 4


async def test_many_pages_at_the_same_time(lms: Lms, tmp_path: Path) -> None:
    lms.serve("/style.css", "p { color: green }", "text/css")
    config = RendererConfig(browser_count=2, renders_per_browser_count=3)
    async with running_renderer(config) as own:

        async def one(index: int) -> str:
            folder = tmp_path / str(index)
            folder.mkdir()
            html = f"<link rel=stylesheet href='style.css'><p>page number {index}</p>"
            result = await own.render(page(html, lms.base_url), RenderOptions(), folder)
            return await text_of(result.pdf)

        texts = await asyncio.gather(*(one(index) for index in range(10)))
    assert all(f"page number {index}" in text for index, text in enumerate(texts))
    assert lms.paths().count("/style.css") == 1


async def test_a_slow_answer_is_given_up_and_named(lms: Lms, render: Render) -> None:
    async def slow(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    lms.routes["/slow.css"] = slow
    config = RendererConfig(browser_count=1, gateway=GatewayConfig(request_limit_s=0.5))
    async with running_renderer(config) as own:
        result = await render("<link rel=stylesheet href='/slow.css'><p>text</p>", by=own)
    assert any("/slow.css: no answer within 0.5 s" in warning for warning in result.warnings)
