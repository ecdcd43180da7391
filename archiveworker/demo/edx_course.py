"""The demo's proctored exams, as edx-proctoring hands them out: a course of everything, and a crowded one.

Made up, the same at every start. Shapes are those of the answers of edx-proctoring 6.1.4 (``serializers.py``).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

EVERYTHING: Final = "course-v1:Demo+EXAM101+2026"
CROWDED: Final = "course-v1:Demo+CROWD+2026"
CROWD_COUNT: Final = 60
"""People of the crowded course: three pages."""

Json = dict[str, Any]
_START: Final = datetime(2026, 2, 16, 9, 0, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_WARM_UP: Final = _START - 5 * _DAY
_REVIEWED_AFTER: Final = timedelta(hours=3)
_CODES: Final = UUID("6f5f9c5e-2f0d-5d4b-9a43-6f3f6a1b7c11")
_SERVICE: Final = "software_secure"
_STAFF: Final = "prof.lindqvist"
_NAMES: Final = (
    *("ada.g", "ben.o", "chloe.w", "dora.k", "emil.z", "farid.h", "gita.s", "hana.p", "ivo.c", "jana.n", "kim.m"),
)
_NOT_ONBOARDED: Final = {"farid.h": "submitted", "ivo.c": "not_started"}


@dataclass(frozen=True, slots=True)
class ExamCourse:
    """A course with proctored exams.

    Attributes:
        id: its key.
        exams: all of them, active or not, as the LMS shows them.
        attempts: by id.
        allowances: by id.
        policies: texts by the exam's id.
        onboarding: a row for each learner; None when the course has no onboarding exam.
        expected: codes of the findings that a report must have, and no others.
    """

    id: str
    exams: tuple[Json, ...]
    attempts: tuple[Json, ...]
    allowances: tuple[Json, ...] = ()
    policies: dict[int, str] = field(default_factory=dict)
    onboarding: tuple[Json, ...] | None = None
    expected: tuple[str, ...] = ()


def exam_courses() -> tuple[ExamCourse, ...]:
    """Return the demo's courses."""
    return _everything(), _crowded()


def shown_time(at: datetime | None) -> str | None:
    """Return a time as the LMS writes it."""
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _everything() -> ExamCourse:
    """Everything that an appeal could be about; each learner stands for one thing."""
    midterm = _exam(1, EVERYTHING, "Midterm", 90)
    final = _exam(2, EVERYTHING, "Final — Prüfung", 120, due_date=shown_time(_START + 20 * _DAY))
    onboarding = _exam(3, EVERYTHING, "Onboarding", 20, is_practice_exam=True)
    old = _exam(4, EVERYTHING, "Timed quiz", 30, is_proctored=False, is_active=False, backend="null")
    people = {name: _learner(number, name) for number, name in enumerate(_NAMES)}
    gita = people["gita.s"]
    return ExamCourse(
        id=EVERYTHING,
        exams=(midterm, final, onboarding, old),
        attempts=(
            _attempt(1, onboarding, people["ada.g"], "verified", _WARM_UP, took_mins=12),
            *_at_the_midterm(midterm, people),
            *_at_the_final(final, people),
            _attempt(15, old, gita, "submitted", _WARM_UP, took_mins=22, taking_as_proctored=False, external_id=None),
        ),
        allowances=(
            _allowance(1, midterm, gita, "additional_time_granted", "30"),
            _allowance(2, midterm, gita, "review_policy_exception", "May get up and take medicine (medical)"),
            _allowance(3, final, people["kim.m"], "time_multiplier", "1.5"),
        ),
        policies={1: f"Closed book. Two blank sheets and a calculator are allowed.\nQuestions go to {_STAFF}."},
        onboarding=tuple(_onboarded(one, _NOT_ONBOARDED.get(name, "verified")) for name, one in people.items()),
        expected=(
            "allowance-without-attempt", "attempt-on-inactive-exam", "declined-cascade", "multiplier-without-effect",
            "never-begun", "onboarding-failed", "onboarding-not-approved", "rejected", "resumed",
            "second-review-required", "stale-started", "time-over-allowance", "timed-out",
        ),
    )  # fmt: skip


