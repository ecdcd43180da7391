"""The worker's own web pages: templates, words in two languages, and what a browser may do with them.

A page has one style and one script of the worker and loads nothing else; without the script it is the same page. What
comes from an LMS or an archive is escaped by the templates.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import jinja2
from aiohttp import web

from archiveworker.domain.errors import NotFoundError
from archiveworker.runtime import resources, templates
from archiveworker.web.access import ADMIN_TOKEN
from archiveworker.web.operations import Group, Operation
from archiveworker.web.session import COOKIE

VERSION: web.AppKey[str] = web.AppKey("version")
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch"}
_LANGUAGE_COOKIE: Final = "archiveworker_lang"
_YEAR_S: Final = 365 * 24 * 3600
_FOLDER: Final = "web"
LANG: Final = {
    "lang": {
        "type": "string",
        "description": f"Language of the page, which is remembered: {', '.join(LANGUAGES)}. Others are ignored.",
    }
}
"""Query of each page."""
_STATIC: Final = {"ui.css": "text/css; charset=utf-8", "ui.js": "text/javascript; charset=utf-8"}
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@cache
def _environment() -> jinja2.Environment:
    return templates.environment(_FOLDER)


@cache
def words(lang: str) -> Mapping[str, Any]:
    """Return the words of a language."""
    found: Mapping[str, Any] = json.loads(resources.text(f"{_FOLDER}/{lang}.json"))
    return found


def language(request: web.Request) -> str:
    """Return the language to answer in: the one that was chosen, or the first that the browser wants and there is."""
    for chosen in (request.query.get("lang", ""), request.cookies.get(_LANGUAGE_COOKIE, "")):
        if chosen in LANGUAGES:
            return chosen
    for wanted in request.headers.get("Accept-Language", "").split(","):
        code = wanted.split(";")[0].strip().lower().split("-")[0]
        if code in LANGUAGES:
            return code
    return "en"


def root_of(request: web.Request) -> str:
    """Return the way from the page to the worker's address, which may have a secret part in front."""
    resource = request.match_info.route.resource
    path = (resource.canonical if resource else request.path).removeprefix("/{key}")
    return "/".join([".."] * (path.count("/") - 1)) or "."


def page(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """Return a page.

    Args:
        request: that asks for it.
        template: file name of the template.
        status: of HTTP.
        values: for the template.
    """
    lang = language(request)
    html = (
        _environment()
        .get_template(f"{template}.html.j2")
        .render(
            lang=lang,
            languages=LANGUAGES.items(),
            w=words(lang),
            root=root_of(request),
            version=request.app[VERSION],
            here=template,
            may_log_out=request.app[ADMIN_TOKEN] is not None and COOKIE in request.cookies,
            **values,
        )
    )
    response = web.Response(text=html, content_type="text/html", status=status, headers=HEADERS)
    if request.query.get("lang") in LANGUAGES:
        response.set_cookie(_LANGUAGE_COOKIE, lang, max_age=_YEAR_S, httponly=True, samesite="Strict")
    return response


def see_other(request: web.Request, path: str) -> web.Response:
    """Send the browser to another page of the worker, by a relative address: there may be a proxy in front."""
    return web.Response(status=303, headers={"Location": f"{root_of(request)}{path}"})


@Operation(Group.PAGES, tuple(media.split(";")[0] for media in _STATIC.values()), errors=(NotFoundError,))
async def get_static(request: web.Request) -> web.Response:
    """Serve the style or the script."""
    name = request.match_info["name"]
    if name not in _STATIC:
        raise NotFoundError("There is nothing at this address.")
    headers = {"Content-Type": _STATIC[name], "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return web.Response(body=resources.data(f"{_FOLDER}/{name}"), headers=headers)
