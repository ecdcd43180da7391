"""The answers of edx-proctoring 6.1.4 for courses too large for the real one, and with faults to order.

It has the traps of the real one: pages of 25, a page that is not there answered with the last one, 403 for a bad token,
web pages for what it does not know. ``tests/integration/edx`` holds the connector against the real one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

COURSE = "course-v1:Lab+FAKE+2026"
TOKEN = "a-good-token"
PER_PAGE = 25
HTML = "<!doctype html><title>Server Error (500)</title>"
Order = Callable[[web.Request], web.StreamResponse | None]


class EdxAnswers:
    """A course with one exam.

    Args:
        count: attempts, of as many people.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.requests: list[str] = []
        self.order: Order = lambda request: None
        """Returns an answer in place of the right one, or None."""
        self.exams = [self.exam(1)]

    def exam(self, number: int) -> dict[str, Any]:
        return {
            "id": number, "course_id": COURSE, "content_id": f"block@{number}", "external_id": None,
            "exam_name": f"Exam {number}", "time_limit_mins": 60, "is_proctored": True, "is_practice_exam": False,
            "is_active": True, "due_date": None, "hide_after_due": False, "backend": "software_secure",
        }  # fmt: skip

    def attempt(self, number: int) -> dict[str, Any]:
        code = f"{number:08X}-BECE-42A1-BF0D-A4CF2D1CF6FE"
        return {
            "id": number, "created": "2026-06-08T09:00:00Z", "modified": "2026-06-08T11:00:00Z",
            "user": {"id": number, "username": f"user{number:05}", "email": f"user{number:05}@example.test"},
            "started_at": "2026-06-08T09:05:00Z", "completed_at": "2026-06-08T09:50:00Z", "status": "submitted",
            "external_id": f"SSI-{code.lower()}", "attempt_code": code, "proctored_exam": self.exams[0],
            "allowed_time_limit_mins": 60, "is_sample_attempt": False, "taking_as_proctored": True,
            "review_policy_id": None, "is_status_acknowledged": False, "time_remaining_seconds": None,
            "is_resumable": False, "ready_to_resume": False, "resumed": False,
        }  # fmt: skip

    def grouped(self, asked: str | None) -> dict[str, Any]:
        """Return a page; Django's paginator takes whatever is no page for the first or the last one."""
        total = max(1, -(-self.count // PER_PAGE))
        number = int(asked) if asked is not None and asked.isdecimal() else 1
        number = number if 1 <= number <= total else total
        ids = range((number - 1) * PER_PAGE + 1, min(number * PER_PAGE, self.count) + 1)
        groups = [{**self.attempt(one), "all_attempts": [self.attempt(one)]} for one in ids]
        paging = {"has_previous": number > 1, "has_next": number < total, "current_page": number, "total_pages": total}
        return {"proctored_exam_attempts": groups, "pagination_info": paging, "attempt_url": "/"}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        ordered = self.order(request)
        if ordered is not None:
            return ordered
        if request.headers.get("Authorization") != f"JWT {TOKEN}":
            return web.json_response({"detail": "Invalid token."}, status=403)
        path = request.path.removeprefix("/api/edx_proctoring/v1")
        answers: dict[str, Callable[[], Any]] = {
            f"/proctored_exam/exam/course_id/{COURSE}": lambda: self.exams,
            f"/proctored_exam/attempt/grouped/course_id/{COURSE}": lambda: self.grouped(request.query.get("page")),
            f"/proctored_exam/{COURSE}/allowance": list,
        }
        if path in answers:
            return web.json_response(answers[path]())
        if path.startswith("/proctored_exam/review_policy/exam_id/"):
            return web.json_response({"review_policy": None})
        if path.startswith("/proctored_exam/settings/exam_id/"):
            return web.json_response({"platform_name": "Open edX", "contact_us": "info@example.test"})
        if path.startswith("/user_onboarding/"):
            detail = "There is no onboarding exam related to this course id."
            return web.json_response({"detail": detail}, status=404)
        return web.Response(text=HTML, status=404, content_type="text/html")


@asynccontextmanager
async def serving(answers: EdxAnswers) -> AsyncIterator[str]:
    """Serve the course; yield the LMS's address."""
    app = web.Application()
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]] = answers.answer
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
