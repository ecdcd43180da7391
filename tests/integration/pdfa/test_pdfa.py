"""Every kind of page, in every profile, is what it claims to be: veraPDF finds nothing wrong, or the test fails."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pikepdf
import pytest
import pytest_asyncio

from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import LmsOptions
from archiveworker.domain.document import (
    AssociatedFile,
    Document,
    PageFooter,
    PdfProfile,
    RenderedDocument,
    RenderOptions,
)
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from tests.integration.pdfa.court import Court, render_all, whole
from tests.integration.pdfa.pages import TORTURE_NAMES, TorturePage, torture_page
from tests.integration.pdfa.verapdf import judge, need_verapdf
from tests.integration.rendering.libraries import installed_libraries

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CREATED_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PROFILES = (PdfProfile.PDF_A_2A, PdfProfile.PDF_A_2U, PdfProfile.PDF_A_3A, PdfProfile.PDF_A_3U)
REPORTS = ("report-33", "report-34")
FRAMED = ("report-33", "emoji", "huge-table", "missing-glyphs", "images", "image-only", "drawing-only", "mathjax-html")
"""Pages that are also printed with a footer, a watermark and files inside."""
FRAMED_TITLE = "Attempt 33, Änne 王小明 محمد 😀 \U0003fff0 <b>"
UNTAGGED = {PdfProfile.PDF_A_2A: PdfProfile.PDF_A_2U, PdfProfile.PDF_A_3A: PdfProfile.PDF_A_3U}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def court(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Court]:
    """Render everything, then ask veraPDF once: its start takes longer than its work."""
    need_verapdf()
    folder = tmp_path_factory.mktemp("pdfa")
    made = Court()
    async with DemoServer(DemoOptions(lms=LmsOptions(row_delay_s=0.0))) as demo:
        documents = {name: Document(torture(name).html, demo.base_url, name, CREATED_AT) for name in TORTURE_NAMES}
        for name in REPORTS:
            documents[name] = await _report(demo, name)
        plain = {(name, p): (page, RenderOptions(profile=p)) for name, page in documents.items() for p in PROFILES}
        await render_all(config(), plain, folder, made)
        files = _files(folder)
        framed = {
            (f"framed-{name}", p): (
                replace(documents[name], title=FRAMED_TITLE, associated=files),
                RenderOptions(profile=p, embed_html=True),
            )
            for name in FRAMED
            for p in PROFILES
        }
        marks = config(footer=PageFooter.FULL, watermark="DEMO 演示 \U0003fff0")
        await render_all(marks, framed, folder, made)
    await made.judge()
    yield made


async def _report(demo: DemoServer, name: str) -> Document:
    number = name.removeprefix("report-")
    async with aiohttp.ClientSession() as session, session.get(f"{demo.base_url}/demo/report/{number}") as answer:
        assert answer.status == 200
        return Document(await answer.text(), demo.base_url, f"Attempt {number}", CREATED_AT)


def config(**changes: object) -> RendererConfig:
    return RendererConfig(stuck_s=0.5, gateway=GatewayConfig(mirrors=installed_libraries()), **changes)


def _files(folder: Path) -> tuple[AssociatedFile, ...]:
    made = {"notes.txt": b"made up", "Lösung 王.pdf": b"%PDF-1.4 is not looked into", "data": b"\0\1", "empty.csv": b""}
    for name, data in made.items():
        (folder / name).write_bytes(data)
    files = [AssociatedFile(name, folder / name, CREATED_AT) for name in made]
    return (*files, AssociatedFile("notes.txt", folder / "data", CREATED_AT))


def torture(name: str) -> TorturePage:
    """Return the page, as a whole page in English unless it says otherwise."""
    return whole(torture_page(name))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", [*REPORTS, *TORTURE_NAMES])
async def test_the_pdf_is_what_it_claims(court: Court, name: str, profile: PdfProfile) -> None:
    _assert_compliant(court, name, name, profile)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", FRAMED)
async def test_footer_watermark_and_files_do_not_change_that(court: Court, name: str, profile: PdfProfile) -> None:
    _assert_compliant(court, f"framed-{name}", name, profile)
    rendered = court.rendered[f"framed-{name}", profile]
    assert isinstance(rendered, RenderedDocument)
    assert rendered.facts.files_embedded == (6 if profile.may_hold_files else 0)
    refused = "6 file(s) are not inside the PDF: only PDF/A-3 may hold files"
    assert (refused in rendered.warnings) != profile.may_hold_files


def _assert_compliant(court: Court, key: str, name: str, profile: PdfProfile) -> None:
    wanted = profile
    if name not in REPORTS:
        page = torture(name)
        if page.needs is not None and not page.needs.exists():
            pytest.skip(f"{page.needs} is not on this machine")
        wanted = UNTAGGED.get(profile, profile) if page.untagged else profile
    verdict = court.verdicts[court.pdf(key, profile)]
    assert verdict.failures == ()
    assert verdict.profile == wanted.value
    assert verdict.passed_checks > 100


async def test_the_files_come_out_as_they_went_in(court: Court) -> None:
    with pikepdf.open(court.pdf("framed-emoji", PdfProfile.PDF_A_3A)) as pdf:
        inside = {name: file.get_file() for name, file in pdf.attachments.items()}
        kinds = {str(one.UF): str(one.AFRelationship) for one in pdf.Root.AF}
        types = {str(one.UF): str(one.EF.F.Subtype) for one in pdf.Root.AF}
        contents = {name: file.read_bytes() for name, file in inside.items()}
    assert contents["page.source.html"].decode() == torture("emoji").html
    assert contents["Lösung 王.pdf"] == b"%PDF-1.4 is not looked into"
    assert (contents["notes.txt"], contents["notes (2).txt"], contents["empty.csv"]) == (b"made up", b"\0\1", b"")
    assert kinds["page.source.html"] == "/Source"
    assert kinds["notes.txt"] == "/Supplement"
    assert (types["page.source.html"], types["data"]) == ("/text/html", "/application/octet-stream")


async def test_the_judge_can_say_no(court: Court, tmp_path: Path) -> None:
    with pikepdf.open(court.pdf("plain", PdfProfile.PDF_A_3A)) as pdf:
        del pdf.Root.OutputIntents
        pdf.save(tmp_path / "broken.pdf")
    [verdict] = (await judge([tmp_path / "broken.pdf"])).values()
    assert any("DeviceRGB" in failure for failure in verdict.failures)
