"""SELECTs from a mapping: rows in the order of their keys, in portions, each a dict.

Portions are cut by key (keyset), so that no row is lost or read twice however many rows a key has, and no cursor stays
open. Values are those of the driver, without conversions; times are selected as text (``values`` says why).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from archiveworker.bridge.expressions import AS_TIME, Row
from archiveworker.bridge.mapping import Condition
from archiveworker.bridge.plan import PlannedQuery
from archiveworker.domain.errors import MappingError, OutOfScopeError

PORTION_KEYS: Final = 500


@dataclass(frozen=True, slots=True)
class Selector:
    """Makes and runs the statements of one query.

    Attributes:
        planned: the query.
        tables: of the database, by name.
    """

    planned: PlannedQuery
    tables: dict[str, sa.Table]

    def groups(self, connection: sa.Connection, activity: Row) -> Iterator[list[Row]]:
        """Yield the rows of each key, in the order of the keys.

        Args:
            connection: in a snapshot.
            activity: the activity's row, its columns with ``@``.
        """
        named = self._named()
        source, conditions = self._source(named), self._conditions(named, activity)
        key = self._column(named, self.planned.query.keys[0])
        statement = self._statement(named, source, conditions)
        # distinct() and not group_by(): a key can be a column of a joined table.
        keys = sa.select(_plain(key).label("k")).select_from(source).where(*conditions, key.is_not(None))
        keys = keys.distinct().order_by(sa.text("k")).limit(PORTION_KEYS)
        after: Any = None
        while True:
            portion = keys if after is None else keys.where(key > after)
            found = list(connection.execute(portion).scalars())
            if not found:
                return
            rows = connection.execute(statement.where(key >= found[0], key <= found[-1])).all()
            yield from self._grouped([dict(zip(self.planned.columns, row, strict=True)) for row in rows])
            after = found[-1]
            if len(found) < PORTION_KEYS:
                return

    def count(self, connection: sa.Connection, activity: Row) -> int:
        """Return the number of records: of different keys."""
        statement = sa.select(sa.func.count()).select_from(self.keys(activity).subquery())
        return connection.execute(statement).scalar_one()

    def keys(self, activity: Row) -> sa.Select[Any]:
        """Return the statement that selects each key once."""
        named = self._named()
        columns = [self._column(named, name) for name in self.planned.query.keys]
        labelled = [_plain(column).label(f"k{number}") for number, column in enumerate(columns)]
        statement = sa.select(*labelled).select_from(self._source(named)).where(*self._conditions(named, activity))
        return statement.where(*(column.is_not(None) for column in columns)).distinct()

    def count_without_key(self, connection: sa.Connection, activity: Row) -> int:
        """Return the number of rows that can be no record, because a column of their key is NULL."""
        named = self._named()
        missing = [self._column(named, name).is_(None) for name in self.planned.query.keys]
        statement = sa.select(sa.func.count()).select_from(self._source(named))
        return connection.execute(statement.where(*self._conditions(named, activity), sa.or_(*missing))).scalar_one()

    def one(self, connection: sa.Connection, key: str) -> Row | None:
        """Return the first row with a key, or None.

        Args:
            connection: in a snapshot.
            key: as text, as it came in a request.
        """
        named = self._named()
        column = self._column(named, self.planned.query.keys[0])
        wanted = _as_key(column, key)
        if wanted is None:
            return None
        statement = self._statement(named, self._source(named), self._conditions(named, {}))
        row = connection.execute(statement.where(column == wanted).limit(1)).first()
        return None if row is None else dict(zip(self.planned.columns, row, strict=True))

    def _grouped(self, rows: list[Row]) -> Iterator[list[Row]]:
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            groups.setdefault(tuple(row[name] for name in self.planned.query.keys), []).append(row)
        yield from (rows for key, rows in groups.items() if None not in key)

    def _named(self) -> dict[str, sa.FromClause]:
        return {name: self.tables[table].alias(name) for name, table in self.planned.tables.items()}

    def _column(self, named: dict[str, sa.FromClause], name: str) -> sa.ColumnElement[Any]:
        table, _, column = name.partition(".")
        return named[table].c[column]

    def _source(self, named: dict[str, sa.FromClause]) -> sa.FromClause:
        query = self.planned.query
        source = named[query.from_]
        for join in query.join:
            right = named[join.as_ or join.table]
            pairs = [right.c[column] == self._column(named, other) for column, other in join.on.items()]
            source = source.join(right, sa.and_(*pairs), isouter=not join.required)
        return source

    def _statement(
        self, named: dict[str, sa.FromClause], source: sa.FromClause, conditions: list[sa.ColumnElement[bool]]
    ) -> sa.Select[Any]:
        columns = []
        for number, name in enumerate(self.planned.columns):
            column = self._column(named, name.removesuffix(AS_TIME))
            chosen = sa.cast(column, sa.Text) if name.endswith(AS_TIME) else column
            columns.append(_plain(chosen).label(f"c{number}"))
        order = [self._column(named, name) for name in self.planned.query.keys]
        for table in named.values():
            order += [column for column in table.primary_key if column not in order]
        return sa.select(*columns).select_from(source).where(*conditions).order_by(*order)

    def _conditions(self, named: dict[str, sa.FromClause], activity: Row) -> list[sa.ColumnElement[bool]]:
        return [
            self._condition(named, self._column(named, name), said, activity)
            for name, said in self.planned.query.where.items()
        ]

    def _condition(
        self, named: dict[str, sa.FromClause], column: sa.ColumnElement[Any], said: Any, activity: Row
    ) -> sa.ColumnElement[bool]:
        match said:
            case Condition(is_=str()):
                return column.is_(None) if said.is_ == "null" else column.is_not(None)
            case Condition(value=str()):
                return column.__eq__(said.value)
            case Condition():
                return sa.or_(column.is_(None), column.__ne__(_constant(column, said.not_)))
            case str() if said.startswith("@"):
                # Nothing belongs to an activity by not saying to which.
                return sa.false() if activity[said] is None else column.__eq__(activity[said])
            case str():
                return column.__eq__(self._column(named, said))
            case _:
                return column.__eq__(_constant(column, said))


def _plain(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the column with the driver's own values: SQLAlchemy's conversions refuse what should not stand there."""
    return sa.type_coerce(column, sa.types.NullType())


