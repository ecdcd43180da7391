"""One course as its pages and tables need it: findings by person and exam, and each page's share of the records."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cached_property

from archiveworker.domain.findings import CheckResult, Finding, Severity, Subject
from archiveworker.domain.proctoring.base import ExamId, PersonId
from archiveworker.domain.proctoring.checks.facts import Facts, Pair, SubjectKind, natural
from archiveworker.domain.proctoring.model import Exam, PairFile, Person, Proctoring, Statement
from archiveworker.reports.findings import FindingIndex


class CourseReport:
    """What all pages and tables of one course share.

    Args:
        record: the course.
        results: of the checks.
    """

    def __init__(self, record: Proctoring, results: Sequence[CheckResult]) -> None:
        self.record = record
        self.results = tuple(results)
        self.facts = Facts(record)
        self.index = FindingIndex(self.results)

    @cached_property
    def exams(self) -> tuple[Exam, ...]:
        """Exams: active ones first, practice last."""
        return tuple(sorted(self.record.exams, key=lambda one: (one.is_practice, not one.is_active, natural(one.id))))

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Everybody at every exam that has a page: who has an attempt or an allowance."""
        return tuple(sorted({*self.facts.pairs, *self.facts.allowances_of}))

    def weighty(self, *subjects: tuple[StrEnum, str]) -> tuple[Finding, ...]:
        """Return errors and warnings, all or those about any of ``subjects``."""
        found: Iterable[Finding] = self.index.about(*subjects) if subjects else self.index.all
        return tuple(one for one in found if one.severity is not Severity.INFO)

    def findings_of_pair(self, person: PersonId, exam_id: ExamId) -> tuple[Finding, ...]:
        """Return findings that are about the person and the exam."""
        exam = Subject(SubjectKind.EXAM, exam_id)
        return tuple(one for one in self.index.about((SubjectKind.PERSON, person)) if exam in one.subjects)

    @cached_property
    def _people(self) -> dict[PersonId, Person]:
        return {one.id: one for one in self.record.people}

    @cached_property
    def _history(self) -> dict[Pair, list[int]]:
        found: dict[Pair, list[int]] = {}
        for at, one in enumerate(self.record.history or ()):
            if one.person_id is not None:
                found.setdefault((one.person_id, one.exam_id), []).append(at)
        return found

    def page_of(self, person: PersonId, exam_id: ExamId) -> PairFile:
        """Return the share of the records, and the findings, that the page of a person at an exam shows."""
        record, pair = self.record, (person, exam_id)
        attempts = self.facts.pairs.get(pair, ())
        reviews = [review for one in attempts for review in self.facts.reviews_of.get(one.id, ())]
        onboarding = self.facts.onboarding_of.get(person)
        former = [one for one in record.former_allowances or () if (one.person_id, one.exam_id) == pair]
        history = [(record.history or ())[at] for at in self._history.get(pair, ())]
        exam = self.facts.exams.get(exam_id)
        narrowed = replace(
            record,
            exams=() if exam is None else (exam,),
            people=(self._people.get(person, Person(person)),),
            attempts=attempts,
            allowances=None if record.allowances is None else self.facts.allowances_of.get(pair, ()),
            onboarding=None if record.onboarding is None else (() if onboarding is None else (onboarding,)),
            reviews=None if record.reviews is None else tuple(reviews),
            history=None if record.history is None else tuple(history),
            former_allowances=None if record.former_allowances is None else tuple(former),
            former_policies=None
            if record.former_policies is None
            else tuple(one for one in record.former_policies if one.exam_id == exam_id),
        )
        found = self.findings_of_pair(person, exam_id)
        return PairFile(narrowed, tuple(Statement(one.code, one.severity, one.sentence) for one in found))
