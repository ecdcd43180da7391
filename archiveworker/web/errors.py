"""The one place where an error becomes an HTTP answer: ``{"error": "<one sentence>"}`` and the class's status.

A programming error becomes a 500 without details; the log has the traceback.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from aiohttp import web

from archiveworker.domain.errors import ArchiveWorkerError, Retry
from archiveworker.web.gate import shown_path

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RETRY_AFTER_S = 60


@web.middleware
async def errors_to_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as JSON with one sentence."""
    try:
        return await handler(request)
    except ArchiveWorkerError as exc:
        log.info("request_refused", path=shown_path(request), code=exc.code, reason=str(exc))
        headers = {"Retry-After": str(RETRY_AFTER_S)} if exc.retry is Retry.LATER else {}
        return web.json_response({"error": str(exc)}, status=exc.http_status, headers=headers)
    except web.HTTPException as exc:
        return _http_error(exc)
    except Exception:
        log.exception("request_failed", path=shown_path(request))
        return web.json_response(
            {"error": "Internal error; the worker's log has the details."}, status=HTTPStatus.INTERNAL_SERVER_ERROR
        )


def _http_error(exc: web.HTTPException) -> web.Response:
    sentences = {
        404: "There is nothing at this address.",
        405: f"This address does not take this method; it takes {exc.headers.get('Allow', 'another')}.",
        413: "The request's body is larger than ARCHIVEWORKER_MAX_REQUEST_BYTES allows.",
    }
    headers = {"Allow": exc.headers["Allow"]} if "Allow" in exc.headers else {}
    return web.json_response({"error": sentences.get(exc.status, exc.reason)}, status=exc.status, headers=headers)
