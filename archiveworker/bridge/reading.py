"""One activity, read from the database in one snapshot: record by record, in the order in which they are needed.

What the bridge counts with statements of their own is announced, so that a reader can see that nothing was lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa

from archiveworker.bridge.database import LegacyDatabase
from archiveworker.bridge.expressions import Row
from archiveworker.bridge.plan import Plan, PlannedQuery
from archiveworker.bridge.records import Book, build, plain
from archiveworker.bridge.select import Selector, require_all, unknown_activity
from archiveworker.bridge.uploads import UploadFolder
from archiveworker.bridge.values import to_id
from archiveworker.domain.peer_review.exchange import ActivityDocument
from archiveworker.domain.peer_review.model import Activity, Announced, MatrixCell
from archiveworker.domain.peer_review.queue import Queue

_SLICE: Final = 500
_RECORDS: Final = ("forms", "participants", "submissions", "allocations", "reviews", "files")
"""In this order: reviews are read with the forms that they answer."""


@dataclass(frozen=True, slots=True)
class Legacy:
    """A legacy LMS: where its data lies, and what of it means what.

    Attributes:
        database: its database.
        plan: the mapping.
        uploads: its upload folder.
    """

    database: LegacyDatabase
    plan: Plan
    uploads: UploadFolder

    def tables(self, connection: sa.Connection) -> dict[str, sa.Table]:
        """Return every table that the mapping names.

        Raises:
            MappingError: one or a column of it is not there.
        """
        names = {table for one in self.plan.queries for table in one.tables.values()}
        tables = self.database.tables(connection, names)
        require_all(self.plan.queries, tables)
        return tables

    def activities(self) -> Iterator[Activity]:
        """Yield every activity, without what only reading it whole can tell (form in force, redactions)."""
        with self.database.snapshot() as connection:
            selector = Selector(self.plan.activity, self.tables(connection))
            for rows in selector.groups(connection, {}):
                yield _activity(self.plan, rows[0], Book(self.plan.mapping.system, self.uploads))


@dataclass(slots=True)
class ActivityReading:
    """The reading of one activity. Blocking: use it from a thread, and only once.

    Attributes:
        legacy: where it is.
        activity_id: which.
    """

    legacy: Legacy
    activity_id: str
    _book: Book = field(init=False)
    _document: ActivityDocument | None = None

    def __post_init__(self) -> None:
        self._book = Book(self.legacy.plan.mapping.system, self.legacy.uploads)

    @property
    def document(self) -> ActivityDocument:
        """The activity, after ``records`` has come to its end.

        Raises:
            RuntimeError: it has not.
        """
        if self._document is None:
            raise RuntimeError("the activity was not read to its end")
        return self._document

    @property
    def stored(self) -> dict[str, str | None]:
        """For each file its name in the upload folder."""
        return self._book.stored

    def records(self) -> Iterator[tuple[str, Any]]:
        """Yield the name of a collection and a record of it.

        Raises:
            OutOfScopeError: there is no such activity.
            MappingError: the database does not fit the mapping.
            RecordError: a row cannot be a record.
            BusyError: the database does not answer.
        """
        plan = self.legacy.plan
        with self.legacy.database.snapshot() as connection:
            tables = self.legacy.tables(connection)
            row = Selector(plan.activity, tables).one(connection, self.activity_id)
            if row is None:
                raise unknown_activity()
            activity = {f"@{name}": value for name, value in row.items()}
            source = _Source(connection, tables, activity, self._book)
            for name in _RECORDS:
                records = source.records(name, plan.collections[name])
                for record in _once(records) if name == "participants" else records:
                    yield name, record
            if plan.mapping.has_queue:
                for one in _queue(source, plan):
                    yield "queue", one
            announced = _announced(source, plan)
        about = _activity(plan, row, self._book)
        self._document = ActivityDocument(about, announced)


@dataclass(frozen=True, slots=True)
class _Source:
    connection: sa.Connection
    tables: dict[str, sa.Table]
    activity: Row
    book: Book

    def records(self, kind: str, queries: tuple[PlannedQuery, ...]) -> Iterator[Any]:
        for planned in queries:
            selector = Selector(planned, self.tables)
            for rows in selector.groups(self.connection, self.activity):
                merged: list[Row] = [{**self.activity, **row} for row in rows]
                yield build(kind, planned, merged, self.book)
            lost = selector.count_without_key(self.connection, self.activity)
            if lost:
                key = " or ".join(planned.query.keys)
                self.book.note(f"{lost} row(s) of {planned.query.from_} without {key} are left out ({kind}).")

    def count(self, queries: tuple[PlannedQuery, ...]) -> int:
        return sum(Selector(one, self.tables).count(self.connection, self.activity) for one in queries)

    def count_different(self, queries: tuple[PlannedQuery, ...]) -> int:
        keys = [Selector(one, self.tables).keys(self.activity) for one in queries]
        counted = sa.select(sa.func.count()).select_from(sa.union(*keys).subquery())
        return self.connection.execute(counted).scalar_one() if keys else 0


def _once(records: Iterator[Any]) -> Iterator[Any]:
    """Leave out a person who was found before: in workUp a teacher can be enrolled in the own class."""
    seen = set()
    for record in records:
        if record.id not in seen:
            seen.add(record.id)
            yield record


def _activity(plan: Plan, row: Row, book: Book) -> Activity:
    about = plan.mapping.activity
    rows: list[Row] = [{**row, **{f"@{name}": value for name, value in row.items()}}]
    made: Activity = build("activity", plan.activity, rows, book)
    form_id = to_id(row[about.form]) if about.form and row[about.form] is not None else None
    form, _ = book.forms.get(form_id or "", (None, None))
    return replace(
        made,
        form_hash=form.hash if form else None,
        redactions=book.redactions,
        config_raw={name: plain(row[name]) for name in about.config},
    )


def _queue(source: _Source, plan: Plan) -> Iterator[Queue]:
    """Yield the queue in slices; one that is empty says that there is a queue and nothing in it."""
    yield Queue()
    for kind, attribute in (("queue_items", "items"), ("locks", "locks"), ("counters", "counters")):
        records = source.records(kind, plan.collections[kind])
        while slice_ := tuple(islice(records, _SLICE)):
            yield Queue(**{attribute: slice_})


def _announced(source: _Source, plan: Plan) -> Announced:
    matrix: tuple[MatrixCell, ...] | None = None
    if plan.matrix is not None:
        matrix = tuple(source.records("matrix", (plan.matrix,)))
    works = plan.collections["submissions"] if plan.counted_submissions is None else (plan.counted_submissions,)
    return Announced(
        participant_count=source.count_different(plan.collections["participants"]),
        submission_count=source.count(works),
        allocation_count=source.count(plan.collections["allocations"]),
        review_count=source.count(plan.collections["reviews"]),
        matrix=matrix,
        matrix_is_complete=plan.mapping.announced.matrix_is_complete,
    )
