"""Answers of the LMS as records: both dialects become one, secrets are masked, what is missing is said.

The records are sorted, so they do not depend on the order in which the LMS answered.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from archiveworker.domain.proctoring.base import AllowanceId, AttemptId, ExamId, Masked, PersonId
from archiveworker.domain.proctoring.kinds import Dialect, GapKind, Status
from archiveworker.domain.proctoring.model import (
    Allowance,
    Attempt,
    Course,
    Exam,
    ExamSettings,
    Gap,
    Onboarding,
    Person,
    Proctoring,
)
from archiveworker.domain.proctoring.wire import Answers, WireAllowance, WireAttempt, WireExam, WireSettings

_READY_TO_RESUME: Final = "ready_to_resume"
_RESUMED: Final = "resumed"
NOT_BY_REST: Final = {
    GapKind.HISTORY: "The LMS does not hand out how an attempt came to its status; only the last status is known.",
    GapKind.DELETED_ATTEMPTS: "The LMS does not hand out attempts that staff has deleted.",
    GapKind.REVIEWS: "The LMS does not hand out reviews; what a reviewer decided shows only in the status.",
    GapKind.COMMENTS: "The LMS does not hand out what reviewers noted about the recordings.",
    GapKind.ALLOWANCE_HISTORY: "The LMS does not hand out the values that allowances had before.",
    GapKind.POLICY_HISTORY: "The LMS does not hand out earlier texts of policies; the policy shown is today's.",
}
"""What edx-proctoring keeps in its database and gives to nobody."""


def to_records(answers: Answers, course: Course, gaps: Iterable[Gap] = ()) -> Proctoring:
    """Return the records of a course.

    Args:
        answers: of the LMS.
        course: what was asked for; exams and people it does not name are left out when it names any.
        gaps: what else was not available.
    """
    attempts = _once(answers.attempts)
    exams = {one.id: one for one in (*(one.proctored_exam for one in attempts), *answers.exams)}
    wanted_exams, wanted_people = set(course.only_exams), set(course.only_people)

    def wanted(exam_id: int | None, username: str | None) -> bool:
        is_exam = not wanted_exams or exam_id is None or str(exam_id) in wanted_exams
        return is_exam and (not wanted_people or username is None or username in wanted_people)

    kept = [one for one in attempts if wanted(one.proctored_exam.id, one.user.username)]
    allowances = None
    if answers.allowances is not None:
        allowances = [one for one in answers.allowances if wanted(one.proctored_exam.id, one.user.username)]
        exams = {one.proctored_exam.id: one.proctored_exam for one in allowances} | exams
    onboarding = None
    if answers.onboarding is not None:
        found = {one.username: one for one in answers.onboarding if wanted(None, one.username)}
        onboarding = tuple(
            Onboarding(PersonId(one.username), one.enrollment_mode or "", one.status or "", _utc(one.modified))
            for _, one in sorted(found.items())
        )
    return Proctoring(
        course=_with_dialect(course, attempts),
        exams=tuple(_exam(one, answers) for _, one in sorted(exams.items()) if wanted(one.id, None)),
        people=_people(kept, allowances or (), onboarding or ()),
        attempts=tuple(_attempt(one) for one in kept),
        allowances=None if allowances is None else _allowances(allowances),
        onboarding=onboarding,
        gaps=(*gaps, *(Gap(kind, sentence) for kind, sentence in NOT_BY_REST.items())),
    )


def status_of(word: str) -> Status:
    """Return the status that an LMS's word means; the two words of 3.8 for resuming are errors with flags."""
    if word in (_READY_TO_RESUME, _RESUMED):
        return Status.ERROR
    try:
        return Status(word)
    except ValueError:
        return Status.OTHER


