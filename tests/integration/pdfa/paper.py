"""Pages on paper: prints them with the worker's own renderer, and asks of the PDFs what is asked of all of them."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest

from archiveworker.domain.document import Document, PdfProfile, RenderedDocument, RenderOptions
from archiveworker.domain.errors import ToolError
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.pdfa.verapdf import judge, need_verapdf

Paper = Mapping[str, RenderedDocument]
"""What was rendered, by the name of its page."""


async def printed(pages: Mapping[str, bytes], folder: Path) -> Paper:
    """Print all pages, each in a folder of its own below ``folder``; skip the test where there is no Chromium."""
    renderer = ChromiumRenderer(RendererConfig(gateway=GatewayConfig()))

    async def one(name: str, html: bytes) -> RenderedDocument:
        (folder / name).mkdir()
        page = Document(html.decode(), "http://page.invalid", name, datetime(2026, 5, 4, tzinfo=UTC))
        return await renderer.render(page, RenderOptions(profile=PdfProfile.PDF_A_3A), folder / name)

    try:
        await renderer.start()
    except ToolError as exc:
        pytest.skip(f"no Chromium on this machine: {exc}")
    try:
        rendered = await asyncio.gather(*(one(name, html) for name, html in pages.items()))
    finally:
        await renderer.stop()
    return dict(zip(pages, rendered, strict=True))


def structure(element: pikepdf.Object) -> Iterator[tuple[str, str]]:
    """Yield tag and alternative text of every structure element."""
    if not isinstance(element, pikepdf.Dictionary):
        return
    if "/S" in element:
        yield str(element.S), str(element.get("/Alt", ""))
    children = element.get("/K")
    for child in children if isinstance(children, pikepdf.Array) else [children]:
        if isinstance(child, pikepdf.Dictionary):
            yield from structure(child)


async def assert_archivable(paper: Paper) -> None:
    """Have veraPDF judge every page as PDF/A-3a."""
    need_verapdf()
    verdicts = await judge([rendered.pdf for rendered in paper.values()])
    assert len(verdicts) == len(paper)
    for verdict in verdicts.values():
        assert verdict.failures == ()
        assert verdict.profile == "3a"
        assert verdict.passed_checks > 100
