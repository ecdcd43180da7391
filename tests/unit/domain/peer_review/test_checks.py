"""A clean activity gives no finding; each irregularity gives its own and no other; order of records changes nothing."""

import random
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archiveworker.domain.findings import findings_of
from archiveworker.domain.peer_review.base import Grade, Text
from archiveworker.domain.peer_review.checks.facts import ZONE_DOUBT, is_after
from archiveworker.domain.peer_review.checks.finding import CheckResult, Outcome, Severity
from archiveworker.domain.peer_review.checks.table import CHECKS, check_all
from archiveworker.domain.peer_review.kinds import (
    AllocationOrigin,
    AllocationRole,
    AllocationState,
    FileStatus,
    ParticipantRole,
    Phase,
    Strategy,
    SubmissionKind,
    TimeQuality,
)
from archiveworker.domain.peer_review.model import Activity, Announced, Anonymity, MatrixCell, Participant, PeerReview
from archiveworker.domain.peer_review.queue import Counter, Lock, Queue, QueueItem
from archiveworker.domain.peer_review.review import Allocation, Answer, Review
from archiveworker.domain.peer_review.work import Submission
from tests.fakes import peer_review as fake
from tests.unit.domain.peer_review import strategies

CLEAN = fake.make(8)
BARE = Activity(id="1", system="x", title="t")


def codes(results: tuple[CheckResult, ...]) -> dict[str, int]:
    return {one.code: len(one.findings) for one in results if one.findings}


def change(record: PeerReview, collection: str, index: int, **values: Any) -> PeerReview:
    """Replace fields of one record."""
    records = list(getattr(record, collection))
    records[index] = replace(records[index], **values)
    return replace(record, **{collection: tuple(records)})


def add(record: PeerReview, collection: str, *more: Any) -> PeerReview:
    return replace(record, **{collection: (*getattr(record, collection), *more)})


def rules(record: PeerReview, **values: Any) -> PeerReview:
    return replace(record, activity=replace(record.activity, **values))


def quiet(record: PeerReview) -> PeerReview:
    """Forget what the source itself counted, so that an injected record contradicts nothing but the rules."""
    return replace(record, announced=Announced(), queue=None)


def more_reviews(record: PeerReview, *made: Allocation) -> PeerReview:
    """Add finished allocations, each with a review like the first."""
    reviews = [replace(record.reviews[0], id=f"x{one.id}", allocation_id=one.id) for one in made]
    return add(add(record, "allocations", *made), "reviews", *reviews)


def like(record: PeerReview, **values: Any) -> Allocation:
    return replace(record.allocations[0], **values)


def _self_review() -> PeerReview:
    mine = like(CLEAN, id="x1", submission_id=CLEAN.submissions[0].id, role=AllocationRole.SELF)
    return more_reviews(quiet(CLEAN), mine)


def _duplicate_pair() -> PeerReview:
    return more_reviews(quiet(CLEAN), like(CLEAN, id="x1"))


def _unknown_submission() -> PeerReview:
    """workUp: the work was handed in again, and its reviews stay with the number of the old file."""
    return more_reviews(quiet(CLEAN), like(CLEAN, id="x1", submission_id="999", role=AllocationRole.STAFF))


def _form_swapped() -> PeerReview:
    """workUp: the form was exchanged after the reviews had been written."""
    other = fake.form_of(Strategy.RUBRIC)
    return rules(add(CLEAN, "forms", other), form_hash=other.hash)


def _reciprocal() -> PeerReview:
    back = like(CLEAN, id="x1", reviewer_id=fake.person_id(1), submission_id=fake.work_id(0))
    return rules(more_reviews(quiet(CLEAN), back), quota_given=None, quota_received=None)


def _no_reviews_of_one() -> PeerReview:
    lost = {one.id for one in CLEAN.allocations if one.submission_id == fake.work_id(4)}
    kept = tuple(one for one in CLEAN.allocations if one.id not in lost)
    reviews = tuple(one for one in CLEAN.reviews if one.allocation_id not in lost)
    return rules(quiet(replace(CLEAN, allocations=kept, reviews=reviews)), quota_given=None)


