"""A course, indexed once, so that every check is a walk over what it needs: O(n log n) in all."""

from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property

from archiveworker.domain.findings import Subject, isolated
from archiveworker.domain.proctoring.base import AttemptId, ExamId, PersonId
from archiveworker.domain.proctoring.kinds import ADDITIONAL_TIME
from archiveworker.domain.proctoring.model import Allowance, Attempt, Exam, HistoryEntry, Onboarding, Proctoring, Review

Pair = tuple[PersonId, ExamId]


class SubjectKind(StrEnum):
    """Kinds of records that a finding can be about."""

    EXAM = "exam"
    PERSON = "person"
    ATTEMPT = "attempt"
    ALLOWANCE = "allowance"
    REVIEW = "review"


class Facts:
    """Look-ups over one course.

    Args:
        record: the course.
    """

    def __init__(self, record: Proctoring) -> None:
        self.record = record
        self.course = record.course

    @cached_property
    def exams(self) -> Mapping[ExamId, Exam]:
        """Exams by id."""
        return {one.id: one for one in self.record.exams}

    @cached_property
    def attempts(self) -> tuple[Attempt, ...]:
        """Attempts by time."""
        return tuple(sorted(self.record.attempts, key=lambda one: (one.created_at, *natural(one.id), repr(one))))

    @cached_property
    def pairs(self) -> Mapping[Pair, tuple[Attempt, ...]]:
        """Attempts of each person at each exam, by time."""
        found: defaultdict[Pair, list[Attempt]] = defaultdict(list)
        for one in self.attempts:
            found[one.person_id, one.exam_id].append(one)
        return {pair: tuple(same) for pair, same in sorted(found.items())}

    @cached_property
    def _neighbours(self) -> Mapping[AttemptId, tuple[Attempt | None, Attempt | None]]:
        found: dict[AttemptId, tuple[Attempt | None, Attempt | None]] = {}
        for same in self.pairs.values():
            for before, one, after in zip((None, *same), same, (*same[1:], None), strict=False):
                found[one.id] = (before, after)
        return found

    def before(self, attempt: Attempt) -> Attempt | None:
        """Return the person's attempt at the same exam before this one."""
        return self._neighbours[attempt.id][0]

    def after(self, attempt: Attempt) -> Attempt | None:
        """Return the person's attempt at the same exam after this one."""
        return self._neighbours[attempt.id][1]

    def resumes(self, attempt: Attempt) -> bool:
        """Whether this attempt goes on with the one before it."""
        before = self.before(attempt)
        return before is not None and before.is_resumed

    @cached_property
    def attempts_of(self) -> Mapping[PersonId, tuple[Attempt, ...]]:
        """Attempts of each person, by time."""
        found: defaultdict[PersonId, list[Attempt]] = defaultdict(list)
        for one in self.attempts:
            found[one.person_id].append(one)
        return {person: tuple(same) for person, same in sorted(found.items())}

    @cached_property
    def reviews_of(self) -> Mapping[AttemptId, tuple[Review, ...]]:
        """Reviews of each attempt that has any."""
        found: defaultdict[AttemptId, list[Review]] = defaultdict(list)
        for one in sorted(self.record.reviews or (), key=lambda one: (one.created_at, one.id)):
            if one.attempt_id is not None:
                found[one.attempt_id].append(one)
        return {attempt: tuple(same) for attempt, same in found.items()}

    @cached_property
    def history_of(self) -> Mapping[AttemptId, tuple[HistoryEntry, ...]]:
        """Changes of each attempt, by time."""
        found: defaultdict[AttemptId, list[HistoryEntry]] = defaultdict(list)
        for one in sorted(self.record.history or (), key=lambda one: (one.at, one.number, repr(one))):
            found[one.attempt_id].append(one)
        return {attempt: tuple(same) for attempt, same in found.items()}

    @cached_property
    def allowances_of(self) -> Mapping[Pair, tuple[Allowance, ...]]:
        """Allowances of each person in each exam."""
        found: defaultdict[Pair, list[Allowance]] = defaultdict(list)
        for one in sorted(self.record.allowances or (), key=lambda one: (one.key, one.id)):
            found[one.person_id, one.exam_id].append(one)
        return {pair: tuple(same) for pair, same in found.items()}

    @cached_property
    def onboarding_of(self) -> Mapping[PersonId, Onboarding]:
        """Onboarding by person."""
        return {one.person_id: one for one in self.record.onboarding or ()}

    def additional_mins(self, pair: Pair) -> int | None:
        """Return the minutes that the LMS adds for this person; 0 for none, None when the value is no number."""
        for one in self.allowances_of.get(pair, ()):
            if one.key == ADDITIONAL_TIME:
                return int(one.value) if one.value is not None and one.value.strip().isdecimal() else None
        return 0

    def exam_name(self, exam_id: ExamId) -> str:
        """Return the exam's name as it stands in a sentence."""
        exam = self.exams.get(exam_id)
        return f"exam {exam_id}" if exam is None else f"“{isolated(exam.name)}”"

    def named(self, attempt: Attempt) -> str:
        """Return ``attempt 11 of maria at “Final”``."""
        return f"{attempt_label(attempt.id)} of {isolated(attempt.person_id)} at {self.exam_name(attempt.exam_id)}"

    def subjects(self, attempt: Attempt, *others: Attempt) -> tuple[Subject, ...]:
        """Return what a finding about attempts of one person is about: the attempts, the person, the exams."""
        all_ = (attempt, *others)
        found = [Subject(SubjectKind.ATTEMPT, one.id) for one in all_]
        found.append(Subject(SubjectKind.PERSON, attempt.person_id))
        return (*found, *(Subject(SubjectKind.EXAM, one) for one in sorted({one.exam_id for one in all_})))


def attempt_label(attempt_id: AttemptId) -> str:
    """Return ``attempt 11``; a pseudonym says by itself what it is."""
    return attempt_id if attempt_id.startswith("attempt-") else f"attempt {attempt_id}"


def natural(text: str) -> tuple[int, str]:
    """Sort 9 before 10."""
    return (int(text), "") if text.isdecimal() and len(text) < 19 else (0, text)


def sentence_case(text: str) -> str:
    """Return ``text`` as the beginning of a sentence."""
    return text[:1].upper() + text[1:]
