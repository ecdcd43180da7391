"""A page whose scripts cannot be had is printed at once: nothing is awaited that only those scripts could end.

The renderer of these tests waits 30 s for a page that stands still, longer than it lets a page take: a page that is
waited for in vain fails its test by its warning.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from archiveworker.rendering.config import GatewayConfig, RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.rendering.conftest import Lms, Render, running_renderer, text_of
from tests.integration.rendering.libraries import installed_libraries

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

MATHJAX = "https://cdn.jsdelivr.net/npm/mathjax@2.7.9/MathJax.js?delayStartupUntil=configured"
MODULE = "/lib/requirejs.php/1/core/first.js"
LOST = "the page cannot become ready, because scripts of it could not be loaded"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient() -> AsyncIterator[ChromiumRenderer]:
    gateway = GatewayConfig(mirrors=installed_libraries())
    config = RendererConfig(browser_count=1, stuck_s=30, ready_limit_s=15, gateway=gateway)
    async with running_renderer(config) as made:
        yield made


def only_warning(warnings: tuple[str, ...], start: str) -> str:
    [found] = [warning for warning in warnings if "waited for" in warning]
    assert found.startswith(start)
    return found


async def test_a_module_of_moodle_that_cannot_be_had_is_not_awaited(patient: ChromiumRenderer, render: Render) -> None:
    html = f"""<p>text</p><script>window.M = {{ util: {{ pending_js: ['core/first'] }} }};</script>
      <script src='{MODULE}'></script>"""
    result = await render(html, by=patient)
    assert "moodle: core/first (a script could not be loaded)" in only_warning(result.warnings, LOST)
    assert any(f"{MODULE}: HTTP 404" in warning for warning in result.warnings)


async def test_mathjax_that_nobody_configures_is_not_awaited(patient: ChromiumRenderer, render: Render) -> None:
    """The real MathJax 2.7 as Moodle starts it: a module that cannot be had should configure it."""
    html = f"<p>\\(x^2\\)</p><script src='{MATHJAX}'></script><script src='{MODULE}'></script>"
    result = await render(html, by=patient)
    assert "mathjax2: not configured (a script could not be loaded)" in only_warning(result.warnings, LOST)
    assert "x^2" in await text_of(result.pdf)


async def test_a_drawing_whose_library_cannot_be_had_is_not_awaited(patient: ChromiumRenderer, render: Render) -> None:
    html = """<p>text</p><div class=jxgbox style='width: 90px; height: 90px'></div>
      <iframe srcdoc="<script src='/jsxgraphcore.js'></script>
        <div class=jxgbox style='width: 90px; height: 90px'></div>"></iframe>
      <script src='/jsxgraphcore.js'></script>"""
    result = await render(html, by=patient)
    warning = only_warning(result.warnings, LOST)
    assert warning.count("jsxgraph: 1 board(s) not drawn") == 2


async def test_a_lost_script_of_a_frame_is_known_whoever_looked_into_the_frame(
    patient: ChromiumRenderer, render: Render
) -> None:
    """Who looks into the first, empty document of a frame has Chromium prepare that one, and not the one after it."""
    html = """<p>text</p><script>
        const frame = document.createElement('iframe');
        frame.srcdoc = "<script src='/jsxgraphcore.js'></" + "script><div class=jxgbox style='height: 90px'></div>";
        document.body.append(frame);
        frame.contentDocument.body.append('seen');
      </script>"""
    result = await render(html, by=patient)
    assert "jsxgraph: 1 board(s) not drawn" in only_warning(result.warnings, LOST)


async def test_what_another_script_ends_is_awaited(lms: Lms, patient: ChromiumRenderer, render: Render) -> None:
    """A script that is lost takes nothing away from what does not need it."""
    html = """<p id=p>not yet</p><script src='/counter.js'></script><script>
      window.M = { util: { pending_js: ['core/first'] } };
      setTimeout(() => { document.getElementById('p').textContent = 'drawn late'; M.util.pending_js = []; }, 900);
    </script>"""
    result = await render(html, by=patient)
    assert "drawn late" in await text_of(result.pdf)
    assert not any("waited for" in warning for warning in result.warnings)
    assert "/counter.js" in lms.paths()


async def test_one_lost_reason_does_not_hide_one_that_passes(patient: ChromiumRenderer, render: Render) -> None:
    html = f"""<p id=p>not yet</p><script src='{MODULE}'></script><script>
      window.M = {{ util: {{ pending_js: ['core/first'] }} }};
      const board = document.createElement('div'); board.className = 'jxgbox'; board.style.cssText = 'height: 9px';
      document.body.append(board);
      setTimeout(() => {{ document.getElementById('p').textContent = 'drawn late'; board.remove(); }}, 900);
    </script>"""
    result = await render(html, by=patient)
    assert "drawn late" in await text_of(result.pdf)
    assert "jsxgraph" not in only_warning(result.warnings, LOST)