def _below_quota() -> PeerReview:
    dropped = replace(CLEAN, allocations=CLEAN.allocations[1:], reviews=CLEAN.reviews[1:])
    return rules(quiet(dropped), quota_received=None)


def _example() -> PeerReview:
    sample = Submission(id="e1", author_ids=(fake.STAFF_ID,), kind=SubmissionKind.EXAMPLE, title="Sample")
    practice = like(CLEAN, id="x1", submission_id="e1", role=AllocationRole.EXAMPLE)
    return more_reviews(add(quiet(CLEAN), "submissions", sample), practice)


def _newcomer(**values: Any) -> PeerReview:
    return add(quiet(CLEAN), "participants", Participant(id="777", display="Late Lee", **values))


def _strange_reviewer() -> PeerReview:
    more = like(CLEAN, id="x1", reviewer_id="888", role=AllocationRole.STAFF)
    return more_reviews(quiet(CLEAN), more)


def _no_own_work() -> PeerReview:
    more = like(CLEAN, id="x1", reviewer_id="777")
    return more_reviews(_newcomer(role=ParticipantRole.OTHER), more)


def _two_works() -> PeerReview:
    many = fake.make(30)
    return quiet(change(many, "submissions", 1, author_ids=(fake.person_id(1), fake.person_id(15))))


def _ambiguous() -> PeerReview:
    """workUp: titles that are not Latin all become the empty key."""
    form = fake.form_of(Strategy.QUESTIONNAIRE)
    criteria = (replace(form.criteria[0], answer_key=""), *form.criteria[1:])
    return replace(fake.make(8, Strategy.QUESTIONNAIRE), forms=(replace(form, criteria=criteria),))


def _answers(index: int, *answers: Answer) -> PeerReview:
    return change(CLEAN, "reviews", index, answers=answers)


def _left_open() -> PeerReview:
    record = fake.make(8, Strategy.QUESTIONNAIRE)
    return change(record, "reviews", 2, answers=record.reviews[2].answers[1:])


def _matrix(*cells: MatrixCell) -> PeerReview:
    return replace(CLEAN, announced=replace(CLEAN.announced, matrix=(*(CLEAN.announced.matrix or ()), *cells)))


def _queue(**values: Any) -> PeerReview:
    assert CLEAN.queue is not None
    return replace(CLEAN, queue=replace(CLEAN.queue, **values))


def _counters(*counters: Counter) -> PeerReview:
    assert CLEAN.queue is not None
    return _queue(counters=(*CLEAN.queue.counters[len(counters) :], *counters))


