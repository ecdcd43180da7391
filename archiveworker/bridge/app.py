"""The peer-review exchange API over a legacy LMS: routes, bearer tokens, pages, files. Only GET and HEAD.

The description is ``docs/reference/peer-review-exchange.md``. TLS is for a reverse proxy in front.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any, BinaryIO, Final

import structlog
from aiohttp import web

from archiveworker.bridge.reading import Legacy
from archiveworker.bridge.select import unknown_activity
from archiveworker.bridge.snapshots import Snapshot, Snapshots, page_json
from archiveworker.bridge.tokens import ALL, Bearer, Tokens
from archiveworker.domain.errors import (
    AccessDeniedError,
    ArchiveWorkerError,
    BearerRefusedError,
    BusyError,
    NotFoundError,
    ReadOnlyError,
    RequestError,
    Retry,
)
from archiveworker.domain.peer_review import codec
from archiveworker.domain.peer_review.exchange import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    OF_AN_ACTIVITY,
    PREFIX,
    Page,
    Problem,
    ProblemDocument,
)
from archiveworker.runtime.http import read_range

log = structlog.get_logger(__name__)

RETRY_AFTER_S: Final = 5
_FILES_AT_ONCE: Final = 8
_MAX_LINE_BYTES: Final = 4096
_METHODS: Final = ("GET", "HEAD")
_API_CODES: Final = {BearerRefusedError.code: "token_refused"}  # what the API calls it
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Bridge:
    """What the routes need.

    Attributes:
        legacy: the LMS.
        snapshots: activities that were read.
        files: how many files are sent at once.
    """

    legacy: Legacy
    snapshots: Snapshots
    files: asyncio.Semaphore


BRIDGE: web.AppKey[Bridge] = web.AppKey("bridge")
TOKENS: web.AppKey[Tokens] = web.AppKey("bridge_tokens")


def create_app(legacy: Legacy, tokens: Tokens, snapshots: Snapshots) -> web.Application:
    """Build the application."""
    app = web.Application(
        middlewares=[answer_problems, check_bearer],
        handler_args={"max_line_size": _MAX_LINE_BYTES, "max_field_size": _MAX_LINE_BYTES},
    )
    app[TOKENS] = tokens
    app[BRIDGE] = Bridge(legacy, snapshots, asyncio.Semaphore(_FILES_AT_ONCE))
    app.router.add_get(f"{PREFIX}/activities", get_activities)
    app.router.add_get(f"{PREFIX}/activities/{{id}}", get_activity)
    app.router.add_get(f"{PREFIX}/activities/{{id}}/files/{{file_id}}/content", get_content)
    app.router.add_get(f"{PREFIX}/activities/{{id}}/{{collection}}", get_collection)
    return app


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as the API wants it; nothing of the database is in it."""
    try:
        return await handler(request)
    except ArchiveWorkerError as exc:
        log.info("bridge_refused", method=request.method, path=request.path, code=exc.code, reason=str(exc))
        headers = {"Retry-After": str(RETRY_AFTER_S)} if exc.retry is Retry.LATER else {}
        if isinstance(exc, BearerRefusedError):
            headers["WWW-Authenticate"] = "Bearer"
        if isinstance(exc, ReadOnlyError):
            headers["Allow"] = ", ".join(_METHODS)
        return _problem(exc.http_status, _API_CODES.get(exc.code, exc.code), str(exc), headers)
    except web.HTTPException as exc:
        if exc.status == HTTPStatus.NOT_FOUND:
            return _problem(exc.status, NotFoundError.code, "there is nothing at this address")
        return _problem(exc.status, RequestError.code, "the request is not one of this API")
    except Exception:
        log.exception("bridge_failed", path=request.path)
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, ArchiveWorkerError.code, "the bridge's log has the details")


