"""The preset for proctored exams on all three kinds of databases, with the types that Django gives its columns on each.

``tests/integration/edx/test_bridge.py`` holds it against the database of the real edx-proctoring, which is SQLite.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from archiveworker.bridge.database import LegacyDatabase
from archiveworker.bridge.exams import ExamDatabase
from archiveworker.domain.errors import MappingError, RecordError
from archiveworker.domain.proctoring.base import digest
from archiveworker.domain.proctoring.export import Export, read_export
from archiveworker.domain.secret import Secret
from tests.integration.bridge import servers
from tests.integration.bridge.servers import Server, Store

HOWTO = Path(__file__).resolve().parents[3] / "docs" / "howto" / "archive-proctored-exams.md"
COURSE, OTHER = "course-v1:Lab+ÜBUNG+2026", "course-v1:Lab+OTHER+2026"
CODE, OLD_CODE = "AFBBCCB6-055F-403D-AC5C-6B71886A357B", "0D3F6F0E-6F4C-4A6A-9A55-2D3F2F6B0001"
AT = datetime(2026, 6, 8, 9, 0, 0, 123456, UTC)
TIME = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
WORD = sa.String(255)
REVIEW = {
    **{"id": sa.Integer, "created": TIME, "attempt_code": WORD, "review_status": WORD, "raw_data": sa.Text},
    **{"encrypted_video_url": sa.LargeBinary, "reviewed_by_id": sa.Integer, "student_id": sa.Integer},
    **{"exam_id": sa.Integer},
}
ATTEMPT = "proctoring_proctoredexamstudentattempt"
REVIEWS = "proctoring_proctoredexamsoftwaresecurereview"
TABLES: dict[str, dict[str, Any]] = {
    "auth_user": {"id": sa.Integer, "username": sa.String(150), "password": sa.String(128)},
    "proctoring_proctoredexam": {"id": sa.Integer, "course_id": WORD},
    ATTEMPT: {"id": sa.Integer, "proctored_exam_id": sa.Integer, "attempt_code": WORD},
    REVIEWS: REVIEW,
    f"{REVIEWS}history": REVIEW,
    f"{ATTEMPT}comment": {
        **{"id": sa.Integer, "review_id": sa.Integer, "start_time": sa.Integer, "stop_time": sa.Integer},
        **{"comment": sa.Text, "status": WORD},
    },
    f"{ATTEMPT}_history": {
        **{"id": sa.Integer, "user_id": sa.Integer, "proctored_exam_id": sa.Integer, "status": sa.String(64)},
        **{"history_id": sa.Integer, "history_date": TIME, "history_type": sa.String(1)},
    },
    "proctoring_proctoredexamstudentallowancehistory": {
        **{"id": sa.Integer, "allowance_id": sa.Integer, "user_id": sa.Integer, "proctored_exam_id": sa.Integer},
        **{"key": WORD, "value": WORD, "created": TIME},
    },
    "proctoring_proctoredexamreviewpolicyhistory": {
        **{"id": sa.Integer, "proctored_exam_id": sa.Integer, "review_policy": sa.Text, "created": TIME},
    },
}
ROWS: dict[str, list[dict[str, Any]]] = {
    "auth_user": [
        {"id": one, "username": f"ü{one}", "password": "a hash that must not leave"} for one in range(1, 600)
    ],
    "proctoring_proctoredexam": [{"id": 1, "course_id": COURSE}, {"id": 2, "course_id": OTHER}],
    ATTEMPT: [
        {"id": 1, "proctored_exam_id": 1, "attempt_code": CODE},
        {"id": 2, "proctored_exam_id": 1, "attempt_code": OLD_CODE},
        {"id": 3, "proctored_exam_id": 2, "attempt_code": "of another course, and so is not read"},
    ],
    REVIEWS: [
        {
            **{"id": 1, "created": AT, "attempt_code": CODE, "review_status": "Clean", "raw_data": CODE},
            **{"encrypted_video_url": b"\xff\x00", "reviewed_by_id": 3, "student_id": 4, "exam_id": 1},
        },
        {"id": 2, "created": AT, "attempt_code": OLD_CODE, "review_status": "Suspicious", "raw_data": ""},
        {"id": 3, "created": AT, "attempt_code": "x" * 36, "review_status": "Clean", "raw_data": "", "exam_id": 2},
    ],
    f"{REVIEWS}history": [],
    f"{ATTEMPT}comment": [
        {"id": 1, "review_id": 1, "start_time": 60, "stop_time": 90, "comment": "Schön 🦊", "status": "Suspicious"},
        {"id": 2, "review_id": 3, "start_time": 0, "stop_time": 1, "comment": "of another", "status": "Clean"},
    ],
    f"{ATTEMPT}_history": [
        {
            **{"history_id": one, "id": 1, "user_id": one, "proctored_exam_id": 1, "status": "started"},
            **{"history_date": AT + timedelta(minutes=one), "history_type": "~"},
        }
        for one in range(1, 600)
    ],
    "proctoring_proctoredexamstudentallowancehistory": [
        {
            **{"id": 1, "allowance_id": 7, "user_id": 4, "proctored_exam_id": 1},
            **{"key": "additional_time_granted", "value": "15", "created": AT},
        }
    ],
    "proctoring_proctoredexamreviewpolicyhistory": [
        {"id": 1, "proctored_exam_id": 1, "review_policy": "Closed book.", "created": AT}
    ],
}


def fill(store: Store) -> None:
    metadata = sa.MetaData()
    for name, columns in TABLES.items():
        key = "history_id" if "history_id" in columns else "id"
        made = [sa.Column(column, kind, primary_key=column == key) for column, kind in columns.items()]
        table = sa.Table(name, metadata, *made)
        table.create(engine := store.engine())
        with engine.begin() as connection:
            for row in ROWS[name]:
                connection.execute(table.insert(), dict.fromkeys(columns) | row)


def exams(store: Store) -> ExamDatabase:
    return ExamDatabase(LegacyDatabase(Secret(store.reader_url)))


def test_every_database_gives_the_same_export(store: Store) -> None:
    fill(store)
    store.grant()
    plain = exams(store).export(COURSE)
    said = repr(plain)
    assert CODE not in said
    assert "a hash" not in said
    export = read_export(plain)
    first, second = export.reviews or ()
    assert (first.created, first.attempt_code_sha256) == (AT, digest(CODE))
    assert (first.reviewed_by_id, first.student_id, first.exam_id) == (3, 4, 1)
    assert (first.encrypted_video_url, second.encrypted_video_url) == ("there is one", None)
    assert (second.exam_id, second.student_id, second.review_status) == (None, None, "Suspicious")
    assert [(one.comment, one.start_time) for one in export.comments or ()] == [("Schön 🦊", 60)]
    assert [one.history_date - AT for one in export.attempt_history or ()] == [
        timedelta(minutes=number) for number in range(1, 600)
    ]
    assert export.users == {str(number): f"ü{number}" for number in range(1, 600)}
    assert [(one.allowance_id, one.value) for one in export.allowance_history or ()] == [(7, "15")]
    assert [(one.review_policy, one.created) for one in export.policy_history or ()] == [("Closed book.", AT)]
    assert all(line.ok for line in exams(store).check() if line.about != "user")


def test_the_rights_that_the_howto_gives_are_enough_and_write_nothing(mariadb: Server) -> None:
    store = mariadb.store("edxapp")
    fill(store)
    grants = re.findall(r"^ +(GRANT .*);$", HOWTO.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(grants) == len(TABLES)
    assert all(servers.READER in one for one in grants)
    for statement in grants:
        mariadb._run(statement)
    exams(store).require_all()
    assert [line.ok for line in exams(store).check()] == [True] * (len(TABLES) + 3)
    assert read_export(exams(store).export(OTHER)).comments != ()


def test_what_does_not_fit_is_said(sqlite: Store) -> None:
    fill(sqlite)
    engine = sqlite.engine()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {REVIEWS} SET created = 'yesterday' WHERE id = 1")
    with pytest.raises(RecordError, match=f"a row of {REVIEWS} cannot be read: its created is wrong"):
        exams(sqlite).export(COURSE)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {REVIEWS} DROP COLUMN exam_id")
        connection.exec_driver_sql("DROP TABLE auth_user")
    with pytest.raises(MappingError, match="table auth_user is not in the database; .* lacks exam_id"):
        exams(sqlite).require_all()


def test_a_course_that_is_not_there_is_empty(sqlite: Store) -> None:
    fill(sqlite)
    empty = Export({}, (), (), (), (), (), ())
    assert read_export(exams(sqlite).export("course-v1:No+Such+Course")) == empty
