"""edx-proctoring's REST interface over the demo's courses: what an archive reads, with the traps of the real one.

Pages are 25 and a page that is not there is answered with the last one; there is no 401; what is missing is 400, and
what is no address at all is a web page. Nothing here changes anything. Source: edx-proctoring 6.1.4, ``views.py``;
held against recorded answers in ``tests/unit/demo/test_edx.py``.
"""

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from archiveworker.demo.edx_course import EVERYTHING, ExamCourse, Json, exam_courses
from archiveworker.demo.edx_tokens import CLIENT_ID, WORKER, EdxTokens
from archiveworker.demo.state import STATE

PREFIX: Final = "/api/edx_proctoring/v1"
ACCESS_TOKEN: Final = "/oauth2/access_token"  # noqa: S105 - an address
PER_PAGE: Final = 25
_NO_PAGE: Final = (
    '\n<!doctype html>\n<html lang="en">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n'
    "  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>\n</body>\n</html>\n"
)
_STAFF_ONLY: Final = "Must be a Staff User to Perform this request."
_COURSE: Final = "{course:.+}"
"""A key may hold slashes, and plus signs that are percent-encoded or not."""

Door = Callable[["Edx", web.Request], web.Response]


@dataclass(frozen=True, slots=True)
class Edx:
    """The demo's Open edX.

    Attributes:
        courses: with proctored exams.
        tokens: who is who.
    """

    courses: tuple[ExamCourse, ...] = field(default_factory=exam_courses)
    tokens: EdxTokens = field(default_factory=EdxTokens)

    def course(self, course_id: str) -> ExamCourse:
        """Return a course; one that is not there has nothing in it."""
        return next((one for one in self.courses if one.id == course_id), ExamCourse(course_id, (), ()))

    def exam(self, exam_id: int) -> tuple[ExamCourse, Json] | None:
        """Return an exam and its course."""
        return next(((one, exam) for one in self.courses for exam in one.exams if exam["id"] == exam_id), None)

    def request(self, base_url: str, to: Sequence[str], course_id: str = EVERYTHING) -> Json:
        """Return the body of a job for a course, with the client credentials of the worker.

        Args:
            base_url: origin of the demo LMS.
            to: names of delivery targets.
            course_id: which.
        """
        lms = {"base_url": base_url, "client_id": CLIENT_ID, "client_secret": self.tokens.client_secret}
        return {"api_version": 1, "lms": lms, "course_id": course_id, "delivery": {"to": list(to)}}


EDX: Final = web.AppKey("demo_edx", Edx)


def add_routes(app: web.Application, edx: Edx) -> None:
    """Serve the interface and the door for tokens."""
    app[EDX] = edx
    app.router.add_post(ACCESS_TOKEN, _access_token)
    exams = f"{PREFIX}/proctored_exam"
    doors: dict[str, Door] = {
        f"{exams}/exam/course_id/{_COURSE}": _exams,
        rf"{exams}/exam/exam_id/{{exam:\d+}}": _exam,
        f"{exams}/attempt/grouped/course_id/{_COURSE}": _staff(_grouped),
        f"{exams}/{_COURSE}/allowance": _staff(_allowances),
        rf"{exams}/review_policy/exam_id/{{exam:\d+}}/": _policy,
        rf"{exams}/settings/exam_id/{{exam:\d+}}/": _settings,
        f"{PREFIX}/user_onboarding/status/course_id/{_COURSE}": _staff(_onboarding),
    }
    for path, door in doors.items():
        app.router.add_route("*", path, _opened(door))
        if path.endswith("/"):
            app.router.add_get(path.rstrip("/"), _with_slash)
    app.router.add_route("*", f"{PREFIX}/{{rest:.*}}", _nothing)


def _opened(door: Door) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        edx = request.app[EDX]
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "JWT":
            return _said(403, "Authentication credentials were not provided.")
        if edx.tokens.username(token) is None:
            return _said(403, "Invalid token.")
        if request.method not in ("GET", "HEAD"):
            return _said(405, f'Method "{request.method}" not allowed.')
        return door(edx, request)

    return handler


def _staff(door: Door) -> Door:
    """Open a door only for the worker's account, which alone is staff."""

    def checked(edx: Edx, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].partition(" ")[2]
        return door(edx, request) if edx.tokens.username(token) == WORKER else _said(403, _STAFF_ONLY)

    return checked


