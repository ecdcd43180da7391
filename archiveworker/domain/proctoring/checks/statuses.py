"""What the statuses of attempts say: results that weigh, attempts that go on in another one, people who declined."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from archiveworker.domain.findings import Hit, Subject, Unchecked, isolated
from archiveworker.domain.proctoring.checks.facts import Facts, SubjectKind, attempt_label, sentence_case
from archiveworker.domain.proctoring.kinds import INCOMPLETE, ONBOARDING_APPROVED, ONBOARDING_TROUBLE, GapKind, Status
from archiveworker.domain.proctoring.model import Attempt

_AT_ONCE: Final = timedelta(seconds=60)
"""A cascade is made by one request. Source: api.py, update_attempt_status."""


def _with_status(facts: Facts, status: Status, sentence: str) -> Iterator[Hit | Unchecked]:
    for one in facts.attempts:
        if one.status is status:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} {sentence}.")


def rejected(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt was rejected; that of an onboarding is ``onboarding-failed``."""
    for one in facts.attempts:
        if one.status is Status.REJECTED and not one.is_practice:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} was rejected.")


def second_review_required(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt waits for a second review."""
    return _with_status(facts, Status.SECOND_REVIEW_REQUIRED, "waits for a second review")


def timed_out(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The time ran out before the learner handed in."""
    return _with_status(facts, Status.TIMED_OUT, "ran out of time and was not handed in")


def attempt_error(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt ended in an error and was not resumed."""
    for one in facts.attempts:
        if one.status is Status.ERROR and not one.is_resumed:
            state = "; staff let the learner go on, who has not" if one.is_ready_to_resume else ""
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} ended in an error{state}.")


def unknown_status(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The LMS uses a word that is not known here."""
    for one in facts.attempts:
        if one.status is Status.OTHER:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} has a status that is not known here.")


def onboarding_failed(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Somebody could not take an exam because of the onboarding."""
    reasons = {
        Status.ONBOARDING_MISSING: "the onboarding is missing",
        Status.ONBOARDING_PENDING: "the onboarding was not approved yet",
        Status.ONBOARDING_FAILED: "the onboarding failed",
        Status.ONBOARDING_EXPIRED: "the onboarding has expired",
    }
    for one in facts.attempts:
        if one.status in ONBOARDING_TROUBLE:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} could not begin: {reasons[one.status]}.")
        elif one.is_practice and one.status is Status.REJECTED:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))}, the onboarding, was rejected.")


def onboarding_not_approved(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Somebody took a supervised exam without an approved onboarding."""
    if facts.record.onboarding is None:
        if any(gap.kind is GapKind.ONBOARDING for gap in facts.record.gaps):
            yield Unchecked("the list of onboardings was not available")
        return
    for one in facts.attempts:
        exam = facts.exams.get(one.exam_id)
        if one.started_at is None or not one.is_proctored or one.is_practice or (exam and exam.is_practice):
            continue
        status = facts.onboarding_of.get(one.person_id)
        if status is not None and status.status not in ONBOARDING_APPROVED:
            word = status.status.replace("_", " ") or "without a status"
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} was begun; the onboarding is: {word}.")


def resumed(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An interrupted attempt went on in a new one."""
    for one in facts.attempts:
        after = facts.after(one)
        if one.is_resumed and after is not None:
            left = "" if one.remaining_s is None else f" with {one.remaining_s // 60} minutes left"
            yield Hit(
                facts.subjects(one, after),
                f"{sentence_case(facts.named(one))} went on as {attempt_label(after.id)}{left}.",
            )


def resumed_without_next(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt was resumed, but the attempt that it went on in is not there."""
    for one in facts.attempts:
        if one.is_resumed and facts.after(one) is None:
            yield Hit(
                facts.subjects(one), f"{sentence_case(facts.named(one))} was resumed, but no later attempt is there."
            )


def several_attempts(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Somebody has a further attempt at an exam that does not resume the one before."""
    for one in facts.attempts:
        before = facts.before(one)
        if before is None or before.is_resumed or one.is_practice:
            continue
        sentence = f"{sentence_case(facts.named(one))} is a further one: it does not resume {attempt_label(before.id)}."
        yield Hit(facts.subjects(one, before), sentence)


def declined_cascade(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Declining, or being rejected, in one exam made the LMS decline others of the course."""
    for attempts in facts.attempts_of.values():
        causes = [one for one in attempts if one.status in (Status.DECLINED, Status.REJECTED)]
        for one in attempts:
            if one.status is not Status.DECLINED or one.started_at is not None:
                continue
            found = [cause for cause in causes if _caused(cause, one)]
            if found:
                cause = min(found, key=lambda cause: (cause.created_at, cause.id))
                sentence = (
                    f"{sentence_case(facts.named(one))} was declined by the LMS itself, at the time when "
                    f"{attempt_label(cause.id)} at {facts.exam_name(cause.exam_id)} was {cause.status.value}."
                )
                yield Hit(facts.subjects(one, cause), sentence)


def _caused(cause: Attempt, one: Attempt) -> bool:
    """Whether ``one`` was declined with ``cause``: it was made in the same moment in which that changed."""
    if cause.exam_id == one.exam_id or (cause.created_at, cause.id) >= (one.created_at, one.id):
        return False
    return abs(cause.modified_at - one.modified_at) <= _AT_ONCE


def never_begun(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt was begun or prepared and has not ended."""
    for one in facts.attempts:
        if one.status in INCOMPLETE and one.started_at is None and facts.after(one) is None:
            word = one.status.value.replace("_", " ")
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} was never begun; it stands at: {word}.")


def not_supervised(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An exam that is supervised was taken without supervision."""
    for one in facts.attempts:
        exam = facts.exams.get(one.exam_id)
        if exam is not None and exam.is_proctored and not one.is_proctored and one.started_at is not None:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} was taken without supervision.")


def attempt_on_inactive_exam(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An exam that was taken out of the course has attempts."""
    for one in facts.attempts:
        exam = facts.exams.get(one.exam_id)
        if exam is not None and not exam.is_active:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))}: the exam is not active any more.")


def allowance_without_attempt(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Somebody has an allowance and no attempt."""
    if facts.record.allowances is None:
        yield Unchecked("allowances were not available")
        return
    for (person, exam), allowances in sorted(facts.allowances_of.items()):
        if (person, exam) not in facts.pairs:
            subjects = (
                *(Subject(SubjectKind.ALLOWANCE, one.id) for one in allowances),
                Subject(SubjectKind.PERSON, person),
                Subject(SubjectKind.EXAM, exam),
            )
            yield Hit(subjects, f"{isolated(person)} has {len(allowances)} allowance(s) and no attempt.")
