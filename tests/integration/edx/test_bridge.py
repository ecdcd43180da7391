"""The bridge beside the database of a real edx-proctoring: what REST does not give, read and not written."""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from archiveworker.bridge.exams import PRESET
from archiveworker.bridge.sidecar import BridgeConfig, running_bridge
from archiveworker.bridge.tokens import ALL, Tokens
from archiveworker.cli import main
from archiveworker.domain.errors import RequestError, SourceError, SourceUnavailableError, TokenRefusedError
from archiveworker.domain.findings import Outcome
from archiveworker.domain.ids import JobId
from archiveworker.domain.proctoring import codec
from archiveworker.domain.proctoring.checks.table import check_all
from archiveworker.domain.proctoring.export import EXPORT_PATH, read_export
from archiveworker.domain.proctoring.kinds import GapKind
from archiveworker.domain.proctoring.model import Proctoring, ProctoringFile
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import SystemClock
from archiveworker.runtime.retry import RetryPolicy
from archiveworker.runtime.spool import LocalItemSpool
from archiveworker.sources.edx_proctoring import EdxProctoringSource
from archiveworker.sources.edx_proctoring.config import EdxConfig
from archiveworker.sources.reviewed.request import ReviewedConfig
from tests.fakes.edx.bed import BIG, EMPTY, STATES, EdxServer, make_token

KEY = Secret("a key of a bridge that is for nobody but these tests")
TABLES = {
    "reviews": "proctoring_proctoredexamsoftwaresecurereview",
    "review_history": "proctoring_proctoredexamsoftwaresecurereviewhistory",
    "comments": "proctoring_proctoredexamstudentattemptcomment",
    "attempt_history": "proctoring_proctoredexamstudentattempt_history",
    "allowance_history": "proctoring_proctoredexamstudentallowancehistory",
    "policy_history": "proctoring_proctoredexamreviewpolicyhistory",
}
OF_STATES = "select id from proctoring_proctoredexam where course_id = 'course-v1:Lab+STATES+2026'"


def config(server: EdxServer) -> BridgeConfig:
    return BridgeConfig(Secret(f"sqlite:///{server.database}"), PRESET, key=KEY, port=0)


@pytest.fixture
async def bridge(edx_server: EdxServer) -> AsyncIterator[str]:
    async with running_bridge(config(edx_server)) as origin:
        yield origin


async def ask(bridge: str, course: str, scope: str = ALL, method: str = "GET") -> tuple[int, Any]:
    token = Tokens(KEY, PRESET, SystemClock()).make(scope, timedelta(minutes=5)).reveal()
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{bridge}{EXPORT_PATH}/{course}"
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as response:
        return response.status, json.loads(await response.text())


async def test_every_row_of_the_course_is_there_once_and_no_other(edx_server: EdxServer, bridge: str) -> None:
    before = edx_server.contents()
    status, answer = await ask(bridge, STATES, STATES)
    assert status == 200, answer
    assert edx_server.contents() == before, "byte for byte"
    export = read_export(answer)
    of_exams = f"where proctored_exam_id in ({OF_STATES})"
    history = edx_server.rows(f"select history_id, status from {TABLES['attempt_history']} {of_exams}")
    assert Counter((one.history_id, one.status) for one in export.attempt_history or ()) == Counter(history)
    # One review names neither exam nor learner: it is found by the code of its attempt.
    reviews = edx_server.rows(f"select id, review_status, exam_id from {TABLES['reviews']}")
    assert Counter((one.id, one.review_status, one.exam_id) for one in export.reviews or ()) == Counter(reviews)
    assert {exam_id is None for _, _, exam_id in reviews} == {True, False}
    for part in ("review_history", "comments", "allowance_history", "policy_history"):
        assert len(getattr(export, part)) > 0, part
    former = edx_server.rows(f"select allowance_id, value from {TABLES['allowance_history']} {of_exams}")
    assert Counter((one.allowance_id, one.value) for one in export.allowance_history or ()) == Counter(former)
    names = dict(edx_server.rows("select id, username from auth_user"))
    assert (export.users or {}).items() <= {str(number): name for number, name in names.items()}.items()
    assert {one.user_id for one in export.attempt_history or ()} <= {int(number) for number in export.users or {}}


async def test_codes_do_not_leave_the_bridge(edx_server: EdxServer, bridge: str) -> None:
    _, answer = await ask(bridge, STATES)
    said = json.dumps(answer)
    secrets = edx_server.rows("select attempt_code, external_id from proctoring_proctoredexamstudentattempt")
    assert all(one not in said for pair in secrets for one in pair)
    [(code,)] = edx_server.rows(f"select attempt_code from {TABLES['reviews']} order by id limit 1")
    assert hashlib.sha256(code.encode()).hexdigest() in {one["attempt_code_sha256"] for one in answer["reviews"]}
    assert "recordings.example.test" not in said


async def test_a_course_without_any_gives_empty_lists(bridge: str) -> None:
    for course in (BIG, EMPTY, "course-v1:No+Such+Course"):
        status, answer = await ask(bridge, course)
        assert status == 200
        assert answer["reviews"] == answer["policy_history"] == answer["allowance_history"] == []


async def test_a_token_is_for_its_course_and_nothing_writes(bridge: str) -> None:
    status, answer = await ask(bridge, STATES, BIG)
    assert (status, answer["error"]["code"]) == (403, "out_of_scope")
    status, answer = await ask(bridge, STATES, method="DELETE")
    assert (status, answer["error"]["code"]) == (405, "read_only")
    async with aiohttp.ClientSession() as session, session.get(f"{bridge}{EXPORT_PATH}/{STATES}") as response:
        assert response.status == 401


