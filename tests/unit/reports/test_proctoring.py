"""Pages and tables of proctored exams: everything is on them, nothing on them runs, and they are sound HTML."""

import csv
import io
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archiveworker.domain.proctoring.checks.table import check_all
from archiveworker.domain.proctoring.kinds import Status
from archiveworker.domain.proctoring.model import PairFile, Proctoring
from archiveworker.domain.proctoring.timeline import events_of
from archiveworker.reports.proctoring.pages import render_course, render_exam, render_pair
from archiveworker.reports.proctoring.report import CourseReport
from archiveworker.reports.proctoring.tables import all_tables
from tests.fakes import proctoring as fake
from tests.unit.reports.test_peer_review import assert_nothing_runs, outline

HOSTILE = "<script>alert(1)</script>\"&' <img src=x onerror=alert(2)>"


def report_of(record: Proctoring) -> CourseReport:
    return CourseReport(record, check_all(record))


def all_pages(record: Proctoring) -> list[bytes]:
    report = report_of(record)
    pairs = [render_pair(report.page_of(*pair)) for pair in report.pairs if pair[1] in report.facts.exams]
    return [*pairs, *(page for exam in report.exams for _, page in render_exam(report, exam.id)), render_course(report)]


@pytest.mark.parametrize("record", [fake.clean(3), fake.troubled(), fake.as_rest_gives_it(fake.troubled())])
def test_pages_are_sound_and_nothing_runs(record: Proctoring) -> None:
    for page in all_pages(record):
        assert len(outline(page).of("h1")) == 1
        assert_nothing_runs(page)


def test_a_long_list_of_people_goes_on_on_further_pages() -> None:
    report = report_of(fake.clean(1_001))
    exam_id = report.exams[0].id
    pages = list(render_exam(report, exam_id))
    assert [people.span for people, _ in pages] == [
        "People 1 to 500 of 1,001",
        "People 501 to 1,000 of 1,001",
        "People 1,001 to 1,001 of 1,001",
    ]
    for people, page in pages:
        assert [row.person for row in people.rows] == re.findall(r'<th scope="row"><bdi>(.*?)</bdi>', page.decode())
        assert people.span in page.decode()
    listed = [row.person for people, _ in pages for row in people.rows]
    assert sorted(set(listed)) == sorted(listed) == sorted(person for person, exam in report.pairs if exam == exam_id)
    # Once is enough for what the exam is, and where people stand.
    assert ["The exam" in page.decode() for _, page in pages] == [True, False, False]


def test_foreign_text_is_shown_and_never_run() -> None:
    record = fake.troubled()
    hostile = replace(
        record,
        exams=tuple(replace(one, name=HOSTILE, policy=HOSTILE) for one in record.exams),
        allowances=tuple(replace(one, value=HOSTILE) for one in record.allowances or ()),
    )
    pages = all_pages(hostile)
    for page in pages:
        assert_nothing_runs(page)
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in page.decode() for page in pages)


def test_a_page_tells_the_whole_story() -> None:
    report = report_of(fake.troubled())
    text = render_pair(report.page_of(fake.person_id(1), fake.MIDTERM)).decode()
    for wanted in ("Attempt 201", "Attempt 202", "resumed, in the next attempt", "reviewed: Suspicious", "rejected",
                   "Second person in the room", "0:05:00", "Closed book.", "2026-06-09 08:17:00 UTC"):  # fmt: skip
        assert wanted in text
    assert len(outline(text.encode()).of("svg")) > 1


def test_the_picture_and_the_table_have_the_same_events() -> None:
    report = report_of(fake.troubled())
    for pair in report.facts.pairs:
        if pair[1] not in report.facts.exams:
            continue
        page = report.page_of(*pair)
        text = render_pair(page).decode()
        numbers = re.findall(r'<text class="number \w+"[^>]*>(\d+)</text>', text)
        count = len(events_of(page.record, page.record.attempts))
        assert sorted(map(int, numbers)) == list(range(1, count + 1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500_000), st.integers(0, 300), st.integers(-20, 400)), min_size=1, max_size=6))
def test_no_mark_leaves_the_picture_or_covers_another(times: list[tuple[int, int, int]]) -> None:
    attempts = tuple(
        fake.attempt(
            number, fake.FINAL, 1, Status.SUBMITTED,
            created_at=fake.START + minute * fake.MINUTE,
            started_at=fake.START + (minute + wait) * fake.MINUTE,
            completed_at=fake.START + (minute + wait + taken) * fake.MINUTE,
        )
        for number, (minute, wait, taken) in enumerate(sorted(times))
    )  # fmt: skip
    base = fake.as_rest_gives_it(replace(fake.clean(1), attempts=attempts))
    text = render_pair(report_of(base).page_of(fake.person_id(1), fake.FINAL)).decode()
    places = [
        (float(x), float(y)) for x, y in re.findall(r'<text class="number \w+" x="([-\d.]+)" y="([-\d.]+)"', text)
    ]
    height = float(re.search(r'viewBox="0 0 1000 ([\d.]+)"', text)[1])  # type: ignore[index]
    assert all(100 < x <= 1000 and 0 < y < height for x, y in places)
    for at, (x, y) in enumerate(places):
        assert all(abs(x - other[0]) > 15 or abs(y - other[1]) > 15 for other in places[at + 1 :])


def test_codes_are_masked_everywhere() -> None:
    record = fake.troubled()
    everything = b"".join([*all_pages(record), *all_tables(report_of(record)).values()]).decode()
    assert "BECE-42A1" not in everything.upper()
    assert "0000…" in everything


def test_sensitive_allowances_are_marked_and_not_in_overviews() -> None:
    report = report_of(fake.troubled())
    page = render_pair(report.page_of(fake.person_id(2), fake.MIDTERM)).decode()
    assert "May wear headphones (medical)" in page
    assert "sensitive: can be about health" in page
    assert not [page for _, page in render_exam(report, fake.MIDTERM) if b"headphones" in page]
    assert "headphones" not in render_course(report).decode()


def test_what_is_missing_is_said_in_plain_words() -> None:
    report = report_of(fake.as_rest_gives_it(fake.troubled()))
    for page in (render_course(report), render_pair(report.page_of(fake.person_id(1), fake.MIDTERM))):
        assert "The LMS does not hand out reviews." in page.decode()


def test_a_page_is_about_one_person_at_one_exam() -> None:
    with pytest.raises(ValueError, match="one person at one exam"):
        render_pair(PairFile(fake.clean(2)))


def test_tables_have_every_record() -> None:
    record = fake.troubled()
    tables = {
        name: list(csv.DictReader(io.StringIO(data.decode()))) for name, data in all_tables(report_of(record)).items()
    }
    assert len(tables["attempts.csv"]) == len(record.attempts)
    assert len(tables["allowances.csv"]) == len(record.allowances or ())
    assert len(tables["onboarding.csv"]) == len(record.onboarding or ())
    assert {row["resumes_attempt"] for row in tables["attempts.csv"]} == {"", "201"}
    assert {row["outcome"] for row in tables["findings.csv"]} == {"found", "not_checkable", "passed"}
    assert "reviews.csv" not in all_tables(report_of(fake.as_rest_gives_it(record)))
