"""Templates and styles of the pages that reports make: what all share is in ``res/reports``, the rest beside it."""

import jinja2
from markupsafe import Markup

from archiveworker.reports import wording
from archiveworker.runtime import resources, templates

_SHARED = "reports"


def environment(folder: str) -> jinja2.Environment:
    """Return the templates of ``folder``; ``style`` is the common style with that of the folder behind it."""
    made = templates.environment(folder, _SHARED)
    style = resources.text(f"{_SHARED}/base.css") + resources.text(f"{folder}/report.css")
    made.globals["style"] = Markup(style)  # noqa: S704 - files of ours
    made.globals["count"] = wording.count
    return made