def test_check_and_token_on_the_command_line(
    edx_server: EdxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "lms.sqlite3"
    copy.write_bytes(edx_server.database.read_bytes())
    monkeypatch.setenv("ARCHIVEWORKER_BRIDGE_DATABASE_URL", f"sqlite:///{copy}")
    monkeypatch.setenv("ARCHIVEWORKER_BRIDGE_MAPPING", PRESET)
    monkeypatch.setenv("ARCHIVEWORKER_BRIDGE_KEY", KEY.reveal())
    assert main(["bridge", "check"]) == 0
    said = capsys.readouterr().out
    assert "ok    table proctoring_proctoredexamstudentattempt_history: has all 7 columns that are read" in said
    assert "with exams: scope course:KEY, or all" in said
    assert main(["bridge", "token", "--scope", f"course:{STATES}"]) == 0
    assert capsys.readouterr().out.startswith("awb1.")
    assert main(["bridge", "token", "--scope", f"week:{STATES}"]) != 0
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute(f"ALTER TABLE {TABLES['comments']} RENAME COLUMN stop_time TO ends")
        connection.execute(f"DROP TABLE {TABLES['policy_history']}")
    capsys.readouterr()
    assert main(["bridge", "check"]) == 1
    said = capsys.readouterr().out
    assert f"BAD   table {TABLES['comments']}: lacks stop_time" in said
    assert f"BAD   table {TABLES['policy_history']}: is not in the database" in said


def collector() -> EdxProctoringSource:
    retry = RetryPolicy(first_delay_s=0.01, max_delay_s=0.02, budget_s=1)
    return EdxProctoringSource(EdxConfig(retry=retry), ReviewedConfig(("directory",), ("directory",)))


def body(server: EdxServer, bridge: str, scope: str = STATES) -> dict[str, Any]:
    token = Tokens(KEY, PRESET, SystemClock()).make(scope, timedelta(minutes=5)).reveal()
    lms = {"base_url": server.url, "token": make_token(), "bridge": {"base_url": bridge, "token": token}}
    return {"api_version": 1, "lms": lms, "course_id": STATES, "delivery": {"to": ["directory"]}}


async def collected(request: dict[str, Any], folder: Path) -> Proctoring:
    spool = LocalItemSpool(folder / "job" / "collected", folder / "job")
    (folder / "job" / "collected").mkdir(parents=True, exist_ok=True)
    made = collector()
    async with made.connect(made.parse(request), JobId("0d3f6f0e-6f4c-4a6a-9a55-2d3f2f6b0001")) as connection:
        await connection.plan(spool)
    stored = (folder / "job" / "collected" / "files" / "course" / "proctoring.json").read_bytes()
    return codec.decode(stored, ProctoringFile).record


async def test_a_job_takes_from_the_bridge_what_rest_does_not_give(
    edx_server: EdxServer, bridge: str, tmp_path: Path
) -> None:
    record = await collected(body(edx_server, bridge), tmp_path)
    assert [gap.kind for gap in record.gaps] == [GapKind.INACTIVE_EXAMS]
    said = {(one.status, one.is_superseded, one.attempt_id is not None) for one in record.reviews or ()}
    assert said == {("Clean", False, True), ("Suspicious", True, True)}
    [comment] = [comment for one in record.reviews or () for comment in one.comments or ()]
    assert (comment.start_s, comment.text) == (300, "Second person in the room")
    assert {one.text for one in record.former_policies or ()} == {"Closed book."}
    assert len(record.history or ()) >= len(record.attempts)
    assert (tmp_path / "job/collected/raw/export.jsonl").exists()
    outcomes = {one.code: one.outcome for one in check_all(record)}
    assert outcomes["violation-noted"] is Outcome.FOUND
    assert Outcome.NOT_CHECKABLE not in {outcomes[code] for code in ("deleted-attempt", "result-without-review")}


async def test_a_bridge_that_refuses_ends_the_job_with_a_reason(
    edx_server: EdxServer, bridge: str, tmp_path: Path
) -> None:
    with pytest.raises(TokenRefusedError, match="HTTP 403: its token has expired, or is not for this course"):
        await collected(body(edx_server, bridge, BIG), tmp_path / "scope")
    with pytest.raises(SourceError, match="HTTP 404: check that lms.bridge.base_url is that of a bridge"):
        await collected(body(edx_server, f"{bridge}/elsewhere"), tmp_path / "address")
    with pytest.raises(SourceUnavailableError, match="check that the bridge is up"):
        await collected(body(edx_server, "http://127.0.0.1:9"), tmp_path / "down")


def test_the_stored_request_has_neither_token(edx_server: EdxServer) -> None:
    request, made = body(edx_server, "http://bridge.example.test"), collector()
    parsed = made.parse(request)
    stored = json.dumps(parsed.payload)
    assert request["lms"]["token"] not in stored
    assert request["lms"]["bridge"]["token"] not in stored
    assert made.resume(parsed.payload, parsed.token) == parsed
    assert parsed.further_urls == ("http://bridge.example.test",)
    with pytest.raises(RequestError, match="that of the LMS and that of the bridge, a space between"):
        made.resume(parsed.payload, Secret("another"))
    with pytest.raises(RequestError, match="lms.bridge must not stand beside export"):
        made.parse({**request, "export": {}})
