"""The application: one function a route."""

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import web

from archiveworker.domain.errors import NotFoundError, RequestError, ShuttingDownError, SourceError
from archiveworker.domain.ids import JobId
from archiveworker.domain.ports import Source
from archiveworker.domain.secret import Secret
from archiveworker.jobs.engine import Engine
from archiveworker.web.access import ADMIN_TOKEN, require_admin
from archiveworker.web.body import json_object
from archiveworker.web.errors import errors_to_json

log = structlog.get_logger(__name__)

APP_NAME: Final = "archiveworker"
PROBE_LIMIT_S: Final = 1.5
"""The plugin wants an answer soon; an LMS that is slower than this is probed again by the job itself."""

ENGINE: web.AppKey[Engine] = web.AppKey("engine")
VERSION: web.AppKey[str] = web.AppKey("version")
SOURCES: web.AppKey[dict[str, Source]] = web.AppKey("sources")

_JOB_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EVIDENCE_TYPES: Final = {
    ".tsq": "application/timestamp-query",
    ".tsr": "application/timestamp-reply",
    ".pem": "application/x-pem-file",
    ".crl": "application/pkix-crl",
    ".ors": "application/ocsp-response",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
}
_ARCHIVE_TYPES: Final = {".gz": "application/gzip", ".zip": "application/zip"}
# A report is shown by the browser of an administrator: whatever is in it, it may do nothing there.
_EVIDENCE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def create_app(
    engine: Engine,
    routes: dict[str, Source],
    *,
    version: str,
    admin_token: Secret | None,
    max_request_bytes: int,
) -> web.Application:
    """Build the application.

    Args:
        engine: takes the jobs.
        routes: path below ``/archive`` (``""``, ``/quiz_archiver`` ...) and the source that parses what is posted
            there.
        version: shown at ``/version``.
        admin_token: see ``access``.
        max_request_bytes: largest body.
    """
    app = web.Application(middlewares=[errors_to_json], client_max_size=max_request_bytes)
    app[ENGINE] = engine
    app[VERSION] = version
    app[ADMIN_TOKEN] = admin_token
    app[SOURCES] = routes
    for path in routes:
        app.router.add_post(f"/archive{path}", post_archive)
    app.router.add_get("/", get_index)
    app.router.add_get("/version", get_version)
    app.router.add_get("/status", get_status)
    app.router.add_get("/status/{job_id}", get_job_status)
    app.router.add_get("/health/live", get_live)
    app.router.add_get("/jobs", get_jobs)
    app.router.add_get("/jobs/{job_id}", get_job)
    app.router.add_get("/jobs/{job_id}/evidence/{name}", get_evidence)
    app.router.add_get("/jobs/{job_id}/archive", get_archive)
    app.router.add_post("/jobs/{job_id}/cancel", post_cancel)
    app.router.add_post("/jobs/{job_id}/retry", post_retry)
    app.router.add_post("/jobs/{job_id}/redeliver", post_redeliver)
    return app


async def post_archive(request: web.Request) -> web.Response:
    """Take a job: parse, probe the token, make it durable, answer."""
    engine = request.app[ENGINE]
    if engine.is_draining:
        raise ShuttingDownError("The worker is shutting down; post the job again in a minute.")
    source = request.app[SOURCES][request.path.removeprefix("/archive")]
    archive_request = source.parse(await json_object(request))
    await engine.check_capacity()
    async with source.connect(archive_request, None) as connection:
        try:
            async with asyncio.timeout(PROBE_LIMIT_S):
                await connection.probe()
        except TimeoutError:
            log.warning("probe_slow", lms=archive_request.lms_base_url, limit_s=PROBE_LIMIT_S)
        except SourceError as exc:
            # Whoever posted named this LMS and this token: that is the mistake, not a gateway's.
            raise RequestError(str(exc)) from exc
    job_id = await engine.submit(archive_request)
    return web.json_response({"jobid": job_id, "status": source.accepted_status()})


async def get_index(request: web.Request) -> web.Response:
    """Say what this is."""
    return web.json_response({"app": APP_NAME, "version": request.app[VERSION]})


async def get_version(request: web.Request) -> web.Response:
    """Say which version this is."""
    return web.json_response({"version": request.app[VERSION]})


async def get_live(_request: web.Request) -> web.Response:
    """Say that the process answers."""
    return web.json_response({"status": "ok"})


async def get_status(request: web.Request) -> web.Response:
    """Say how busy the worker is, in the words of the existing worker."""
    return web.json_response(await request.app[ENGINE].worker_status())


