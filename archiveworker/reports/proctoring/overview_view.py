"""What the overviews of an exam and of a course show: statuses, people, onboarding, durations, gaps."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from archiveworker.domain.findings import Finding
from archiveworker.domain.proctoring.base import ExamId, PersonId
from archiveworker.domain.proctoring.checks.facts import Facts, SubjectKind
from archiveworker.domain.proctoring.checks.times import duration_mins, usual_mins
from archiveworker.domain.proctoring.kinds import Status
from archiveworker.domain.proctoring.model import Attempt, Exam, Proctoring
from archiveworker.reports.bars import Bar, bars
from archiveworker.reports.proctoring import wording
from archiveworker.reports.proctoring.report import CourseReport

PEOPLE_ON_A_PAGE: Final = 500
"""Of an overview: a browser needs some 200 KB for each while it prints them, and nobody turns so many leaves."""

Pairs = tuple[tuple[str, str], ...]
"""Label and value."""


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person at one exam.

    Attributes:
        person: login name.
        state: of the last attempt.
        attempts: how many.
        started: of the last attempt.
        taken: minutes of the last attempt.
        allowed: minutes of the last attempt.
        allowances: what is granted; sensitive ones are named, not told.
        codes: of findings.
    """

    person: str
    state: str
    attempts: int
    started: str
    taken: str
    allowed: str
    allowances: str
    codes: str


@dataclass(frozen=True, slots=True)
class PeopleSheet:
    """A part of the list of people of one exam that is printed as one page.

    Attributes:
        rows: at most ``PEOPLE_ON_A_PAGE``.
        first: number of the first row, from 1.
        total: rows of all sheets.
    """

    rows: tuple[PersonRow, ...]
    first: int
    total: int

    @property
    def last(self) -> int:
        """Number of the last row."""
        return self.first + len(self.rows) - 1

    @property
    def span(self) -> str:
        """Which of the people these are, e.g. ``People 501 to 1,000 of 5,000``; empty when they are all."""
        return f"People {self.first:,} to {self.last:,} of {self.total:,}" if len(self.rows) < self.total else ""


@dataclass(frozen=True, slots=True)
class ExamRow:
    """One exam of the course.

    Attributes:
        name: as learners see it.
        kind: supervised, timed, practice; active or not.
        people: who have an attempt.
        attempts: how many.
        results: counts of the last status of each person.
        findings: errors and warnings.
    """

    name: str
    kind: str
    people: int
    attempts: int
    results: str
    findings: int


def _most_frequent_first(labels: Iterable[str]) -> tuple[Bar, ...]:
    return bars(sorted(Counter(labels).items(), key=lambda one: (-one[1], one[0])))


def last_attempts(facts: Facts, exam_id: ExamId | None = None) -> list[Attempt]:
    """Return the last attempt of each person at each exam, or at one."""
    return [same[-1] for (_, exam), same in facts.pairs.items() if exam_id in (None, exam)]


def status_bars(report: CourseReport, exam_id: ExamId | None = None) -> tuple[Bar, ...]:
    """Return how many people stand where, by their last attempt."""
    return _most_frequent_first(wording.state(one) for one in last_attempts(report.facts, exam_id))


def onboarding_bars(report: CourseReport) -> tuple[Bar, ...]:
    """Return how many people are where with the onboarding."""
    people = report.record.onboarding or ()
    return _most_frequent_first(one.status.replace("_", " ") or wording.UNKNOWN for one in people)


def kind_of(exam: Exam) -> str:
    """Return e.g. ``supervised, practice, not active``."""
    words = ["supervised" if exam.is_proctored else "timed"]
    words += ["practice"] if exam.is_practice else []
    return ", ".join(words + ([] if exam.is_active else ["not active"]))


def exam_rows(report: CourseReport) -> tuple[ExamRow, ...]:
    """Return a row for each exam."""
    rows = []
    for exam in report.exams:
        last = last_attempts(report.facts, exam.id)
        results = ", ".join(f"{bar.count} {bar.label}" for bar in status_bars(report, exam.id))
        rows.append(
            ExamRow(
                name=exam.name,
                kind=kind_of(exam),
                people=len(last),
                attempts=sum(one.exam_id == exam.id for one in report.facts.attempts),
                results=results or wording.NONE,
                findings=len(report.weighty((SubjectKind.EXAM, exam.id))),
            )
        )
    return tuple(rows)


