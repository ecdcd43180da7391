"""The application: one function a route."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import web

from archiveworker.domain.answers import (
    Accepted,
    Alive,
    AppInfo,
    JobList,
    JobStatus,
    JobView,
    Readiness,
    RedeliverOrder,
    RetryOrder,
    Version,
    WorkerStatus,
)
from archiveworker.domain.errors import (
    AccessDeniedError,
    ConflictError,
    NotFoundError,
    QueueFullError,
    RateLimitedError,
    RequestError,
    ShuttingDownError,
    TokenRefusedError,
)
from archiveworker.domain.job import JobState
from archiveworker.domain.ports import Source
from archiveworker.domain.secret import Secret
from archiveworker.jobs.engine import Engine
from archiveworker.jobs.fairness import MAX_PRIORITY
from archiveworker.runtime import metrics
from archiveworker.web import openapi, ui
from archiveworker.web.access import ADMIN_TOKEN, require_admin
from archiveworker.web.body import json_object
from archiveworker.web.docs_page import get_docs, get_openapi
from archiveworker.web.errors import Handler, errors_to_json
from archiveworker.web.gate import GATE, KEY, Gate, GateRules
from archiveworker.web.openapi import SOURCES
from archiveworker.web.operations import Body, Group, Operation, Sent, Who
from archiveworker.web.pages import VERSION, get_static
from archiveworker.web.probe import probe
from archiveworker.web.request import ENGINE, job_id_of, priority_of, unknown_job
from archiveworker.web.thumbnail import get_thumbnail
from archiveworker.web.verify_page import DESK, VerifyDesk, get_verify, post_verify

log = structlog.get_logger(__name__)

APP_NAME: Final = "archiveworker"

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
_PRIORITY: Final = {
    "type": "integer",
    "minimum": -MAX_PRIORITY,
    "maximum": MAX_PRIORITY,
    "default": 0,
    "description": "Higher is sooner; administrators alone may give one.",
}
_LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": 500, "default": 50, "description": "How many."}
_FILE: Final = {
    HTTPStatus.PARTIAL_CONTENT: "The range that was asked for.",
    HTTPStatus.NOT_MODIFIED: "The file is still what the caller has.",
    HTTPStatus.PRECONDITION_FAILED: "The file is not what the caller has.",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "The file has no such range.",
}
_ARCHIVE_TYPES: Final = {".gz": "application/gzip", ".zip": "application/zip"}
# A report is shown by the browser of an administrator: whatever is in it, it may do nothing there.
_EVIDENCE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What the administrator decided about the HTTP side.

    Attributes:
        version: shown at ``/version``.
        admin_token: see ``access``.
        max_request_bytes: largest body, but for the page that verifies archives.
        rules: who may post. With a secret, every route also stands below ``/<secret>``.
        desk: of the page that verifies archives.
    """

    version: str
    admin_token: Secret | None
    max_request_bytes: int
    rules: GateRules
    desk: VerifyDesk


def create_app(engine: Engine, routes: dict[str, Source], config: WebConfig) -> web.Application:
    """Build the application.

    Args:
        engine: takes the jobs.
        routes: path below ``/archive`` (``""``, ``/quiz_archiver`` ...) and the source that parses what is posted
            there.
        config: see WebConfig.
    """
    app = web.Application(middlewares=[errors_to_json, check_address], client_max_size=config.max_request_bytes)
    app[ENGINE] = engine
    app[VERSION] = config.version
    app[ADMIN_TOKEN] = config.admin_token
    app[SOURCES] = routes
    app[GATE] = Gate(config.rules)
    app[DESK] = config.desk
    _add_routes(app, "")
    if config.rules.secret is not None:
        _add_routes(app, f"/{{{KEY}}}")
    app[openapi.DOCUMENT] = openapi.build(app, config.version)
    return app


def _add_routes(app: web.Application, prefix: str) -> None:
    for path in app[SOURCES]:
        app.router.add_post(f"{prefix}/archive{path}", post_archive)
    app.router.add_get(f"{prefix}/", get_index)
    _add_pages(app, prefix)
    app.router.add_get(f"{prefix}/version", get_version)
    app.router.add_get(f"{prefix}/openapi.json", get_openapi)
    app.router.add_get(f"{prefix}/docs", get_docs)
    app.router.add_get(f"{prefix}/status", get_status)
    app.router.add_get(f"{prefix}/status/{{job_id}}", get_job_status)
    app.router.add_get(f"{prefix}/health/live", get_live)
    app.router.add_get(f"{prefix}/health/ready", get_ready)
    app.router.add_get(f"{prefix}/metrics", get_metrics)
    app.router.add_get(f"{prefix}/jobs", get_jobs)
    app.router.add_get(f"{prefix}/jobs/{{job_id}}", get_job)
    app.router.add_get(f"{prefix}/jobs/{{job_id}}/evidence/{{name}}", get_evidence)
    app.router.add_get(f"{prefix}/jobs/{{job_id}}/items/{{item}}/thumbnail", get_thumbnail)
    app.router.add_post(f"{prefix}/jobs/{{job_id}}/cancel", post_cancel)
    app.router.add_post(f"{prefix}/jobs/{{job_id}}/retry", post_retry)
    app.router.add_get(f"{prefix}/jobs/{{job_id}}/archive", get_archive)
    app.router.add_post(f"{prefix}/jobs/{{job_id}}/redeliver", post_redeliver)


