"""What does not fit together in the records, and what reviews and the LMS's own history add where they are there."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from archiveworker.domain.findings import Hit, Subject, Unchecked
from archiveworker.domain.proctoring.checks.facts import Facts, SubjectKind, attempt_label, sentence_case
from archiveworker.domain.proctoring.kinds import COMPLETED, INCOMPLETE, REVIEW_OF_VIOLATION, REVIEWED, Change, Status

_NO_REVIEWS: Final = Unchecked("reviews were not available")
_NO_COMMENTS: Final = Unchecked("reviewers' notes were not available")
_NO_HISTORY: Final = Unchecked("the history of attempts was not available")
_NO_POLICIES: Final = Unchecked("former policies were not available")


def duplicate_id(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Two attempts have the same id."""
    for attempt_id, count in sorted(Counter(one.id for one in facts.attempts).items()):
        if count > 1:
            yield Hit((Subject(SubjectKind.ATTEMPT, attempt_id),), f"{count} attempts have the id {attempt_id}.")


def attempt_at_unknown_exam(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An attempt is at an exam that is not there."""
    for one in facts.attempts:
        if one.exam_id not in facts.exams:
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))}: the exam is not there.")


def result_without_review(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A result that a review brings about has none on record: a person set it."""
    for one in facts.attempts:
        if one.status not in REVIEWED:
            continue
        if facts.record.reviews is None:
            yield _NO_REVIEWS
        elif not any(not review.is_superseded for review in facts.reviews_of.get(one.id, ())):
            word = one.status.value.replace("_", " ")
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} is {word}, but no review is on record.")


def violation_noted(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A reviewer noted something about an attempt that counts as verified."""
    for one in facts.attempts:
        if one.status is not Status.VERIFIED:
            continue
        if facts.record.reviews is None:
            yield _NO_REVIEWS
            continue
        for review in facts.reviews_of.get(one.id, ()):
            if review.is_superseded:
                continue
            if review.comments is None:
                yield _NO_COMMENTS
            noted = sum(note.status.casefold() in REVIEW_OF_VIOLATION for note in review.comments or ())
            if noted or review.status.casefold() in REVIEW_OF_VIOLATION:
                subjects = (*facts.subjects(one), Subject(SubjectKind.REVIEW, review.id))
                sentence = (
                    f"{sentence_case(facts.named(one))} is verified; the review says “{review.status}”, "
                    f"with {noted} note(s) of a violation."
                )
                yield Hit(subjects, sentence)


def review_without_attempt(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A review is of an attempt that is not there."""
    if facts.record.reviews is None:
        if facts.attempts:
            yield _NO_REVIEWS
        return
    for one in facts.record.reviews:
        if one.attempt_id is None:
            yield Hit((Subject(SubjectKind.REVIEW, one.id),), f"Review {one.id} is of an attempt that is not there.")


def deleted_attempt(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Staff deleted an attempt."""
    if facts.record.history is None:
        if facts.attempts:
            yield _NO_HISTORY
        return
    there = {one.id for one in facts.attempts}
    for attempt_id, entries in sorted(facts.history_of.items()):
        if attempt_id in there and entries[-1].change is not Change.DELETED:
            continue
        last = entries[-1]
        subjects = [Subject(SubjectKind.ATTEMPT, attempt_id), Subject(SubjectKind.EXAM, last.exam_id)]
        if last.person_id is not None:
            subjects.append(Subject(SubjectKind.PERSON, last.person_id))
        word = last.status.value.replace("_", " ")
        name = f"{sentence_case(attempt_label(attempt_id))} at {facts.exam_name(last.exam_id)}"
        yield Hit(tuple(subjects), f"{name} was deleted; it stood at: {word}.")


def illegal_transition(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The status went back from completed to incomplete, which the LMS's own rule forbids."""
    for one in facts.attempts:
        if facts.record.history is None:
            yield _NO_HISTORY
            continue
        entries = facts.history_of.get(one.id, ())
        for first, second in pairwise(entries):
            if first.status in COMPLETED and second.status in INCOMPLETE:
                words = [entry.status_given.replace("_", " ") for entry in (first, second)]
                sentence = f"{sentence_case(facts.named(one))} went from {words[0]} back to {words[1]}."
                yield Hit(facts.subjects(one), sentence)


def policy_changed_after_start(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The policy that the archive shows is not the one that was in force when the attempt began."""
    for one in facts.attempts:
        exam = facts.exams.get(one.exam_id)
        if one.started_at is None or exam is None or not exam.is_proctored:
            continue
        if facts.record.former_policies is None:
            yield _NO_POLICIES
            continue
        started = one.started_at
        if any(former.exam_id == one.exam_id and former.until > started for former in facts.record.former_policies):
            yield Hit(facts.subjects(one), f"{sentence_case(facts.named(one))} began under an earlier policy.")
