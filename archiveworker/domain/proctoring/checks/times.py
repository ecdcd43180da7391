"""What times say: the impossible, the late, the long, the forgotten."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from statistics import quantiles
from typing import Final

from archiveworker.domain.findings import Hit, Subject, Unchecked, isolated
from archiveworker.domain.proctoring.base import ExamId
from archiveworker.domain.proctoring.checks.facts import Facts, Pair, SubjectKind, sentence_case
from archiveworker.domain.proctoring.kinds import ADDITIONAL_TIME, TIME_KEYS, TIME_MULTIPLIER, Status
from archiveworker.domain.proctoring.model import Attempt
from archiveworker.domain.proctoring.timeline import limit_of

GRACE: Final = timedelta(seconds=60)
"""Between the end of the time and the moment in which a browser hands in for its learner."""
_MIN_FOR_OUTLIERS: Final = 8
_TUKEY: Final = 1.5
_NO_ALLOWANCES: Final = Unchecked("allowances were not available")


def completed_before_started(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt ended before it began, or began before it was created."""
    for one in facts.attempts:
        if one.started_at is not None and one.completed_at is not None and one.completed_at < one.started_at:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} ended before it began.")
        if one.started_at is not None and one.started_at < one.created_at:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} began before it was created.")


def stale_started(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt is marked as running although its time was over when the course was read."""
    for one in facts.attempts:
        if one.status not in (Status.STARTED, Status.READY_TO_SUBMIT):
            continue
        limit = limit_of(one)
        if limit is None:
            yield Unchecked("an attempt is running, but its start or its time limit is not known")
        elif limit < facts.course.read_at:
            minutes = int((facts.course.read_at - limit).total_seconds() // 60)
            sentence = (
                f"{sentence_case(facts.named(one))} is marked as running, {minutes} minutes after its time ended."
            )
            yield Hit(facts.subjects(one), sentence)


def time_over_allowance(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt took longer than was allowed, by more than a minute."""
    for one in facts.attempts:
        if one.started_at is None or one.completed_at is None:
            continue
        limit = limit_of(one)
        if limit is None:
            yield Unchecked("the time allowed is not known")
        elif one.completed_at > limit + GRACE:
            minutes = int((one.completed_at - limit).total_seconds() // 60)
            sentence = (
                f"{sentence_case(facts.named(one))} took {minutes} minute(s) more than the {one.allowed_mins} allowed."
            )
            yield Hit(facts.subjects(one), sentence)


def after_due(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt began, or ended, after the exam was due."""
    for one in facts.attempts:
        exam = facts.exams.get(one.exam_id)
        if exam is None or exam.due_at is None:
            continue
        if one.started_at is not None and one.started_at > exam.due_at:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} began after the exam was due.")
        elif one.completed_at is not None and one.completed_at > exam.due_at + GRACE:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} ended after the exam was due.")


def allowance_not_applied(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The minutes allowed are not those of the exam and the allowance; an end cut short by the due date is not one."""
    if facts.record.allowances is None:
        yield _NO_ALLOWANCES
        return
    for pair, attempts in facts.pairs.items():
        additional = facts.additional_mins(pair)
        for one in attempts:
            if one.allowed_mins is None or one.started_at is None or facts.resumes(one):
                continue
            exam = facts.exams.get(one.exam_id)
            if exam is None or additional is None:
                yield Unchecked("an allowance of time is no number, or the exam is not known")
            elif not _is_explained(facts, pair, one, exam.time_limit_mins + additional):
                sentence = (
                    f"{sentence_case(facts.named(one))} had {one.allowed_mins} minutes; the exam and the allowance "
                    f"as they are now make {exam.time_limit_mins + additional}."
                )
                yield Hit(facts.subjects(one), sentence)


def _is_explained(facts: Facts, pair: Pair, one: Attempt, expected_mins: int) -> bool:
    if one.allowed_mins == expected_mins:
        return True
    exam = facts.exams[one.exam_id]
    if exam.due_at is None or one.started_at is None or one.allowed_mins is None:
        return False
    is_cut = one.started_at + timedelta(minutes=expected_mins) > exam.due_at
    return is_cut and one.allowed_mins < expected_mins


def allowance_changed_after_start(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An allowance of time was given or changed after the attempt had begun."""
    if facts.record.allowances is None:
        yield _NO_ALLOWANCES
        return
    for pair, attempts in facts.pairs.items():
        for allowance in facts.allowances_of.get(pair, ()):
            late = [one for one in attempts if one.started_at is not None and one.started_at < allowance.modified_at]
            if allowance.key in TIME_KEYS and late:
                subjects = (*facts.subjects(late[0], *late[1:]), Subject(SubjectKind.ALLOWANCE, allowance.id))
                sentence = (
                    f"{sentence_case(facts.named(late[0]))} had begun when an allowance of time was last changed."
                )
                yield Hit(subjects, sentence)


def multiplier_without_effect(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A multiplier of time is stored, but the LMS only adds minutes. Source: api.py, _calculate_allowed_mins."""
    if facts.record.allowances is None:
        yield _NO_ALLOWANCES
        return
    for (person, exam), allowances in sorted(facts.allowances_of.items()):
        keys = {one.key for one in allowances}
        if TIME_MULTIPLIER in keys and ADDITIONAL_TIME not in keys:
            found = [Subject(SubjectKind.ALLOWANCE, one.id) for one in allowances if one.key == TIME_MULTIPLIER]
            subjects = (*found, Subject(SubjectKind.PERSON, person), Subject(SubjectKind.EXAM, exam))
            yield Hit(
                subjects, f"{isolated(person)} has a multiplier of time at {facts.exam_name(exam)}, which adds nothing."
            )


def unusual_duration(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt was far shorter or longer than the others at the exam (1.5 interquartile ranges, Tukey)."""
    by_exam: defaultdict[ExamId, list[Attempt]] = defaultdict(list)
    for one in facts.attempts:
        if duration_mins(one) is not None and not one.is_resumed and not facts.resumes(one):
            by_exam[one.exam_id].append(one)
    for exam_id, attempts in sorted(by_exam.items()):
        durations = [mins for mins in map(duration_mins, attempts) if mins is not None]
        bounds = usual_mins(durations)
        if bounds is None:
            continue
        for one, mins in zip(attempts, durations, strict=True):
            if not bounds[0] <= mins <= bounds[1]:
                sentence = (
                    f"{sentence_case(facts.named(one))} took {mins:.0f} minutes; "
                    f"most at {facts.exam_name(exam_id)} took {max(0, bounds[0]):.0f} to {bounds[1]:.0f}."
                )
                yield Hit(facts.subjects(one), sentence)


def duration_mins(attempt: Attempt) -> float | None:
    """Return minutes from start to end; None when one is missing or they contradict each other."""
    if attempt.started_at is None or attempt.completed_at is None or attempt.completed_at < attempt.started_at:
        return None
    return (attempt.completed_at - attempt.started_at).total_seconds() / 60


def usual_mins(durations: Sequence[float]) -> tuple[float, float] | None:
    """Return the bounds between which durations are usual; None when there are too few to say."""
    if len(durations) < _MIN_FOR_OUTLIERS:
        return None
    low, _, high = quantiles(durations, n=4, method="inclusive")
    return low - _TUKEY * (high - low), high + _TUKEY * (high - low)
