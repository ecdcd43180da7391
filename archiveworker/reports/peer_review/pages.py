"""The pages: one HTML file each, with its own style, without scripts, for paper and for screen readers."""

from functools import cache

import jinja2

from archiveworker.domain.peer_review.base import SubmissionId
from archiveworker.domain.peer_review.redaction import IdentityFlag
from archiveworker.reports.findings import FindingsView
from archiveworker.reports.peer_review import overview_view, wording
from archiveworker.reports.peer_review.matrix import LEGEND, swatch
from archiveworker.reports.peer_review.report import ActivityReport
from archiveworker.reports.peer_review.work_view import view_work
from archiveworker.reports.templates import environment

_FOLDER = "peer_review"


@cache
def _environment() -> jinja2.Environment:
    made = environment(_FOLDER)
    made.globals["swatch"] = swatch
    made.filters["word"] = wording.word
    return made


def render_work(report: ActivityReport, submission_id: SubmissionId) -> bytes:
    """Return the page of one work, UTF-8.

    Raises:
        KeyError: there is no such work.
    """
    page = _environment().get_template("work.html.j2")
    return page.render(report=report, activity=report.activity, work=view_work(report, submission_id)).encode("utf-8")


def render_overview(report: ActivityReport, flags: tuple[IdentityFlag, ...] | None = None) -> bytes:
    """Return the overview of the activity, UTF-8.

    Args:
        report: the activity.
        flags: of ``redaction.scan``; None when free text was not searched for names.
    """
    picture = overview_view.picture(report)
    return (
        _environment()
        .get_template("overview.html.j2")
        .render(
            report=report,
            activity=report.activity,
            view=overview_view,
            picture=picture,
            legend=[(kind, LEGEND[kind]) for kind in picture.kinds],
            found=FindingsView.of(report.results),
            flags=flags,
        )
        .encode("utf-8")
    )
