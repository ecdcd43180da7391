"""The frozen page years later: it looks and reads as what was printed, holds all data, and nothing in it executes."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Page, async_playwright

from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import LmsOptions
from archiveworker.domain.document import RenderedDocument, RenderOptions
from archiveworker.rendering import chromium
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.rendering.conftest import Lms, Render, free_port, page, running_renderer, text_of
from tests.integration.rendering.libraries import installed_libraries
from tests.integration.rendering.paper import DPI, assert_same_on_paper, pictures

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

KEEP = RenderOptions(keep_html=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser_page() -> AsyncIterator[Page]:
    """A reader's browser: scripts on, as they come."""
    async with async_playwright() as driver:
        found = chromium.find(None)
        browser = await driver.chromium.launch(executable_path=found.path, chromium_sandbox=False)
        yield await browser.new_page()
        await browser.close()


def html_of(result: RenderedDocument) -> str:
    assert result.frozen_html is not None
    return result.frozen_html.read_text()


SHOP = """<h1>Forms and drawings</h1>
<form><input value=old id=i><input type=checkbox id=k><input type=radio name=r checked><input type=radio name=r id=r>
<textarea id=t rows=2>x</textarea><select><option>one<option id=o>two</select>
<select multiple><option>a<option id=m>b</select><input type=range id=g><progress value=3 max=4></progress></form>
<details><summary>closed</summary><p>inside the closed one</p></details>
<details open><summary>o</summary>opened</details>
<canvas id=c width=120 height=60></canvas><video id=v poster='/dot.png' width=50 height=40></video>
<x-card><span slot=name>slotted name</span></x-card><iframe src='/frame' width=300 height=60></iframe>
<p contenteditable id=e></p><svg width=60 height=60><defs><circle id=d r=9 cx=10 cy=10 /></defs><use href='#d' /></svg>
<style>p { color: rgb(0, 90, 0) } canvas { border: 3px solid; margin: 5px }</style>
<script>
  i.value = 'typed "text"'; k.checked = true; r.checked = true; t.value = 'line\\n'.repeat(30) + 'last line';
  o.selected = true; m.selected = true; g.value = 80; e.textContent = 'edited'; const pen = c.getContext('2d');
  let x = 0;  // drawn on, after the page has long been still
  const draw = () => { pen.fillStyle = 'rgb(200, 0, 0)'; pen.fillRect(x, 0, 4, 60); x += 4;
    x < 120 && setTimeout(draw, 25); };
  draw();
  customElements.define('x-card', class extends HTMLElement { constructor() { super();
    this.attachShadow({ mode: 'open' }).innerHTML =
      '<style>p { color: rgb(0, 0, 200); border: 2px solid }</style><p>Card of <slot name=name></slot></p>'; } });
</script>"""


def _dot() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(out, "PNG")
    return out.getvalue()


def _serve(lms: Lms) -> None:
    lms.serve("/dot.png", _dot(), "image/png")
    lms.serve("/frame.css", "p { font-weight: bold; background: url(/dot.png) }", "text/css")
    # Without a doctype it would be laid out as in the last century, which no srcdoc is.
    head = "<!DOCTYPE html><link rel=stylesheet href=/frame.css><script>1</script>"
    lms.serve("/frame", head + "<p>in the frame</p><div style='height: 300px'></div><p>at its end</p>")


async def test_forms_drawings_frames_and_components_read_and_look_the_same(
    lms: Lms, render: Render, tmp_path: Path
) -> None:
    _serve(lms)
    first = await render(SHOP, KEEP)
    assert [warning for warning in first.warnings if "video" not in warning] == []
    text = await text_of(first.pdf)
    for words in ("last line", "Card of", "slotted name", "in the frame", "at its end", "edited", "opened"):
        assert words in text
    lms.requests.clear()
    second = await render(html_of(first), KEEP)
    assert lms.requests == []
    await assert_same_on_paper(first, second, tmp_path)
    third = await render(html_of(second), KEEP)
    assert (await text_of(third.pdf)) == await text_of(second.pdf)