async def get_job_status(request: web.Request) -> web.Response:
    """Say where a job is, in the words of Moodle's plugin; the unguessable id is the permission."""
    job_id = _job_id(request)
    story = await request.app[ENGINE].story(job_id)
    if story is None:
        raise _unknown(job_id)
    return web.json_response({"id": job_id, "status": story.state.value})


async def get_jobs(request: web.Request) -> web.Response:
    """List jobs, newest first."""
    require_admin(request)
    limit = request.query.get("limit", "50")
    if not limit.isdecimal() or not 1 <= int(limit) <= 500:
        raise RequestError("limit must be 1..500.")
    return web.json_response({"jobs": await request.app[ENGINE].jobs(int(limit))})


async def get_job(request: web.Request) -> web.Response:
    """Tell the whole story of a job."""
    require_admin(request)
    view = await request.app[ENGINE].job_view(_job_id(request))
    return web.json_response(view, dumps=lambda value: json.dumps(value, ensure_ascii=False))


async def get_evidence(request: web.Request) -> web.StreamResponse:
    """Serve a time-stamp, its query, chain, CRLs or OCSP responses, the manifest or the report of a job."""
    require_admin(request)
    file = request.app[ENGINE].evidence_file(_job_id(request), request.match_info["name"])
    content_type = _EVIDENCE_TYPES.get(file.suffix, "application/octet-stream")
    return web.FileResponse(file, headers={"Content-Type": content_type, **_EVIDENCE_HEADERS})


async def get_archive(request: web.Request) -> web.StreamResponse:
    """Serve the packed archive of a job while it is on the worker, whole or in ranges."""
    require_admin(request)
    file, archive = await request.app[ENGINE].archive_file(_job_id(request))
    headers = {
        "Content-Type": _ARCHIVE_TYPES.get(file.suffix, "application/octet-stream"),
        "Content-Disposition": _attachment(archive.name),
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(archive.sha256)).decode()}:",
        "X-Content-Type-Options": "nosniff",
    }
    return web.FileResponse(file, headers=headers)


def _attachment(name: str) -> str:
    """Return ``Content-Disposition`` for a download (RFC 6266): the name, and what old clients understand of it."""
    plain = name.encode("ascii", errors="replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def post_cancel(request: web.Request) -> web.Response:
    """Stop a job and tell the LMS."""
    require_admin(request)
    job_id = _job_id(request)
    await request.app[ENGINE].cancel(job_id)
    return web.json_response({"id": job_id, "status": "CANCELLED"})


async def post_retry(request: web.Request) -> web.Response:
    """Run what failed again; the body may hold a new token: ``{"token": "..."}``."""
    require_admin(request)
    job_id = _job_id(request)
    body = await json_object(request) if request.can_read_body else {}
    await request.app[ENGINE].retry(job_id, _token(body))
    return web.json_response({"id": job_id, "status": "AWAITING_PROCESSING"})


async def post_redeliver(request: web.Request) -> web.Response:
    """Deliver a kept archive; the body may name targets and hold a token: ``{"to": ["..."], "token": "..."}``."""
    require_admin(request)
    job_id = _job_id(request)
    body = await json_object(request) if request.can_read_body else {}
    to = body.get("to", [])
    if not isinstance(to, list) or not all(isinstance(name, str) for name in to):
        raise RequestError("to must be a list of names of delivery targets, or be left out.")
    await request.app[ENGINE].redeliver(job_id, to, _token(body))
    return web.json_response({"id": job_id, "status": "AWAITING_PROCESSING"})


def _token(body: Mapping[str, object]) -> Secret | None:
    """Return the token that a request brings, if any.

    Raises:
        RequestError: it can be none.
    """
    token = body.get("token")
    if token is not None and (not isinstance(token, str) or not token):
        raise RequestError("token must be a text that is not empty, or be left out.")
    return Secret(token) if isinstance(token, str) else None


def _job_id(request: web.Request) -> JobId:
    """Return the job that the address names; only what can be a job's id reaches the database and the disk.

    Raises:
        NotFoundError: it cannot be one.
    """
    text = request.match_info["job_id"]
    if not _JOB_ID.fullmatch(text):
        raise _unknown(text)
    return JobId(text)


def _unknown(text: str) -> NotFoundError:
    return NotFoundError(f"Job with requested jobid '{_shown(text)}' was not found")


def _shown(text: str) -> str:
    """Return foreign text for an error message: printable and short."""
    return "".join(c if c.isprintable() else "?" for c in text[:80])