async def _access_token(request: web.Request) -> web.Response:
    status, answer = request.app[EDX].tokens.grant(dict(await request.post()))
    return _json(answer, status)


async def _with_slash(request: web.Request) -> web.Response:
    return web.Response(status=301, headers={"Location": f"{request.path}/"}, content_type="text/html", charset="utf-8")


async def _nothing(request: web.Request) -> web.Response:
    return web.Response(status=404, text=_NO_PAGE, content_type="text/html", charset="utf-8")


def _exams(edx: Edx, request: web.Request) -> web.Response:
    return _json([one for one in edx.course(request.match_info["course"]).exams if one["is_active"]])


def _exam(edx: Edx, request: web.Request) -> web.Response:
    found = edx.exam(int(request.match_info["exam"]))
    return _no_exam(request) if found is None else _json(found[1])


def _grouped(edx: Edx, request: web.Request) -> web.Response:
    """A page of (learner, exam) groups, the newest first; in one second the order is that of ids."""
    groups: defaultdict[tuple[int, int], list[Json]] = defaultdict(list)
    attempts = edx.course(request.match_info["course"]).attempts
    for one in sorted(attempts, key=lambda one: (one["created"], one["id"]), reverse=True):
        groups[one["user"]["id"], one["proctored_exam"]["id"]].append(one)
    newest = [{**same[0], "all_attempts": same} for same in groups.values()]
    newest.sort(key=lambda one: one["id"])
    newest.sort(key=lambda one: one["created"], reverse=True)
    page, number, total = _page(newest, request.query.get("page", "1"))
    paging = {"has_previous": number > 1, "has_next": number < total, "current_page": number, "total_pages": total}
    return _json({"proctored_exam_attempts": page, "pagination_info": paging, "attempt_url": request.path})


def _allowances(edx: Edx, request: web.Request) -> web.Response:
    return _json(edx.course(request.match_info["course"]).allowances)


def _policy(edx: Edx, request: web.Request) -> web.Response:
    exam_id = int(request.match_info["exam"])
    found = edx.exam(exam_id)
    return _json({"review_policy": None if found is None else found[0].policies.get(exam_id)})


def _settings(edx: Edx, request: web.Request) -> web.Response:
    if edx.exam(int(request.match_info["exam"])) is None:
        return _no_exam(request)
    origin = request.app[STATE].base_url
    links = {"faq": f"{origin}/faq", "contact_us": f"{origin}/contact"}
    service = {"download_url": f"{origin}/download", "name": "RPNow", "rules": {}, "instructions": []}
    return _json(
        {
            "platform_name": "Demo Open edX", "contact_us": "info@example.test",
            "link_urls": links | {"online_proctoring_rules": "", "tech_requirements": ""},
            "exam_proctoring_backend": service, "provider_tech_support_email": "", "provider_tech_support_phone": "",
            "provider_name": "RPNow", "learner_notification_from_email": "",
            "integration_specific_email": "info@example.test",
            "proctoring_escalation_email": "escalation@example.test",
        }
    )  # fmt: skip


def _onboarding(edx: Edx, request: web.Request) -> web.Response:
    rows = edx.course(request.match_info["course"]).onboarding
    if rows is None:
        return _said(404, "There is no onboarding exam related to this course id.")
    page, number, total = _page(rows, request.query.get("page", "1"))
    before, after = (f"{request.path}?page={one}" if 1 <= one <= total else None for one in (number - 1, number + 1))
    answer = {"count": len(rows), "previous": before, "next": after, "num_pages": total, "results": page}
    return _json(answer | {"use_onboarding_profile_api": False})


def _page(rows: Sequence[Json], asked: str) -> tuple[list[Json], int, int]:
    """Return a page, its number and how many there are. Source: Django, ``Paginator.get_page``."""
    total = max(1, -(-len(rows) // PER_PAGE))
    number = int(asked) if asked.isascii() and asked.isdecimal() else 1
    number = number if 1 <= number <= total else total
    return list(rows[(number - 1) * PER_PAGE : number * PER_PAGE]), number, total


def _no_exam(request: web.Request) -> web.Response:
    return _said(400, f"Attempted to get exam_id={request.match_info['exam']}, but this exam does not exist.")


def _said(status: int, detail: str) -> web.Response:
    return _json({"detail": detail}, status)


def _json(answer: Any, status: int = 200) -> web.Response:
    # As Django REST framework writes it: the type without a charset.
    body = json.dumps(answer, ensure_ascii=False).encode()
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json"})