async def test_all_data_are_kept(lms: Lms, render: Render, browser_page: Page) -> None:
    _serve(lms)
    result = await render(SHOP, KEEP)
    assert result.frozen_html is not None
    await browser_page.goto(result.frozen_html.as_uri())
    state = await browser_page.evaluate(
        """() => [i.value, k.checked, r.checked, t.value.endsWith('last line'), o.selected, m.selected, g.value,
          document.querySelector('details').open, document.querySelector('details p').textContent, e.textContent,
          document.querySelector('x-card').shadowRoot.textContent.includes('Card of')]"""
    )
    assert state == [
        'typed "text"', True, True, True, True, True, "80", False, "inside the closed one", "edited", True,
    ]  # fmt: skip
    pixels = await browser_page.evaluate(
        """() => { const a = document.createElement('canvas').getContext('2d'); a.drawImage(c, 0, 0);
          return [...a.getImageData(118, 30, 1, 1).data] }"""
    )
    assert pixels == [200, 0, 0, 255]
    assert "inside the closed one" in html_of(result)


async def test_the_demos_report_reads_and_looks_the_same(tmp_path: Path) -> None:
    config = RendererConfig(browser_count=1, gateway=GatewayConfig(mirrors=installed_libraries()))
    async with DemoServer(DemoOptions(lms=LmsOptions(row_delay_s=0.0))) as demo, running_renderer(config) as own:
        async with aiohttp.ClientSession() as session, session.get(f"{demo.base_url}/demo/report/33") as answer:
            html = await answer.text()
        first = await _rendered(own, html, demo.base_url, tmp_path / "first")
        # Nothing answers here: the frozen page needs no network.
        second = await _rendered(own, html_of(first), f"http://127.0.0.1:{free_port()}", tmp_path / "second")
    assert second.warnings == ()
    await assert_same_on_paper(first, second, tmp_path)


async def _rendered(own: ChromiumRenderer, html: str, base_url: str, folder: Path) -> RenderedDocument:
    folder.mkdir()
    return await own.render(page(html, base_url), KEEP, folder)


RUN = "window.executed = 1; fetch(`//evil.example/`)"
HOSTILE = f"""<h1 onclick="{RUN}">Title</h1><img src=x onerror="{RUN}"><svg onload="{RUN}" width=50 height=50>
<script>{RUN}</script><a xlink:href="javascript:{RUN}" href="javascript:{RUN}"><text y=20>svg link</text></a>
<a><set attributeName=href to="javascript:{RUN}" /><animate attributeName=xlink:href values="javascript:{RUN}" />
<text y=40>moving</text></a>
<foreignObject><style>&lt;/style&gt;&lt;img src=x onerror="{RUN}"&gt;</style></foreignObject></svg>
<a id=l href="javascript:{RUN}">link</a><a href=" jAvA&#9;script:{RUN}">link</a><a href="data:text/html,x">data</a>
<map><area href="javascript:{RUN}"></map>
<form action="javascript:{RUN}"><button formaction="javascript:{RUN}">b</button></form>
<iframe srcdoc="&lt;script&gt;parent.executed = 1&lt;/script&gt;&lt;p onclick='{RUN}'&gt;framed"></iframe>
<iframe src="javascript:parent.executed = 1"></iframe><object data="data:text/html,<script>{RUN}</script>"></object>
<embed src="data:text/html,x"><math href="javascript:{RUN}"><mtext>m</mtext></math>
<details ontoggle="{RUN}" open><summary>s</summary></details><video onerror="{RUN}"><source src=x></video>
<template><img src=x onerror="{RUN}"></template><noscript><p title="</noscript><img src=x onerror='{RUN}'>"></noscript>
<style id=s1></style><style id=s2></style><xmp id=x></xmp><noembed id=n></noembed><textarea id=t></textarea><p id=p></p>
<x-host></x-host><script>
  window.executed = 0;
  const evil = '<meta http-equiv=refresh content="0;url=//evil.example/"><img src=x onerror="{RUN}">';
  s1.textContent = 'p::after {{ content: "</style>' + evil + '" }}';
  s2.textContent = '/* <!-- </style ' + evil + '*/';
  x.textContent = '</xmp>' + evil; n.textContent = '</noembed>' + evil;
  t.value = '</textarea>' + evil; p.textContent = evil; p.title = '">' + evil;
  p.setAttribute('style', 'background: url("//evil.example/\\\\">' + evil.replaceAll('"', '') + '")');
  const inside = document.createElement('style'); inside.textContent = evil;
  document.querySelector('svg').append(inside);
  const host = document.querySelector('x-host').attachShadow({{ mode: 'open' }});
  host.innerHTML = '<style></style><p>shadow</p>'; host.firstChild.textContent = '</style></template>' + evil;
  document.title = '</title>' + evil;
  const meta = document.createElement('meta'); meta.httpEquiv = 'refresh'; meta.content = '9999;url=//evil.example/';
  document.head.append(meta, new Comment('--><img src=x onerror="{RUN}">'));
</script>"""