def _once(attempts: Iterable[WireAttempt]) -> list[WireAttempt]:
    """Return each attempt once, by id: pages shift while they are read. Of two states the later one is kept."""
    found: dict[int, WireAttempt] = {}
    for one in attempts:
        known = found.get(one.id)
        if known is None or (known.modified, repr(known)) < (one.modified, repr(one)):
            found[one.id] = one
    return [one for _, one in sorted(found.items())]


def _with_dialect(course: Course, attempts: list[WireAttempt]) -> Course:
    if not attempts:
        dialect = Dialect.UNKNOWN
    else:
        has_flags = any(one.resumed is not None or one.ready_to_resume is not None for one in attempts)
        dialect = Dialect.FLAGS if has_flags else Dialect.STATUSES
    return Course(course.id, course.lms_url, course.read_at, dialect, course.only_exams, course.only_people)


def _attempt(one: WireAttempt) -> Attempt:
    is_resumed = bool(one.resumed) or one.status == _RESUMED
    return Attempt(
        id=AttemptId(str(one.id)),
        exam_id=ExamId(str(one.proctored_exam.id)),
        person_id=PersonId(one.user.username),
        created_at=one.created.astimezone(UTC),
        modified_at=one.modified.astimezone(UTC),
        status=status_of(one.status),
        status_given=one.status,
        started_at=_utc(one.started_at),
        completed_at=_utc(one.completed_at),
        allowed_mins=one.allowed_time_limit_mins,
        remaining_s=one.time_remaining_seconds,
        is_practice=one.is_sample_attempt,
        is_proctored=one.taking_as_proctored,
        review_policy_id=None if one.review_policy_id is None else str(one.review_policy_id),
        is_acknowledged=one.is_status_acknowledged,
        is_resumable=bool(one.is_resumable),
        is_ready_to_resume=bool(one.ready_to_resume) or one.status == _READY_TO_RESUME or is_resumed,
        is_resumed=is_resumed,
        code=Masked(one.attempt_code, one.attempt_code_sha256) if one.attempt_code else None,
        external=Masked(one.external_id, one.external_id_sha256) if one.external_id else None,
    )


def _exam(one: WireExam, answers: Answers) -> Exam:
    policy, settings = answers.policies.get(one.id), answers.settings.get(one.id)
    return Exam(
        id=ExamId(str(one.id)),
        content_id=one.content_id,
        name=one.exam_name,
        time_limit_mins=one.time_limit_mins,
        is_proctored=one.is_proctored,
        is_practice=one.is_practice_exam,
        is_active=one.is_active,
        hide_after_due=one.hide_after_due,
        due_at=_utc(one.due_date),
        backend=one.backend,
        policy=None if policy is None else policy.review_policy,
        settings=None if settings is None else _settings(settings),
    )


def _settings(one: WireSettings) -> ExamSettings:
    return ExamSettings(
        platform_name=one.platform_name or "",
        provider_name=one.provider_name or "",
        contact=one.contact_us or "",
        support_email=one.provider_tech_support_email or "",
        escalation_email=one.proctoring_escalation_email or "",
    )


def _allowances(allowances: Iterable[WireAllowance]) -> tuple[Allowance, ...]:
    found = {
        one.id: Allowance(
            id=AllowanceId(str(one.id)),
            exam_id=ExamId(str(one.proctored_exam.id)),
            person_id=PersonId(one.user.username),
            key=one.key,
            value=one.value,
            created_at=one.created.astimezone(UTC),
            modified_at=one.modified.astimezone(UTC),
        )
        for one in allowances
    }
    return tuple(one for _, one in sorted(found.items()))


def _people(
    attempts: Iterable[WireAttempt], allowances: Iterable[WireAllowance], onboarding: Iterable[Onboarding]
) -> tuple[Person, ...]:
    found = {one.person_id: Person(one.person_id) for one in onboarding}
    for user in (*(one.user for one in allowances), *(one.user for one in attempts)):
        name = PersonId(user.username)
        found[name] = Person(name, str(user.id), user.email or None)
    return tuple(one for _, one in sorted(found.items()))


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)
