"""Every kind of page, in every profile, is what it claims to be: veraPDF finds nothing wrong, or the test fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pikepdf
import pytest
import pytest_asyncio

from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import LmsOptions
from archiveworker.domain.document import Document, PdfProfile, RenderedDocument, RenderOptions
from archiveworker.domain.errors import ToolError
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from archiveworker.rendering.mirror import installed_libraries
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.pdfa.pages import TORTURE_NAMES, TorturePage, torture_page
from tests.integration.pdfa.verapdf import Verdict, judge, need_verapdf

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CREATED_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PROFILES = (PdfProfile.PDF_A_2A, PdfProfile.PDF_A_2U, PdfProfile.PDF_A_3A, PdfProfile.PDF_A_3U)
REPORTS = ("report-33", "report-34")
UNTAGGED = {PdfProfile.PDF_A_2A: PdfProfile.PDF_A_2U, PdfProfile.PDF_A_3A: PdfProfile.PDF_A_3U}


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def court(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Court]:
    """Render everything, then ask veraPDF once: its start takes longer than its work."""
    need_verapdf()
    config = RendererConfig(stuck_s=0.5, gateway=GatewayConfig(mirrors=installed_libraries()))
    made = Court()
    async with DemoServer(DemoOptions(lms=LmsOptions(row_delay_s=0.0))) as demo:
        documents = {name: Document(torture(name).html, demo.base_url, name, CREATED_AT) for name in TORTURE_NAMES}
        for name in REPORTS:
            documents[name] = await _report(demo, name)
        renderer = ChromiumRenderer(config)
        try:
            await renderer.start()
        except ToolError as exc:
            pytest.skip(f"no Chromium on this machine: {exc}")
        try:
            await _render_all(renderer, documents, tmp_path_factory.mktemp("pdfa"), made)
        finally:
            await renderer.stop()
    done = [result.pdf for result in made.rendered.values() if isinstance(result, RenderedDocument)]
    made.verdicts = await judge(done)
    yield made


async def _report(demo: DemoServer, name: str) -> Document:
    number = name.removeprefix("report-")
    async with aiohttp.ClientSession() as session, session.get(f"{demo.base_url}/demo/report/{number}") as answer:
        assert answer.status == 200
        return Document(await answer.text(), demo.base_url, f"Attempt {number}", CREATED_AT)


async def _render_all(renderer: ChromiumRenderer, documents: dict[str, Document], folder: Path, made: Court) -> None:
    async def one(name: str, profile: PdfProfile) -> None:
        out_dir = folder / f"{name}-{profile}"
        out_dir.mkdir()
        rendering: Awaitable[RenderedDocument] = renderer.render(
            documents[name], RenderOptions(profile=profile), out_dir
        )
        [made.rendered[name, profile]] = await asyncio.gather(rendering, return_exceptions=True)

    await asyncio.gather(*(one(name, profile) for name in documents for profile in PROFILES))


def torture(name: str) -> TorturePage:
    """Return the page, as a whole page in English unless it says otherwise."""
    page = torture_page(name)
    if "<html" in page.html:
        return page
    html = f"<!DOCTYPE html><html lang='en'><head><title>Page</title></head><body>{page.html}</body></html>"
    return TorturePage(html, page.needs, page.untagged)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", [*REPORTS, *TORTURE_NAMES])
async def test_the_pdf_is_what_it_claims(court: Court, name: str, profile: PdfProfile) -> None:
    wanted = profile
    if name not in REPORTS:
        page = torture(name)
        if page.needs is not None and not page.needs.exists():
            pytest.skip(f"{page.needs} is not on this machine")
        wanted = UNTAGGED.get(profile, profile) if page.untagged else profile
    pdf = court.pdf(name, profile)
    verdict = court.verdicts[pdf]
    assert verdict.failures == ()
    assert verdict.profile == wanted.value
    assert verdict.passed_checks > 100


async def test_the_judge_can_say_no(court: Court, tmp_path: Path) -> None:
    with pikepdf.open(court.pdf("plain", PdfProfile.PDF_A_3A)) as pdf:
        del pdf.Root.OutputIntents
        pdf.save(tmp_path / "broken.pdf")
    [verdict] = (await judge([tmp_path / "broken.pdf"])).values()
    assert any("DeviceRGB" in failure for failure in verdict.failures)