def _at_the_midterm(exam: Json, people: dict[str, Json]) -> tuple[Json, ...]:
    """Return attempts; that of ben.o broke off after 34 minutes and went on the next day in another one."""
    left: Json = {"time_remaining_seconds": 3360}
    broken = left | {"ready_to_resume": True, "resumed": True}
    return (
        _attempt(2, exam, people["ada.g"], "verified", _START, took_mins=71),
        _attempt(3, exam, people["ben.o"], "error", _START, **broken),
        _attempt(
            4, exam, people["ben.o"], "verified", _START + _DAY, took_mins=48, allowed_time_limit_mins=56, **left
        ),
        _attempt(5, exam, people["chloe.w"], "rejected", _START, took_mins=64),
        _attempt(7, exam, people["dora.k"], "second_review_required", _START, took_mins=77),
        _attempt(8, exam, people["emil.z"], "timed_out", _START),
        _attempt(9, exam, people["farid.h"], "submitted", _START, took_mins=104),
        _attempt(10, exam, people["gita.s"], "verified", _START, took_mins=110, allowed_time_limit_mins=120),
        _attempt(11, exam, people["hana.p"], "started", _START),
        _not_begun(12, exam, people["ivo.c"], "onboarding_missing", _START),
    )  # fmt: skip


def _at_the_final(exam: Json, people: dict[str, Json]) -> tuple[Json, ...]:
    """Return attempts; that of chloe.w was made by the LMS itself in the moment in which the midterm was rejected."""
    then = _START + _REVIEWED_AFTER
    return (
        _not_begun(
            6, exam, people["chloe.w"], "declined", then, taking_as_proctored=False, modified=shown_time(then)
        ),
        _attempt(13, exam, people["ada.g"], "verified", _START + 10 * _DAY, took_mins=93),
        _not_begun(14, exam, people["jana.n"], "created", _START + 10 * _DAY),
    )  # fmt: skip


def _crowded() -> ExamCourse:
    """One exam that everybody began in the same second: pages of its listing tie."""
    exam = _exam(11, CROWDED, "Crowded exam", 60)
    people = [_learner(100 + number, f"crowd{number:03}") for number in range(CROWD_COUNT)]
    attempts = [_attempt(100 + n, exam, one, "submitted", _START, took_mins=50) for n, one in enumerate(people)]
    return ExamCourse(CROWDED, (exam,), tuple(attempts))


def _learner(number: int, name: str) -> Json:
    return {"id": 20 + number, "username": name, "email": f"{name}@example.test"}


def _exam(number: int, course_id: str, name: str, minutes: int, **changes: Any) -> Json:
    block = f"block-{course_id.removeprefix('course-')}+type@sequential+block@exam{number}"
    return {
        "id": number, "course_id": course_id, "content_id": block, "external_id": None, "exam_name": name,
        "time_limit_mins": minutes, "is_proctored": True, "is_practice_exam": False, "is_active": True,
        "due_date": None, "hide_after_due": False, "backend": _SERVICE,
    } | changes  # fmt: skip


def _attempt(
    number: int, exam: Json, learner: Json, status: str, created: datetime, took_mins: int | None = None, **changes: Any
) -> Json:
    """Return an attempt that was begun six minutes after it was made; without ``took_mins`` it has no end."""
    started = created + 6 * _MINUTE
    completed = None if took_mins is None else started + took_mins * _MINUTE
    code = str(uuid5(_CODES, f"{number}")).upper()
    return {
        "id": number, "created": shown_time(created), "modified": shown_time(created + _REVIEWED_AFTER),
        "user": learner, "started_at": shown_time(started), "completed_at": shown_time(completed),
        "external_id": f"SSI-{code.lower()}", "status": status, "proctored_exam": exam,
        "allowed_time_limit_mins": exam["time_limit_mins"], "attempt_code": code,
        "is_sample_attempt": exam["is_practice_exam"], "taking_as_proctored": True,
        "review_policy_id": 1 if exam["id"] == 1 else None, "is_status_acknowledged": False,
        "time_remaining_seconds": None, "is_resumable": False, "ready_to_resume": False, "resumed": False,
    } | changes  # fmt: skip


def _not_begun(number: int, exam: Json, learner: Json, status: str, created: datetime, **changes: Any) -> Json:
    nothing: Json = {"started_at": None, "completed_at": None, "allowed_time_limit_mins": None}
    return _attempt(number, exam, learner, status, created, **(nothing | changes))


def _allowance(number: int, exam: Json, learner: Json, key: str, value: str) -> Json:
    given = shown_time(_START - 3 * _DAY)
    return {
        "id": number, "created": given, "modified": given, "user": learner, "key": key, "value": value,
        "proctored_exam": exam,
    }  # fmt: skip


def _onboarded(learner: Json, status: str) -> Json:
    modified = None if status == "not_started" else shown_time(_WARM_UP)
    return {"username": learner["username"], "enrollment_mode": "verified", "status": status, "modified": modified}
