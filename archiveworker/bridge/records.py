"""Rows become records of the model. What cannot be read is left out and said: no silent gap, and no guess."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from archiveworker.bridge import readers
from archiveworker.bridge.expressions import Compiled, Row
from archiveworker.bridge.fields import Shape
from archiveworker.bridge.plan import PlannedQuery
from archiveworker.bridge.readers import ReadForm
from archiveworker.bridge.uploads import UploadFolder
from archiveworker.bridge.values import ValueFault, shown
from archiveworker.domain.errors import RecordError
from archiveworker.domain.peer_review.base import Grade, Text
from archiveworker.domain.peer_review.codec import from_plain, hash_form
from archiveworker.domain.peer_review.form import Criterion, Form
from archiveworker.domain.peer_review.kinds import TimeQuality
from archiveworker.domain.peer_review.model import Activity, Anonymity, MatrixCell, Participant
from archiveworker.domain.peer_review.queue import Counter, Lock, QueueItem
from archiveworker.domain.peer_review.review import Allocation, Answer, Review
from archiveworker.domain.peer_review.work import File, Part, Submission

MAX_NOTES: Final = 200
_GRADE: Final = ("grade_raw", "grade_over", "grade_by", "grade_max")


@dataclass(slots=True)
class Book:
    """What is known while one activity is read.

    Attributes:
        system: name of the system.
        uploads: where files lie.
        forms: those that were read, by their id.
        stored: for each file id its name in the upload folder.
        notes: sentences: what had to be left out.
        unsaid_count: notes for which there was no room.
    """

    system: str
    uploads: UploadFolder
    forms: dict[str, tuple[Form, ReadForm]] = field(default_factory=dict)
    stored: dict[str, str | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unsaid_count: int = 0

    def note(self, sentence: str) -> None:
        """Keep a sentence about something that is left out."""
        if sentence in self.notes:
            return
        if len(self.notes) < MAX_NOTES:
            self.notes.append(sentence)
        else:
            self.unsaid_count += 1

    @property
    def redactions(self) -> tuple[str, ...]:
        """All sentences."""
        more = (f"{self.unsaid_count} more things could not be read.",) if self.unsaid_count else ()
        return (*self.notes, *more)


def build(kind: str, planned: PlannedQuery, rows: list[Row], book: Book) -> Any:
    """Return the record that rows with one key are.

    Args:
        kind: collection.
        planned: where its fields stand.
        rows: single fields are those of the first; lists are of all.
        book: what is known.

    Raises:
        RecordError: it cannot be a record at all; the sentence names the row and the column.
    """
    label = _label(planned, rows)
    try:
        values = _values(planned, rows, book, label)
        return _BUILDERS[kind](values, planned, rows, book)
    except ValueError as exc:
        raise RecordError(f"{label} of the database cannot be one of the {kind}: {exc}") from exc


def _label(planned: PlannedQuery, rows: list[Row]) -> str:
    """Return which record it is, for sentences: its key."""
    return ", ".join(f"{name} {shown(rows[0][name])}" for name in planned.query.keys)


def _values(planned: PlannedQuery, rows: list[Row], book: Book, label: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, one in planned.single.items():
        value = _value(one, rows[0], book, label)
        if value is not None:
            values[name] = value
        if len(rows) > 1 and any(one.raw(row) != one.raw(rows[0]) for row in rows[1:]):
            book.note(f"{label} has several rows that differ in {name}; the first one was taken.")
    for name, several in planned.lists.items():
        found = [_value(one, row, book, label) for row in rows for one in several]
        values[name] = tuple(dict.fromkeys(one for one in found if one is not None))
    if "time_quality" in values and not any(
        one.field.shape is Shape.TIME and values.get(name) for name, one in planned.single.items()
    ):
        values["time_quality"] = TimeQuality.UNKNOWN
    return values


def _value(one: Compiled, row: Row, book: Book, label: str) -> Any:
    """Return a value; a time or a number that cannot be one is left out and said."""
    try:
        return one.value(row)
    except ValueFault as exc:
        if one.field.required or one.field.shape not in (Shape.TIME, Shape.NUMBER, Shape.FLAG):
            raise
        book.note(f"{label}: {one.where.rpartition('.')[2]} is left out: {exc}.")
        return None


def _entries(planned: PlannedQuery, name: str, rows: list[Row], book: Book) -> list[dict[str, Any]]:
    """Return the small records of each row, each once; one whose id is NULL is a row without a partner."""
    label = _label(planned, rows)
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for number, record in enumerate(planned.structures.get(name, ())):
            named = "id" if "id" in record else "criterion"
            if record[named].raw(row) is None:
                continue
            made = {key: _value(one, row, book, label) for key, one in record.items()}
            found.setdefault(f"{number} {made[named]}", made)
    return list(found.values())


def _activity(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> Activity:
    hidden = Anonymity(values.pop("author_hidden", None), values.pop("reviewer_hidden", None))
    return Activity(system=book.system, anonymity=hidden, **values)


def _participant(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> Participant:
    return Participant(**values)


def _form(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> Form:
    stored = values.pop("criteria", None)
    if "criteria" in planned.single:
        read = readers.FORMS[planned.single["criteria"].expression.read or ""](stored)
    else:
        plain = [{"position": number, **one} for number, one in enumerate(planned.criteria)]
        read = ReadForm(from_plain(plain, tuple[Criterion, ...]), {})
    form = Form(hash=hash_form(values["strategy"], read.criteria), criteria=read.criteria, **values)
    for fault in read.faults:
        book.note(f"Form {form.id}: {fault}.")
    book.forms[form.id] = (form, read)
    return form


def _submission(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> Submission:
    entries = _entries(planned, "parts", rows, book)
    parts = tuple(Part(**{**entry, "text": entry["text"] or Text("")}) for entry in entries)
    return Submission(parts=parts, grade=_grade(values), **values)


def _grade(values: dict[str, Any]) -> Grade:
    raw, over, by, maximum = (values.pop(name, None) for name in _GRADE)
    return Grade(raw, over, by, maximum)


def _allocation(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> Allocation:
    return Allocation(**{"reviewer_id": None, **values})


def _review(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> Review:
    form, read = book.forms.get(values.pop("form", None) or "", (None, None))
    stored = values.pop("answers", None)
    if "answers" in planned.single:
        found = readers.ANSWERS[planned.single["answers"].expression.read or ""](stored, read)
        values["answers"] = found.answers
        if found.comment is not None:
            values.setdefault("overall_comment", found.comment)
    else:
        entries = _entries(planned, "answers", rows, book)
        values["answers"] = tuple(Answer(entry.pop("criterion"), **entry) for entry in entries)
    return Review(form_hash=form.hash if form else None, review_grade=_grade(values), **values)


def _file(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> File:
    stored = values.pop("stored", None)
    found = book.uploads.look(stored)
    book.stored[values["id"]] = stored
    return File(size_bytes=found.size_bytes, status=found.status, **values)


def _cell(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> MatrixCell:
    return MatrixCell(**values)


def _queue_item(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> QueueItem:
    return QueueItem(**values)


def _lock(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> Lock:
    return Lock(**values)


def _counter(values: dict[str, Any], planned: PlannedQuery, rows: list[Row], book: Book) -> Counter:
    return Counter(**values)


_BUILDERS: Final[Mapping[str, Callable[[dict[str, Any], PlannedQuery, list[Row], Book], Any]]] = {
    "activity": _activity,
    "participants": _participant,
    "forms": _form,
    "submissions": _submission,
    "allocations": _allocation,
    "reviews": _review,
    "files": _file,
    "queue_items": _queue_item,
    "locks": _lock,
    "counters": _counter,
    "matrix": _cell,
}


def plain(value: Any) -> Any:
    """Return a column's value as JSON can hold it, for the settings that are archived."""
    return msgspec.to_builtins(value, str_keys=True, enc_hook=str)
