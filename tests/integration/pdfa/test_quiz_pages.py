"""What stands in real quizzes, drawn by the real libraries, is PDF/A of the level that it claims, by veraPDF."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from archiveworker.domain.document import Document, PdfProfile, RenderedDocument, RenderOptions
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from tests.integration.pdfa.court import Court, render_all, whole
from tests.integration.pdfa.quiz_pages import CONTENT, LIBRARY_NAMES, QUIZ_NAMES, quiz_page, write_content
from tests.integration.pdfa.verapdf import need_verapdf
from tests.integration.rendering.conftest import text_of
from tests.integration.rendering.libraries import LIBRARIES, library_mirrors, need_libraries

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CREATED_AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ALSO_2U = ("mathjax3-html", "mathjax4-svg", "jsxgraph-formulas", "essay-from-word", "right-to-left", "ruby")
CASES = [(name, PdfProfile.PDF_A_3A) for name in QUIZ_NAMES] + [(name, PdfProfile.PDF_A_2U) for name in ALSO_2U]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def court(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Court]:
    need_verapdf()
    folder = tmp_path_factory.mktemp("quiz")
    content = tmp_path_factory.mktemp("content")
    write_content(content)
    gateway = GatewayConfig(mirrors=(*library_mirrors(), (f"{CONTENT}/", content)))
    made = Court()
    work = {
        (name, profile): (
            Document(whole(quiz_page(name)).html, "http://127.0.0.1:8099", name, CREATED_AT),
            RenderOptions(profile=profile),
        )
        for name, profile in CASES
    }
    await render_all(RendererConfig(stuck_s=6, gateway=gateway), work, folder, made)
    await made.judge()
    yield made


@pytest.mark.parametrize(("name", "profile"), CASES)
async def test_the_pdf_is_what_it_claims(court: Court, name: str, profile: PdfProfile) -> None:
    if name in LIBRARY_NAMES:
        need_libraries()
    verdict = court.verdicts[court.pdf(name, profile)]
    assert verdict.failures == ()
    assert verdict.profile == profile.value
    assert verdict.passed_checks > 100


@pytest.mark.parametrize("name", LIBRARY_NAMES)
async def test_the_library_drew(court: Court, name: str) -> None:
    need_libraries()
    page = quiz_page(name)
    assert page.needs == LIBRARIES
    text = await text_of(court.pdf(name, PdfProfile.PDF_A_3A))
    assert page.shows in text
    assert not page.hides or page.hides not in text
    result = court.rendered[name, PdfProfile.PDF_A_3A]
    assert isinstance(result, RenderedDocument)
    assert result.warnings == ()


async def test_a_very_long_attempt_has_all_its_pages(court: Court) -> None:
    result = court.rendered["long", PdfProfile.PDF_A_3A]
    assert isinstance(result, RenderedDocument)
    assert result.page_count > 100
