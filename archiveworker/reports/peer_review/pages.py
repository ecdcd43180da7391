"""The pages: one HTML file each, with its own style, without scripts, for paper and for screen readers."""

from collections.abc import Sequence
from functools import cache
from pathlib import PurePosixPath

import jinja2
from markupsafe import Markup

from archiveworker.domain.peer_review.base import SubmissionId
from archiveworker.domain.peer_review.checks.finding import Outcome
from archiveworker.domain.peer_review.redaction import IdentityFlag
from archiveworker.reports.peer_review import overview_view, wording
from archiveworker.reports.peer_review.matrix import LEGEND, swatch
from archiveworker.reports.peer_review.report import ActivityReport
from archiveworker.reports.peer_review.work_view import view_work
from archiveworker.runtime import resources

_FOLDER = "peer_review"


class _Loader(jinja2.BaseLoader):
    """Loads templates of this folder from the package's resources."""

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str | None, None]:
        if PurePosixPath(template).name != template:
            raise jinja2.TemplateNotFound(template)
        return resources.text(f"{_FOLDER}/{template}"), None, None


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=_Loader()
    )
    environment.globals["style"] = Markup(resources.text(f"{_FOLDER}/report.css"))  # noqa: S704 - a file of ours
    environment.globals["swatch"] = swatch
    environment.filters["word"] = wording.word
    return environment


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
            not_checkable=overview_view.with_outcome(report, Outcome.NOT_CHECKABLE),
            passed=overview_view.with_outcome(report, Outcome.PASSED),
            flags=flags,
        )
        .encode("utf-8")
    )
