"""What edx-proctoring's REST interface does not give of a course, read from the LMS's database: the preset.

Reviews, reviewers' comments, and what attempts, allowances and policies were before. The statements are written here
and nothing of them can be changed: no mapping says which columns of strangers go out. Codes of attempts, which let
whoever has them post a review, and addresses of recordings are masked before anything leaves the bridge.
Source: edx-proctoring 3.8 to 6.x, ``models.py``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from archiveworker.bridge.check import rights_line
from archiveworker.bridge.database import LegacyDatabase
from archiveworker.bridge.values import ValueFault, to_count, to_number, to_text, to_time
from archiveworker.domain.checkup import Line
from archiveworker.domain.errors import MappingError, RecordError
from archiveworker.domain.proctoring.export import (
    AllowanceHistoryRow,
    AttemptHistoryRow,
    CommentRow,
    Export,
    PolicyHistoryRow,
    ReviewRow,
    without_secrets,
)

PRESET: Final = "edx_proctoring"
SCOPE: Final = "course"
"""Word for what a token is for; after it comes the key of the course."""

_EXAMS: Final = "proctoring_proctoredexam"
_ATTEMPTS: Final = "proctoring_proctoredexamstudentattempt"
_REVIEWS: Final = "proctoring_proctoredexamsoftwaresecurereview"
_FORMER_REVIEWS: Final = f"{_REVIEWS}history"
_COMMENTS: Final = f"{_ATTEMPTS}comment"
_HISTORY: Final = f"{_ATTEMPTS}_history"
_FORMER_ALLOWANCES: Final = "proctoring_proctoredexamstudentallowancehistory"
_FORMER_POLICIES: Final = "proctoring_proctoredexamreviewpolicyhistory"
_USERS: Final = "auth_user"
_PORTION: Final = 500


def _whole(raw: object) -> int:
    number = to_count(raw)
    if number is None:
        raise ValueFault("NULL is no number")
    return number


def _seconds(raw: object) -> float:
    number = to_number(raw)
    if number is None:
        raise ValueFault("NULL is no number")
    return number


def _words(raw: object) -> str:
    return to_text(raw) or ""


def _time(raw: object) -> datetime:
    at = to_time(raw, "time")
    if at is None:
        raise ValueFault("NULL is no time")
    return at


Reader = Callable[[object], Any]
_REVIEW: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        **{"id": _whole, "created": _time, "review_status": _words, "attempt_code": _words},
        **{"reviewed_by_id": to_count, "student_id": to_count, "exam_id": to_count, "encrypted_video_url": to_text},
    }
)
_COLUMNS: Final[Mapping[str, Mapping[str, Reader]]] = MappingProxyType(
    {
        _REVIEWS: _REVIEW,
        _FORMER_REVIEWS: _REVIEW,
        _COMMENTS: {
            **{"review_id": _whole, "start_time": _seconds, "stop_time": _seconds},
            **{"comment": _words, "status": _words},
        },
        _HISTORY: {
            **{"id": _whole, "user_id": to_count, "proctored_exam_id": _whole, "status": _words},
            **{"history_date": _time, "history_id": _whole, "history_type": _words},
        },
        _FORMER_ALLOWANCES: {
            **{"allowance_id": _whole, "user_id": _whole, "proctored_exam_id": _whole},
            **{"key": _words, "value": _words, "created": _time},
        },
        _FORMER_POLICIES: {"proctored_exam_id": _whole, "review_policy": _words, "created": _time},
    }
)
"""What is handed out: table, column, and what a value of it must be."""
_NAMED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **{table: tuple(columns) for table, columns in _COLUMNS.items()},
        _EXAMS: ("id", "course_id"),
        _ATTEMPTS: ("attempt_code", "proctored_exam_id"),
        _USERS: ("id", "username"),
    }
)


@dataclass(frozen=True, slots=True)
class ExamDatabase:
    """The database of an LMS with edx-proctoring.

    Attributes:
        database: opened for reading only.
    """

    database: LegacyDatabase

    def require_all(self) -> None:
        """Refuse a database that does not have what is read.

        Raises:
            MappingError: a table or a column is not there.
            BusyError: the database does not answer.
        """
        with self.database.snapshot() as connection:
            lacking = [line for line in _fits(self.database.tables(connection, set(_NAMED))) if not line.ok]
        if lacking:
            said = "; ".join(f"{line.about} {line.message}" for line in lacking)
            raise MappingError(f"this is not the database of an LMS with edx-proctoring 3.8 to 6.x: {said}")

    def check(self) -> Iterator[Line]:
        """Yield what was looked at: tables and columns, the user's rights, courses.

        Raises:
            BusyError: the database does not answer.
        """
        with self.database.snapshot() as connection:
            yield Line(True, "database", f"{self.database.description}, opened for reading only")
            tables = self.database.tables(connection, set(_NAMED))
            lines = list(_fits(tables))
            yield from lines
            yield rights_line(self.database, connection)
            if all(line.ok for line in lines):
                courses = sa.select(sa.func.count(tables[_EXAMS].c.course_id.distinct()))
                count = connection.execute(courses).scalar_one()
                yield Line(bool(count) or None, "courses", f"{count} with exams: scope {SCOPE}:KEY, or all")

    def export(self, course_id: str) -> dict[str, object]:
        """Return an export of a course (``domain.proctoring.export``) as JSON values, its secrets masked.

        All of it is one state of the data. A course that the database does not have gives empty lists.

        Raises:
            BusyError: the database does not answer.
            MappingError: it refuses a statement.
            RecordError: a row cannot be what it must be.
        """
        with self.database.snapshot() as connection:
            reading = _Reading(connection, self.database.tables(connection, set(_NAMED)), course_id)
            return without_secrets(reading.export())


@dataclass(frozen=True, slots=True)
class _Reading:
    """One course in one transaction."""

    connection: sa.Connection
    tables: Mapping[str, sa.Table]
    course_id: str

    def export(self) -> Export:
        reviews = [ReviewRow(**row) for row in self._rows(_REVIEWS, self._of_reviews(_REVIEWS))]
        former = [ReviewRow(**row) for row in self._rows(_FORMER_REVIEWS, self._of_reviews(_FORMER_REVIEWS))]
        history = [AttemptHistoryRow(**row) for row in self._of_exams(_HISTORY)]
        allowances = [AllowanceHistoryRow(**row) for row in self._of_exams(_FORMER_ALLOWANCES)]
        ids = {number for one in (*reviews, *former) for number in (one.reviewed_by_id, one.student_id)}
        ids |= {one.user_id for one in history} | {one.user_id for one in allowances}
        table = self.tables[_REVIEWS]
        of_review = self.tables[_COMMENTS].c.review_id.in_(sa.select(table.c.id).where(self._of_reviews(_REVIEWS)))
        return Export(
            users=self._users(sorted(number for number in ids if number is not None)),
            reviews=tuple(reviews),
            review_history=tuple(former),
            comments=tuple(CommentRow(**row) for row in self._rows(_COMMENTS, of_review)),
            attempt_history=tuple(history),
            allowance_history=tuple(allowances),
            policy_history=tuple(PolicyHistoryRow(**row) for row in self._of_exams(_FORMER_POLICIES)),
        )

    def _exams(self) -> sa.Select[Any]:
        exams = self.tables[_EXAMS]
        return sa.select(exams.c.id).where(exams.c.course_id == self.course_id)

    def _of_exams(self, name: str) -> Iterator[dict[str, Any]]:
        return self._rows(name, self.tables[name].c.proctored_exam_id.in_(self._exams()))

    def _of_reviews(self, name: str) -> sa.ColumnElement[bool]:
        """A review names its exam, or (older ones) nothing but the code of its attempt."""
        table, attempts = self.tables[name], self.tables[_ATTEMPTS]
        codes = sa.select(attempts.c.attempt_code).where(attempts.c.proctored_exam_id.in_(self._exams()))
        return sa.or_(table.c.exam_id.in_(self._exams()), table.c.attempt_code.in_(codes))

    def _rows(self, name: str, condition: sa.ColumnElement[bool]) -> Iterator[dict[str, Any]]:
        table, readers = self.tables[name], _COLUMNS[name]
        chosen = [_raw(table.c[column], reader).label(f"c{n}") for n, (column, reader) in enumerate(readers.items())]
        for row in self.connection.execute(sa.select(*chosen).where(condition).order_by(*table.primary_key)):
            yield {column: _read(name, column, value) for column, value in zip(readers, row, strict=True)}

    def _users(self, ids: list[int]) -> dict[str, str]:
        users = self.tables[_USERS]
        found: dict[str, str] = {}
        for begin in range(0, len(ids), _PORTION):
            wanted = sa.select(users.c.id, users.c.username).where(users.c.id.in_(ids[begin : begin + _PORTION]))
            found |= {str(number): str(name) for number, name in self.connection.execute(wanted)}
        return found


def _raw(column: sa.ColumnElement[Any], reader: Reader) -> sa.ColumnElement[Any]:
    """Return the column with the driver's own value; a time as text (``values`` says why)."""
    chosen = sa.cast(column, sa.Text) if reader is _time else column
    return sa.type_coerce(chosen, sa.types.NullType())


def _read(table: str, column: str, value: object) -> Any:
    try:
        return _COLUMNS[table][column](value)
    except ValueFault as exc:
        raise RecordError(f"a row of {table} cannot be read: its {column} is wrong ({exc})") from exc


def _fits(tables: Mapping[str, sa.Table]) -> Iterator[Line]:
    for name, columns in sorted(_NAMED.items()):
        if name not in tables:
            yield Line(False, f"table {name}", "is not in the database")
        elif lacking := [column for column in columns if column not in tables[name].c]:
            yield Line(False, f"table {name}", f"lacks {', '.join(lacking)}")
        else:
            yield Line(True, f"table {name}", f"has all {len(columns)} columns that are read")
