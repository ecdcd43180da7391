"""The pages: one HTML file each, with its own style, without scripts, for paper and for screen readers."""

from collections.abc import Sequence
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
    """Return the page of one work, UTF-8."""
    page = _environment().get_template("work.html.j2")
    return page.render(report=report, activity=report.activity, work=view_work(report, submission_id)).encode("utf-8")


def render_copy(report: ActivityReport, works: Sequence[SubmissionId], kind: str, reader: str) -> bytes:
    """Return the copy for one person, UTF-8: all works in it on one page.

    Args:
        report: of the copy.
        works: in this order.
        kind: e.g. ``Author's copy``.
        reader: whose copy it is.
    """
    page = _environment().get_template("copy.html.j2")
    views = [view_work(report, work) for work in works]
    return page.render(report=report, activity=report.activity, works=views, kind=kind, reader=reader).encode("utf-8")


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