def _add_pages(app: web.Application, prefix: str) -> None:
    app.router.add_get(f"{prefix}/ui", ui.get_jobs)
    app.router.add_get(f"{prefix}/ui/login", ui.get_login)
    app.router.add_post(f"{prefix}/ui/login", ui.post_login)
    app.router.add_post(f"{prefix}/ui/logout", ui.post_logout)
    app.router.add_get(f"{prefix}/ui/static/{{name}}", get_static)
    app.router.add_get(f"{prefix}/ui/jobs/{{job_id}}", ui.get_job)
    app.router.add_post(f"{prefix}/ui/jobs/{{job_id}}/{{action:cancel|retry|redeliver}}", ui.post_action)
    app.router.add_get(f"{prefix}/verify", get_verify)
    app.router.add_post(f"{prefix}/verify", post_verify)


@web.middleware
async def check_address(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse an address with a wrong secret."""
    request.app[GATE].check_address(request)
    return await handler(request)


@Operation(
    Group.POSTING,
    Accepted,
    Who.POSTER,
    errors=(AccessDeniedError, QueueFullError, RateLimitedError, ShuttingDownError),
    sent=Sent(Body.JSON),
    query={"priority": _PRIORITY},
)
async def post_archive(request: web.Request) -> web.Response:
    """Take a job: parse, probe the token, make it durable, answer."""
    engine, gate = request.app[ENGINE], request.app[GATE]
    gate.check_poster(request)
    if engine.is_draining:
        raise ShuttingDownError("The worker is shutting down; post the job again in a minute.")
    priority = priority_of(request)
    source = request.app[SOURCES][request.path.rpartition("/archive")[2]]
    archive_request = source.parse(await json_object(request))
    for url in (archive_request.lms_base_url, *archive_request.further_urls):
        gate.check_lms(url)
    await engine.check_capacity()
    async with source.connect(archive_request, None) as connection:
        await probe(connection, archive_request.lms_base_url)
    job_id = await engine.submit(archive_request, priority)
    return web.json_response({"jobid": job_id, "status": source.accepted_status()})


@Operation(Group.WORKER, AppInfo)
async def get_index(request: web.Request) -> web.Response:
    """Say what this is."""
    return web.json_response({"app": APP_NAME, "version": request.app[VERSION]})


@Operation(Group.WORKER, Version)
async def get_version(request: web.Request) -> web.Response:
    """Say which version this is."""
    return web.json_response({"version": request.app[VERSION]})


@Operation(Group.WORKER, Alive)
async def get_live(_request: web.Request) -> web.Response:
    """Say that the process answers."""
    return web.json_response({"status": "ok"})


@Operation(Group.WORKER, Readiness, others={HTTPStatus.SERVICE_UNAVAILABLE: "Jobs cannot be done here now."})
async def get_ready(request: web.Request) -> web.Response:
    """Say whether jobs can be done here now: 200, or 503 with what is wrong."""
    troubles = await request.app[ENGINE].troubles()
    ready = not any(troubles.values())
    checks = {name: trouble or "ok" for name, trouble in troubles.items()}
    return web.json_response(
        {"status": "ok" if ready else "unavailable", "checks": checks}, status=200 if ready else 503
    )


@Operation(Group.WORKER, WorkerStatus)
async def get_status(request: web.Request) -> web.Response:
    """Say how busy the worker is, in the words of the existing worker."""
    return web.json_response(await request.app[ENGINE].worker_status())


@Operation(Group.JOBS, JobStatus, Who.JOB, errors=(NotFoundError,))
async def get_job_status(request: web.Request) -> web.Response:
    """Say where a job is, in the words of Moodle's plugin; the unguessable id is the permission."""
    job_id = job_id_of(request)
    story = await request.app[ENGINE].story(job_id)
    if story is None:
        raise unknown_job(job_id)
    return web.json_response({"id": job_id, "status": story.state.value})


@Operation(Group.WORKER, ("text/plain",), Who.ADMIN)
async def get_metrics(request: web.Request) -> web.Response:
    """Serve counters and durations for a monitor."""
    require_admin(request)
    await request.app[ENGINE].measure()
    return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})


