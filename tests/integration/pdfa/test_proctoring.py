"""Reports of proctored exams on paper: PDF/A-3a by veraPDF's word, tagged for screen readers, no letter lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pikepdf
import pytest
import pytest_asyncio

from archiveworker.domain.document import Document, PdfProfile, RenderedDocument, RenderOptions
from archiveworker.domain.errors import ToolError
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.pdfa.test_peer_review import structure
from tests.integration.pdfa.verapdf import judge, need_verapdf
from tests.tools.write_proctoring_examples import pages

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PAGES = (
    *("person-resumed", "person-sensitive", "person-no-attempt", "person-over", "person-pseudonym"),
    *("exam", "course", "course-clean"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paper(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, RenderedDocument]]:
    folder = tmp_path_factory.mktemp("proctoring")
    renderer = ChromiumRenderer(RendererConfig(gateway=GatewayConfig()))
    made: dict[str, RenderedDocument] = {}

    async def one(name: str, html: bytes) -> None:
        (folder / name).mkdir()
        page = Document(html.decode(), "http://page.invalid", name, datetime(2026, 5, 4, tzinfo=UTC))
        made[name] = await renderer.render(page, RenderOptions(profile=PdfProfile.PDF_A_3A), folder / name)

    try:
        await renderer.start()
    except ToolError as exc:
        pytest.skip(f"no Chromium on this machine: {exc}")
    try:
        await asyncio.gather(*(one(name, html) for name, html in pages().items()))
    finally:
        await renderer.stop()
    yield made


@pytest.mark.parametrize("name", PAGES)
async def test_nothing_is_lost_on_paper(paper: dict[str, RenderedDocument], name: str) -> None:
    rendered = paper[name]
    assert rendered.warnings == ()
    assert rendered.facts.words_found == rendered.facts.words_shown > 40
    assert rendered.facts.boxes_drawn == 0
    assert rendered.facts.page_count <= 5


@pytest.mark.parametrize("name", PAGES)
async def test_a_screen_reader_finds_its_way(paper: dict[str, RenderedDocument], name: str) -> None:
    with pikepdf.open(paper[name].pdf) as pdf:
        elements = list(structure(pdf.Root.StructTreeRoot))
        language = str(pdf.Root.Lang)
    tags = Counter(tag for tag, _ in elements)
    assert language == "en"
    assert tags["/H1"] == 1
    assert tags["/H2"] >= 3
    figures = [text for tag, text in elements if tag == "/Figure"]
    has_picture = name.startswith("person") and name != "person-no-attempt"
    assert [text.partition(" with ")[0] for text in figures] == (["Line of time"] if has_picture else [])


async def test_verapdf_finds_nothing_wrong(paper: dict[str, RenderedDocument]) -> None:
    need_verapdf()
    verdicts = await judge([rendered.pdf for rendered in paper.values()])
    assert len(verdicts) == len(PAGES)
    for verdict in verdicts.values():
        assert verdict.failures == ()
        assert verdict.profile == "3a"
        assert verdict.passed_checks > 100
