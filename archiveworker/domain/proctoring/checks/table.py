"""Every check, in the order of the report, and the one function that runs them."""

from typing import Final

from archiveworker.domain.findings import Check, CheckResult, Severity, run_check
from archiveworker.domain.proctoring.checks import source, statuses, times
from archiveworker.domain.proctoring.checks.facts import Facts
from archiveworker.domain.proctoring.model import Proctoring

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

CHECKS: Final = (
    Check("duplicate-id", _E, "Ids of attempts are unique", source.duplicate_id),
    Check("attempt-at-unknown-exam", _E, "Every attempt is at an exam that is there", source.attempt_at_unknown_exam),
    Check("completed-before-started", _E, "Times are in their order", times.completed_before_started),
    Check("resumed-without-next", _E, "What was resumed went on", statuses.resumed_without_next),
    Check("illegal-transition", _E, "Nothing that was complete became incomplete", source.illegal_transition),
    Check("rejected", _W, "No attempt was rejected", statuses.rejected),
    Check("second-review-required", _W, "No attempt waits for a second review", statuses.second_review_required),
    Check("attempt-error", _W, "No attempt ended in an error", statuses.attempt_error),
    Check("timed-out", _W, "Every attempt was handed in in time", statuses.timed_out),
    Check("stale-started", _W, "No attempt is running after its time", times.stale_started),
    Check("time-over-allowance", _W, "Nobody took more time than allowed", times.time_over_allowance),
    Check("after-due", _W, "Attempts ended before the exam was due", times.after_due),
    Check("allowance-not-applied", _W, "Everybody had the minutes of exam and allowance", times.allowance_not_applied),
    Check(
        "allowance-changed-after-start",
        _W,
        "Allowances of time were given before the start",
        times.allowance_changed_after_start,
    ),
    Check("multiplier-without-effect", _W, "Every allowance of time adds time", times.multiplier_without_effect),
    Check("onboarding-failed", _W, "Nobody was stopped by the onboarding", statuses.onboarding_failed),
    Check(
        "onboarding-not-approved",
        _W,
        "Who took a supervised exam had an approved onboarding",
        statuses.onboarding_not_approved,
    ),
    Check("not-supervised", _W, "Supervised exams were taken under supervision", statuses.not_supervised),
    Check("several-attempts", _W, "Nobody has further attempts that resume nothing", statuses.several_attempts),
    Check("violation-noted", _W, "Nothing was noted about verified attempts", source.violation_noted),
    Check("result-without-review", _W, "Every result of a review has its review", source.result_without_review),
    Check("review-without-attempt", _W, "Every review has its attempt", source.review_without_attempt),
    Check("deleted-attempt", _W, "No attempt was deleted", source.deleted_attempt),
    Check("policy-changed-after-start", _W, "The policy shown was in force", source.policy_changed_after_start),
    Check("unknown-status", _W, "Every status is known", statuses.unknown_status),
    Check("resumed", _I, "Attempts that went on in another one", statuses.resumed),
    Check("declined-cascade", _I, "Attempts that the LMS declined by itself", statuses.declined_cascade),
    Check("attempt-on-inactive-exam", _I, "Attempts at exams that are not active", statuses.attempt_on_inactive_exam),
    Check("never-begun", _I, "Attempts that were never begun", statuses.never_begun),
    Check("unusual-duration", _I, "Attempts much shorter or longer than others", times.unusual_duration),
    Check(
        "allowance-without-attempt", _I, "Allowances of people without an attempt", statuses.allowance_without_attempt
    ),
)


def check_all(record: Proctoring) -> tuple[CheckResult, ...]:
    """Return what every check says, in the order of the table. The order of records does not matter."""
    facts = Facts(record)
    return tuple(run_check(check, facts) for check in CHECKS)
