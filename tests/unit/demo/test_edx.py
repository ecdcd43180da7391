"""The demo's Open edX answers as the real edx-proctoring did: its traps, its refusals, and the shape of every answer.

What needs the recordings of the real one is skipped where they are not at hand.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from archiveworker.demo.course import generate_course
from archiveworker.demo.edx_api import ACCESS_TOKEN, PREFIX, Edx
from archiveworker.demo.edx_course import CROWD_COUNT, CROWDED, EVERYTHING, exam_courses
from archiveworker.demo.edx_tokens import CLIENT_ID
from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.lms import make_app
from archiveworker.demo.state import LmsState
from tests.conftest import RECORDINGS

RECORDED = RECORDINGS / "edx_proctoring"
GROUPED = f"{PREFIX}/proctored_exam/attempt/grouped/course_id/{CROWDED}"
COURSES = {"course-v1:Lab+EXAM101+2026": EVERYTHING, "course-v1:Lab+BIG+2026": CROWDED}
NAMES = [
    *("exam_01_by_course", "exam_02_by_id", "exam_03_inactive_by_id", "exam_04_missing_id", "exam_05_unknown_course"),
    *(
        "exam_07_course_id_urlencoded",
        "attempts_01_grouped",
        "attempts_02_grouped_big_page_0",
        "attempts_02_grouped_big_page_1",
    ),
    *("attempts_02_grouped_big_page_2", "attempts_02_grouped_big_page_3", "attempts_02_grouped_big_page_99"),
    *("attempts_02_grouped_big_page_abc", "attempts_03_grouped_big_page_size", "attempts_06_grouped_unknown_course"),
    *(
        "allow_01_course",
        "policy_01",
        "policy_02_none",
        "policy_03_missing_exam",
        "settings_01",
        "settings_02_missing_exam",
    ),
    *(
        "settings_03_no_slash",
        "onboard_01_course",
        "onboard_03_no_onboarding_exam",
        "misc_01_unknown_path",
        "misc_02_method",
    ),
    *(
        "auth_01_none",
        "auth_02_jwt_ok",
        "auth_03_bearer_prefix",
        "auth_04_expired",
        "auth_05_bad_signature",
        "auth_08_garbage",
    ),
    *(
        "auth_14_outsider_grouped",
        "auth_16_outsider_exam",
        "auth_17_outsider_review_policy",
        "auth_18_outsider_allowance",
    ),
]


class Served:
    """A demo LMS and a client for it."""

    def __init__(self, state: LmsState, edx: Edx, session: aiohttp.ClientSession) -> None:
        self.state = state
        self.edx = edx
        self.session = session

    async def ask(self, path: str, authorization: str, method: str = "GET") -> tuple[int, str | None, Any]:
        headers = {"Authorization": authorization} if authorization else {}
        url = self.state.base_url + path
        async with self.session.request(method, url, headers=headers, allow_redirects=False) as response:
            text = await response.text()
            kind = response.headers.get("Content-Type")
            return response.status, kind, json.loads(text) if kind == "application/json" else text

    async def get(self, path: str) -> Any:
        status, _, answer = await self.ask(path, f"JWT {self.edx.tokens.make()}")
        assert status == 200, answer
        return answer


@pytest.fixture
async def served(tmp_path: Any) -> AsyncIterator[Served]:
    state, edx = LmsState(generate_course(seed=1), tmp_path), Edx()
    async with TestServer(make_app(state, edx)) as server, aiohttp.ClientSession() as session:
        state.base_url = str(server.make_url("")).rstrip("/")
        yield Served(state, edx, session)


def _authorization(edx: Edx, recorded: str) -> str:
    """Return a header that is for the demo what the recorded one was for the real LMS."""
    good, outsider = edx.tokens.make(), edx.tokens.make("outsider")
    known = {
        "": "",
        "none": "",
        "Bearer <same jwt>": f"Bearer {good}",
        "expired JWT": f"JWT {edx.tokens.make(life_s=-60)}",
        "JWT wrong key": f"JWT {Edx().tokens.make()}",
        "garbage JWT": "JWT garbage",
    }
    if recorded in known:
        return known[recorded]
    return f"JWT {outsider}" if "outsider" in recorded else f"JWT {good}"


def _shape(answer: Any, at: str = "") -> set[str]:
    """Return every place of an answer with the kind of value that stands there."""
    if isinstance(answer, dict):
        return {f"{at}{{}}"} | {one for key, value in answer.items() for one in _shape(value, f"{at}.{key}")}
    if isinstance(answer, list):
        return {f"{at}[]"} | {one for value in answer for one in _shape(value, f"{at}[]")}
    return {f"{at}: {type(answer).__name__}"}


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings of a real edx-proctoring are not on this machine")
@pytest.mark.parametrize("name", NAMES)
async def test_answers_are_as_recorded(served: Served, name: str) -> None:
    recorded = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    path = recorded["request"]["path"]
    for real, ours in COURSES.items():
        path = path.replace(real, ours).replace(real.replace(":", "%3A").replace("+", "%2B"), ours)
    asked = recorded["request"]
    authorization = _authorization(served.edx, asked["auth"])
    status, kind, answer = await served.ask(path, authorization, asked["method"])
    assert (status, kind) == (recorded["status"], recorded["headers"]["Content-Type"])
    if status != 200:
        assert answer == recorded["body"]
        return
    different = _shape(recorded["body"]) ^ _shape(answer)
    assert {one for one in different if not _may_be_null(one)} == set()
    if "pagination_info" in recorded["body"]:
        assert answer["pagination_info"] == recorded["body"]["pagination_info"]
        assert list(answer) == list(recorded["body"])


def _may_be_null(place: str) -> bool:
    name = place.rpartition(".")[2].partition(":")[0]
    return name in {
        *("started_at", "completed_at", "allowed_time_limit_mins", "time_remaining_seconds", "review_policy_id"),
        *("due_date", "modified", "review_policy"),
    }


async def test_pages_hold_everybody_once_although_all_began_in_one_second(served: Served) -> None:
    ids = []
    for number in range(1, 4):
        page = await served.get(f"{GROUPED}?page={number}")
        assert page["pagination_info"]["has_next"] == (number < 3)
        ids += [one["id"] for group in page["proctored_exam_attempts"] for one in group["all_attempts"]]
    assert len(ids) == len(set(ids)) == CROWD_COUNT


async def test_what_resumed_is_in_one_group_with_what_it_resumes(served: Served) -> None:
    page = await served.get(f"{PREFIX}/proctored_exam/attempt/grouped/course_id/{EVERYTHING}")
    [group] = [one for one in page["proctored_exam_attempts"] if len(one["all_attempts"]) > 1]
    assert [one["id"] for one in group["all_attempts"]] == [4, 3]
    assert group["id"] == 4


async def test_client_credentials_give_a_token_that_works(served: Served) -> None:
    form = {"grant_type": "client_credentials", "token_type": "jwt", "client_id": CLIENT_ID}
    url = served.state.base_url + ACCESS_TOKEN
    async with served.session.post(url, data=form | {"client_secret": "wrong"}) as response:
        assert (response.status, await response.json()) == (401, {"error": "invalid_client"})
    secret = served.edx.tokens.client_secret
    async with served.session.post(url, data=form | {"client_secret": secret}) as response:
        answer = await response.json()
    status, _, exams = await served.ask(
        f"{PREFIX}/proctored_exam/exam/course_id/{EVERYTHING}", f"JWT {answer['access_token']}"
    )
    assert (status, [one["id"] for one in exams]) == (200, [1, 2, 3])
    said = str([(one.path, one.parameters) for one in served.state.journal])
    assert secret not in said
    assert answer["access_token"] not in said


async def test_faults_can_be_ordered(served: Served) -> None:
    served.state.faults.order(Fault(FaultKind.EXPIRED_TOKEN, where="edx", times=1))
    good = f"JWT {served.edx.tokens.make()}"
    status, _, answer = await served.ask(GROUPED, good)
    assert (status, answer) == (403, {"detail": "Invalid token."})
    served.state.faults.order(Fault(FaultKind.HTTP_429, where="edx", after=1, times=1))
    assert [(await served.ask(GROUPED, good))[0] for _ in range(3)] == [200, 429, 200]


def test_the_course_is_the_same_at_every_start() -> None:
    assert exam_courses() == exam_courses()
