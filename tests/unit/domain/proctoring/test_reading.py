"""What the LMS answers becomes records: both dialects, secrets masked, nothing lost, nothing twice."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.errors import RecordError
from archiveworker.domain.proctoring import codec, export, schema
from archiveworker.domain.proctoring.base import digest, mask, mask_answer
from archiveworker.domain.proctoring.checks.table import check_all
from archiveworker.domain.proctoring.kinds import Dialect, GapKind, Status
from archiveworker.domain.proctoring.model import Course, Proctoring, ProctoringFile
from archiveworker.domain.proctoring.pseudonyms import pseudonymised
from archiveworker.domain.proctoring.reading import to_records
from archiveworker.domain.proctoring.timeline import EventKind, events_of, interrupted_at, limit_of
from archiveworker.domain.proctoring.wire import Answers, WireAttempt, WireGroupPage, read
from archiveworker.runtime import resources
from tests.fakes import proctoring as fake

CODE = "AFBBCCB6-055F-403D-AC5C-6B71886A357B"
EXAM = {
    "id": 1, "course_id": fake.COURSE, "content_id": "block@midterm", "exam_name": "Midterm", "time_limit_mins": 90,
    "is_proctored": True, "is_practice_exam": False, "is_active": True, "external_id": None,
}  # fmt: skip
ATTEMPT = {
    "id": 3, "created": "2026-11-03T10:17:55Z", "modified": "2026-11-05T10:17:55.5Z", "attempt_code": CODE,
    "user": {"id": 7, "username": "learner3", "email": "learner3@example.test"}, "status": "error",
    "started_at": "2026-11-03T10:23:55Z", "completed_at": None, "external_id": f"SSI-{CODE.lower()}",
    "allowed_time_limit_mins": 90, "proctored_exam": EXAM, "time_remaining_seconds": 3360,
}  # fmt: skip


def records(*attempts: dict[str, Any]) -> Proctoring:
    masked = mask_answer(list(attempts))
    answers = Answers((), read(masked, tuple[WireAttempt, ...]), (), None, {}, {})
    return to_records(answers, Course(fake.COURSE, "https://lms.example.test", datetime(2026, 11, 21, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("old", "flags"),
    [
        ("error", {"ready_to_resume": False, "resumed": False}),
        ("ready_to_resume", {"ready_to_resume": True, "resumed": False}),
        ("resumed", {"ready_to_resume": True, "resumed": True}),
    ],
)
def test_both_dialects_say_the_same(old: str, flags: dict[str, bool]) -> None:
    """3.8 has statuses for what 4.0 and newer have flags for."""
    [before], [now] = records(ATTEMPT | {"status": old}).attempts, records(ATTEMPT | flags).attempts
    assert replace(before, status_given="") == replace(now, status_given="")
    assert (before.status, before.is_resumed) == (Status.ERROR, flags["resumed"])
    assert records(ATTEMPT | {"status": old}).course.dialect is Dialect.STATUSES
    assert records(ATTEMPT | flags).course.dialect is Dialect.FLAGS


def test_an_attempt_that_is_on_two_pages_is_there_once_in_its_later_state() -> None:
    later = ATTEMPT | {"modified": "2026-11-06T10:00:00Z", "status": "verified"}
    for order in ([ATTEMPT, later], [later, ATTEMPT]):
        [one] = records(*order).attempts
        assert one.status is Status.VERIFIED


def test_a_status_that_is_new_is_kept_and_named() -> None:
    [one] = records(ATTEMPT | {"status": "onboarding_of_2031"}).attempts
    assert (one.status, one.status_given) == (Status.OTHER, "onboarding_of_2031")


def test_no_secret_enters_a_record() -> None:
    record = records(ATTEMPT)
    assert CODE not in repr(record)
    assert CODE.lower() not in repr(record)
    [one] = record.attempts
    assert one.code is not None
    assert (one.code.shown, one.code.sha256) == ("AFBB…", digest(CODE))


@given(st.text(max_size=60))
def test_a_masked_secret_shows_four_characters_at_most(secret: str) -> None:
    masked = mask(secret)
    assert (masked is None) == (not secret)
    if masked is not None:
        assert len(masked.shown) <= 5
        assert (masked.sha256 is None) == (len(secret) < 32)
        assert len(secret) < 6 or secret not in repr(masked)


def test_an_answer_in_another_format_is_refused_without_quoting_it() -> None:
    with pytest.raises(RecordError, match=r"Expected `array`, got `str` - at `\$\.proctored_exam_attempts`") as caught:
        read({"proctored_exam_attempts": "learner3@example.test"}, WireGroupPage)
    assert "learner3" not in str(caught.value)


def test_the_file_fits_its_schema_and_comes_back_the_same() -> None:
    assert resources.data(schema.RESOURCE) == schema.render(), "run tests/tools/write_schemas.py"
    judge = jsonschema.Draft202012Validator(schema.build(), format_checker=jsonschema.FormatChecker())
    for record in (fake.clean(), fake.troubled(), fake.as_rest_gives_it(fake.troubled())):
        raw = codec.encode(ProctoringFile(record))
        judge.validate(json.loads(raw))
        assert codec.decode(raw, ProctoringFile).record == record


ROWS = {
    "reviews": [
        {"id": 1, "created": "2026-11-05T10:17:55Z", "attempt_code": CODE, "review_status": "Suspicious",
         "raw_data": CODE, "encrypted_video_url": "aHR0cHM6Ly92aWRlbw==", "reviewed_by_id": None, "exam_id": 1},
        {"id": 2, "created": "2026-11-05T10:17:55Z", "attempt_code": CODE[::-1], "review_status": "Clean",
         "exam_id": 9},
    ],
    "comments": [{"review_id": 1, "start_time": 5, "stop_time": 9, "comment": "Looks away", "status": "Suspicious"}],
    "attempt_history": [
        {"id": 3, "user_id": 7, "proctored_exam_id": 1, "status": "started", "history_date": "2026-11-03T10:23:55Z",
         "history_id": 2, "history_type": "~"},
    ],
}  # fmt: skip


def test_an_export_fills_gaps_and_only_those() -> None:
    record = records(ATTEMPT)
    filled = export.with_export(record, export.read_export(ROWS))
    assert {gap.kind for gap in record.gaps} - {gap.kind for gap in filled.gaps} == {
        *(GapKind.REVIEWS, GapKind.COMMENTS, GapKind.HISTORY, GapKind.DELETED_ATTEMPTS)
    }
    [review] = filled.reviews or ()
    assert (review.attempt_id, review.status, review.has_video) == ("3", "Suspicious", True)
    assert [note.text for note in review.comments or ()] == ["Looks away"]
    assert [(one.person_id, one.status) for one in filled.history or ()] == [("learner3", Status.STARTED)]
    assert filled.former_policies is None


def test_what_is_stored_of_an_export_has_no_secret_and_says_the_same() -> None:
    stored = export.without_secrets(export.read_export(ROWS))
    text = json.dumps(stored)
    assert CODE not in text
    assert "aHR0" not in text
    record = records(ATTEMPT)
    again = export.with_export(record, export.read_export(stored))
    assert again == export.with_export(record, export.read_export(ROWS))


@given(st.integers(0, 10_000), st.integers(0, 100_000_000))
def test_the_end_of_the_time_is_start_plus_minutes(minutes: int, offset_s: int) -> None:
    started = fake.START + timedelta(seconds=offset_s)
    one = fake.attempt(1, fake.FINAL, 1, started_at=started, allowed_mins=minutes)
    limit = limit_of(one)
    assert limit is not None
    assert (limit - started).total_seconds() == 60 * minutes
    assert limit_of(replace(one, started_at=None)) is None
    assert limit_of(replace(one, allowed_mins=None)) is None
    broken = interrupted_at(replace(one, status=Status.ERROR, remaining_s=60 * minutes // 2))
    assert broken is not None
    assert started <= broken <= limit


def test_events_are_in_order_and_say_where_they_come_from() -> None:
    first, second = fake.interrupted(1, fake.FINAL, 1)
    record = fake.as_rest_gives_it(replace(fake.clean(), attempts=(first, second)))
    events = events_of(record, (first, second))
    assert [event.at for event in events] == sorted(event.at for event in events)
    kinds = [event.kind for event in events]
    assert kinds == [
        *(EventKind.CREATED, EventKind.STARTED, EventKind.INTERRUPTED, EventKind.LIMIT),
        *(EventKind.CREATED, EventKind.RESUMED),
        *(EventKind.STARTED, EventKind.COMPLETED, EventKind.LIMIT, EventKind.LAST_CHANGE),
    ]


def test_pseudonyms_keep_the_findings_and_drop_the_names() -> None:
    record = fake.troubled()
    hidden = pseudonymised(record, b"k" * 32)
    text = codec.encode(ProctoringFile(hidden)).decode()
    for person in record.people:
        assert person.id not in text
    assert "headphones" not in text
    assert "Second person" not in text
    counts = {result.code: len(result.findings) for result in check_all(record)}
    assert {result.code: len(result.findings) for result in check_all(hidden)} == counts
    assert pseudonymised(record, b"k" * 32) == hidden
    assert {one.id for one in pseudonymised(record, b"j" * 32).people}.isdisjoint({one.id for one in hidden.people})
