"""Around every request: write the journal, and let go wrong what was ordered to go wrong on the way.

Faults with ``where="*"`` strike the doors of the web services, not the assets of pages; those have the name ``assets``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from archiveworker.demo import php
from archiveworker.demo.faults import FaultKind
from archiveworker.demo.notes import NOTES, Notes
from archiveworker.demo.php import file_error, to_json
from archiveworker.demo.state import STATE, LmsState

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_REST: Final = "/webservice/rest/server.php"
_EDX: Final = ("/api/edx_proctoring/", "/oauth2/")


@web.middleware
async def journal(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write one request down, whatever comes of it."""
    state = request.app[STATE]
    notes = Notes(await _parameters(request))
    NOTES.set(notes)
    where, status = _where(request), 500
    try:
        response = await handler(request)
        status = 0 if FaultKind.DROP_CONNECTION in notes.faults else response.status
        return response
    except web.HTTPException as exc:
        status = exc.status
        raise
    finally:
        state.journal.add(
            method=request.method,
            path=request.path,
            where=where,
            parameters=notes.parameters,
            status=status,
            fault=",".join(notes.faults),
        )


@web.middleware
async def ordered_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with what was ordered, or let the request through."""
    state, where = request.app[STATE], _where(request) or "assets"
    itemid = _itemid(NOTES.get().parameters)
    if where == "control":
        return await handler(request)
    slow = _take(state, FaultKind.SLOW, where, itemid)
    if slow is not None:
        await asyncio.sleep(slow)
    for kind, answer in _ANSWERS.items():
        seconds = _take(state, kind, where, itemid)
        if seconds is not None:
            return answer(request, where, seconds)
    drop = _take(state, FaultKind.DROP_CONNECTION, where, itemid)
    response = await handler(request)
    return response if drop is None else await _half(request, response)


def _take(state: LmsState, kind: FaultKind, where: str, itemid: int | None) -> float | None:
    fault = state.faults.take(kind, where, itemid)
    if fault is None:
        return None
    NOTES.get().faults.append(kind)
    return fault.seconds


async def _half(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send the head and half of the body, then cut the line."""
    path = NOTES.get().file
    body = path.read_bytes() if path is not None else getattr(response, "body", b"") or b""
    cut = web.StreamResponse(status=response.status, headers={"Content-Type": response.headers["Content-Type"]})
    cut.content_length = max(2, len(body))
    await cut.prepare(request)
    await cut.write(bytes(body[: len(body) // 2]))
    if request.transport is not None:
        request.transport.close()
    return cut


async def _parameters(request: web.Request) -> dict[str, str]:
    """Return what was sent; a key that came several times (``attemptids[]``) has its values joined by commas."""
    pairs = list(request.query.items())
    if request.path == _REST and request.method == "POST":
        pairs += [(key, value) for key, value in (await request.post()).items() if isinstance(value, str)]
    out: dict[str, str] = {}
    for key, value in pairs:
        out[key] = f"{out[key]},{value}" if key in out else value
    return out


def _where(request: web.Request) -> str:
    if request.path == _REST:
        return NOTES.get().parameters.get("wsfunction", "server.php")
    if request.path.startswith("/webservice/pluginfile.php"):
        return "pluginfile.php"
    if request.path == "/webservice/upload.php":
        return "upload.php"
    if request.path.startswith(_EDX):
        return "edx"
    return "control" if request.path.startswith("/demo/") else ""


def _itemid(parameters: Mapping[str, str]) -> int | None:
    text = parameters.get("attemptid") or parameters.get("submissionid") or ""
    return int(text) if text.isdecimal() else None


def _thrown(what: tuple[str, str, str]) -> Callable[[web.Request, str, float], web.Response]:
    def answer(request: web.Request, where: str, seconds: float) -> web.Response:
        _, errorcode, message = what
        if where.endswith(".php"):
            body = to_json(file_error(message, errorcode))
        else:
            body = to_json(php.PhpThrowError(what).as_rest())
        content_type = "text/plain" if where == "upload.php" else "application/json"
        return web.Response(text=body, content_type=content_type)

    return answer


def _expired(request: web.Request, where: str, seconds: float) -> web.Response:
    if where == "edx":  # which has no 401
        said = to_json({"detail": "Invalid token."}).encode()
        return web.Response(body=said, status=403, headers={"Content-Type": "application/json"})
    return _thrown(php.INVALID_TOKEN)(request, where, seconds)


def _html(status: int, title: str) -> Callable[[web.Request, str, float], web.Response]:
    def answer(request: web.Request, where: str, seconds: float) -> web.Response:
        text = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>" if title else ""
        headers = {"Retry-After": f"{seconds:.0f}"} if status == 429 else {}
        return web.Response(text=text, status=status, content_type="text/html", headers=headers)

    return answer


def _login(request: web.Request, where: str, seconds: float) -> web.Response:
    location = f"{request.app[STATE].base_url}/login/index.php"
    return web.Response(status=303, headers={"Location": location}, content_type="text/html")


def _wrong_host(request: web.Request, where: str, seconds: float) -> web.Response:
    """What Moodle does when it is called by a name that is not its own: the token stands in Location (trap 4)."""
    if where.endswith(".php"):
        error = {"error": "Unsupported redirect detected, script execution terminated", "stacktrace": None}
        return web.json_response({**error, "debuginfo": None, "errorcode": "redirecterrordetected"})
    token = NOTES.get().parameters.get("wstoken", "")
    headers = {"Location": f"{request.app[STATE].base_url}{_REST}?wstoken={token}", "X-Redirect-By": "Moodle"}
    return web.Response(status=303, headers=headers, content_type="text/html")


def _disabled(request: web.Request, where: str, seconds: float) -> web.Response:
    if where.endswith(".php"):
        return _thrown(php.ACCESS)(request, where, seconds)
    return web.Response(status=403, content_type="text/html")


_ANSWERS: Final = {
    FaultKind.HTTP_500: _html(500, "500 Internal Server Error"),
    FaultKind.HTTP_429: _html(429, "429 Too Many Requests"),
    FaultKind.HTML: _html(200, "Demo LMS is being upgraded"),
    FaultKind.LOGIN_REDIRECT: _login,
    FaultKind.WRONG_HOST: _wrong_host,
    FaultKind.EXPIRED_TOKEN: _expired,
    FaultKind.WEB_SERVICES_DISABLED: _disabled,
    FaultKind.MAINTENANCE: _thrown(php.MAINTENANCE),
}
