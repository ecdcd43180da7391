"""The pages that the plugins hand to the worker: attempt report, submission report, and the pages of faults.

They look like Moodle's Boost theme and behave like it: assets by URL, scripts that keep ``M.util.pending_js`` busy, an
AJAX call that wants a login and navigates to the login page. Templates and styles are in ``res/demo``.
"""

import base64
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

import jinja2
from markupsafe import Markup

from archiveworker.demo import pictures
from archiveworker.demo.course import Attempt, Course, Submission
from archiveworker.runtime import resources

REV: Final = "1795223446"
"""Moodle's revision number of theme and scripts; it stands in every asset's URL."""
_TEX: Final = re.compile(r"\\\(.+?\\\)|\\\[.+?\\\]|\$\$.+?\$\$", re.DOTALL)
_GAP: Final = re.compile(r"\[\[(\d+)\]\]")
_LARGE_PX: Final = (2600, 1800)


@dataclass(frozen=True, slots=True)
class PageOptions:
    """How pages behave.

    Attributes:
        login_trap: a script asks for something that wants a login and then goes to the login page, as Moodle's does.
        ballast: styles and scripts are as heavy as a real site's; see ``ballast``.
        photographs: that an essay with pictures has, each different.
    """

    login_trap: bool = True
    ballast: bool = False
    photographs: int = 1


class _Sections:
    """Answers ``show.<section>``: what the request switched off is off; what its plugin does not know is on."""

    def __init__(self, off: Collection[str]) -> None:
        self._off = off

    def __getattr__(self, name: str) -> bool:
        return name not in self._off


def attempt_report(
    course: Course, attempt: Attempt, *, base_url: str, off: Collection[str] = (), options: PageOptions | None = None
) -> str:
    """Return the HTML of one attempt.

    Args:
        course: the course.
        attempt: one of its attempts.
        base_url: origin of the LMS, without a slash at the end.
        off: sections that are not wanted, by the plugin's names.
        options: behaviour of the page.
    """
    numbered = [slot for slot, question in enumerate(course.questions, 1) if question.max_mark]
    return _render(
        "report.html",
        base_url,
        options,
        show=_Sections(off),
        course=course,
        attempt=attempt,
        student=attempt.student,
        slots=list(zip(course.questions, attempt.responses, strict=True)),
        numbers={slot: number for number, slot in enumerate(numbered, 1)},
        large_picture=_inline(lambda seed: pictures.photo(seed % 6, *_LARGE_PX), "image/jpeg"),
        small_picture=_inline(pictures.diagram, "image/png"),
        body_id="page-webservice-rest-server",
        body_class="quiz-archiver-report path-webservice-rest",
    )


def submission_report(
    course: Course,
    submission: Submission,
    *,
    base_url: str,
    off: Collection[str] = (),
    options: PageOptions | None = None,
) -> str:
    """Return the HTML of one submission of the assignment; arguments as in ``attempt_report``."""
    return _render(
        "submission.html",
        base_url,
        options,
        show=_Sections(off),
        course=course,
        submission=submission,
        student=submission.student,
        body_id="page-webservice-rest-server",
        body_class="assign-archiver-report path-webservice-rest",
    )


def login_page(base_url: str) -> str:
    """Return Moodle's login form."""
    return _render("login.html", base_url, None, body_id="page-login-index", body_class="path-login")


def blank_page() -> str:
    """Return a page with nothing on it."""
    return resources.text("demo/pages/blank.html")


def with_navigation_to_login(html: str, base_url: str) -> str:
    """Return ``html`` with a script that leaves for the login page as soon as it is read."""
    script = f"<script>window.location.replace({json.dumps(base_url + '/login/index.php')});</script></body>"
    return html.replace("</body>", script)


def _render(template: str, base_url: str, options: PageOptions | None, **values: Any) -> str:
    config = {
        "wwwroot": base_url,
        "sesskey": "DemoSessKy",
        "themerev": REV,
        "jsrev": REV,
        "theme": "boost",
        "userId": 3,
    }
    given = options or PageOptions()
    values |= {"login_trap": str(given.login_trap), "ballast": given.ballast, "photographs": given.photographs}
    return _environment().get_template(template).render(base=base_url, rev=REV, cfg=json.dumps(config), **values)


def _inline(make: Callable[[int], bytes], mimetype: str) -> Callable[[int], str]:
    return lambda seed: f"data:{mimetype};base64,{base64.b64encode(make(seed)).decode()}"


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FunctionLoader(lambda name: resources.text(f"demo/pages/{name}"))
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"tex": _tex, "gaps": _gaps, "long": _long, "short": _short}
    return environment


def _tex(html: str) -> Markup:
    """Mark formulas as Moodle's MathJax filter does. The HTML is the demo's own."""
    if not _TEX.search(html):
        return Markup(html)  # noqa: S704 - our own text, see docstring
    marked = _TEX.sub(lambda match: f'<span class="nolink">{match[0].replace("&", "&amp;")}</span>', html)
    return Markup(f'<span class="filter_mathjaxloader_equation">{marked}</span>')  # noqa: S704 - as above


def _gaps(text: str) -> list[str | int]:
    """Cut the text at ``[[n]]``; numbers in the list are gaps, counted from 0."""
    return [
        int(piece) - 1 if i % 2 else piece
        for i, piece in enumerate(_GAP.split(text.removeprefix("<p>").removesuffix("</p>")))
    ]


def _long(moment: datetime) -> str:
    return f"{moment:%A}, {moment.day} {moment:%B %Y}, {moment:%I:%M %p}"


def _short(moment: datetime) -> str:
    return f"{moment:%d/%m/%y, %H:%M:%S}"