@web.middleware
async def check_bearer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through who only reads, with a good token, what the token is for."""
    if request.method not in _METHODS:
        raise ReadOnlyError(f"this API only reads; it takes {' and '.join(_METHODS)}, not {request.method}")
    bearer_of(request)
    return await handler(request)


def _problem(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = codec.encode(ProblemDocument(Problem(code, message)))
    return web.Response(body=body, status=status, content_type="application/json", headers=_HEADERS | (headers or {}))


def answer(body: bytes) -> web.Response:
    """Answer with JSON that nobody keeps."""
    return web.Response(body=body, content_type="application/json", headers=_HEADERS)


async def get_activities(request: web.Request) -> web.Response:
    """List what the token may read."""
    bridge, bearer, size = request.app[BRIDGE], bearer_of(request), _page_size(request)
    start: int = (_position(request, "activities") or [0])[0]
    if bearer.activity_id != ALL:
        snapshot = await bridge.snapshots.get(bearer, bearer.activity_id)
        return answer(codec.encode(Page((snapshot.activity,), None, 1)))
    found = await asyncio.to_thread(lambda: list(islice(bridge.legacy.activities(), start, start + size + 1)))
    token = _next_token(request, "activities", [start + size]) if len(found) > size else None
    return answer(codec.encode(Page(tuple(found[:size]), token, None)))


async def get_activity(request: web.Request) -> web.Response:
    """Describe the activity."""
    return answer((await _snapshot(request)).document)


async def get_collection(request: web.Request) -> web.Response:
    """Give a page of a collection."""
    snapshot = await _snapshot(request)
    name = request.match_info["collection"]
    if name not in OF_AN_ACTIVITY:
        raise NotFoundError(f"there is no such collection; there are: {', '.join(OF_AN_ACTIVITY)}")
    place = f"{request.match_info['id']} {name}"
    after = _position(request, place)
    page = snapshot.page(name, None if after is None else (after[0], after[1]), _page_size(request))
    token = None if page.after is None else _next_token(request, place, list(page.after))
    return answer(b"".join(page_json(page, token)))


async def get_content(request: web.Request) -> web.StreamResponse:
    """Send a file."""
    snapshot = await _snapshot(request)
    bridge = request.app[BRIDGE]
    name = snapshot.stored_name(request.match_info["file_id"])
    if bridge.files.locked():
        raise BusyError("the bridge sends as many files as it may; come back in a few seconds")
    async with bridge.files:
        try:
            file = await asyncio.to_thread(bridge.legacy.uploads.open, name)
        except AccessDeniedError as exc:
            raise NotFoundError(f"the file is not handed out: {exc}") from exc
        with file:
            return await _send(request, file)


async def _send(request: web.Request, file: BinaryIO) -> web.StreamResponse:
    size = await asyncio.to_thread(file.seek, 0, 2)
    response = web.StreamResponse(headers=_HEADERS | {"Content-Type": "application/octet-stream"})
    response.content_length = size
    await response.prepare(request)
    if request.method == "GET":
        async for block in read_range(file, 0, size):
            await response.write(block)
    await response.write_eof()
    return response


def bearer_of(request: web.Request) -> Bearer:
    """Return what the request may read.

    Raises:
        BearerRefusedError: its token is not good.
    """
    return request.app[TOKENS].read(request.headers.get("Authorization"))


async def _snapshot(request: web.Request) -> Snapshot:
    """Return the activity that is asked for, if the token is for it."""
    bearer, activity_id = bearer_of(request), request.match_info["id"]
    bridge = request.app[BRIDGE]
    if not bearer.may_read(activity_id):
        raise unknown_activity()
    return await bridge.snapshots.get(bearer, activity_id)


def _page_size(request: web.Request) -> int:
    text = request.query.get("page_size", str(DEFAULT_PAGE_SIZE))
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise RequestError(f"page_size must be 1..{MAX_PAGE_SIZE}")
    return int(text)


def _position(request: web.Request, place: str) -> list[Any] | None:
    token = request.query.get("page_token")
    if token is None:
        return None
    return request.app[TOKENS].read_page(f"{bearer_of(request).id} {place}", token)


def _next_token(request: web.Request, place: str, position: list[Any]) -> str:
    return request.app[TOKENS].make_page(f"{bearer_of(request).id} {place}", position)