def _constant(column: sa.ColumnElement[Any], value: Any) -> Any:
    """Return a constant in the column's own type: only PostgreSQL tells flags from numbers, and it insists."""
    if isinstance(column.type, sa.Boolean):
        return sa.literal(bool(value), sa.Boolean)
    return int(value) if isinstance(value, bool) else value


def _as_key(column: sa.ColumnElement[Any], key: str) -> Any:
    if not isinstance(column.type, sa.Integer):
        return key
    # Nothing but the plain digits: "012" is another activity than "12", and no database has longer numbers.
    return int(key) if key.isascii() and key.isdecimal() and str(int(key)) == key and len(key) < 19 else None


def missing_of(planned: PlannedQuery, tables: dict[str, sa.Table]) -> list[str]:
    """Return what a query names and the database lacks, as ``table`` or ``table.column``."""
    found = [name for name in planned.tables.values() if name not in tables]
    for name in planned.all_columns:
        alias, _, column = name.partition(".")
        table = planned.tables.get(alias)
        if table in tables and column not in tables[table].c:
            found.append(f"{table}.{column}")
    return list(dict.fromkeys(found))


def require_all(planned: tuple[PlannedQuery, ...], tables: dict[str, sa.Table]) -> None:
    """Refuse a mapping that names what the database lacks.

    Raises:
        MappingError: the sentence names tables and columns.
    """
    lacking = dict.fromkeys(name for one in planned for name in missing_of(one, tables))
    if lacking:
        raise MappingError(
            f"the mapping names what the database does not have: {', '.join(lacking)}; archiveworker bridge check says "
            "where, and docs/howto/connect-a-legacy-lms.md how to write a mapping of your own"
        )


def unknown_activity() -> OutOfScopeError:
    """Return the refusal of an activity, which is the same whether it is there or not."""
    return OutOfScopeError("the token is not for this activity; ask for one with its scope")
