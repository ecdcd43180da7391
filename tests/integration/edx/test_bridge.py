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
from archiveworker.domain.proctoring.export import EXPORT_PATH, read_export
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import SystemClock
from tests.fakes.edx.bed import BIG, EMPTY, STATES, EdxServer

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
