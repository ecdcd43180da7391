"""What the overview of an activity shows: facts, people, the matrix, queue and locks, findings, statistics."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from archiveworker.domain.peer_review.base import ParticipantId
from archiveworker.domain.peer_review.checks.finding import Severity, SubjectKind
from archiveworker.domain.peer_review.kinds import AllocationRole, AllocationState
from archiveworker.domain.peer_review.review import Allocation
from archiveworker.reports.bars import Bar, bars
from archiveworker.reports.peer_review import wording
from archiveworker.reports.peer_review.matrix import Mark, MarkKind, MatrixPicture, draw
from archiveworker.reports.peer_review.report import ActivityReport


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person: what was given, what was received.

    Attributes:
        number: in the picture.
        name: for people.
        more: student number or login.
        works: own works.
        given: reviews finished.
        received: of all own works.
        reviewed: numbers of the people whose work was reviewed; in brackets when not finished.
        reviewed_by: numbers of the reviewers.
        counted: what the system itself counts; empty when it does not.
        notes: what is missing, or empty.
    """

    number: int
    name: str
    more: str
    works: int
    given: int
    received: int
    reviewed: str
    reviewed_by: str
    counted: str
    notes: str


def rules(report: ActivityReport) -> tuple[tuple[str, str], ...]:
    """Return what the activity is, and its rules."""
    one, quality = report.activity, report.activity.time_quality
    strategies = {wording.word(form.strategy) for form in report.record.forms}

    def span(begin: str, end: str) -> str:
        return f"{begin} to {end}"

    hidden = {
        "authors from reviewers": one.anonymity.author_hidden,
        "reviewers from authors": one.anonymity.reviewer_hidden,
    }
    return (
        ("System", wording.system(one.system)),
        ("Course", one.course or wording.UNKNOWN),
        ("Phase", wording.word(one.phase)),
        ("Handing in", span(wording.time(one.submission_open, quality), wording.time(one.submission_close, quality))),
        ("Reviewing", span(wording.time(one.review_open, quality), wording.time(one.review_close, quality))),
        ("Grading", ", ".join(sorted(strategies)) or wording.UNKNOWN),
        ("Reviews to write", _or_unknown(one.quota_given)),
        ("Reviews for each work", _or_unknown(one.quota_received)),
        ("Hidden", "; ".join(f"{what}: {wording.yes_no(is_so)}" for what, is_so in hidden.items())),
        ("Self-review allowed", wording.yes_no(one.self_review_allowed)),
        ("Own work needed first", wording.yes_no(one.submit_before_review)),
        ("Best grade", f"{_or_unknown(one.grade_max)} for the work, {_or_unknown(one.review_grade_max)} for reviewing"),
        ("Id in the source", one.id),
    )


def _or_unknown(value: float | None) -> str:
    return wording.UNKNOWN if value is None else wording.number(value)


def numbers(report: ActivityReport) -> tuple[tuple[str, str], ...]:
    """Return the few numbers that stand at the top."""
    facts = report.facts
    pending = sum(one.state in (AllocationState.PENDING, AllocationState.LOCKED) for one in facts.allocations)
    return (
        (f"{len(report.record.participants):,}", "participants"),
        (f"{len(facts.works):,}", "works"),
        (f"{len(facts.done):,}", "finished reviews"),
        (f"{pending:,}", "not finished"),
    )


def picture(report: ActivityReport) -> MatrixPicture:
    """Return the matrix of who reviewed whom; people whom the source hides cannot be in it."""
    doubtful = {
        subject.id
        for finding in report.findings
        if finding.severity is not Severity.INFO and finding.code != "pending-allocation"
        for subject in finding.subjects
        if subject.kind is SubjectKind.ALLOCATION
    }
    marks = []
    for one in report.facts.allocations:
        if one.reviewer_id is None:
            continue
        kind = _kind(report, one, is_doubtful=one.id in doubtful)
        for author in set(report.facts.authors(one.submission_id)) & report.number.keys():
            marks.append(Mark(report.number[one.reviewer_id] - 1, report.number[author] - 1, kind))
    marks.sort(key=lambda mark: (mark.row, mark.column, mark.kind))
    names = [report.name(one) for one in report.people]
    description = (
        f"Matrix of {len(names)} people: rows are reviewers, columns are authors, each of the {len(marks)} marks is an "
        "allocation. The table below says the same in numbers."
    )
    return draw(names, marks, description)