async def test_nothing_in_it_executes_or_loads(render: Render, browser_page: Page) -> None:
    result = await render(HOSTILE, KEEP)
    html = html_of(result)
    assert result.frozen_html is not None
    asked: list[str] = []
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.on("dialog", lambda dialog: asked.append(dialog.message))
    await browser_page.goto(result.frozen_html.as_uri())
    state = await browser_page.evaluate(
        """() => {
          const bad = [];
          const walk = (root) => { for (const e of root.querySelectorAll('*')) {
            if (e.shadowRoot) { walk(e.shadowRoot); }
            if (/^(script|object|embed|base|template|noscript|set|animate)$/i.test(e.tagName)) {
              bad.push(e.outerHTML); }
            if (e.tagName === 'IFRAME' && (e.getAttribute('sandbox') !== '' || e.src)) { bad.push(e.outerHTML); }
            if (e.tagName === 'META' && /refresh/i.test(e.httpEquiv)) { bad.push(e.outerHTML); }
            for (const a of e.attributes) {
              if (/^on/i.test(a.name) || /^\\s*(javascript|data:text)/i.test(a.value)) { bad.push(e.outerHTML); } } } };
          walk(document);
          return [bad, window.executed ?? null, document.querySelectorAll('meta[http-equiv]').length];
        }"""
    )
    assert state == [[], None, 1]
    for selector in ("#l", "svg a", "h1", "button"):
        await browser_page.eval_on_selector(
            selector, "(e) => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))"
        )
    assert await browser_page.evaluate("window.executed ?? null") is None
    assert browser_page.url == result.frozen_html.as_uri()
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:srcdoc"))] == []
    assert "default-src 'none'" in html
    for words in ("Title", "framed", "shadow"):
        assert words in html


CANVAS = """<p>x</p><canvas id=c width=400 height=60></canvas><script>
  const pen = c.getContext('2d'); let x = 0;
  const draw = () => { pen.fillRect(x, 0, 8, 60); x += 8; x < 400 && setTimeout(draw, 20); };
  draw();
</script>"""


async def test_a_canvas_is_waited_for_until_its_drawing_has_ended(render: Render, tmp_path: Path) -> None:
    async with running_renderer(RendererConfig(browser_count=1)) as own:
        result = await render(CANVAS, by=own)
    assert result.warnings == ()
    (picture,) = await pictures(result.pdf, tmp_path / "pictures")
    dark_count = sum(picture.histogram()[:100])
    assert dark_count > 0.95 * (400 * 60) * (DPI / 96) ** 2


async def test_a_canvas_that_never_rests_is_printed_with_a_warning(render: Render) -> None:
    result = await render(CANVAS.replace("x < 400 &&", "x %= 400; pen.fillStyle = '#' + (100 + x);"))
    assert any("canvas: 1 still being drawn" in warning for warning in result.warnings)
