"""Answers of the gateway's own to what may not go out, such that Moodle's JavaScript stays where it is.

A report is rendered without a session. Asked with one missing, Moodle answers ``servicerequireslogin`` and its
JavaScript (lib/amd/src/ajax.js) then goes to ``/login/index.php``. So calls of its AJAX services are answered here: as
many empty results as calls were made, in the form that ajax.js takes for success.
"""

import json
from urllib.parse import urlsplit

from archiveworker.rendering.wire import Request, Response

_SERVICES = ("/lib/ajax/service.php", "/lib/ajax/service-nologin.php")
_LOGIN_WANTED = b"servicerequireslogin"

# What callers do with null is not always kind; these want another kind of nothing.
_EMPTY_RESULTS: dict[str, object] = {
    "core_fetch_notifications": [],
    "core_get_strings": [],
    "core_output_load_fontawesome_icon_map": [],
    "core_output_load_fontawesome_icon_system_map": [],
    "media_videojs_get_language": "{}",
    "message_popup_get_popup_notifications": {"notifications": [], "unreadcount": 0},
}

NOTHING = Response(204)
"""Leaves a page where it is, and an XMLHttpRequest content."""


def before_asking(path: str, request: Request) -> Response | None:
    """Return the answer to a request that must not reach the LMS, or None when it may be sent.

    Args:
        path: of the URL, without the query.
        request: as the browser made it.
    """
    if path.endswith("/lib/ajax/service.php"):
        return _results(request)
    if path.endswith("/login/index.php") or path.endswith("/login/"):
        return NOTHING
    if request.method not in ("GET", "HEAD"):
        return _results(request) if path.endswith(_SERVICES) else NOTHING
    return None


def after_asking(path: str, request: Request, response: Response) -> Response:
    """Return ``response``, unless it would send the page to the login form."""
    if path.endswith(_SERVICES) and _LOGIN_WANTED in response.body:
        return _results(request)
    return response


def _results(request: Request) -> Response:
    body = json.dumps([{"error": False, "data": _EMPTY_RESULTS.get(name)} for name in _methods(request)])
    return Response(
        200, (("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store")), body.encode()
    )


def _methods(request: Request) -> list[str]:
    try:
        calls = json.loads(request.body)
        return [str(call["methodname"]) for call in calls]
    except (ValueError, TypeError, KeyError):
        pass
    query = dict(part.partition("=")[::2] for part in urlsplit(request.target).query.split("&"))
    info = query.get("info", "")
    if info.endswith("-method-calls") and info.removesuffix("-method-calls").isdigit():
        return [""] * min(int(info.removesuffix("-method-calls")), 1_000)
    return info.replace("%2C", ",").split(",")
