"""A page that takes more memory than it may costs its own item a clear error, quickly, and no neighbour's anything."""

import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web

from archiveworker.domain.document import RenderOptions
from archiveworker.domain.errors import LimitExceededError
from archiveworker.rendering import memory_limit
from archiveworker.rendering.config import RendererConfig
from tests.integration.rendering.conftest import Lms, Render, page, running_renderer, text_of

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

LIMIT_MIB = 400
HOGS = {
    "buffers": "const all = []; for (let n = 0; n < 64; n++) { all.push(new Uint8Array(64 << 20).fill(1)); }",
    "buffers-in-steps": """const all = [];
      setInterval(() => { all.push(new Uint8Array(64 << 20).fill(1)); document.body.title = all.length; }, 20);""",
    "objects": "const all = []; for (;;) { all.push({ text: 'x'.repeat(99) + all.length, inside: [all.length] }); }",
    "document": """for (;;) { const div = document.createElement('div');
      div.innerHTML = '<p><b>x</b><i>y</i>'.repeat(999); document.body.append(div); }""",
    "document-in-steps": """setInterval(() => { for (let n = 0; n < 50; n++) {
      const div = document.createElement('div'); div.innerHTML = '<p><b>x</b><i>y</i>'.repeat(999);
      div.hidden = true; document.body.append(div); } }, 0);""",
    "drawings": """for (let n = 0; n < 40; n++) { const canvas = document.createElement('canvas');
      canvas.width = canvas.height = 8000; const pen = canvas.getContext('2d'); pen.fillStyle = 'red';
      pen.fillRect(0, 0, 8000, 8000); pen.getImageData(0, 0, 1, 1); document.body.append(canvas); }""",
    "worker": """const source = 'const all = []; for (;;) all.push(new Uint8Array(64 << 20).fill(1));';
      new Worker(URL.createObjectURL(new Blob([source]))); M = { util: { pending_js: ['never'] } };""",
}


@pytest.mark.parametrize("script", HOGS.values(), ids=HOGS.keys())
async def test_whatever_takes_memory_is_ended_and_named(render: Render, script: str) -> None:
    limits = {"ready_limit_s": 60.0, "render_limit_s": 120.0, "stuck_s": 50.0}
    async with running_renderer(RendererConfig(browser_count=1, page_max_mib=LIMIT_MIB, **limits)) as own:
        begun_s = time.monotonic()
        with pytest.raises(LimitExceededError, match=r"more than 400 MiB .* ARCHIVEWORKER_PAGE_MAX_MIB"):
            await render(f"<p>x</p><script>{script}</script>", by=own)
        # Its time limits, which would end it too, are a minute.
        assert time.monotonic() - begun_s < 45
        assert "after it" in await text_of((await render("<p>after it</p>", by=own)).pdf)
        assert own.browsers_started == 1


@pytest.mark.parametrize("arrangement", [{"browser_count": 2}, {"browser_count": 1, "pages_per_browser_count": 2}])
async def test_the_neighbour_does_not_notice(lms: Lms, tmp_path: Path, arrangement: dict[str, int]) -> None:
    """The neighbour is open all the while: it ends only when the hog has been ended."""
    neighbour_is_open, hog_is_over = asyncio.Event(), asyncio.Event()

    async def held(_request: web.Request) -> web.Response:
        neighbour_is_open.set()
        await hog_is_over.wait()
        return web.Response(status=404)

    lms.routes["/held.gif"] = held
    async with running_renderer(RendererConfig(page_max_mib=LIMIT_MIB, stuck_s=20, **arrangement)) as own:

        async def one(name: str, html: str) -> str:
            (tmp_path / name).mkdir()
            result = await own.render(page(html, lms.base_url), RenderOptions(), tmp_path / name)
            return await text_of(result.pdf)

        neighbour = asyncio.create_task(one("neighbour", "<p>the neighbour</p><img src='/held.gif'>"))
        await neighbour_is_open.wait()
        with pytest.raises(LimitExceededError, match="more than 400 MiB"):
            await one("hog", f"<p>x</p><script>{HOGS['buffers']}</script>")
        hog_is_over.set()
        assert "the neighbour" in await neighbour


async def test_a_process_that_is_gone_holds_nothing() -> None:
    assert memory_limit.held_bytes(2**22 + 1) == 0
