"""Every check finds what it looks for, once, and nothing where all is well; the order of records does not matter."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archiveworker.domain.findings import CheckResult, Outcome
from archiveworker.domain.proctoring.checks.table import CHECKS, check_all
from archiveworker.domain.proctoring.checks.times import GRACE
from archiveworker.domain.proctoring.kinds import Status
from archiveworker.domain.proctoring.model import Proctoring
from tests.fakes import proctoring as fake

SEVERAL = {
    "attempt-error": 1,
    "onboarding-not-approved": 2,
    "result-without-review": 2,
    "policy-changed-after-start": 12,
    "duplicate-id": 0,
}
"""How often a check finds something in the troubled course, when it is not once."""


def by_code(record: Proctoring) -> dict[str, CheckResult]:
    return {result.code: result for result in check_all(record)}


def found(record: Proctoring) -> Counter[str]:
    return Counter({code: len(result.findings) for code, result in by_code(record).items() if result.findings})


def test_a_course_in_order_passes_every_check() -> None:
    assert {result.outcome for result in check_all(fake.clean())} == {Outcome.PASSED}


def test_codes_are_different() -> None:
    assert len({check.code for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("code", [check.code for check in CHECKS])
def test_every_check_finds_what_it_looks_for(code: str) -> None:
    assert len(by_code(fake.troubled())[code].findings) == SEVERAL.get(code, 1)


def test_two_attempts_with_one_id_are_found() -> None:
    base = fake.clean()
    twice = replace(base, attempts=(*base.attempts, replace(base.attempts[0], person_id=fake.person_id(2))))
    assert by_code(twice)["duplicate-id"].findings[0].sentence == "2 attempts have the id 101."


def test_what_rest_does_not_give_is_not_checkable_and_never_passed() -> None:
    results = by_code(fake.as_rest_gives_it(fake.clean()))
    needing = {
        *("illegal-transition", "violation-noted", "result-without-review", "review-without-attempt"),
        *("deleted-attempt", "policy-changed-after-start"),
    }
    assert {code for code, result in results.items() if result.outcome is Outcome.NOT_CHECKABLE} == needing
    assert {code for code, result in results.items() if result.outcome is Outcome.FOUND} == set()


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_findings_do_not_depend_on_the_order_of_records(chance: random.Random) -> None:
    record = fake.troubled()
    parts = ("exams", "people", "attempts", "allowances", "onboarding", "reviews", "history")
    shuffled = {name: tuple(chance.sample(getattr(record, name), len(getattr(record, name)))) for name in parts}
    assert check_all(replace(record, **shuffled)) == check_all(record)


@given(st.integers(-120, 120))
def test_a_minute_of_grace_and_no_more(seconds: int) -> None:
    base = fake.clean(1)
    [one] = base.attempts
    assert one.started_at is not None
    limit = one.started_at + 90 * fake.MINUTE
    late = replace(one, completed_at=limit + GRACE * (seconds / 60))
    result = by_code(replace(base, attempts=(late,)))["time-over-allowance"]
    assert bool(result.findings) == (seconds > 60)


@given(st.integers(-7200, 7200))
def test_a_running_attempt_is_stale_after_its_end_and_not_before(seconds: int) -> None:
    base = fake.clean(1)
    running = replace(base.attempts[0], status=Status.STARTED, completed_at=None)
    assert running.started_at is not None
    read_at = running.started_at + 90 * fake.MINUTE + GRACE * (seconds / 60)
    record = replace(base, attempts=(running,), course=replace(base.course, read_at=read_at))
    assert bool(by_code(record)["stale-started"].findings) == (seconds > 0)


def test_time_that_the_due_date_cut_short_is_explained() -> None:
    base = fake.clean(1)
    [one] = base.attempts
    short = replace(base, attempts=(replace(one, allowed_mins=75),))
    assert found(short)["allowance-not-applied"] == 1
    assert one.started_at is not None
    due = replace(base.exams[0], due_at=one.started_at + 75 * fake.MINUTE)
    assert found(replace(short, exams=(due,)))["allowance-not-applied"] == 0


def test_no_sentence_names_a_secret() -> None:
    record = fake.troubled()
    for result in check_all(record):
        for finding in result.findings:
            assert "BECE-42A1" not in finding.sentence
