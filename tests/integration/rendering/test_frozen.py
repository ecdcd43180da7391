"""The frozen page: opened without network and without script it looks the same."""

import base64
import io
import random
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.async_api import async_playwright

from archiveworker.domain.document import RenderOptions
from archiveworker.rendering import chromium
from tests.integration.rendering.conftest import Lms, Render

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

FONT = Path("/usr/share/javascript/mathjax/fonts/HTML-CSS/TeX/woff/MathJax_Script-Regular.woff")

HTML = """<!DOCTYPE html><html lang=en><head><title>Kept</title><link rel=stylesheet href='/css/a.css'>
<style>.inline { background-image: url('/dot.png') } @media screen { .screen { color: rgb(1, 2, 3) } }</style>
<style id=filled></style>
<script>document.getElementById('filled').sheet.insertRule('#late { color: rgb(9, 8, 7) }')</script>
</head><body onload="1"><h1 class=inline>Title</h1><p class=screen onclick="x()">text &amp; more</p><p id=late>late</p>
<p style="background: url('/dot.png?a=1&b=2')">own style</p>
<img src='/dot.png' srcset='/dot.png 1x, /two.png 2x' alt=dot><canvas id=c width=20 height=20></canvas>
<input id=i value=old><input type=checkbox id=k><textarea id=t></textarea><select><option>1<option id=o>2</select>
<input type=password value=secret><a href='view.php?id=1'>relative</a> <a href='javascript:x()'>script</a>
<iframe src='/frame'></iframe><svg width=20 height=20><image href='/dot.png' width=20 height=20 /></svg>
<script>
  i.value = 'typed'; k.checked = true; t.value = '</textarea><b>typed'; o.selected = true;
  const g = c.getContext('2d'); g.fillStyle = 'lime'; g.fillRect(0, 0, 20, 20);
  const made = document.createElement('p'); made.textContent = 'made by script'; document.body.append(made);
</script></body></html>"""


def _png(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), colour).save(out, "PNG")
    return out.getvalue()


def _prepare(lms: Lms) -> None:
    for name, colour in (("/dot.png", "red"), ("/two.png", "blue"), ("/css/never.png", "green")):
        lms.serve(name, _png(colour), "image/png")
    lms.serve("/frame", "<p>inside</p>")
    lms.serve(
        "/css/a.css",
        "@import 'b.css'; @font-face { font-family: own; src: url(own.woff) format('woff') }"
        " h1 { font-family: own } .never { background: url(never.png) } p { border: 1px solid rgb(4, 5, 6) }",
        "text/css",
    )
    lms.serve("/css/b.css", "p { margin-left: 33px } h1::after { content: '</style>' }", "text/css")
    if FONT.is_file():
        lms.serve("/css/own.woff", FONT.read_bytes(), "font/woff")


async def test_the_frozen_page_holds_everything_and_no_script(lms: Lms, render: Render) -> None:
    _prepare(lms)
    result = await render(HTML, RenderOptions(keep_html=True))
    assert result.frozen_html is not None
    html = result.frozen_html.read_text()
    for wanted in (
        'value="typed"',
        "checked",
        "&lt;/textarea&gt;&lt;b&gt;typed",
        "made by script",
        "margin-left: 33px",
    ):
        assert wanted in html
    assert 'href="view.php' not in html
    assert f'href="{lms.base_url}/view.php?id=1"' in html
    for gone in ("<script", "onload", "onclick", "javascript:", "secret", "srcset", "urn:archiveworker"):
        assert gone not in html
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:" in html
    assert '<iframe sandbox="" srcdoc="' in html
    assert "&lt;p&gt;inside&lt;/p&gt;" in html
    assert result.warnings == ()


async def test_large_pictures_are_kept_whether_the_worker_or_a_script_put_them_there(render: Render) -> None:
    given, made, broken = (f"data:image/png;base64,{base64.b64encode(_noise(seed)).decode()}" for seed in range(3))
    assert min(map(len, (given, made, broken))) > 2000
    html = f"""<!DOCTYPE html><title>Large</title><p>Some words to be read here.</p>
    <img src='{given}'><img src='{given}'><img src='{broken[:99]}\n{broken[99:]}'>
    <script>const one = new Image(); one.src = {made[:50]!r} + {made[50:]!r}; document.body.append(one)</script>"""
    result = await render(html, RenderOptions(keep_html=True))
    assert result.frozen_html is not None
    frozen = result.frozen_html.read_text().replace("%0A", "")  # as Chromium writes a line's end in an address
    assert [frozen.count(uri) for uri in (given, made, broken)] == [2, 1, 1]
    assert "urn:archiveworker" not in frozen


def _noise(seed: int) -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (30, 30), random.Random(seed).randbytes(2700)).save(out, "PNG")
    return out.getvalue()


async def test_the_frozen_page_looks_the_same_offline(lms: Lms, render: Render) -> None:
    _prepare(lms)
    html = (
        HTML.replace("<iframe src='/frame'></iframe>", "")
        .replace(" value=secret", "")
        .replace("<a href='javascript:x()'>script</a>", "")
    )
    result = await render(html, RenderOptions(keep_html=True))
    assert result.frozen_html is not None
    async with async_playwright() as driver:
        found = chromium.find(None)
        browser = await driver.chromium.launch(executable_path=found.path, chromium_sandbox=False)
        live, kept = await browser.new_page(), await browser.new_page()
        asked: list[str] = []
        kept.on("request", lambda request: asked.append(request.url))
        lms.serve("/live", html)
        await live.goto(f"{lms.base_url}/live")
        await kept.goto(result.frozen_html.as_uri())
        style = "(q) => [getComputedStyle(document.querySelector(q)).color, document.fonts.check('16px own')]"
        assert await kept.evaluate(style, "#late") == await live.evaluate(style, "#late")
        first, second = [Image.open(io.BytesIO(await one.screenshot())).convert("RGB") for one in (live, kept)]
        await browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert ImageChops.difference(first, second).getbbox() is None
