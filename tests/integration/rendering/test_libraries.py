"""The real libraries that pages of an LMS use: what is printed is the state that they end in.

GeoGebra's licence keeps it out of the tests; a stand-in does what its deployggb.js does to the document.
"""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from archiveworker.domain.document import RenderedDocument, RenderOptions
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.rendering.conftest import Lms, Render, running_renderer, text_of
from tests.integration.rendering.libraries import CDN, library_mirrors, need_libraries
from tests.integration.rendering.paper import assert_same_on_paper

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

FORMULA = "<p>Euler: \\(e^{i\\pi}+1=0\\)</p><p>$$\\frac{22}{7} \\neq \\sqrt{x}$$</p>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own() -> AsyncIterator[ChromiumRenderer]:
    need_libraries()
    mirrors = library_mirrors()
    config = RendererConfig(browser_count=1, ready_limit_s=15, stuck_s=1, gateway=GatewayConfig(mirrors=mirrors))
    async with running_renderer(config) as made:
        yield made


def frozen(result: RenderedDocument) -> str:
    assert result.frozen_html is not None
    return result.frozen_html.read_text()


KEEP = RenderOptions(keep_html=True)


@pytest.mark.parametrize(
    "script",
    [
        "<script src='{cdn}/mathjax2/MathJax.js?config=TeX-AMS_HTML'></script>",
        "<script src='{cdn}/mathjax2/MathJax.js?config=TeX-AMS_SVG'></script>",
        "<script src='{cdn}/mathjax3/es5/tex-chtml.js'></script>",
        "<script src='{cdn}/mathjax3/es5/tex-svg.js' async></script>",
        "<script src='{cdn}/mathjax4/tex-chtml.js'></script>",
        "<script src='{cdn}/mathjax4/tex-svg.js' defer></script>",
    ],
)
async def test_formulas_of_every_mathjax_are_typeset(
    own: ChromiumRenderer, render: Render, script: str, tmp_path: Path
) -> None:
    html = f"<html lang=en><head><title>f</title>{script.format(cdn=CDN)}</head><body>{FORMULA}</body></html>"
    result = await render(html, KEEP, by=own)
    assert result.warnings == ()
    text = await text_of(result.pdf)
    assert "\\frac" not in text
    assert "\\(" not in text
    assert "<script" not in frozen(result)
    await assert_same_on_paper(result, await render(frozen(result)), tmp_path)
    if "svg" in script.lower():
        assert frozen(result).count("<path") >= 6
    else:
        assert re.search("[π𝜋]", text)
        assert "22" in text


@pytest.mark.parametrize("version", ["mathjax3/es5", "mathjax4"])
async def test_formulas_put_off_until_somebody_scrolls_are_typeset(
    own: ChromiumRenderer, render: Render, version: str
) -> None:
    html = (
        "<html lang=en><head><title>f</title><script>MathJax = {loader: {load: ['ui/lazy']}}</script>"
        f"<script src='{CDN}/{version}/tex-chtml.js'></script></head>"
        f"<body><p>top</p><div style='height: 6000px'></div>{FORMULA}</body></html>"
    )
    result = await render(html, by=own)
    text = await text_of(result.pdf)
    assert result.warnings == ()
    assert re.search("[π𝜋]", text)
    assert "\\frac" not in text


JSXGRAPH = """<link rel=stylesheet href='{cdn}/jsxgraph/distrib/jsxgraph.css'>
<p>Plot</p><div id=box class=jxgbox style='width: 400px; height: 300px'></div>
<script src='{cdn}/jsxgraph/distrib/jsxgraphcore.js'></script><script>setTimeout(() => {{
  const board = JXG.JSXGraph.initBoard('box', {{ boundingbox: [-5, 5, 5, -5], axis: true }});
  board.create('functiongraph', [(x) => Math.sin(x), -5, 5], {{ strokeColor: '#ff0000', strokeWidth: 4 }});
  board.create('text', [1, 4, 'sine curve']);
}}, 400)</script>"""


async def test_the_curve_of_a_jsxgraph_board_is_drawn(own: ChromiumRenderer, render: Render, tmp_path: Path) -> None:
    result = await render(JSXGRAPH.format(cdn=CDN), KEEP, by=own)
    assert result.warnings == ()
    assert "sine curve" in await text_of(result.pdf)
    curves = [path for path in re.findall(r"<path[^>]*>", frozen(result)) if "#ff0000" in path]
    assert any(len(path) > 500 for path in curves)
    await assert_same_on_paper(result, await render(frozen(result)), tmp_path)


async def test_a_stack_plot_in_a_sandboxed_frame_is_drawn(own: ChromiumRenderer, render: Render) -> None:
    inner = JSXGRAPH.format(cdn=CDN).replace('"', "&quot;").replace("400)", "700)")
    html = f'<p>before</p><iframe sandbox="allow-scripts" width=500 height=400 srcdoc="{inner}"></iframe>'
    result = await render(html, by=own)
    assert "sine curve" in await text_of(result.pdf)