FIRST = CLEAN.allocations[0]
CLOSE, OPEN = CLEAN.activity.review_close, CLEAN.activity.review_open
assert CLOSE is not None
assert OPEN is not None
HOUR = timedelta(hours=1)
ANSWERS = CLEAN.reviews[0].answers
KNOWN_FINDINGS: list[tuple[str, Callable[[], PeerReview], dict[str, int]]] = [
    ("own work", _self_review, {"self-review": 1}),
    ("same pair twice", _duplicate_pair, {"duplicate-pair": 1}),
    ("work replaced", _unknown_submission, {"review-of-unknown-submission": 1}),
    (
        "review of nobody",
        lambda: add(
            quiet(CLEAN), "reviews", replace(CLEAN.reviews[0], id="x", allocation_id="999", suggested_grade=None)
        ),
        {"review-without-allocation": 1},
    ),
    (
        "done, nothing there",
        lambda: add(
            quiet(CLEAN), "allocations", like(CLEAN, id="x1", reviewer_id=fake.STAFF_ID, role=AllocationRole.STAFF)
        ),
        {"done-without-review": 1},
    ),
    (
        "same id twice",
        lambda: add(quiet(CLEAN), "files", replace(CLEAN.files[0], filename="other")),
        {"duplicate-id": 1},
    ),
    (
        "two reviews of one allocation",
        lambda: add(quiet(CLEAN), "reviews", replace(CLEAN.reviews[0], id="x")),
        {"duplicate-id": 1},
    ),
    ("never reviewed", _no_reviews_of_one, {"submission-without-review": 1}),
    (
        "under-reviewed",
        lambda: rules(CLEAN, quota_received=4, quota_given=None),
        {"submission-under-reviewed": 8, "queue-count-mismatch": 8},
    ),
    ("over-reviewed", lambda: rules(quiet(CLEAN), quota_received=2), {"over-reviewed": 8}),
    ("above quota", lambda: rules(quiet(CLEAN), quota_given=2), {"above-quota": 8}),
    ("one short", _below_quota, {"reviewer-below-quota": 1}),
    ("counter wrong", lambda: _counters(Counter(fake.person_id(0), 4, True)), {"counter-mismatch": 1}),
    (
        "counted twice",
        lambda: _queue(counters=(*CLEAN.queue.counters, CLEAN.queue.counters[0])),
        {"counter-mismatch": 1},
    ),
    ("not counted", lambda: _queue(counters=CLEAN.queue.counters[1:]), {"counter-mismatch": 1}),
    ("mark wrong", lambda: _counters(Counter(fake.person_id(0), 3, False)), {"done-flag-mismatch": 1}),
    ("queue wants more", lambda: _queue(items=(QueueItem(fake.work_id(1), 1),)), {"queue-count-mismatch": 1}),
    ("queue of nothing", lambda: _queue(items=(QueueItem("999", 0),)), {"queue-count-mismatch": 1}),
    ("lock of nothing", lambda: _queue(locks=(Lock("1", fake.person_id(0)),)), {"orphan-lock": 1}),
    ("lock of nobody", lambda: _queue(locks=(Lock("1", "888", fake.work_id(0)),)), {"orphan-lock": 1}),
    (
        "lock after the review",
        lambda: _queue(locks=(Lock("1", FIRST.reviewer_id, FIRST.submission_id),)),
        {"orphan-lock": 1},
    ),
    ("lock that holds", lambda: _queue(locks=(Lock("1", fake.person_id(0), fake.work_id(7)),)), {}),
    (
        "grade too good",
        lambda: change(CLEAN, "submissions", 0, grade=Grade(raw=101, max=100)),
        {"grade-out-of-range": 1},
    ),
    ("grade below zero", lambda: change(CLEAN, "submissions", 0, grade=Grade(raw=-1)), {"grade-out-of-range": 1}),
    ("suggested too much", lambda: change(CLEAN, "reviews", 0, suggested_grade=100.5), {"grade-out-of-range": 1}),
    (
        "grade of a review",
        lambda: change(CLEAN, "reviews", 0, review_grade=Grade(raw=9, max=8)),
        {"grade-out-of-range": 1},
    ),
    ("score too high", lambda: _answers(0, replace(ANSWERS[0], value=11), *ANSWERS[1:]), {"grade-out-of-range": 1}),
    ("score missing", lambda: _answers(0, *ANSWERS[1:]), {"criterion-without-score": 1}),
    ("score null", lambda: _answers(0, replace(ANSWERS[0], value=None), *ANSWERS[1:]), {"criterion-without-score": 1}),
    ("question left open", _left_open, {"review-incomplete": 1}),
    (
        "unknown key",
        lambda: _answers(0, *ANSWERS, Answer(None, text="?", key="old_title")),
        {"form-drift-unknown-answer-key": 1},
    ),
    ("unknown criterion", lambda: _answers(0, *ANSWERS, Answer("99", value=1)), {"form-drift-unknown-answer-key": 1}),
    ("no key", _ambiguous, {"ambiguous-answer-key": 1}),
    ("file gone", lambda: change(CLEAN, "files", 3, status=FileStatus.MISSING), {"file-missing": 1}),
    ("file not listed", lambda: replace(CLEAN, files=CLEAN.files[1:]), {"file-missing": 1}),
    ("file refused", lambda: change(CLEAN, "files", 3, status=FileStatus.REFUSED), {"file-refused": 1}),
    (
        "fewer than announced",
        lambda: replace(CLEAN, announced=replace(CLEAN.announced, submission_count=9)),
        {"totalcount-mismatch": 1},
    ),
    (
        "pair only in the report",
        lambda: _matrix(MatrixCell(fake.person_id(0), fake.work_id(6))),
        {"matrix-mismatch": 1},
    ),
    (
        "pair not in the report",
        lambda: replace(CLEAN, announced=replace(CLEAN.announced, matrix=CLEAN.announced.matrix[1:])),
        {"matrix-mismatch": 1},
    ),
    (
        "pending",
        lambda: add(
            quiet(CLEAN),
            "allocations",
            like(CLEAN, id="x1", submission_id=fake.work_id(6), state=AllocationState.PENDING, completed_at=None),
        ),
        {"pending-allocation": 1},
    ),
    (
        "locked",
        lambda: add(
            quiet(CLEAN),
            "allocations",
            like(CLEAN, id="x1", submission_id=fake.work_id(6), state=AllocationState.LOCKED, completed_at=None),
        ),
        {"locked-allocation": 1},
    ),
    (
        "cancelled is nothing",
        lambda: add(quiet(CLEAN), "allocations", like(CLEAN, id="x1", state=AllocationState.CANCELLED)),
        {},
    ),
    ("no own work", _no_own_work, {"review-without-own-submission": 1, "over-reviewed": 1}),
    ("two works", _two_works, {"multiple-submissions": 1}),
    ("stranger", _strange_reviewer, {"reviewer-not-participant": 1}),
    (
        "unknown author",
        lambda: replace(quiet(CLEAN), participants=CLEAN.participants[1:]),
        {"author-not-participant": 1, "reviewer-not-participant": 1},
    ),
    ("too late", lambda: change(CLEAN, "allocations", 0, completed_at=CLOSE + HOUR), {"review-after-close": 1}),
    ("too early", lambda: change(CLEAN, "allocations", 0, completed_at=OPEN - HOUR), {"review-before-open": 1}),
    (
        "taken too early",
        lambda: change(CLEAN, "allocations", 0, allocated_at=OPEN - HOUR, origin=AllocationOrigin.LINK),
        {"review-before-open": 1},
    ),
    ("allocated early by staff", lambda: change(CLEAN, "allocations", 0, allocated_at=OPEN - HOUR), {}),
    (
        "open on blind",
        lambda: change(CLEAN, "allocations", 0, origin=AllocationOrigin.OPEN),
        {"open-review-on-blind-activity": 1},
    ),
    (
        "open on open",
        lambda: rules(change(CLEAN, "allocations", 0, origin=AllocationOrigin.OPEN), anonymity=Anonymity(False, False)),
        {},
    ),
    (
        "work changed",
        lambda: change(CLEAN, "submissions", 0, modified_at=CLOSE),
        {"submission-changed-after-review": 3},
    ),
    ("form changed", lambda: change(CLEAN, "forms", 0, modified_at=CLOSE), {"form-changed-after-review": 24}),
    ("form exchanged", _form_swapped, {"form-changed-after-review": 24}),
    ("reviewer hidden", lambda: change(CLEAN, "allocations", 0, reviewer_id=None), {"identity-hidden": 1}),
    ("author hidden", lambda: change(CLEAN, "submissions", 0, author_ids=()), {"identity-hidden": 1}),
    (
        "grade replaced, no word",
        lambda: change(CLEAN, "submissions", 0, grade=Grade(50, 60, fake.STAFF_ID, 100), staff_feedback=Text(" ")),
        {"teacher-override-without-reason": 1},
    ),
    (
        "review's grade replaced, no word",
        lambda: change(CLEAN, "reviews", 0, review_grade=Grade(50, 60, fake.STAFF_ID, 100)),
        {"teacher-override-without-reason": 1},
    ),
    ("nothing handed in", _newcomer, {"no-submission": 1}),
    ("gone, nothing handed in", lambda: _newcomer(active=False), {}),
    ("each other", _reciprocal, {"reciprocal-pair": 1}),
    ("late", lambda: change(CLEAN, "submissions", 0, late=True), {"late": 1}),
    (
        "late by its time",
        lambda: change(CLEAN, "submissions", 0, late=None, created_at=CLEAN.activity.submission_close + HOUR),
        {"late": 1},
    ),
    ("no time", lambda: change(CLEAN, "submissions", 0, time_quality=TimeQuality.UNKNOWN), {"time-unknown": 1}),
    ("example", _example, {"example-excluded": 1}),
    ("left out", lambda: rules(CLEAN, redactions=("Grades are left out.",)), {"redacted-at-source": 1}),
]


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("count", [7, 30])
def test_a_clean_activity_passes_every_check(strategy: Strategy, count: int) -> None:
    for result in check_all(fake.make(count, strategy)):
        assert result.outcome is Outcome.PASSED, (result.code, result.findings, result.not_checked)


