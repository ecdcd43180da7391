"""Fills the database: a course with every status, one of 60 attempts, an empty one, one of any size.

usage: python populate.py [COUNT]     COUNT attempts in the course "course-v1:Lab+MANY+2026"
"""

import os
import sys
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db.models import QuerySet
from django.utils import timezone
from edx_proctoring.models import (
    ProctoredExam,
    ProctoredExamReviewPolicy,
    ProctoredExamSoftwareSecureComment,
    ProctoredExamSoftwareSecureReview,
    ProctoredExamSoftwareSecureReviewHistory,
    ProctoredExamStudentAllowance,
    ProctoredExamStudentAllowanceHistory,
    ProctoredExamStudentAttempt,
)
from edx_proctoring.statuses import ProctoredExamStudentAttemptStatus as Status

STATES, BIG, EMPTY, MANY = (f"course-v1:Lab+{name}+2026" for name in ("STATES", "BIG", "EMPTY", "MANY"))
NOW = timezone.now().replace(microsecond=0)
LONG_AGO = NOW - timedelta(days=20)
MINUTE = timedelta(minutes=1)
NEVER_STARTED = {
    Status.eligible, Status.created, Status.download_software_clicked, Status.ready_to_start, Status.declined,
    Status.expired, Status.onboarding_missing, Status.onboarding_pending, Status.onboarding_failed,
    Status.onboarding_expired,
}  # fmt: skip
NO_END = {Status.started, Status.ready_to_submit, Status.timed_out, Status.error}
ALL_STATUSES = [
    Status.eligible, Status.created, Status.download_software_clicked, Status.ready_to_start, Status.started,
    Status.ready_to_submit, Status.declined, Status.timed_out, Status.submitted, Status.second_review_required,
    Status.verified, Status.rejected, Status.error, Status.expired, Status.onboarding_reset,
    Status.onboarding_missing, Status.onboarding_pending, Status.onboarding_failed, Status.onboarding_expired,
]  # fmt: skip


def user(name, course=None, **flags):
    made, _ = User.objects.get_or_create(username=name, defaults={"email": f"{name}@example.test", **flags})
    if course:
        made.groups.add(Group.objects.get_or_create(name=course)[0])
    return made


def exam(course, name, **changes):
    values = {"time_limit_mins": 90, "is_proctored": True, "is_active": True, "backend": "mock", "external_id": None}
    content = f"block-{course.removeprefix('course-')}+type@sequential+block@{name.lower().replace(' ', '-')}"
    return ProctoredExam.objects.create(course_id=course, content_id=content, exam_name=name, **(values | changes))


def attempt(of, learner, status, created=LONG_AGO, **changes):
    """Make an attempt with the times that the LMS would have given it."""
    started = None if status in NEVER_STARTED else created + 6 * MINUTE
    values = {
        "attempt_code": f"{learner.id:08X}-{of.id:04X}-42A1-BF0D-{ProctoredExamStudentAttempt.objects.count():012X}",
        "started_at": started,
        "completed_at": None if started is None or status in NO_END else started + 66 * MINUTE,
        "allowed_time_limit_mins": None if started is None else of.time_limit_mins,
        "taking_as_proctored": of.is_proctored and status != Status.declined,
        "is_sample_attempt": of.is_practice_exam,
    }
    values |= changes
    values["external_id"] = f"SSI-{values['attempt_code'].lower()}"
    made = ProctoredExamStudentAttempt.objects.create(user=learner, proctored_exam=of, status=status, **values)
    stamps = {"created": created, "modified": created + 3 * 60 * MINUTE}
    ProctoredExamStudentAttempt.objects.filter(id=made.id).update(**stamps)
    return made


