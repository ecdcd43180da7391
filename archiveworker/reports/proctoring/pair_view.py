"""What the page of one person at one exam shows: result, picture, attempts, allowances, policy, reviews, gaps."""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from archiveworker.domain.findings import isolated
from archiveworker.domain.proctoring.base import Masked
from archiveworker.domain.proctoring.checks.facts import Facts, attempt_label, sentence_case
from archiveworker.domain.proctoring.checks.times import duration_mins
from archiveworker.domain.proctoring.kinds import GapKind, Status
from archiveworker.domain.proctoring.model import Allowance, Attempt, Exam, PairFile, Proctoring, Review, Statement
from archiveworker.domain.proctoring.timeline import Event, Origin, events_of
from archiveworker.reports.proctoring import wording
from archiveworker.reports.proctoring.picture import LEGEND, SHAPES, draw

Pairs = tuple[tuple[str, str], ...]
SENSITIVE: Final = "sensitive"


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt in the table.

    Attributes:
        name: e.g. ``Attempt 11``.
        state: status, with what was resumed.
        started: time.
        ended: time.
        allowed: minutes.
        taken: minutes.
        secrets: code and external id, masked.
        notes: practice, not supervised, seconds left.
    """

    name: str
    state: str
    started: str
    ended: str
    allowed: str
    taken: str
    secrets: str
    notes: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in the table below the picture.

    Attributes:
        number: in the picture.
        time: for people.
        attempt: e.g. ``Attempt 11``.
        what: happened.
        origin: recorded by the LMS, or computed.
    """

    number: int
    time: str
    attempt: str
    what: str
    origin: str