@pytest.mark.parametrize(("make", "expected"), [k[1:] for k in KNOWN_FINDINGS], ids=[k[0] for k in KNOWN_FINDINGS])
def test_an_irregularity_gives_exactly_its_findings(make: Callable[[], PeerReview], expected: dict[str, int]) -> None:
    results = check_all(make())
    assert codes(results) == expected
    for finding in findings_of(results):
        assert finding.subjects
        assert finding.sentence.endswith(".")


def test_every_check_has_an_irregularity_that_it_finds() -> None:
    assert {code for _, _, expected in KNOWN_FINDINGS for code in expected} == {check.code for check in CHECKS}


@settings(max_examples=60)
@given(
    st.integers(0, len(KNOWN_FINDINGS) - 1), st.integers(0, len(KNOWN_FINDINGS) - 1), st.randoms(use_true_random=False)
)
def test_the_order_of_records_changes_nothing(first: int, second: int, dice: random.Random) -> None:
    for index in (first, second):
        record = KNOWN_FINDINGS[index][1]()
        assert check_all(shuffled(record, dice)) == check_all(record)


def shuffled(record: PeerReview, dice: random.Random) -> PeerReview:
    values: dict[str, Any] = {}
    for name in ("participants", "forms", "submissions", "allocations", "reviews", "files"):
        records = list(getattr(record, name))
        dice.shuffle(records)
        values[name] = tuple(records)
    if record.queue is not None:
        parts = {name: list(getattr(record.queue, name)) for name in ("items", "locks", "counters")}
        for one in parts.values():
            dice.shuffle(one)
        values["queue"] = Queue(**{name: tuple(one) for name, one in parts.items()})
    return replace(record, **values)