def people_sheets(report: CourseReport, exam_id: ExamId) -> tuple[PeopleSheet, ...]:
    """Return everybody who has an attempt or an allowance, by name; at least one sheet."""
    people = {person for person, exam in (*report.facts.pairs, *report.facts.allowances_of) if exam == exam_id}
    rows = tuple(_person(report, person, exam_id) for person in sorted(people, key=str.casefold))
    starts = range(0, max(len(rows), 1), PEOPLE_ON_A_PAGE)
    return tuple(PeopleSheet(rows[at : at + PEOPLE_ON_A_PAGE], at + 1, len(rows)) for at in starts)


def _person(report: CourseReport, person: PersonId, exam_id: ExamId) -> PersonRow:
    attempts = report.facts.pairs.get((person, exam_id), ())
    last = attempts[-1] if attempts else None
    codes = dict.fromkeys(finding.code for finding in report.findings_of_pair(person, exam_id))
    granted = [
        f"{wording.key(one.key)}: {'sensitive' if one.is_sensitive else wording.value(one)}"
        for one in report.facts.allowances_of.get((person, exam_id), ())
    ]
    return PersonRow(
        person=person,
        state="no attempt" if last is None else wording.state(last),
        attempts=len(attempts),
        started=wording.time(None if last is None else last.started_at),
        taken=wording.minutes(None if last is None else duration_mins(last)),
        allowed=wording.minutes(None if last is None else last.allowed_mins),
        allowances="; ".join(granted),
        codes=", ".join(codes),
    )


def course_numbers(report: CourseReport) -> tuple[tuple[str, str], ...]:
    """Return the few numbers at the top of the course's page."""
    return (
        (f"{len(report.record.exams):,}", "exams"),
        (f"{len(report.facts.attempts_of):,}", "people with an attempt"),
        (f"{len(report.facts.attempts):,}", "attempts"),
        (f"{len(report.weighty()):,}", "errors and warnings"),
    )


def exam_numbers(report: CourseReport, exam: Exam) -> tuple[tuple[str, str], ...]:
    """Return the few numbers at the top of an exam's page."""
    last = last_attempts(report.facts, exam.id)
    attempts = sum(one.exam_id == exam.id for one in report.facts.attempts)
    passed = sum(one.status in (Status.VERIFIED, Status.SUBMITTED) for one in last)
    return (
        (f"{len(last):,}", "people with an attempt"),
        (f"{attempts:,}", "attempts"),
        (f"{passed:,}", "submitted or verified"),
        (f"{len(report.weighty((SubjectKind.EXAM, exam.id))):,}", "errors and warnings"),
    )


def course_facts(record: Proctoring) -> Pairs:
    """Return what was read, and from where."""
    course = record.course
    narrowed = []
    if course.only_exams:
        narrowed.append(wording.count(len(course.only_exams), "exam"))
    if course.only_people:
        narrowed.append(wording.count(len(course.only_people), "person", "people"))
    return (
        ("Course", course.id),
        ("LMS", course.lms_url),
        ("Read", wording.time(course.read_at)),
        ("Interface", wording.dialect(course.dialect)),
        ("Narrowed to", ", ".join(narrowed) or "nothing: the whole course"),
        ("People", "pseudonyms; texts about people are withheld" if course.has_pseudonyms else "login names"),
    )


def exam_facts(report: CourseReport, exam: Exam) -> Pairs:
    """Return the exam's settings and how long people took."""
    settings = exam.settings
    found = [
        ("Kind", kind_of(exam)),
        ("Time limit", f"{exam.time_limit_mins} min"),
        ("Due", wording.time(exam.due_at) if exam.due_at else "no end"),
        ("Supervised by", (settings and settings.provider_name) or exam.backend or wording.UNKNOWN),
        ("Block", exam.content_id),
        ("Id in the LMS", exam.id),
        ("Time taken", _spread([one for one in report.facts.attempts if one.exam_id == exam.id])),
    ]
    if settings is not None and (settings.contact or settings.escalation_email):
        found.append(("Contact", ", ".join(dict.fromkeys(filter(None, (settings.contact, settings.escalation_email))))))
    return tuple(found)


def _spread(attempts: Sequence[Attempt]) -> str:
    durations = [mins for mins in map(duration_mins, attempts) if mins is not None]
    if not durations:
        return "no attempt has a start and an end"
    low, middle, high = (wording.minutes(value) for value in (min(durations), median(durations), max(durations)))
    bounds = usual_mins(durations)
    usual = "" if bounds is None else f"; usual are {max(0, bounds[0]):.0f} to {bounds[1]:.0f} min"
    return f"{low} to {high}, median {middle}, of {wording.count(len(durations), 'attempt')}{usual}"


def findings_of_exam(report: CourseReport, exam_id: ExamId) -> tuple[Finding, ...]:
    """Return findings about an exam, in the order of the report."""
    return report.index.about((SubjectKind.EXAM, exam_id))
