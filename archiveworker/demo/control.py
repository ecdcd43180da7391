"""``/demo/...``: press the plugin's button, see jobs and journal, order faults. For tests, the CLI and the curious."""

import json
from dataclasses import fields, replace
from typing import Any, Final

import aiohttp
from aiohttp import web

from archiveworker.demo import plugin, report
from archiveworker.demo.faults import Fault
from archiveworker.demo.state import STATE, Row
from archiveworker.domain.errors import RequestError

_FORM: Final = frozenset(item.name for item in fields(plugin.JobOptions))


def add_routes(app: web.Application) -> None:
    """Serve the controls."""
    app.router.add_post("/demo/archive", _archive)
    app.router.add_post("/demo/register", _register)
    app.router.add_get("/demo/jobs", _jobs)
    app.router.add_get("/demo/journal", _journal)
    app.router.add_get(r"/demo/report/{attemptid:\d+}", _report)
    app.router.add_get("/demo/faults", _faults)
    app.router.add_post("/demo/faults", _order)
    app.router.add_delete("/demo/faults", _cancel)


async def _archive(request: web.Request) -> web.Response:
    """Press the button: ``{"worker_url", "api_version"?, "attempts"?, "request"?, ...form}`` -> the worker's answer."""
    state, given = request.app[STATE], await _object(request)
    try:
        worker_url = str(given.pop("worker_url"))
        body = given.pop("request", None) or _build(request, given)
        status, answer = await plugin.submit(state, worker_url, body)
    except (LookupError, TypeError, ValueError, RequestError) as exc:
        return web.json_response({"error": f"{exc}"}, status=400)
    except (aiohttp.ClientError, TimeoutError) as exc:
        return web.json_response({"error": f"the worker cannot be reached: {exc}"}, status=502)
    return web.json_response(answer, status=status)


def _build(request: web.Request, given: dict[str, Any]) -> dict[str, Any]:
    state = request.app[STATE]
    which = plugin.plugin_for(given.pop("api_version", 7))
    if "attempts" in given:
        given["itemids"] = given.pop("attempts")
    unknown = given.keys() - _FORM
    if unknown:
        raise ValueError(f"unknown option(s) {sorted(unknown)}; known are {sorted(_FORM)}")
    options = plugin.JobOptions(**{"taskid": state.next_number(), **given})
    token = state.create_token(which)
    return plugin.build_request(state.base_url, state.course, plugin=which, token=token, options=options)


async def _register(request: web.Request) -> web.Response:
    """Learn a job that somebody else posted: ``{"request": {...}, "jobid": "..."}``."""
    state, given = request.app[STATE], await _object(request)
    try:
        row = plugin.adopt(state, given["request"])
        plugin.worker_answered(state, row, str(given["jobid"]), "AWAITING_PROCESSING")
    except (LookupError, RequestError) as exc:
        return web.json_response({"error": f"{exc}"}, status=400)
    return web.json_response({"ok": True})


async def _jobs(request: web.Request) -> web.Response:
    return web.json_response([_row(row) for row in request.app[STATE].rows])


def _row(row: Row) -> dict[str, Any]:
    delivery = row.delivery
    return {
        "jobid": row.jobid,
        "plugin": row.plugin.family.value,
        "release": row.plugin.release,
        "status": row.status,
        "statuses": row.statuses,
        "delivery": None
        if delivery is None
        else {
            "filename": delivery.filename,
            "size_bytes": delivery.size_bytes,
            "sha256": delivery.sha256,
            "path": str(delivery.path),
            "parts": delivery.parts,
        },
    }


async def _report(request: web.Request) -> web.Response:
    """Show one attempt as the worker gets it, for a look with a browser; ``?login_trap=0`` keeps it on the page."""
    state = request.app[STATE]
    attempt = state.course.attempt(int(request.match_info["attemptid"]))
    if attempt is None:
        raise web.HTTPNotFound(text="there is no such attempt\n")
    page = state.options.page
    if request.query.get("login_trap") == "0":
        page = replace(page, login_trap=False)
    html = report.attempt_report(state.course, attempt, base_url=state.base_url, options=page)
    return web.Response(text=html, content_type="text/html")


async def _journal(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].journal.as_json())


async def _faults(request: web.Request) -> web.Response:
    return web.json_response(request.app[STATE].faults.as_json())


async def _order(request: web.Request) -> web.Response:
    """Order one fault: the fields of ``faults.Fault``."""
    try:
        request.app[STATE].faults.order(Fault.from_json(await _object(request)))
    except (TypeError, ValueError) as exc:
        return web.json_response({"error": f"{exc}"}, status=400)
    return web.json_response(request.app[STATE].faults.as_json())


async def _cancel(request: web.Request) -> web.Response:
    request.app[STATE].faults.clear()
    return web.json_response([])


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        given = json.loads(await request.text())
    except ValueError as exc:
        raise web.HTTPBadRequest(text='{"error": "the body must be JSON"}', content_type="application/json") from exc
    if not isinstance(given, dict):
        raise web.HTTPBadRequest(text='{"error": "the body must be an object"}', content_type="application/json")
    return given
