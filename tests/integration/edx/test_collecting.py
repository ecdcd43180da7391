"""The connector against the real edx-proctoring: every attempt once, nothing changed, every refusal a clear reason."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from archiveworker.domain.errors import RequestError, SourceError, SourceUnavailableError, TokenRefusedError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import Plan
from archiveworker.domain.proctoring import codec
from archiveworker.domain.proctoring.checks.table import check_all
from archiveworker.domain.proctoring.kinds import Status
from archiveworker.domain.proctoring.model import Proctoring, ProctoringFile
from archiveworker.reports.proctoring.overview_view import PEOPLE_ON_A_PAGE
from archiveworker.runtime.retry import RetryPolicy
from archiveworker.runtime.spool import LocalItemSpool
from archiveworker.sources.edx_proctoring import EdxProctoringSource
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.reviewed.request import ReviewedConfig
from tests.fakes.edx.bed import BIG, EMPTY, MANY, MANY_COUNT, STATES, EdxServer, make_token

JOB = JobId("0d3f6f0e-6f4c-4a6a-9a55-2d3f2f6b0001")
SECRET_COLUMNS = "select attempt_code, external_id from proctoring_proctoredexamstudentattempt"


def source() -> EdxProctoringSource:
    config = EdxConfig(retry=RetryPolicy(first_delay_s=0.01, max_delay_s=0.02, budget_s=5))
    return EdxProctoringSource(config, ReviewedConfig(("directory",), ("directory",)))


def body(server: EdxServer, course: str, **changes: Any) -> dict[str, Any]:
    lms = {"base_url": server.url, "token": make_token()}
    return {"api_version": 1, "lms": lms, "course_id": course, "delivery": {"to": ["directory"]}} | changes


def spool_in(folder: Path) -> LocalItemSpool:
    collected = folder / "job" / "collected"
    collected.mkdir(parents=True, exist_ok=True)
    return LocalItemSpool(collected, folder / "job")


async def planned(request: dict[str, Any], folder: Path) -> tuple[Plan, Proctoring]:
    async with source().connect(source().parse(request), JOB) as connection:
        plan = await connection.plan(spool_in(folder))
    stored = (folder / "job" / "collected" / "files" / "course" / "proctoring.json").read_bytes()
    return plan, codec.decode(stored, ProctoringFile).record


def since(server: EdxServer, begin: int) -> list[str]:
    return server.requests()[begin:]


async def test_every_status_is_there_and_nothing_was_changed(edx_server: EdxServer, tmp_path: Path) -> None:
    before, begin = edx_server.contents(), len(edx_server.requests())
    plan, record = await planned(body(edx_server, STATES), tmp_path)
    there = edx_server.rows(
        "select a.id from proctoring_proctoredexamstudentattempt a join proctoring_proctoredexam e "
        "on e.id = a.proctored_exam_id where e.course_id = ?",
        STATES,
    )
    assert Counter(one.id for one in record.attempts) == Counter(str(number) for (number,) in there)
    assert {one.status for one in record.attempts} == set(Status) - {Status.OTHER}
    assert [exam.name for exam in record.exams if not exam.is_active] == ["Timed quiz"]
    assert len(record.allowances or ()) == 3
    assert record.onboarding is not None
    assert {one.status for one in record.onboarding} >= {"verified", "rejected", "not_started"}
    assert {exam.policy for exam in record.exams} == {None, "Closed book. Two blank sheets allowed."}
    pairs = {(one.person_id, one.exam_id) for one in (*record.attempts, *(record.allowances or ()))}
    assert len(plan.items) == len(pairs) + len(record.exams) + 1
    assert edx_server.contents() == before
    asked = since(edx_server, begin)
    assert {line.split()[0] for line in asked} == {"GET"}
    assert not any("/attempt/course_id/" in line or "active_exams" in line for line in asked)


STARTED_WITHOUT_ONBOARDING = [4, 5, 7, 8, 9, 10, 11, 12, 14]
"""Numbers of the people of populate.py whose attempt, by its status, has begun."""
FINDINGS = {
    "completed-before-started": ["backwards"],
    "rejected": ["state11"],
    "second-review-required": ["state09"],
    "attempt-error": ["state12", "waiting"],
    "timed-out": ["state07"],
    "stale-started": ["state04", "state05"],
    "time-over-allowance": ["granted", "slow"],
    "multiplier-without-effect": ["resumed"],
    "onboarding-failed": ["resumed", "state15", "state16", "state17", "state18"],
    "onboarding-not-approved": [
        *("backwards", "resumed", "resumed", "running", "slow"),
        *(f"state{number:02}" for number in STARTED_WITHOUT_ONBOARDING),
        "waiting",
    ],
    "resumed": ["resumed"],
    "attempt-on-inactive-exam": ["granted"],
    "never-begun": ["state00", "state01", "state02", "state03"],
    "allowance-without-attempt": ["resumed"],
}


async def test_the_findings_are_exactly_these(edx_server: EdxServer, tmp_path: Path) -> None:
    _, record = await planned(body(edx_server, STATES), tmp_path)
    found = {
        result.code: sorted(
            subject.id for one in result.findings for subject in one.subjects if subject.kind == "person"
        )
        for result in check_all(record)
        if result.findings
    }
    assert found == FINDINGS
    table = (tmp_path / "job" / "collected" / "files" / "tables" / "findings.csv").read_text(encoding="utf-8")
    assert table.count(",found,") == sum(map(len, FINDINGS.values()))


async def test_three_pages_with_ties_give_every_attempt_once(edx_server: EdxServer, tmp_path: Path) -> None:
    begin = len(edx_server.requests())
    _, record = await planned(body(edx_server, BIG), tmp_path)
    assert len({one.id for one in record.attempts}) == len(record.attempts) == 60
    pages = [line for line in since(edx_server, begin) if "/grouped/" in line]
    assert [line.rpartition("=")[2] for line in pages] == ["1", "2", "3"]


async def test_no_secret_of_an_attempt_is_on_the_spool(edx_server: EdxServer, tmp_path: Path) -> None:
    await planned(body(edx_server, STATES), tmp_path)
    everything = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for secrets in edx_server.rows(SECRET_COLUMNS):
        assert all(secret.encode() not in everything for secret in secrets)


async def test_pseudonyms_leave_no_name(edx_server: EdxServer, tmp_path: Path) -> None:
    _, record = await planned(body(edx_server, STATES, options={"include_pii": False}), tmp_path)
    everything = b"".join(file.read_bytes() for file in (tmp_path / "job" / "collected").rglob("*") if file.is_file())
    names = [name for (name,) in edx_server.rows("select username from auth_user where username like 'state%'")]
    assert len(names) == 19
    assert all(f'{name}"'.encode() not in everything and f"{name}@".encode() not in everything for name in names)
    assert b"headphones" not in everything
    assert all(one.person_id.startswith("person-") for one in record.attempts)
    assert not (tmp_path / "job" / "collected" / "raw").exists()


async def test_a_course_can_be_narrowed(edx_server: EdxServer, tmp_path: Path) -> None:
    [(final,)] = edx_server.rows("select id from proctoring_proctoredexam where exam_name like 'Final%'")
    request = body(edx_server, STATES, exam_ids=[final], usernames=["resumed", "granted"])
    plan, record = await planned(request, tmp_path)
    assert {one.person_id for one in record.attempts} == {"resumed", "granted"}
    assert [one.id for one in record.exams] == [str(final)]
    assert len(plan.items) == 2 + 1 + 1


async def test_a_course_without_exams_is_an_archive_that_says_so(edx_server: EdxServer, tmp_path: Path) -> None:
    plan, record = await planned(body(edx_server, EMPTY), tmp_path)
    assert (record.exams, record.attempts, record.onboarding) == ((), (), None)
    assert [one.key for one in plan.items] == ["course"]


async def test_requests_are_pages_plus_exams_plus_a_constant(edx_server: EdxServer, tmp_path: Path) -> None:
    begin = len(edx_server.requests())
    plan, record = await planned(body(edx_server, MANY), tmp_path)
    assert len(record.attempts) == MANY_COUNT
    assert len(plan.items) == MANY_COUNT + MANY_COUNT // PEOPLE_ON_A_PAGE + 1
    asked = since(edx_server, begin)
    assert len(asked) <= MANY_COUNT // 25 + len(record.exams) + 4
    assert len(asked) == len(set(asked)), "nothing was asked for twice"


async def test_a_token_that_ends_midway_keeps_what_it_has(edx_server: EdxServer, tmp_path: Path) -> None:
    short = body(edx_server, BIG, lms={"base_url": edx_server.url, "token": make_token(requests=3)})
    with pytest.raises(TokenRefusedError, match="has expired or is not one of this LMS.*client_id"):
        await planned(short, tmp_path)
    begin = len(edx_server.requests())
    _, record = await planned(body(edx_server, BIG), tmp_path)
    assert len(record.attempts) == 60
    asked = since(edx_server, begin)
    assert not any(line.endswith(("page=1", "page=2")) and "/grouped/" in line for line in asked)


async def test_client_credentials_bring_a_new_token_when_one_ends(edx_server: EdxServer, tmp_path: Path) -> None:
    begin = len(edx_server.requests())
    lms = {"base_url": edx_server.url, "client_id": "short", "client_secret": "short-secret"}
    _, record = await planned(body(edx_server, BIG, lms=lms), tmp_path)
    assert len(record.attempts) == 60
    tokens = [line for line in since(edx_server, begin) if line.startswith("POST")]
    assert len(tokens) >= 2
    assert set(tokens) == {"POST /oauth2/access_token"}


@asynccontextmanager
async def refused(server: EdxServer, folder: Path, **lms: str) -> AsyncIterator[None]:
    request = body(server, STATES, lms={"base_url": server.url, **lms})
    async with source().connect(source().parse(request), None) as connection:
        yield await connection.probe()


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"secret": "another key"}, r"refused with HTTP 403 \(Invalid token\.\): the token has expired"),
        ({"lives_s": -60}, r"refused with HTTP 403 \(Invalid token\.\): the token has expired"),
        ({"username": "outsider"}, "must be staff of the course; add the user"),
    ],
)
async def test_a_refused_token_is_a_reason(
    edx_server: EdxServer, tmp_path: Path, claims: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TokenRefusedError, match=sentence):
        async with refused(edx_server, tmp_path, token=make_token(**claims)):
            pass


async def test_wrong_client_credentials_are_a_reason(edx_server: EdxServer, tmp_path: Path) -> None:
    with pytest.raises(TokenRefusedError, match="no token for these client credentials"):
        async with refused(edx_server, tmp_path, client_id="worker", client_secret="wrong"):
            pass


async def test_an_lms_that_throttles_is_asked_again(edx_server: EdxServer, tmp_path: Path) -> None:
    lms = {"base_url": edx_server.url, "token": make_token(throttle_at=2)}
    begin = len(edx_server.requests())
    _, record = await planned(body(edx_server, BIG, lms=lms), tmp_path)
    assert len(record.attempts) == 60
    counts = Counter(since(edx_server, begin))
    assert sorted(counts.values())[-1] == 2, "the throttled request, and nothing else, was sent twice"


async def test_an_address_without_the_interface_is_a_reason(edx_server: EdxServer, tmp_path: Path) -> None:
    request = body(edx_server, STATES, lms={"base_url": f"{edx_server.url}/nowhere", "token": make_token()})
    with pytest.raises(SourceError, match="HTTP 404: there is no such page; check lms.base_url") as caught:
        await planned(request, tmp_path)
    assert not isinstance(caught.value, SourceUnavailableError)


async def test_the_stored_request_holds_no_secret(edx_server: EdxServer) -> None:
    token = make_token()
    review = {"id": 1, "created": "2026-06-08T09:00:00Z", "attempt_code": "C0DE" * 9, "review_status": "Clean"}
    lms = {"base_url": edx_server.url, "token": token}
    parsed = source().parse(body(edx_server, STATES, lms=lms, export={"reviews": [review]}))
    stored = json.dumps(parsed.payload)
    assert token not in stored
    assert "C0DE" * 9 not in stored
    assert source().resume(parsed.payload, parsed.token) == parsed
    with pytest.raises(RequestError, match="names a target that this worker does not have"):
        source().parse(body(edx_server, STATES, delivery={"to": ["moon"]}))