async def test_a_board_that_is_never_drawn_is_named(own: ChromiumRenderer, render: Render) -> None:
    result = await render("<p>x</p><div class=jxgbox style='width: 9px; height: 9px'></div>", by=own)
    assert any("jsxgraph: 1 board(s) not drawn" in warning for warning in result.warnings)


ACE = """<p>Answer</p><div style='height: 160px; overflow: hidden; border: 1px solid'>
<div id=code style='height: 150px; width: 600px'></div></div><p>below the code</p>
<script src='{cdn}/ace-builds/src-min-noconflict/ace.js'></script><script>
  const lines = [];
  for (let i = 1; i <= 300; i++) {{ lines.push('value_' + i + ' = compute(' + i + ')  # line ' + i); }}
  lines.push('long_' + 'x'.repeat(300) + '_end', '', '\\tlast_line()');
  const editor = ace.edit('code', {{ mode: 'ace/mode/python', theme: 'ace/theme/textmate', readOnly: true }});
  editor.setValue(lines.join('\\n'), -1);
</script>"""


async def test_every_line_of_an_ace_editor_is_printed(own: ChromiumRenderer, render: Render, tmp_path: Path) -> None:
    result = await render(ACE.format(cdn=CDN), KEEP, by=own)
    assert result.warnings == ()
    text = await text_of(result.pdf)
    for number in (1, 2, 150, 299, 300):
        assert f"value_{number} = compute({number})" in text
    assert text.count("# line") == 300
    assert "last_line()" in text
    assert "x_end" in text.replace("\n", "")
    assert "below the code" in text
    assert result.page_count >= 4
    kept = frozen(result)
    assert kept.count("# line") == 300
    assert "ace_comment" in kept
    await assert_same_on_paper(result, await render(kept), tmp_path)


async def test_h5p_content_in_its_frame_is_printed(lms: Lms, own: ChromiumRenderer, render: Render) -> None:
    _serve_h5p(lms)
    html = f"""<p>before</p><div id=h5p></div><script src='{CDN}/h5p-standalone/dist/main.bundle.js'></script><script>
      new H5PStandalone.H5P(document.getElementById('h5p'), {{
        h5pJsonPath: '/content', frameJs: '{CDN}/h5p-standalone/dist/frame.bundle.js',
        frameCss: '{CDN}/h5p-standalone/dist/styles/h5p.css' }});
    </script>"""
    result = await render(html, KEEP, by=own)
    assert result.warnings == ()
    text = await text_of(result.pdf)
    assert "Drawn by the library" in text
    assert "bottom of the content" in text
    assert "Drawn by the library" in frozen(result)


def _serve_h5p(lms: Lms) -> None:
    library = {"machineName": "H5P.Tiny", "majorVersion": "1", "minorVersion": "0"}
    lms.serve(
        "/content/h5p.json",
        json.dumps(
            {"title": "t", "mainLibrary": "H5P.Tiny", "embedTypes": ["iframe"], "preloadedDependencies": [library]}
        ),
        "application/json",
    )
    lms.serve("/content/content/content.json", json.dumps({"text": "Drawn by the library"}), "application/json")
    lms.serve(
        "/content/H5P.Tiny-1.0/library.json",
        json.dumps(
            {**library, "title": "Tiny", "patchVersion": 0, "runnable": 1, "preloadedJs": [{"path": "tiny.js"}]}
        ),
        "application/json",
    )
    lms.serve(
        "/content/H5P.Tiny-1.0/tiny.js",
        """H5P.Tiny = function (params, id) { H5P.EventDispatcher.call(this);
             this.attach = (container) => setTimeout(() => {
               container.html('<p>' + params.text + '</p><div style="height: 500px"></div>');
               container.append('<p>bottom of the content</p>');
               H5P.trigger(this, 'resize'); }, 30); };""",
        "text/javascript",
    )


GEOGEBRA = """<p>Applet</p><div id=ggb></div><script>
  // As deployggb.js does: a place with a preview, which goes when the applet has been drawn.
  document.getElementById('ggb').innerHTML = `<div class=applet_scaler style='width: 300px; height: 200px'>
    <div class=ggb_preview style='width: 298px; height: 198px'>loading</div></div>`;
  setTimeout(() => {{
    const canvas = document.createElement('canvas'); canvas.width = 300; canvas.height = 200;
    document.querySelector('.applet_scaler').append(canvas);
    const pen = canvas.getContext('2d'); pen.fillStyle = '#0000ff'; pen.fillRect(0, 0, 300, 200);
    {end}
  }}, 900)</script>"""


async def test_a_geogebra_applet_is_waited_for(own: ChromiumRenderer, render: Render) -> None:
    gone = GEOGEBRA.format(end="document.querySelector('.ggb_preview').remove();")
    result = await render(gone, KEEP, by=own)
    assert result.warnings == ()
    assert "loading" not in await text_of(result.pdf)
    assert "data:image/png;base64," in frozen(result)
    stays = await render(GEOGEBRA.format(end=""), by=own)
    assert any("geogebra: 1 applet(s) loading" in warning for warning in stays.warnings)
