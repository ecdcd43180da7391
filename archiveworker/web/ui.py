"""Pages for administrators: log in, the newest jobs, one job with all that is known of it, and what to do with it.

They show what ``/jobs`` answers, and do what its routes do; nothing can be seen or done here that the API cannot.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from archiveworker.domain.answers import ItemView, JobLine, JobView
from archiveworker.domain.errors import (
    AccessDeniedError,
    ArchiveWorkerError,
    ConflictError,
    NotFoundError,
    RateLimitedError,
    TokenRefusedError,
)
from archiveworker.domain.ids import ItemKey, JobId
from archiveworker.domain.job import JobState
from archiveworker.domain.secret import Secret
from archiveworker.jobs.counts import ended_count
from archiveworker.reports.index import human_size
from archiveworker.runtime import thumbnail
from archiveworker.web.access import ADMIN_TOKEN, is_token, require_admin
from archiveworker.web.body import form_field
from archiveworker.web.errors import Handler
from archiveworker.web.gate import GATE
from archiveworker.web.operations import Body, Group, Operation, Sent, Who
from archiveworker.web.pages import LANG, language, page, see_other, words
from archiveworker.web.request import ENGINE, job_id_of
from archiveworker.web.session import COOKIE, LIFE_S, Sessions, is_cross_site
from archiveworker.web.thumbnail import THUMBNAILS

_SHOWN_JOBS: Final = 50
_SHOWN_ITEMS: Final = 50
_A4_RATIO: Final = 297 / 210
_THUMBNAIL_WIDTH_PX: Final = thumbnail.WIDTH_PX // 2
"""Half of what is drawn: sharp on screens with two dots a pixel."""
_ITEM_PAGE: Final = {
    "page": {"type": "string", "description": f"Which {_SHOWN_ITEMS} of the items, from 1. Others are the nearest."}
}
_TO_LOGIN: Final = {HTTPStatus.SEE_OTHER: "Who is not logged in is sent to the page that asks for the admin token."}
_TOKEN_FORM: Final = {
    "type": "object",
    "required": ["token"],
    "properties": {"token": {"type": "string", "description": "The admin token."}},
}
_NEW_TOKEN_FORM: Final = {
    "type": "object",
    "properties": {"token": {"type": "string", "description": "A new token of the LMS, for retry and redeliver."}},
}
_LOOKS: Final[Mapping[str, str]] = {
    JobState.FINISHED: "good",
    JobState.FAILED: "bad",
    JobState.TIMEOUT: "bad",
    JobState.CANCELLED: "",
}


def for_people(handler: Handler) -> Handler:
    """Make errors pages; who is not logged in is asked to log in."""

    @wraps(handler)
    async def shown(request: web.Request) -> web.StreamResponse:
        if wants_json(request):
            return await handler(request)
        try:
            return await handler(request)
        except AccessDeniedError as exc:
            if request.app[ADMIN_TOKEN] is not None and not is_cross_site(request):
                return see_other(request, "/ui/login")
            return page(request, "error", status=exc.http_status, sentence=str(exc))
        except ArchiveWorkerError as exc:
            return page(request, "error", status=exc.http_status, sentence=str(exc))

    return shown


def wants_json(request: web.Request) -> bool:
    """Return True for a program that asks for JSON; a browser names HTML first."""
    return request.headers.get("Accept", "").split(";")[0].split(",")[0].strip() == "application/json"


@Operation(Group.PAGES, ("text/html",), query=LANG)
@for_people
async def get_login(request: web.Request) -> web.StreamResponse:
    """Ask for the admin token."""
    return page(request, "login", wrong=False)


@Operation(
    Group.PAGES,
    None,
    status=HTTPStatus.SEE_OTHER,
    errors=(AccessDeniedError, RateLimitedError),
    sent=Sent(Body.FORM, _TOKEN_FORM),
    is_page=True,
)
@for_people
async def post_login(request: web.Request) -> web.StreamResponse:
    """Log in with the admin token."""
    request.app[GATE].count(request)
    token = request.app[ADMIN_TOKEN]
    given = await form_field(request, "token")
    if is_cross_site(request) or token is None or not is_token(given, token):
        return page(request, "login", status=403, wrong=True)
    response = see_other(request, "/ui")
    secure = request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    response.set_cookie(
        COOKIE, Sessions(token).issue(), max_age=LIFE_S, httponly=True, samesite="Strict", secure=secure
    )
    return response


@Operation(Group.PAGES, None, status=HTTPStatus.SEE_OTHER)
async def post_logout(request: web.Request) -> web.StreamResponse:
    """Forget the cookie."""
    response = see_other(request, "/ui/login")
    response.del_cookie(COOKIE)
    return response


@Operation(Group.PAGES, ("text/html",), Who.ADMIN, others=_TO_LOGIN, query=LANG, is_page=True)
@for_people
async def get_jobs(request: web.Request) -> web.StreamResponse:
    """Show the newest jobs."""
    require_admin(request)
    engine = request.app[ENGINE]
    status = await engine.worker_status()
    running = set(status["jobs_processing"])
    jobs = []
    for job in await engine.jobs(_SHOWN_JOBS):
        total = job["items_total"] if job["id"] in running else None
        progress = _bar(await ended_count(JobId(job["id"]), total), total) if total else None
        jobs.append(_head(request, job, job["archive"]) | {"progress": progress})
    free = max(0, status["jobs_max"] + status["queue_max"] - len(status["jobs_processing"]) - status["queue_len"])
    return page(request, "jobs", jobs=jobs, worker=status, free=free)


@Operation(
    Group.PAGES,
    ("text/html",),
    Who.ADMIN,
    others=_TO_LOGIN,
    errors=(NotFoundError,),
    query={**LANG, **_ITEM_PAGE},
    is_page=True,
)
@for_people
async def get_job(request: web.Request) -> web.StreamResponse:
    """Show one job."""
    require_admin(request)
    view = await request.app[ENGINE].job_view(job_id_of(request))
    archive = view["archive"]
    state = JobState(view["state"])
    progress = view["progress"]
    total = progress["items_total"]
    bar = _bar(progress["items_done"] + progress["items_failed"], total) if total else None
    states = words(language(request))["states"]
    return page(
        request,
        "job",
        job=_head(request, view, archive and archive["name"]) | {"is_final": state.is_final, "progress": bar},
        archive=archive and {**archive, "size": human_size(archive["size_bytes"])},
        actions=_actions(state, is_kept=view["kept_until"] is not None),
        deliveries=view["deliveries"],
        warnings=view["warnings"],
        failures=view["failures"],
        history=[
            {"at": step["at"], "shown": _moment(step["at"]), "word": states[step["state"]]} for step in view["history"]
        ],
        evidence=view["evidence"],
        page_count=sum(item["pages"] for item in view["items"]),
        **await _items(request, view),
    )


@Operation(
    Group.PAGES,
    None,
    Who.ADMIN,
    status=HTTPStatus.SEE_OTHER,
    errors=(NotFoundError, ConflictError, TokenRefusedError),
    sent=Sent(Body.FORM, _NEW_TOKEN_FORM, is_required=False),
    is_page=True,
)
@for_people
async def post_action(request: web.Request) -> web.StreamResponse:
    """Cancel a job, run it again or deliver what it has packed, and show it."""
    require_admin(request)
    engine, job_id = request.app[ENGINE], job_id_of(request)
    given = await form_field(request, "token")
    token = Secret(given) if given else None
    match request.match_info["action"]:
        case "cancel":
            await engine.cancel(job_id)
        case "redeliver":
            await engine.redeliver(job_id, token=token)
        case _:
            await engine.retry(job_id, token)
    return see_other(request, f"/ui/jobs/{job_id}")


async def _items(request: web.Request, view: JobView) -> dict[str, Any]:
    """Return the items that one page shows, with pictures while there are any."""
    count, state = len(view["items"]), JobState(view["state"])
    sheets = max(1, -(-count // _SHOWN_ITEMS))
    asked = request.query.get("page", "1")
    sheet = min(max(int(asked), 1), sheets) if asked.isdecimal() and len(asked) < 10 else 1
    shown = view["items"][(sheet - 1) * _SHOWN_ITEMS : sheet * _SHOWN_ITEMS]
    thumbnails, job_id = request.app[THUMBNAILS], JobId(view["id"])
    return {
        "items": [_item(item) for item in shown],
        "item_count": count,
        "sheet": sheet,
        "sheets": sheets,
        "has_pictures": bool(shown) and await thumbnails.are_there(job_id, state, ItemKey(shown[0]["item"])),
        "thumbnail_width": _THUMBNAIL_WIDTH_PX,
    }


def _item(item: ItemView) -> dict[str, Any]:
    pdf = item["pdf"]
    ratio = _A4_RATIO if pdf is None or not pdf["width_mm"] else pdf["height_mm"] / pdf["width_mm"]
    return {
        **item,
        "size": human_size(item["size_bytes"]),
        "took": f"{item['took_s']:.1f}",
        "thumbnail_height": min(round(_THUMBNAIL_WIDTH_PX * ratio), thumbnail.HEIGHT_MAX_PX // 2),
    }


def _actions(state: JobState, *, is_kept: bool) -> tuple[str, ...]:
    if not state.is_final:
        return ("cancel",)
    if state is JobState.FINISHED:
        return ()
    return ("redeliver", "retry") if is_kept and state is JobState.FAILED else ("retry",)


def _bar(ended: int, total: int) -> dict[str, int]:
    return {"ended": ended, "total": total, "percent": 100 * ended // total}


def _head(request: web.Request, job: JobLine | JobView, archive_name: str | None) -> dict[str, Any]:
    """Return what both pages show of a job."""
    return {
        "id": job["id"],
        "name": archive_name or job["id"],
        "state_word": words(language(request))["states"][job["state"]],
        "look": _LOOKS.get(job["state"], "busy"),
        "source": job["source"],
        "lms": job["lms"],
        "accepted_at": job["accepted_at"],
        "accepted": _moment(job["accepted_at"]),
        "reason": job["reason"],
    }


def _moment(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M:%S} UTC"
