"""A mapping, checked as a whole and ready to be used: every field is known, every column is named once.

Nothing here has seen a database; ``database`` says what it lacks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from archiveworker.bridge.expressions import AS_TIME, Compiled, compile_value
from archiveworker.bridge.fields import ANSWER, PART, RECORDS, Field, Shape
from archiveworker.bridge.mapping import COLLECTIONS, COLUMN, Condition, Query
from archiveworker.bridge.mapping import Mapping as MappingFile
from archiveworker.domain.errors import MappingError

_LISTS: Final = (Shape.IDS, Shape.RICHES)
_STRUCTURES: Final = {Shape.PARTS: PART, Shape.ANSWERS: ANSWER}
_CRITERION_KEYS: Final = ("id", "title", "type", "description", "required", "weight", "min", "max")


@dataclass(frozen=True, slots=True)
class PlannedQuery:
    """A query whose fields are compiled.

    Attributes:
        query: as it stands in the mapping.
        where: its place in the mapping, for messages.
        single: fields with one value.
        lists: fields with an entry for each row.
        structures: fields with a small record for each row (parts of a work, answers).
        criteria: constant criteria of a form.
        extra: further columns that are needed.
    """

    query: Query
    where: str
    single: Mapping[str, Compiled]
    lists: Mapping[str, tuple[Compiled, ...]]
    structures: Mapping[str, tuple[Mapping[str, Compiled], ...]]
    criteria: tuple[Mapping[str, Any], ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def tables(self) -> dict[str, str]:
        """Names that columns begin with, and the tables that they stand for."""
        return {self.query.from_: self.query.from_} | {one.as_ or one.table: one.table for one in self.query.join}

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns to be selected, as they stand in a row, without those of the activity."""
        named = [*self.query.keys, *self.extra]
        for compiled in self._expressions():
            named += compiled.columns
        return tuple(dict.fromkeys(name for name in named if not name.startswith("@")))

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Every column that must be there, those of conditions and of the activity (``@``) too."""
        named = [name.removesuffix(AS_TIME) for compiled in self._expressions() for name in compiled.columns]
        named += [*self.query.keys, *self.extra, *self.query.where]
        named += [value for value in self.query.where.values() if isinstance(value, str)]
        for join in self.query.join:
            named += [f"{join.as_ or join.table}.{column}" for column in join.on]
            named += join.on.values()
        return tuple(dict.fromkeys(named))

    def _expressions(self) -> Iterator[Compiled]:
        yield from self.single.values()
        for several in self.lists.values():
            yield from several
        for records in self.structures.values():
            for record in records:
                yield from record.values()


@dataclass(frozen=True, slots=True)
class Plan:
    """A mapping that is ready.

    Attributes:
        mapping: as it was read.
        activity: the activities.
        collections: for each collection its queries.
        counted_submissions: the system's own list of works; None when it has none.
        matrix: the system's own report of pairs; None when it has none.
    """

    mapping: MappingFile
    activity: PlannedQuery
    collections: Mapping[str, tuple[PlannedQuery, ...]]
    counted_submissions: PlannedQuery | None
    matrix: PlannedQuery | None

    @property
    def queries(self) -> tuple[PlannedQuery, ...]:
        """All queries."""
        found = [self.activity, *(one for several in self.collections.values() for one in several)]
        return tuple([*found, *(one for one in (self.counted_submissions, self.matrix) if one is not None)])


def make_plan(mapping: MappingFile) -> Plan:
    """Return the plan of a mapping.

    Raises:
        MappingError: a field is unknown, missing or not what it has to be; the sentence names the key.
    """
    planned = {
        name: tuple(
            _planned(name, query, f"{name}[{number}]") for number, query in enumerate(getattr(mapping, name), start=1)
        )
        for name in COLLECTIONS
    }
    counted, matrix = mapping.announced.submissions, mapping.announced.matrix
    works = None if counted is None else _planned("counted_submissions", counted, "announced.submissions")
    pairs = None if matrix is None else _planned("matrix", matrix, "announced.matrix")
    others = [one for several in (*planned.values(), (works, pairs)) for one in several if one is not None]
    about = mapping.activity
    asked = [name[1:] for one in others for name in one.all_columns if name.startswith("@")]
    extra = (*about.config, *([about.form] if about.form else []), *asked)
    return Plan(mapping, _planned("activity", about.query, "activity", extra), planned, works, pairs)


def _planned(kind: str, query: Query, where: str, extra: tuple[str, ...] = ()) -> PlannedQuery:
    known = RECORDS[kind]
    for name in query.fields:
        if name not in known:
            raise MappingError(f"{where}.fields.{name} is not a field that is known; there are: {', '.join(known)}")
    missing = [name for name, field in known.items() if field.required and name not in query.fields]
    if missing:
        raise MappingError(f"{where}.fields lacks {', '.join(missing)}")
    single: dict[str, Compiled] = {}
    lists: dict[str, tuple[Compiled, ...]] = {}
    structures: dict[str, tuple[Mapping[str, Compiled], ...]] = {}
    criteria: tuple[Mapping[str, Any], ...] = ()
    for name, said in query.fields.items():
        field, place = known[name], f"{where}.fields.{name}"
        if field.shape in _LISTS:
            # The list has to be said; an entry can be NULL, e.g. the author of a work that nobody claims.
            entry = replace(field, required=False)
            lists[name] = tuple(compile_value(entry, one, place) for one in _listed(said, place))
        elif field.shape is Shape.CRITERIA and isinstance(said, list):
            criteria = tuple(_criterion(one, place) for one in said)
        elif field.shape is Shape.PARTS or (field.shape in _STRUCTURES and isinstance(said, list)):
            inner = _STRUCTURES[field.shape]
            structures[name] = tuple(_structure(inner, one, place) for one in _listed(said, place))
        else:
            single[name] = compile_value(field, said, place)
    planned = PlannedQuery(query, where, single, lists, structures, criteria, extra)
    _check_names(planned)
    return planned


def _listed(said: Any, place: str) -> list[Any]:
    if not isinstance(said, list):
        raise MappingError(f"{place} must be a list")
    return said


def _structure(known: Mapping[str, Field], said: Any, place: str) -> Mapping[str, Compiled]:
    if not isinstance(said, dict) or not set(said) <= set(known):
        raise MappingError(f"{place} must be a list of tables with: {', '.join(known)}")
    missing = [name for name, field in known.items() if field.required and name not in said]
    if missing:
        raise MappingError(f"{place} lacks {', '.join(missing)}")
    return {name: compile_value(known[name], value, f"{place}.{name}") for name, value in said.items()}


def _criterion(said: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(said, dict) or not set(said) <= set(_CRITERION_KEYS) or not {"id", "title", "type"} <= set(said):
        raise MappingError(f"{place} must be a list of tables with id, title, type, of: {', '.join(_CRITERION_KEYS)}")
    return said


def _check_names(one: PlannedQuery) -> None:
    """Refuse columns that are none, or of a table that the query does not name."""
    tables = one.tables
    if len(tables) != 1 + len(one.query.join):
        raise MappingError(f"{one.where}: a table stands there twice; give it another name with 'as'")
    for name in one.all_columns:
        if not COLUMN.match(name):
            raise MappingError(f"{one.where}: {name!r} must be a column like upload.id")
        table = name.partition(".")[0]
        if not name.startswith("@") and table not in tables:
            raise MappingError(f"{one.where}: {name} is of a table that the query does not name in from or join")
    for column, condition in one.query.where.items():
        if isinstance(condition, Condition) and condition.is_ not in (None, "null", "not null"):
            raise MappingError(f"{one.where}.where: {column} must be null or not null, got {condition.is_!r}")