@Operation(Group.JOBS, JobList, Who.ADMIN, errors=(RequestError,), query={"limit": _LIMIT})
async def get_jobs(request: web.Request) -> web.Response:
    """List jobs, newest first."""
    require_admin(request)
    limit = request.query.get("limit", "50")
    if not limit.isdecimal() or not 1 <= int(limit) <= 500:
        raise RequestError("limit must be 1..500.")
    return web.json_response({"jobs": await request.app[ENGINE].jobs(int(limit))})


@Operation(Group.JOBS, JobView, Who.ADMIN, errors=(NotFoundError,))
async def get_job(request: web.Request) -> web.Response:
    """Tell the whole story of a job."""
    require_admin(request)
    view = await request.app[ENGINE].job_view(job_id_of(request))
    return web.json_response(view, dumps=lambda value: json.dumps(value, ensure_ascii=False))


@Operation(
    Group.JOBS,
    tuple(sorted({*(media.split(";")[0] for media in _EVIDENCE_TYPES.values()), "application/octet-stream"})),
    Who.ADMIN,
    others=_FILE,
    errors=(NotFoundError,),
)
async def get_evidence(request: web.Request) -> web.StreamResponse:
    """Serve a time-stamp, its query, chain, CRLs or OCSP responses, the manifest or the report of a job."""
    require_admin(request)
    file = await request.app[ENGINE].evidence_file(job_id_of(request), request.match_info["name"])
    content_type = _EVIDENCE_TYPES.get(file.suffix, "application/octet-stream")
    return web.FileResponse(file, headers={"Content-Type": content_type, **_EVIDENCE_HEADERS})


@Operation(Group.JOBS, tuple(_ARCHIVE_TYPES.values()), Who.ADMIN, others=_FILE, errors=(NotFoundError,))
async def get_archive(request: web.Request) -> web.StreamResponse:
    """Serve the packed archive of a job while it is on the worker, whole or in ranges."""
    require_admin(request)
    file, archive = await request.app[ENGINE].archive_file(job_id_of(request))
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


@Operation(Group.JOBS, JobStatus, Who.ADMIN, errors=(NotFoundError, ConflictError))
async def post_cancel(request: web.Request) -> web.Response:
    """Stop a job and tell the LMS."""
    require_admin(request)
    job_id = job_id_of(request)
    await request.app[ENGINE].cancel(job_id)
    return web.json_response({"id": job_id, "status": JobState.CANCELLED})


@Operation(
    Group.JOBS,
    JobStatus,
    Who.ADMIN,
    errors=(NotFoundError, ConflictError, TokenRefusedError),
    sent=Sent(Body.JSON, RetryOrder, is_required=False),
)
async def post_retry(request: web.Request) -> web.Response:
    """Run what failed again; the body may hold a new token: ``{"token": "..."}``."""
    require_admin(request)
    job_id = job_id_of(request)
    body = await json_object(request) if request.can_read_body else {}
    await request.app[ENGINE].retry(job_id, _token(body))
    return web.json_response({"id": job_id, "status": JobState.AWAITING_PROCESSING})


@Operation(
    Group.JOBS,
    JobStatus,
    Who.ADMIN,
    errors=(NotFoundError, ConflictError, TokenRefusedError),
    sent=Sent(Body.JSON, RedeliverOrder, is_required=False),
)
async def post_redeliver(request: web.Request) -> web.Response:
    """Deliver a kept archive; the body may name targets and hold a token: ``{"to": ["..."], "token": "..."}``."""
    require_admin(request)
    job_id = job_id_of(request)
    body = await json_object(request) if request.can_read_body else {}
    to = body.get("to", [])
    if not isinstance(to, list) or not all(isinstance(name, str) for name in to):
        raise RequestError("to must be a list of names of delivery targets, or be left out.")
    await request.app[ENGINE].redeliver(job_id, to, _token(body))
    return web.json_response({"id": job_id, "status": JobState.AWAITING_PROCESSING})


def _token(body: Mapping[str, object]) -> Secret | None:
    """Return the token that a request brings, if any.

    Raises:
        RequestError: it can be none.
    """
    token = body.get("token")
    if token is not None and (not isinstance(token, str) or not token):
        raise RequestError("token must be a text that is not empty, or be left out.")
    return Secret(token) if isinstance(token, str) else None
