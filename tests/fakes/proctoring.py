"""A course with proctored exams of any size in which everything is as it should be, and one with every irregularity."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from archiveworker.domain.proctoring.base import AllowanceId, AttemptId, ExamId, Masked, PersonId, ReviewId, mask
from archiveworker.domain.proctoring.kinds import Change, Dialect, GapKind, Status
from archiveworker.domain.proctoring.model import (
    Allowance,
    Attempt,
    Comment,
    Course,
    Exam,
    ExamSettings,
    FormerPolicy,
    Gap,
    HistoryEntry,
    Onboarding,
    Person,
    Proctoring,
    Review,
)

START = datetime(2026, 6, 8, 9, 0, tzinfo=UTC)
READ_AT = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FINAL, MIDTERM, ONBOARDING, OLD = ExamId("2"), ExamId("1"), ExamId("3"), ExamId("4")
COURSE = "course-v1:Lab+EXAM101+2026"
POLICY = "Closed book. Two blank sheets and a calculator are allowed.\nA second screen has to be switched off."


def person_id(number: int) -> PersonId:
    return PersonId(f"learner{number:03}")


def exam(exam_id: ExamId, name: str, **changes: object) -> Exam:
    settings = ExamSettings("Open edX", "RPNow", "info@example.test", "", "escalation@example.test")
    made = Exam(
        id=exam_id,
        content_id=f"block-v1:Lab+EXAM101+2026+type@sequential+block@{exam_id}",
        name=name,
        time_limit_mins=90,
        is_proctored=True,
        is_practice=False,
        is_active=True,
        backend="software_secure",
        policy=POLICY,
        settings=settings,
    )
    return replace(made, **changes)


def attempt(number: int, exam_id: ExamId, person: int, status: Status = Status.VERIFIED, **changes: object) -> Attempt:
    created = START + MINUTE * (3 * person)
    code = f"{number:08d}-BECE-42A1-BF0D-A4CF2D1CF6FE"
    made = Attempt(
        id=AttemptId(str(number)),
        exam_id=exam_id,
        person_id=person_id(person),
        created_at=created,
        modified_at=created + timedelta(days=2),
        started_at=created + 6 * MINUTE,
        completed_at=created + MINUTE * (72 + 7 * person % 11),
        status=status,
        status_given=status.value,
        allowed_mins=90,
        is_proctored=True,
        review_policy_id="1",
        code=mask(code),
        external=mask(f"SSI-{code.lower()}"),
    )
    return replace(made, **changes)


def clean(count: int = 12) -> Proctoring:
    """A course with one exam, in which everybody was verified."""
    people = range(1, count + 1)
    attempts = tuple(attempt(100 + one, FINAL, one) for one in people)
    return Proctoring(
        course=Course(COURSE, "https://lms.example.test", READ_AT, Dialect.FLAGS),
        exams=(exam(FINAL, "Final — Prüfung"),),
        people=tuple(Person(person_id(one), str(one), f"learner{one}@example.test") for one in people),
        attempts=attempts,
        allowances=(),
        onboarding=tuple(Onboarding(person_id(one), "verified", "verified", START) for one in people),
        reviews=tuple(review(one) for one in attempts),
        history=(),
        former_allowances=(),
        former_policies=(),
    )


def review(of: Attempt, status: str = "Clean", *comments: Comment) -> Review:
    at = of.modified_at
    code = of.code or Masked("")
    return Review(ReviewId(f"r{of.id}"), of.id, code, status, at, of.exam_id, of.person_id, comments=comments)


def not_started(number: int, exam_id: ExamId, person: int, status: Status, **changes: object) -> Attempt:
    nothing = {"started_at": None, "completed_at": None, "allowed_mins": None}
    return attempt(number, exam_id, person, status, **(nothing | changes))


def interrupted(number: int, exam_id: ExamId, person: int) -> tuple[Attempt, Attempt]:
    """An attempt that ended in an error after 34 minutes, and the one that it went on in the next day."""
    first = attempt(
        number, exam_id, person, Status.ERROR, completed_at=None, remaining_s=3360, is_ready_to_resume=True,
        is_resumed=True, modified_at=START + timedelta(hours=22),
    )  # fmt: skip
    began = START + timedelta(hours=23, minutes=17)
    second = attempt(
        number + 1, exam_id, person, Status.REJECTED, created_at=began, started_at=began + 7 * MINUTE,
        completed_at=began + 42 * MINUTE, allowed_mins=56, remaining_s=3360, modified_at=began + timedelta(days=3),
    )  # fmt: skip
    return first, second


def troubled() -> Proctoring:
    """A course in which every check finds what it looks for, each in a record of its own."""
    base = clean(12)
    late = START + timedelta(hours=3)
    onboarded = base.onboarding or ()
    added = (
        *interrupted(201, MIDTERM, 1),
        attempt(203, MIDTERM, 2, Status.SECOND_REVIEW_REQUIRED),
        attempt(204, MIDTERM, 3, Status.ERROR, completed_at=None),
        attempt(205, MIDTERM, 4, Status.TIMED_OUT, completed_at=None),
        attempt(206, MIDTERM, 5, Status.STARTED, completed_at=None),
        attempt(207, MIDTERM, 6, Status.SUBMITTED, completed_at=late),
        attempt(208, MIDTERM, 7, Status.SUBMITTED, completed_at=START - MINUTE),
        attempt(209, OLD, 8, Status.SUBMITTED, is_proctored=False, allowed_mins=30, completed_at=START + 40 * MINUTE),
        not_started(210, MIDTERM, 9, Status.ONBOARDING_MISSING),
        not_started(211, MIDTERM, 10, Status.DECLINED, is_proctored=False),
        not_started(212, ONBOARDING, 10, Status.DECLINED, is_proctored=False, is_practice=True),
        not_started(213, MIDTERM, 11, Status.CREATED),
        attempt(214, MIDTERM, 12, Status.ERROR, is_resumed=True, is_ready_to_resume=True, completed_at=None),
        attempt(
            215, FINAL, 1, Status.VERIFIED, created_at=late, started_at=late + MINUTE, completed_at=late + 9 * MINUTE
        ),
        attempt(216, MIDTERM, 13, Status.OTHER, status_given="onboarding_of_2031"),
        attempt(217, ExamId("99"), 13),
        attempt(218, MIDTERM, 14, Status.SUBMITTED, is_proctored=False),
        attempt(219, MIDTERM, 15, Status.VERIFIED, allowed_mins=90),
        attempt(220, MIDTERM, 16, Status.VERIFIED),
    )  # fmt: skip
    people = tuple(Person(person_id(one), str(one), f"learner{one}@example.test") for one in range(1, 18))
    noted = Comment(300, 420, "Second person in the room", "Suspicious")
    return replace(
        base,
        exams=(
            exam(FINAL, "Final — Prüfung", due_at=START + timedelta(hours=2)),
            exam(MIDTERM, "Midterm"),
            exam(ONBOARDING, "Onboarding exam", time_limit_mins=20, is_practice=True),
            exam(OLD, "Timed quiz", is_proctored=False, is_active=False, time_limit_mins=30, policy=None),
        ),
        people=people,
        attempts=(*base.attempts, *added),
        allowances=(
            allowance(1, MIDTERM, 15, "additional_time_granted", "30"),
            allowance(2, MIDTERM, 16, "additional_time_granted", "0", modified_at=START + timedelta(hours=2)),
            allowance(3, MIDTERM, 2, "review_policy_exception", "May wear headphones (medical)"),
            allowance(4, MIDTERM, 3, "time_multiplier", "1.5"),
            allowance(5, FINAL, 17, "additional_time_granted", "20"),
        ),
        onboarding=(
            *(replace(one, status="rejected" if one.person_id == person_id(2) else one.status) for one in onboarded),
            Onboarding(person_id(17), "verified", "not_started"),
        ),
        reviews=(
            *(one for one in base.reviews or () if one.attempt_id != "103"),
            review(added[1], "Suspicious", noted),
            review(added[2], "Suspicious", noted),
            review(added[18], "Clean", noted),
            review(added[19]),
            review(added[14]),
            Review(ReviewId("r999"), None, Masked("…"), "Clean", late, MIDTERM, None, comments=()),
        ),
        history=(
            entry(1, "204", 3, START, Status.ERROR),
            entry(2, "204", 3, START + MINUTE, Status.STARTED),
            entry(3, "300", 3, START + MINUTE, Status.STARTED, Change.DELETED),
        ),
        former_policies=(FormerPolicy(MIDTERM, "Closed book.", START + timedelta(hours=1)),),
    )  # fmt: skip


def entry(
    number: int, attempt_id: str, person: int, at: datetime, status: Status, change: Change = Change.CHANGED
) -> HistoryEntry:
    return HistoryEntry(AttemptId(attempt_id), MIDTERM, person_id(person), at, number, change, status, status.value)


def allowance(number: int, exam_id: ExamId, person: int, key: str, value: str, **changes: object) -> Allowance:
    given = START - timedelta(days=3)
    made = Allowance(AllowanceId(str(number)), exam_id, person_id(person), key, value, given, given)
    return replace(made, **changes)


def as_rest_gives_it(record: Proctoring) -> Proctoring:
    """The same course without what the LMS's REST interface does not give."""
    gaps = (Gap(GapKind.REVIEWS, "The LMS does not hand out reviews."),)
    return replace(record, reviews=None, history=None, former_allowances=None, former_policies=None, gaps=gaps)
