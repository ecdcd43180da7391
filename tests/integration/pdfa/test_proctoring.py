"""Reports of proctored exams on paper: PDF/A-3a by veraPDF's word, tagged for screen readers, no letter lost."""

from collections import Counter

import pikepdf
import pytest
import pytest_asyncio

from tests.integration.pdfa.paper import Paper, assert_archivable, printed, structure
from tests.tools.write_proctoring_examples import pages

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PAGES = (
    *("person-resumed", "person-sensitive", "person-no-attempt", "person-over", "person-pseudonym"),
    *("exam", "course", "course-clean"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paper(tmp_path_factory: pytest.TempPathFactory) -> Paper:
    return await printed(pages(), tmp_path_factory.mktemp("proctoring"))


@pytest.mark.parametrize("name", PAGES)
async def test_nothing_is_lost_on_paper(paper: Paper, name: str) -> None:
    rendered = paper[name]
    assert rendered.warnings == ()
    assert rendered.facts.words_found == rendered.facts.words_shown > 40
    assert rendered.facts.boxes_drawn == 0
    assert rendered.facts.page_count <= 5


@pytest.mark.parametrize("name", PAGES)
async def test_a_screen_reader_finds_its_way(paper: Paper, name: str) -> None:
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


async def test_verapdf_finds_nothing_wrong(paper: Paper) -> None:
    assert set(paper) == set(PAGES)
    await assert_archivable(paper)