def _kind(report: ActivityReport, one: Allocation, *, is_doubtful: bool) -> MarkKind:
    review = report.facts.review_of.get(one.id)
    if one.state is not AllocationState.DONE or review is None:
        return MarkKind.PENDING
    if is_doubtful:
        return MarkKind.IRREGULAR
    if one.role in (AllocationRole.STAFF, AllocationRole.REFERENCE):
        return MarkKind.STAFF
    return MarkKind.NOT_COUNTED if review.counted is False or one.weight == 0 else MarkKind.DONE


def people(report: ActivityReport) -> tuple[PersonRow, ...]:
    """Return a row for each person, in the order of the picture."""
    reviewed: defaultdict[ParticipantId, list[tuple[int, bool]]] = defaultdict(list)
    reviewed_by: defaultdict[ParticipantId, list[tuple[int, bool]]] = defaultdict(list)
    finished = {one.id for one in report.facts.done}
    hidden: Counter[ParticipantId] = Counter()
    for one in report.facts.allocations:
        authors = [author for author in set(report.facts.authors(one.submission_id)) if author in report.number]
        if one.reviewer_id is None:
            hidden.update(authors)
            continue
        for author in authors:
            reviewed[one.reviewer_id].append((report.number[author], one.id in finished))
            reviewed_by[author].append((report.number[one.reviewer_id], one.id in finished))
    counters = {one.participant_id: one for one in (report.record.queue.counters if report.record.queue else ())}
    rows = []
    for person in report.people:
        works = [report.facts.submissions[one] for one in report.facts.works_of.get(person, ())]
        participant = report.facts.people.get(person)
        counter = counters.get(person)
        mark = "" if counter is None or counter.done is None else (", done" if counter.done else ", not done")
        by = _numbers(reviewed_by[person]) + (f" + {hidden[person]} hidden" if hidden[person] else "")
        rows.append(
            PersonRow(
                number=report.number[person],
                name=report.name(person),
                more=(participant and (participant.external_id or participant.username)) or "",
                works=len(works),
                given=report.facts.given.get(person, 0),
                received=sum(report.facts.received.get(work.id, 0) for work in works),
                reviewed=_numbers(reviewed[person]),
                reviewed_by=by,
                counted="" if counter is None else f"{counter.count}{mark}",
                notes=_notes(report, person),
            )
        )
    return tuple(rows)


def _numbers(found: Iterable[tuple[int, bool]]) -> str:
    return ", ".join(str(number) if is_done else f"({number})" for number, is_done in sorted(found)) or wording.NONE


def _notes(report: ActivityReport, person: ParticipantId) -> str:
    about = report.findings_about((SubjectKind.PARTICIPANT, person))
    return ", ".join(dict.fromkeys(finding.code for finding in about if finding.subjects[0].id == person))


def _of_reviews(counts: Iterable[int]) -> tuple[Bar, ...]:
    """Return how many have 0, 1, 2, ... reviews."""
    tally = Counter(counts)
    return bars([(wording.count(n, "review"), tally[n]) for n in range(max(tally, default=0) + 1)])


def received_bars(report: ActivityReport) -> tuple[Bar, ...]:
    """Return how many works have how many finished peer reviews."""
    return _of_reviews(report.facts.received.get(work.id, 0) for work in report.facts.works)


def given_bars(report: ActivityReport) -> tuple[Bar, ...]:
    """Return how many students have written how many."""
    return _of_reviews(report.facts.given.get(one.id, 0) for one in report.facts.students)


def statistics(report: ActivityReport) -> tuple[tuple[str, str], ...]:
    """Return grades and times in a few numbers."""
    facts = report.facts
    grades = [work.grade.final for work in facts.works if work.grade.final is not None]
    raised = sum(work.grade.over is not None for work in facts.works)
    reviewing = [one.review_grade.final for one in facts.reviews if one.review_grade.final is not None]
    times = sorted(one.completed_at for one in facts.done if one.completed_at is not None)
    quality = facts.done[0].time_quality if facts.done else report.activity.time_quality
    return (
        ("Grades of works", _spread(grades)),
        ("Set by staff", wording.count(raised, "grade")),
        ("Grades for reviewing", _spread(reviewing)),
        ("First review finished", wording.time(times[0] if times else None, quality)),
        ("Last review finished", wording.time(times[-1] if times else None, quality)),
        ("Files", wording.count(len(report.record.files), "file")),
    )


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "none"
    low, middle, high = (wording.number(round(value, 2)) for value in (min(values), median(values), max(values)))
    return f"{wording.count(len(values), 'grade')}: {low} to {high}, median {middle}"
