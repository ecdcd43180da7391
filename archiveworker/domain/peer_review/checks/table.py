"""Every check, in the order of the report, and the one function that runs them."""

from typing import Final

from archiveworker.domain.findings import Check, CheckResult, Severity, run_check
from archiveworker.domain.peer_review.checks import answers, pairs, people, quotas, source, times
from archiveworker.domain.peer_review.checks.facts import Facts
from archiveworker.domain.peer_review.model import PeerReview

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

CHECKS: Final = (
    Check("self-review", _E, "Nobody reviews an own work unless that is allowed", pairs.self_review),
    Check("duplicate-pair", _E, "Nobody reviews the same work twice", pairs.duplicate_pair),
    Check("duplicate-id", _E, "Ids are unique", source.duplicate_id),
    Check(
        "review-of-unknown-submission",
        _E,
        "Every review is of a work that is there",
        pairs.review_of_unknown_submission,
    ),
    Check("review-without-allocation", _E, "Every review belongs to an allocation", pairs.review_without_allocation),
    Check("done-without-review", _E, "What is marked as done has a review", pairs.done_without_review),
    Check("submission-without-review", _E, "Every work is reviewed", quotas.submission_without_review),
    Check("counter-mismatch", _E, "The system's counters are right", quotas.counter_mismatch),
    Check("grade-out-of-range", _E, "Grades and scores are possible", answers.grade_out_of_range),
    Check("file-missing", _E, "Every file is there", source.file_missing),
    Check("totalcount-mismatch", _E, "As many records came as were announced", source.totalcount_mismatch),
    Check("matrix-mismatch", _E, "The system's own report has the same pairs", source.matrix_mismatch),
    Check("reviewer-below-quota", _W, "Everybody wrote as many reviews as required", quotas.reviewer_below_quota),
    Check(
        "submission-under-reviewed", _W, "Every reviewed work got as many as planned", quotas.submission_under_reviewed
    ),
    Check("pending-allocation", _W, "No review is still open", pairs.pending_allocation),
    Check("locked-allocation", _W, "No work is still locked", pairs.locked_allocation),
    Check("orphan-lock", _W, "Every lock holds a work for somebody", quotas.orphan_lock),
    Check("queue-count-mismatch", _W, "The queue wants what is missing", quotas.queue_count_mismatch),
    Check("done-flag-mismatch", _W, "Who is marked as finished is", quotas.done_flag_mismatch),
    Check("review-without-own-submission", _W, "Who reviews has an own work", people.review_without_own_submission),
    Check(
        "form-drift-unknown-answer-key",
        _W,
        "Reviews answer what their form asks",
        answers.form_drift_unknown_answer_key,
    ),
    Check("ambiguous-answer-key", _W, "Every answer belongs to one question", answers.ambiguous_answer_key),
    Check("criterion-without-score", _W, "Every score is given", answers.criterion_without_score),
    Check("multiple-submissions", _W, "Nobody has several works", people.multiple_submissions),
    Check("reviewer-not-participant", _W, "Reviewers are participants", people.reviewer_not_participant),
    Check("author-not-participant", _W, "Authors are participants", people.author_not_participant),
    Check("review-after-close", _W, "Reviews were written before the end", times.review_after_close),
    Check("review-before-open", _W, "Reviews were not begun too early", times.review_before_open),
    Check(
        "open-review-on-blind-activity",
        _W,
        "Nobody chose a work whose author is hidden",
        pairs.open_review_on_blind_activity,
    ),
    Check(
        "submission-changed-after-review",
        _W,
        "Works stayed as they were reviewed",
        times.submission_changed_after_review,
    ),
    Check("form-changed-after-review", _W, "The form stayed as it was answered", times.form_changed_after_review),
    Check("identity-hidden", _W, "It is known who wrote what", people.identity_hidden),
    Check(
        "teacher-override-without-reason", _W, "Staff gave reasons for grades", answers.teacher_override_without_reason
    ),
    Check("file-refused", _W, "Every file was fetched", source.file_refused),
    Check("over-reviewed", _I, "Works with more reviews than planned", quotas.over_reviewed),
    Check("above-quota", _I, "People with more reviews than required", quotas.above_quota),
    Check("review-incomplete", _I, "Required questions left open", answers.review_incomplete),
    Check("no-submission", _I, "Students without a work", people.no_submission),
    Check("reciprocal-pair", _I, "People who reviewed each other", pairs.reciprocal_pair),
    Check("late", _I, "Works handed in late", times.late),
    Check("time-unknown", _I, "Records without a reliable time", times.time_unknown),
    Check("example-excluded", _I, "Examples, which count for nothing", people.example_excluded),
    Check("redacted-at-source", _I, "What the source left out", source.redacted_at_source),
)


def check_all(peer_review: PeerReview) -> tuple[CheckResult, ...]:
    """Return what every check says, in the order of the table. The order of records does not matter."""
    facts = Facts(peer_review)
    return tuple(run_check(check, facts) for check in CHECKS)