@dataclass(frozen=True, slots=True)
class AllowanceRow:
    """An allowance.

    Attributes:
        what: it grants.
        value: how much.
        is_sensitive: a text about a person.
        given: time.
        changed: time.
    """

    what: str
    value: str
    is_sensitive: bool
    given: str
    changed: str


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review with its notes.

    Attributes:
        title: of which attempt, when.
        facts: who, what.
        notes: from, to, the reviewer's word, text.
        has_notes: whether the notes were available.
    """

    title: str
    facts: Pairs
    notes: tuple[tuple[str, str, str, str], ...]
    has_notes: bool


@dataclass(frozen=True, slots=True)
class PairView:
    """Everything on the page.

    Attributes:
        person: who.
        exam: name.
        result: state of the last attempt.
        facts: about the person and the exam.
        picture: SVG; empty when there is no attempt.
        legend: marks that occur, with their meaning.
        attempts: rows.
        events: rows.
        allowances: rows; None when they were not available.
        policy: text; empty when there is none.
        policy_note: what has to be said about it.
        reviews: None when they were not available.
        findings: about this person at this exam.
        gaps: sentences.
    """

    person: str
    exam: str
    result: str
    facts: Pairs
    picture: Markup
    legend: tuple[tuple[str, str], ...]
    attempts: tuple[AttemptRow, ...]
    events: tuple[EventRow, ...]
    allowances: tuple[AllowanceRow, ...] | None
    policy: str
    policy_note: str
    reviews: tuple[ReviewView, ...] | None
    findings: tuple[Statement, ...]
    gaps: tuple[str, ...]


def view_pair(page: PairFile) -> PairView:
    """Return the page of one person at one exam.

    Raises:
        ValueError: the records are not those of one person at one exam.
    """
    record = page.record
    if len(record.exams) != 1 or len(record.people) != 1:
        raise ValueError("a page is about one person at one exam")
    facts, exam, person = Facts(record), record.exams[0], record.people[0]
    attempts = facts.attempts
    events = events_of(record, attempts)
    shapes = {SHAPES[event.kind] for event in events}
    return PairView(
        person=person.id,
        exam=exam.name,
        result=wording.state(attempts[-1]) if attempts else "no attempt",
        facts=_facts(record, exam, attempts),
        picture=draw(attempts, events, _description(attempts, events)) if attempts else Markup(""),
        legend=tuple((shape, text) for shape, text in LEGEND if shape in shapes),
        attempts=tuple(_attempt(one) for one in attempts),
        events=tuple(_event(number, one) for number, one in enumerate(events, 1)),
        allowances=None if record.allowances is None else tuple(_allowance(one) for one in record.allowances),
        policy=exam.policy or "",
        policy_note=_policy_note(record, exam),
        reviews=None if record.reviews is None else tuple(_review(one) for one in record.reviews),
        findings=page.findings,
        gaps=tuple(gap.sentence for gap in record.gaps if gap.kind is not GapKind.INACTIVE_EXAMS),
    )


def _description(attempts: tuple[Attempt, ...], events: tuple[Event, ...]) -> str:
    shown = wording.count(len(attempts), "attempt")
    return f"Line of time with {shown} and {len(events)} events. The table below the picture says the same."


def _facts(record: Proctoring, exam: Exam, attempts: tuple[Attempt, ...]) -> Pairs:
    person = record.people[0]
    onboarding = None if record.onboarding is None else next(iter(record.onboarding), None)
    kind = "supervised" if exam.is_proctored else "timed, not supervised"
    found = [
        ("Person", isolated(person.id) + (f" ({person.email})" if person.email else "")),
        ("Exam", f"{isolated(exam.name)}; {kind}{', practice' if exam.is_practice else ''}"),
        ("Course", record.course.id),
        ("Result", wording.state(attempts[-1]) if attempts else "no attempt"),
        ("Time limit", f"{exam.time_limit_mins} min without allowances"),
        ("Due", wording.time(exam.due_at) if exam.due_at else "no end"),
        ("Supervised by", (exam.settings and exam.settings.provider_name) or exam.backend or wording.UNKNOWN),
        ("Onboarding", _onboarding(record, onboarding.status if onboarding else None)),
        ("Read", wording.time(record.course.read_at)),
    ]
    if not exam.is_active:
        found.insert(2, ("State", "not active any more; it is not in the course"))
    return tuple(found)


def _onboarding(record: Proctoring, status: str | None) -> str:
    if record.onboarding is None:
        missing = any(gap.kind is GapKind.ONBOARDING for gap in record.gaps)
        return wording.UNKNOWN if missing else "the course has none"
    return "not in the list" if status is None else status.replace("_", " ") or wording.UNKNOWN


def _attempt(one: Attempt) -> AttemptRow:
    notes = []
    if one.is_practice:
        notes.append("practice")
    if not one.is_proctored:
        notes.append("not supervised")
    if one.remaining_s is not None:
        left = f"{one.remaining_s // 60} min left"
        notes.append(left if one.status is Status.ERROR else f"began with {left}")
    if one.status_given != one.status.value:
        notes.append(f"the LMS says: {one.status_given}")
    return AttemptRow(
        name=sentence_case(attempt_label(one.id)),
        state=wording.state(one),
        started=wording.time(one.started_at),
        ended=wording.time(one.completed_at),
        allowed=wording.minutes(one.allowed_mins),
        taken=wording.minutes(duration_mins(one)),
        secrets=f"code {_masked(one.code)}, external {_masked(one.external)}",
        notes=", ".join(notes) or wording.NONE,
    )


def _masked(secret: Masked | None) -> str:
    return "none" if secret is None else secret.shown


def _event(number: int, one: Event) -> EventRow:
    return EventRow(
        number=number,
        time=wording.time(one.at),
        attempt=sentence_case(attempt_label(one.attempt_id)),
        what=wording.event(one),
        origin="computed" if one.origin is Origin.COMPUTED else "recorded",
    )


def _allowance(one: Allowance) -> AllowanceRow:
    return AllowanceRow(
        what=wording.key(one.key),
        value=wording.value(one),
        is_sensitive=one.is_sensitive,
        given=wording.time(one.created_at),
        changed=wording.time(one.modified_at),
    )


def _policy_note(record: Proctoring, exam: Exam) -> str:
    if not exam.is_proctored:
        return "The exam is not supervised, so no policy applies."
    if any(gap.kind is GapKind.POLICY for gap in record.gaps):
        return "The policy could not be read."
    if exam.policy is None:
        return "The exam has no policy."
    if record.former_policies is None:
        return f"As it was on {wording.time(record.course.read_at)}; earlier texts are not available."
    former = [one for one in record.former_policies if one.exam_id == exam.id]
    return f"As it was on {wording.time(record.course.read_at)}; {wording.count(len(former), 'earlier text')}."


def _review(one: Review) -> ReviewView:
    facts = [
        ("Result", one.status),
        ("Came", wording.time(one.created_at)),
        ("By", "the provider" if one.reviewed_by is None else one.reviewed_by),
        ("Recording", "the LMS has an address of it; it is not in this archive" if one.has_video else "none"),
    ]
    if one.is_superseded:
        facts.append(("State", "superseded by a later review"))
    notes = tuple(
        (wording.seconds(note.start_s), wording.seconds(note.stop_s), note.status, wording.WITHHELD)
        if note.text is None
        else (wording.seconds(note.start_s), wording.seconds(note.stop_s), note.status, note.text)
        for note in one.comments or ()
    )
    which = "an attempt that is not there" if one.attempt_id is None else attempt_label(one.attempt_id)
    return ReviewView(f"Review of {which}", tuple(facts), notes, has_notes=one.comments is not None)