def states():
    """Every status once, a resumed pair, allowances, a policy, an inactive exam, an onboarding exam."""
    staff = user("staff_member")
    midterm = exam(STATES, "Midterm")
    for number, status in enumerate(ALL_STATUSES):
        attempt(midterm, user(f"state{number:02}", STATES), status, LONG_AGO + number * MINUTE)
    final = exam(STATES, "Final \u2014 Pr\u00fcfung", time_limit_mins=120)
    onboarding = exam(STATES, "Onboarding", time_limit_mins=20, is_practice_exam=True)
    old = exam(STATES, "Timed quiz", time_limit_mins=30, is_proctored=False, is_active=False, backend="null")
    resumed = user("resumed", STATES)
    attempt(final, resumed, Status.error, ready_to_resume=True, resumed=True, time_remaining_seconds=3360)
    attempt(final, resumed, Status.submitted, LONG_AGO + timedelta(days=1), allowed_time_limit_mins=56,
            completed_at=LONG_AGO + timedelta(days=1) + 40 * MINUTE, time_remaining_seconds=3360)  # fmt: skip
    attempt(final, user("waiting", STATES), Status.error, ready_to_resume=True, time_remaining_seconds=600)
    attempt(final, user("running", STATES), Status.started, NOW - 10 * MINUTE)
    attempt(final, user("slow", STATES), Status.submitted, completed_at=LONG_AGO + 200 * MINUTE)
    attempt(final, user("backwards", STATES), Status.submitted, completed_at=LONG_AGO - MINUTE)
    granted = user("granted", STATES)
    attempt(final, granted, Status.verified, allowed_time_limit_mins=150)
    attempt(old, granted, Status.submitted)
    attempt(onboarding, granted, Status.verified, allowed_time_limit_mins=20, completed_at=LONG_AGO + 12 * MINUTE)
    attempt(onboarding, resumed, Status.rejected, allowed_time_limit_mins=20, completed_at=LONG_AGO + 12 * MINUTE)
    allowance = ProctoredExamStudentAllowance.objects.create
    allowance(user=granted, proctored_exam=final, key="additional_time_granted", value="30")
    allowance(user=granted, proctored_exam=final, key="review_policy_exception", value="May wear headphones (medical)")
    allowance(user=resumed, proctored_exam=midterm, key="time_multiplier", value="1.5")
    QuerySet(ProctoredExamStudentAllowance).update(created=LONG_AGO - MINUTE, modified=LONG_AGO - MINUTE)
    policy = ProctoredExamReviewPolicy.objects.create
    text = policy(proctored_exam=final, set_by_user=staff, review_policy="Closed book.")
    text.review_policy = "Closed book. Two blank sheets allowed."
    text.save()
    not_by_rest(staff, final, granted)


def not_by_rest(staff, final, granted):
    """What only the database has: a review that took another's place, with a comment; an old review that names nobody;
    a former allowance. In bulk: a review that is saved sets the attempt's status.
    """
    code = ProctoredExamStudentAttempt.objects.get(user=granted, proctored_exam=final).attempt_code
    of = {"attempt_code": code, "raw_data": "{}", "student": granted, "exam": final, "reviewed_by": staff}
    former = ProctoredExamSoftwareSecureReviewHistory(review_status="Suspicious", **of)
    ProctoredExamSoftwareSecureReviewHistory.objects.bulk_create([former])
    older = ProctoredExamStudentAttempt.objects.get(user__username="state10", proctored_exam__course_id=STATES)
    reviews = [
        ProctoredExamSoftwareSecureReview(
            review_status="Clean", encrypted_video_url=b"https://recordings.example.test/1", **of
        ),
        ProctoredExamSoftwareSecureReview(attempt_code=older.attempt_code, review_status="Clean", raw_data="{}"),
    ]
    ProctoredExamSoftwareSecureReview.objects.bulk_create(reviews)
    ProctoredExamSoftwareSecureComment.objects.create(
        review=ProctoredExamSoftwareSecureReview.objects.get(attempt_code=code), start_time=300, stop_time=420,
        duration=120, comment="Second person in the room", status="Suspicious",
    )  # fmt: skip
    ProctoredExamStudentAllowanceHistory.objects.create(
        allowance_id=1, user=granted, proctored_exam=final, key="additional_time_granted", value="15"
    )


def big(course, count):
    """One exam with ``count`` attempts, of as many people, in the same second: pages of a listing tie."""
    of = exam(course, "Big exam", time_limit_mins=60)
    created = LONG_AGO - timedelta(days=1)
    learners = User.objects.bulk_create([User(username=f"{course.split('+')[1].lower()}{n:05}") for n in range(count)])
    learners = list(User.objects.filter(username__in=[one.username for one in learners]).order_by("id"))
    group = Group.objects.create(name=course)
    User.groups.through.objects.bulk_create([User.groups.through(user=one, group=group) for one in learners])
    made = [
        ProctoredExamStudentAttempt(
            user=learner, proctored_exam=of, status=Status.submitted, started_at=created + MINUTE,
            completed_at=created + 50 * MINUTE, allowed_time_limit_mins=60, taking_as_proctored=True,
            attempt_code=f"{number:08X}-{of.id:04X}-42A1-BF0D-ABCDEF012345",
            external_id=f"SSI-{number:08x}-{of.id:04x}-42a1-bf0d-abcdef012345",
        )
        for number, learner in enumerate(learners)
    ]  # fmt: skip
    ProctoredExamStudentAttempt.objects.bulk_create(made)
    ProctoredExamStudentAttempt.objects.filter(proctored_exam=of).update(created=created, modified=created)


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    user("archive_worker", is_staff=True)
    user("outsider")
    states()
    big(BIG, 60)
    if len(sys.argv) > 1:
        big(MANY, int(sys.argv[1]))
