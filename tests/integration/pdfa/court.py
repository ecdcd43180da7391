"""Renders many pages in many profiles and has veraPDF judge them all at once."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from archiveworker.domain.document import Document, PdfProfile, RenderedDocument, RenderOptions
from archiveworker.domain.errors import ToolError
from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.pdfa.pages import TorturePage
from tests.integration.pdfa.verapdf import Verdict, judge


@dataclass
class Court:
    """What was rendered, and how it was judged."""

    rendered: dict[tuple[str, PdfProfile], RenderedDocument | BaseException] = field(default_factory=dict)
    verdicts: dict[Path, Verdict] = field(default_factory=dict)

    def pdf(self, name: str, profile: PdfProfile) -> Path:
        result = self.rendered[name, profile]
        if isinstance(result, BaseException):
            raise result
        return result.pdf

    async def judge(self) -> None:
        """Ask veraPDF about everything that was rendered."""
        done = [result.pdf for result in self.rendered.values() if isinstance(result, RenderedDocument)]
        self.verdicts = await judge(done)


Work = dict[tuple[str, PdfProfile], tuple[Document, RenderOptions]]


async def render_all(config: RendererConfig, work: Work, folder: Path, made: Court) -> None:
    renderer = ChromiumRenderer(config)

    async def one(key: tuple[str, PdfProfile]) -> None:
        out_dir = folder / "-".join(key)
        out_dir.mkdir()
        rendering: Awaitable[RenderedDocument] = renderer.render(*work[key], out_dir)
        [made.rendered[key]] = await asyncio.gather(rendering, return_exceptions=True)

    try:
        await renderer.start()
    except ToolError as exc:
        pytest.skip(f"no Chromium on this machine: {exc}")
    try:
        await asyncio.gather(*map(one, work))
    finally:
        await renderer.stop()


def whole(page: TorturePage) -> TorturePage:
    """Return a page as a whole page, in English unless it says otherwise."""
    if "<html" in page.html:
        return page
    html = f"<!DOCTYPE html><html lang='en'><head><title>Page</title></head><body>{page.html}</body></html>"
    return replace(page, html=html)
