"""Every place of an activity at which somebody wrote freely, in one list, so that no copy forgets one.

File names are not among them: copies give files new names. Nor is ``config_raw``, which no copy has.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from archiveworker.domain.peer_review.base import Text
from archiveworker.domain.peer_review.checks.finding import Subject, SubjectKind
from archiveworker.domain.peer_review.form import Criterion, Form
from archiveworker.domain.peer_review.model import Activity, PeerReview
from archiveworker.domain.peer_review.review import Answer, Review
from archiveworker.domain.peer_review.work import Part, Submission


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands.

    Attributes:
        subject: the record.
        field: e.g. ``overall_comment``, ``parts.0``.
    """

    subject: Subject
    field: str


Rewrite = Callable[[Place, Text], Text]


def rewrite(record: PeerReview, change: Rewrite) -> PeerReview:
    """Return ``record`` with every free text replaced by what ``change`` makes of it."""
    return replace(
        record,
        activity=_activity(record.activity, change),
        forms=tuple(_form(form, change) for form in record.forms),
        submissions=tuple(_submission(one, change) for one in record.submissions),
        reviews=tuple(_review(one, change) for one in record.reviews),
    )


def collect(record: PeerReview) -> tuple[tuple[Place, Text], ...]:
    """Return every free text with its place."""
    found: list[tuple[Place, Text]] = []

    def remember(place: Place, text: Text) -> Text:
        found.append((place, text))
        return text

    rewrite(record, remember)
    return tuple(found)


class _At:
    """Changes texts of one record; None and plain strings keep what they are."""

    def __init__(self, subject: Subject, change: Rewrite) -> None:
        self._subject = subject
        self._change = change

    def text(self, field: str, text: Text | None) -> Text | None:
        return None if text is None else self._change(Place(self._subject, field), text)

    def sure(self, field: str, text: Text) -> Text:
        return self._change(Place(self._subject, field), text)

    def plain(self, field: str, text: str) -> str:
        return self.sure(field, Text(text)).body if text else text


def _activity(one: Activity, change: Rewrite) -> Activity:
    at = _At(Subject(SubjectKind.ACTIVITY, one.id), change)
    redactions = one.redactions
    return replace(
        one,
        title=at.plain("title", one.title),
        course=at.plain("course", one.course),
        instructions=tuple(at.sure(f"instructions.{n}", text) for n, text in enumerate(one.instructions)),
        redactions=None if redactions is None else tuple(at.plain("redactions", text) for text in redactions),
    )


def _form(form: Form, change: Rewrite) -> Form:
    at = _At(Subject(SubjectKind.FORM, form.id), change)
    return replace(
        form,
        title=at.plain("title", form.title),
        description=at.text("description", form.description),
        criteria=tuple(_criterion(one, at) for one in form.criteria),
    )


def _criterion(one: Criterion, at: _At) -> Criterion:
    where = f"criteria.{one.position}"
    options = tuple(
        replace(option, label=at.sure(f"{where}.options.{n}", option.label)) for n, option in enumerate(one.options)
    )
    title, description = at.plain(f"{where}.title", one.title), at.text(f"{where}.description", one.description)
    return replace(one, title=title, description=description, options=options)


def _submission(one: Submission, change: Rewrite) -> Submission:
    at = _At(Subject(SubjectKind.SUBMISSION, one.id), change)
    return replace(
        one,
        title=at.plain("title", one.title),
        parts=tuple(_part(f"parts.{n}", part, at) for n, part in enumerate(one.parts)),
        staff_feedback=at.text("staff_feedback", one.staff_feedback),
    )


def _part(where: str, part: Part, at: _At) -> Part:
    return replace(part, text=at.sure(where, part.text), task=at.text(f"{where}.task", part.task))


def _review(one: Review, change: Rewrite) -> Review:
    at = _At(Subject(SubjectKind.REVIEW, one.id), change)
    return replace(
        one,
        answers=tuple(_answer(f"answers.{n}", answer, at) for n, answer in enumerate(one.answers)),
        overall_comment=at.text("overall_comment", one.overall_comment),
        staff_feedback=at.text("staff_feedback", one.staff_feedback),
    )


def _answer(where: str, one: Answer, at: _At) -> Answer:
    return replace(
        one,
        text=None if one.text is None else at.plain(f"{where}.text", one.text),
        comment=at.text(f"{where}.comment", one.comment),
        raw=None if one.raw is None else at.plain(f"{where}.raw", one.raw),
        key=None if one.key is None else at.plain(f"{where}.key", one.key),
    )
