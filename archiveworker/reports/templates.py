"""Templates and styles of the pages that reports make: what all share is in ``res/reports``, the rest beside it."""

from functools import cache
from pathlib import PurePosixPath

import jinja2
from markupsafe import Markup

from archiveworker.reports import wording
from archiveworker.runtime import resources

_SHARED = "reports"


class _Loader(jinja2.BaseLoader):
    """Loads templates of one folder of the package's resources, and those that all reports share."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str | None, None]:
        if PurePosixPath(template).name != template:
            raise jinja2.TemplateNotFound(template)
        for folder in (self._folder, _SHARED):
            if (resources.root() / folder / template).is_file():
                return resources.text(f"{folder}/{template}"), None, None
        raise jinja2.TemplateNotFound(template)


@cache
def environment(folder: str) -> jinja2.Environment:
    """Return the templates of ``folder``; ``style`` is the common style with that of the folder behind it."""
    made = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=_Loader(folder)
    )
    style = resources.text(f"{_SHARED}/base.css") + resources.text(f"{folder}/report.css")
    made.globals["style"] = Markup(style)  # noqa: S704 - files of ours
    made.globals["count"] = wording.count
    return made