@settings(max_examples=40)
@given(strategies.record(PeerReview), st.randoms(use_true_random=False))
def test_whatever_comes_checks_do_not_fail_and_do_not_see_the_order(record: PeerReview, dice: random.Random) -> None:
    assert check_all(shuffled(record, dice)) == check_all(record)


NEEDS_RULES = {
    "reviewer-below-quota",
    "submission-under-reviewed",
    "queue-count-mismatch",
    "done-flag-mismatch",
    "counter-mismatch",
    "over-reviewed",
    "above-quota",
    "review-without-own-submission",
    "open-review-on-blind-activity",
    "review-after-close",
    "review-before-open",
    "totalcount-mismatch",
    "matrix-mismatch",
    "form-changed-after-review",
    "submission-changed-after-review",
    "late",
    "orphan-lock",
    "redacted-at-source",
    "grade-out-of-range",
    "form-drift-unknown-answer-key",
    "ambiguous-answer-key",
    "criterion-without-score",
    "review-incomplete",
    "no-submission",
    "reviewer-not-participant",
    "author-not-participant",
}


def _without_facts() -> PeerReview:
    """The same activity at a source that says nothing but what must be said."""
    works = tuple(Submission(id=one.id, author_ids=one.author_ids, grade=Grade(raw=1)) for one in CLEAN.submissions)
    allocations = tuple(
        Allocation(id=one.id, reviewer_id=one.reviewer_id, submission_id=one.submission_id, state=one.state)
        for one in CLEAN.allocations
    )
    reviews = tuple(Review(id=one.id, allocation_id=one.allocation_id) for one in CLEAN.reviews)
    return PeerReview(BARE, submissions=works, allocations=allocations, reviews=reviews)


