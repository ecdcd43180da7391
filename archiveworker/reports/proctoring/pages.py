"""The pages: one HTML file each, with its own style, without scripts, for paper and for screen readers."""

from functools import cache

import jinja2

from archiveworker.domain.proctoring.base import ExamId
from archiveworker.domain.proctoring.model import PairFile
from archiveworker.reports.findings import FindingsView
from archiveworker.reports.proctoring import overview_view, wording
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


def render_exam(report: CourseReport, exam_id: ExamId) -> bytes:
    """Return the overview of one exam, UTF-8.

    Raises:
        KeyError: there is no such exam.
    """
    page = _environment().get_template("exam.html.j2")
    return page.render(report=report, exam=report.facts.exams[exam_id], view=overview_view).encode()


def render_course(report: CourseReport) -> bytes:
    """Return the overview of the course, UTF-8."""
    page = _environment().get_template("course.html.j2")
    return page.render(report=report, view=overview_view, found=FindingsView.of(report.results)).encode()
