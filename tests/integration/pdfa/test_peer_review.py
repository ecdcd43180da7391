"""Reports of peer reviews on paper: PDF/A-3a by veraPDF's word, tagged for screen readers, every letter with a font."""

from collections import Counter
from dataclasses import replace

import pikepdf
import pytest
import pytest_asyncio

from archiveworker.domain.peer_review.base import Text
from archiveworker.domain.peer_review.checks.table import check_all
from archiveworker.domain.peer_review.copies import author_copy, reviewer_copy
from archiveworker.domain.peer_review.kinds import Strategy, TextFormat
from archiveworker.domain.peer_review.redaction import scan
from archiveworker.reports.peer_review.pages import render_copy, render_overview, render_work
from archiveworker.reports.peer_review.report import ActivityReport
from tests.fakes import peer_review as fake
from tests.integration.pdfa.paper import Paper, assert_archivable, printed, structure

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

STRATEGIES = (Strategy.ACCUMULATIVE, Strategy.COMMENTS, Strategy.NUMERRORS, Strategy.RUBRIC)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PICTURE = f'<p>See <img src="data:image/png;base64,{PIXEL}" alt="a red dot" width="40"></p>'


def pages() -> dict[str, bytes]:
    """Return one page of each kind."""
    made = {}
    for strategy in STRATEGIES:
        record = fake.make(30, strategy)
        work = record.submissions[4]
        text = Text(work.parts[0].text.body + PICTURE, TextFormat.HTML)
        works = list(record.submissions)
        works[4] = replace(work, parts=(replace(work.parts[0], text=text),))
        record = replace(record, submissions=tuple(works))
        made[f"work-{strategy.value}"] = render_work(ActivityReport(record, check_all(record)), work.id)
    for count in (30, 300):
        record = fake.make(count)
        made[f"overview-{count}"] = render_overview(ActivityReport(record, check_all(record)), scan(record))
    copy = ActivityReport(author_copy(record, fake.person_id(4)).peer_review, is_copy=True)
    made["author-copy"] = render_copy(copy, [fake.work_id(4)], "Author's copy", copy.name(fake.person_id(4)))
    copy = ActivityReport(reviewer_copy(record, fake.person_id(4)).peer_review, is_copy=True)
    works = sorted(copy.facts.submissions)
    made["reviewer-copy"] = render_copy(copy, works, "Reviewer's copy", copy.name(fake.person_id(4)))
    return made


PAGES = (
    "work-accumulative",
    "work-comments",
    "work-numerrors",
    "work-rubric",
    "overview-30",
    "overview-300",
    "author-copy",
    "reviewer-copy",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paper(tmp_path_factory: pytest.TempPathFactory) -> Paper:
    return await printed(pages(), tmp_path_factory.mktemp("peer-review"))


@pytest.mark.parametrize("name", PAGES)
async def test_nothing_is_lost_on_paper(paper: Paper, name: str) -> None:
    rendered = paper[name]
    assert rendered.warnings == ()
    assert rendered.facts.words_found == rendered.facts.words_shown > 50
    assert rendered.facts.boxes_drawn == 0
    assert rendered.facts.page_count <= {"overview-30": 7, "overview-300": 14, "reviewer-copy": 6}.get(name, 3)
    assert (round(rendered.facts.width_mm), round(rendered.facts.height_mm)) == (210, 297)


@pytest.mark.parametrize("name", PAGES)
async def test_a_screen_reader_finds_its_way(paper: Paper, name: str) -> None:
    with pikepdf.open(paper[name].pdf) as pdf:
        elements = list(structure(pdf.Root.StructTreeRoot))
        tags = Counter(tag for tag, _ in elements)
        figures = [alternative for tag, alternative in elements if tag == "/Figure"]
        language = str(pdf.Root.Lang)
    assert language == "en"
    assert tags["/H1"] == 1
    assert tags["/H2"] >= 3
    assert tags["/TH"] > 5
    if name.startswith("work"):
        assert tags["/H3"] >= 3, "a heading for each review"
        assert figures == ["a red dot"]
    if name.startswith("overview"):
        assert [text.split(":")[0] for text in figures] == [f"Matrix of {name.removeprefix('overview-')} people"]


async def test_verapdf_finds_nothing_wrong(paper: Paper) -> None:
    assert set(paper) == set(PAGES)
    await assert_archivable(paper)
