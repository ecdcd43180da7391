"""The pages: one HTML file each, with its own style, without scripts, for paper and for screen readers."""

from collections.abc import Iterator
from functools import cache

import jinja2

from archiveworker.domain.proctoring.base import ExamId
from archiveworker.domain.proctoring.model import PairFile
from archiveworker.reports.findings import FindingsView
from archiveworker.reports.proctoring import overview_view, wording
from archiveworker.reports.proctoring.overview_view import PeopleSheet
from archiveworker.reports.proctoring.pair_view import view_pair
from archiveworker.reports.proctoring.picture import swatch
from archiveworker.reports.proctoring.report import CourseReport
from archiveworker.reports.templates import environment

_FOLDER = "proctoring"


@cache
def _environment() -> jinja2.Environment:
    made = environment(_FOLDER)
    made.globals["swatch"] = swatch
    made.globals["wording"] = wording
    return made


def render_pair(page: PairFile) -> bytes:
    """Return the page of one person at one exam, UTF-8.

    Raises:
        ValueError: the records are not those of one person at one exam.
    """
    return _environment().get_template("pair.html.j2").render(view=view_pair(page), course=page.record.course).encode()


def render_exam(report: CourseReport, exam_id: ExamId) -> Iterator[tuple[PeopleSheet, bytes]]:
    """Yield the pages about one exam, UTF-8, with the people on each: the overview, then those it has no room for.

    Raises:
        KeyError: there is no such exam.
    """
    exam, first = report.facts.exams[exam_id], _environment().get_template("exam.html.j2")
    overview, *others = overview_view.people_sheets(report, exam_id)
    yield overview, first.render(report=report, exam=exam, people=overview, view=overview_view).encode()
    for people in others:
        page = _environment().get_template("people.html.j2")
        yield people, page.render(report=report, exam=exam, people=people).encode()


def render_course(report: CourseReport) -> bytes:
    """Return the overview of the course, UTF-8."""
    page = _environment().get_template("course.html.j2")
    return page.render(report=report, view=overview_view, found=FindingsView.of(report.results)).encode()