def test_a_check_without_its_data_is_not_checkable() -> None:
    results = {one.code: one for one in check_all(_without_facts())}
    for code in NEEDS_RULES:
        assert results[code].outcome is Outcome.NOT_CHECKABLE, code
        assert all(reason.endswith(" times)") for reason in results[code].not_checked)


def test_hidden_identities_make_checks_of_people_not_checkable() -> None:
    hidden = replace(
        quiet(CLEAN),
        submissions=tuple(replace(one, author_ids=()) for one in CLEAN.submissions),
        allocations=tuple(replace(one, reviewer_id=None) for one in CLEAN.allocations),
    )
    results = {one.code: one for one in check_all(hidden)}
    people = (
        "self-review",
        "duplicate-pair",
        "reviewer-below-quota",
        "above-quota",
        "multiple-submissions",
        "no-submission",
        "reciprocal-pair",
        "review-without-own-submission",
        "reviewer-not-participant",
    )
    for code in people:
        assert results[code].outcome is Outcome.NOT_CHECKABLE, code
    assert len(results["identity-hidden"].findings) == 2


def test_reviews_that_cannot_be_there_yet_are_not_missed() -> None:
    early = rules(replace(quiet(CLEAN), allocations=(), reviews=()), phase=Phase.SUBMISSION)
    results = {one.code: one for one in check_all(early)}
    for code in ("submission-without-review", "submission-under-reviewed", "reviewer-below-quota"):
        assert results[code].outcome is Outcome.NOT_CHECKABLE


def test_wall_clock_and_instant_are_compared_only_when_far_apart() -> None:
    exact, naive, unknown = TimeQuality.EXACT, TimeQuality.NAIVE, TimeQuality.UNKNOWN
    later = OPEN + timedelta(minutes=1)
    assert is_after(later, OPEN, (exact, exact)) is True
    assert is_after(later, OPEN, (naive, naive)) is True
    assert is_after(later, OPEN, (naive, exact)) is None
    assert is_after(OPEN + ZONE_DOUBT + HOUR, OPEN, (naive, exact)) is True
    assert is_after(OPEN, OPEN + ZONE_DOUBT + HOUR, (naive, exact)) is False
    assert is_after(OPEN + 99 * HOUR, OPEN, (unknown, exact)) is None


def test_several_parts_of_one_work_are_one_review_for_the_quota() -> None:
    """Crowdsessment: each answer is assessed for itself."""
    second = like(CLEAN, id="x1", part_id="part00001")
    assert codes(check_all(more_reviews(quiet(CLEAN), second))) == {}


def test_two_thousand_works_with_six_thousand_reviews_take_no_time() -> None:
    record = fake.make(2000)
    assert len(record.reviews) == 6000
    began = time.process_time()
    results = check_all(record)
    took_s = time.process_time() - began
    assert all(one.outcome is Outcome.PASSED for one in results)
    assert took_s < 3, f"{took_s:.2f} s: more than n log n"  # 0.3 s on one core of 2025; a busy machine is slower


def test_severities_and_codes_are_those_of_the_contract() -> None:
    severity = {check.code: check.severity for check in CHECKS}
    assert len(severity) == len(CHECKS)
    assert severity["self-review"] is Severity.ERROR
    assert severity["pending-allocation"] is Severity.WARNING
    assert severity["reciprocal-pair"] is Severity.INFO
    assert [check.severity for check in CHECKS] == sorted(severity.values(), key=list(Severity).index)


def test_the_reference_page_has_every_code() -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "peer-review.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning|info) \| (.+) \|$", page, re.M)
    assert rows == [(check.code, check.severity.value, check.title[0].lower() + check.title[1:]) for check in CHECKS]
