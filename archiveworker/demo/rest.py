"""``/webservice/rest/server.php``: token, function, parameters, answer; and ``/lib/ajax`` for the pages' scripts.

Source: webservice/rest/locallib.php and recorded answers. Answers of report functions get ``</body></html>`` behind the
JSON, because the plugin renders a page on the way (trap 1 of the contract).
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from archiveworker.demo import artifacts, core_functions, functions, workshop_functions
from archiveworker.demo.contract import PLUGINS, Family
from archiveworker.demo.faults import FaultKind
from archiveworker.demo.functions import Call, Function
from archiveworker.demo.php import (
    ACCESS,
    INVALID_PARAMETER,
    INVALID_TOKEN,
    UNKNOWN_FUNCTION,
    PhpThrowError,
    parse_parameters,
    to_json,
    to_xml,
)
from archiveworker.demo.service import Service
from archiveworker.demo.state import STATE, LmsState
from archiveworker.demo.workshop_functions import ServiceCall

HEADERS: Final = {
    "Cache-Control": "private, must-revalidate, pre-check=0, post-check=0, max-age=0",
    "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    "Pragma": "no-cache",
    "Accept-Ranges": "none",
    "Access-Control-Allow-Origin": "*",
}
_OWN: Final = frozenset(
    {"wstoken", "wsfunction", "moodlewsrestformat"}
    | {f"moodlewssetting{name}" for name in ("raw", "fileurl", "filter", "lang", "timezone")}
)
_REPORTS: Final = frozenset({"generate_attempt_report", "generate_submission_report"})
_FUNCTIONS: Final[Mapping[str, Function]] = {
    "update_job_status": functions.update_job_status,
    "update_task_status": functions.update_task_status,
    "get_backup_status": functions.get_backup_status,
    "get_attempts_metadata": functions.get_attempts_metadata,
    "generate_attempt_report": functions.generate_attempt_report,
    "generate_submission_report": functions.generate_submission_report,
    "get_submissions_metadata": functions.get_submissions_metadata,
    "process_uploaded_artifact": artifacts.process_uploaded_artifact,
}
_SERVICE_FUNCTIONS: Final = {**core_functions.FUNCTIONS, **workshop_functions.FUNCTIONS}
_WRITING: Final = frozenset(
    f"mod_workshop_{name}"
    for name in (
        *("view_workshop", "add_submission", "update_submission", "delete_submission", "view_submission"),
        *("update_assessment", "evaluate_assessment", "evaluate_submission"),
    )
)
"""Functions that change something, or write down that somebody looked: an archive must never call them."""
_CORE: Final = frozenset({"core_user_get_users", "core_course_get_contents", *_SERVICE_FUNCTIONS, *_WRITING})
"""Functions that Moodle has, but no plugin's service contains."""


async def server(request: web.Request) -> web.Response:
    """Answer one call; always HTTP 200."""
    state = request.app[STATE]
    pairs: list[tuple[str, str]] = [(key, str(value)) for key, value in request.query.items()]
    if request.method == "POST":
        pairs += [(key, value) for key, value in (await request.post()).items() if isinstance(value, str)]
    given = parse_parameters(pairs)
    trailer = ""
    try:
        answer, is_report = await _call(state, given)
        trailer = "</body></html>" if is_report else ""
    except PhpThrowError as thrown:
        answer = thrown.as_rest()
    if given.get("moodlewsrestformat") != "json":
        return web.Response(text=to_xml(answer), content_type="application/xml", charset="utf-8", headers=HEADERS)
    body = (to_json(answer) + trailer).encode()
    name = str(given.get("wsfunction"))
    if state.faults.take(FaultKind.GARBAGE_AFTER_JSON, name):
        body += b'\n<br />\n<b>Warning</b>:  Undefined array key "x" in <b>/var/www/x.php</b> on line <b>7</b>{]'
    return web.Response(body=body, headers={**HEADERS, "Content-Type": "application/json"})


async def _call(state: LmsState, given: Mapping[str, Any]) -> tuple[Any, bool]:
    token = given.get("wstoken")
    if isinstance(token, str) and token in state.services:
        return await asyncio.to_thread(_call_service, state, state.services[token], given), False
    if not isinstance(token, str) or token not in state.tokens:
        raise PhpThrowError(INVALID_TOKEN)
    plugin, full_name = state.tokens[token], given.get("wsfunction")
    if not isinstance(full_name, str) or not full_name:
        raise PhpThrowError(INVALID_PARAMETER)
    family, name = _split(full_name)
    if family is not plugin.family or name not in plugin.functions:
        known = full_name in _CORE or any(family is p.family and name in p.functions for p in PLUGINS if p != plugin)
        raise PhpThrowError(ACCESS if known else UNKNOWN_FUNCTION)
    params = plugin.check(name, {key: value for key, value in given.items() if key not in _OWN})
    answer = await _FUNCTIONS[name](Call(state, plugin, name, token, params))
    return answer, name in _REPORTS and answer.get("status") == "OK"


def _call_service(state: LmsState, service: Service, given: Mapping[str, Any]) -> Any:
    """Answer a call of a service that was made by hand; pictures of works are drawn here, so it is no coroutine."""
    name = given.get("wsfunction")
    if not isinstance(name, str) or not name:
        raise PhpThrowError(INVALID_PARAMETER)
    if name not in service.functions or name not in _SERVICE_FUNCTIONS:
        raise PhpThrowError(ACCESS if name in _CORE else UNKNOWN_FUNCTION)
    params = service.check(name, {key: value for key, value in given.items() if key not in _OWN})
    return _SERVICE_FUNCTIONS[name](ServiceCall(state, service, params))


def _split(full_name: str) -> tuple[Family | None, str]:
    for family in Family:
        if full_name.startswith(f"{family.value}_"):
            return family, full_name.removeprefix(f"{family.value}_")
    return None, full_name


async def ajax(request: web.Request) -> web.Response:
    """``/lib/ajax/service.php``: wants a session, and there is none (trap 9)."""
    exception = {"message": "Session expired", "errorcode": "servicerequireslogin", "link": request.app[STATE].base_url}
    return web.json_response([{"error": True, "exception": exception}], headers={"Cache-Control": "no-store"})


async def ajax_nologin(request: web.Request) -> web.Response:
    """``/lib/ajax/service-nologin.php``: strings, templates and icons for everybody, cached for long."""
    try:
        calls = json.loads(request.query.get("args", "[]"))
    except ValueError:
        calls = []
    answers = [{"error": False, "data": f"{call.get('methodname')}"} for call in calls if isinstance(call, dict)]
    return web.json_response(answers, headers={"Cache-Control": "public, max-age=5184000, immutable"})
