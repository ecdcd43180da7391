"""The bridge of the preset ``edx_proctoring``: one address, ``GET /proctoring-export/v1/courses/<key>``.

The answer is what a job's ``export`` may be, as one JSON document (``docs/reference/proctoring.md``). Tokens, errors
and read-only methods are those of the exchange API (``app``).
"""

import asyncio
from dataclasses import dataclass

import msgspec
from aiohttp import hdrs, web

from archiveworker.bridge.app import TOKENS, answer, answer_problems, bearer_of, check_bearer
from archiveworker.bridge.exams import ExamDatabase
from archiveworker.bridge.tokens import Tokens
from archiveworker.domain.errors import BusyError, OutOfScopeError
from archiveworker.domain.proctoring.export import EXPORT_PATH


@dataclass(frozen=True, slots=True)
class _Exams:
    """What the route needs.

    Attributes:
        database: of the LMS.
        readings: how many courses are read at once.
    """

    database: ExamDatabase
    readings: asyncio.Semaphore


_EXAMS: web.AppKey[_Exams] = web.AppKey("bridge_exams")


def create_exams_app(database: ExamDatabase, tokens: Tokens, readings_count: int) -> web.Application:
    """Build the application.

    Args:
        database: of the LMS.
        tokens: who may read what.
        readings_count: courses that are read at once; more are told to come back.
    """
    app = web.Application(middlewares=[answer_problems, check_bearer])
    app[TOKENS] = tokens
    app[_EXAMS] = _Exams(database, asyncio.Semaphore(readings_count))
    app.router.add_get(f"{EXPORT_PATH}/{{course:.+}}", get_course)
    return app


async def get_course(request: web.Request) -> web.Response:
    """Give everything of one course; to HEAD only say whether the token is for it."""
    exams, course_id = request.app[_EXAMS], request.match_info["course"]
    if not bearer_of(request).may_read(course_id):
        raise OutOfScopeError("the token is not for this course; make one with: archiveworker bridge token")
    if request.method == hdrs.METH_HEAD:
        return answer(b"")
    if exams.readings.locked():
        raise BusyError("the bridge reads as many courses as it may; come back in a few seconds")
    async with exams.readings:
        export = await asyncio.to_thread(exams.database.export, course_id)
    return answer(msgspec.json.encode(export))
