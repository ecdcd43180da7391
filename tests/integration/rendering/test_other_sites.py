"""Embedded pages of another site get what the page itself gets.

The headless shell keeps them in the page's process; other Chromiums give each site its own, as both do when told to.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from archiveworker.domain.document import RenderOptions
from archiveworker.rendering import chromium
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from tests.integration.rendering.conftest import Render, running_renderer, text_of

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

OTHER = "http://other.example"


@pytest_asyncio.fixture(loop_scope="module", params=["", "--site-per-process"], ids=["together", "apart"])
async def render_with_other(
    render: Render, public_folder: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Render]:
    """A renderer for which another site is a folder of this machine."""
    folder = public_folder
    (folder / "inner.html").write_text(INNER)
    (folder / "outer.html").write_text("<p>outer of another site</p><iframe src='inner.html'></iframe>")
    browser = folder / "browser"
    browser.write_text(f'#!/bin/sh\nexec "{chromium.find(None).path}" {request.param} "$@"\n')
    browser.chmod(0o755)
    gateway = GatewayConfig(mirrors=((f"{OTHER}/", folder),))
    # Sites in processes of their own and asking for frames exclude each other.
    thrifty = not request.param
    config = RendererConfig(chromium=browser, browser_count=1, stuck_s=2, thrifty=thrifty, gateway=gateway)
    async with running_renderer(config) as own:

        async def call(html: str, options: RenderOptions | None = None) -> object:
            return await render(html, options, by=own)

        yield call


INNER = """<p>inner</p><p id=seen></p><script>
  const seen = [Math.random(), typeof window.RTCPeerConnection, matchMedia('print').matches, Intl.DateTimeFormat()
    .resolvedOptions().timeZone, navigator.language, matchMedia('(prefers-reduced-motion: reduce)').matches];
  window.M = { util: { pending_js: ['late'] } };
  setTimeout(() => {
    document.getElementById('seen').textContent = 'seen ' + seen.join(' ');
    M.util.pending_js = [];
  }, 700);
</script>"""


@pytest.mark.parametrize("name", ["inner.html", "outer.html"])
async def test_they_are_waited_for_and_get_the_same_scripts_and_media(
    render_with_other: Render, name: str, request: pytest.FixtureRequest
) -> None:
    together = "together" in request.node.name
    html = f"<p>the page</p><iframe src='{OTHER}/{name}' width=600 height=500></iframe>"
    first, again = [await render_with_other(html, RenderOptions(keep_html=True)) for _ in range(2)]
    assert first.warnings == ()
    assert first.frozen_html is not None
    assert again.frozen_html is not None
    kept = first.frozen_html.read_text()
    assert "undefined true UTC en-US true" in kept
    assert again.frozen_html.read_text() == kept  # Math.random included
    if together:  # the shell prints no frame of another process
        assert "undefined true UTC en-US true" in " ".join((await text_of(first.pdf)).split())
