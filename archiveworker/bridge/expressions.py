"""Expressions of a mapping, checked once and then evaluated for each row. Pure: a row is a dict.

A row has ``table.column`` for each column, ``table.column as time`` for those that are read as times, and
``@table.column`` for those of the activity's own row.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

from archiveworker.bridge import readers, values
from archiveworker.bridge.fields import Field, Shape
from archiveworker.bridge.mapping import COLUMN, Expression
from archiveworker.domain.errors import MappingError
from archiveworker.domain.peer_review.base import Text
from archiveworker.domain.peer_review.kinds import TextFormat

Row: TypeAlias = Mapping[str, Any]
AS_TIME: Final = " as time"
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_SOURCES: Final = "a column (table.column), or a table with one of: from, first, value, template"


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression that is known to be right.

    Attributes:
        field: what it has to give.
        expression: as it stands in the mapping.
        where: its place in the mapping, for messages.
    """

    field: Field
    expression: Expression
    where: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it reads, as they stand in a row."""
        one = self.expression
        named = [*([one.from_] if one.from_ else []), *one.first, *_PLACE.findall(one.template or "")]
        is_time = self.field.shape is Shape.TIME
        return tuple(f"{name}{AS_TIME}" if is_time else name for name in named)

    def raw(self, row: Row) -> Any:
        """Return what stands in ``row``, before it becomes a value of the model."""
        one = self.expression
        if one.value is not None:
            return one.value
        if one.template is not None:
            return self._filled(one.template, row)
        return next((row[name] for name in self.columns if row[name] is not None), None)

    def value(self, row: Row) -> Any:
        """Return a value of the model.

        Raises:
            ValueFault: what stands there cannot be one.
        """
        raw = self.raw(row)
        if self.expression.map:
            raw = values.to_known(raw, self.expression.map, self.where)
        if raw is None:
            raw = self.expression.default
        result = self._shaped(raw)
        if result is None and self.field.required:
            raise values.ValueFault(f"{self.where} is NULL")
        return result

    def _filled(self, template: str, row: Row) -> str | None:
        parts = {name: values.to_text(row[name]) for name in _PLACE.findall(template)}
        if any(part is None for part in parts.values()):
            return None
        return _PLACE.sub(lambda match: parts[match[1]] or "", template)

    def _shaped(self, raw: Any) -> Any:
        match self.field.shape:
            case Shape.ID | Shape.IDS:
                return values.to_id(raw)
            case Shape.FILENAME:
                return values.to_filename(raw)
            case Shape.RICH | Shape.RICHES:
                text = values.to_text(raw)
                return None if text is None else Text(text, TextFormat(self.expression.format or TextFormat.PLAIN))
            case Shape.TIME:
                return values.to_time(raw, self.expression.read or "time")
            case Shape.COUNT:
                return values.to_count(raw)
            case Shape.NUMBER:
                return values.to_number(raw)
            case Shape.FLAG:
                return values.to_flag(raw)
            case Shape.WORD:
                return self._word(raw)
            case _:
                return values.to_text(raw)

    def _word(self, raw: Any) -> Any:
        if raw is None or self.field.words is None:
            return None
        known = {word.value: word for word in self.field.words}
        return values.to_known(raw, known, " or ".join(known))


def compile_value(field: Field, said: Any, where: str) -> Compiled:
    """Return what a mapping says about one field.

    Args:
        field: what it has to give.
        said: as it stands in the mapping.
        where: its place there, for messages.

    Raises:
        MappingError: it cannot be that.
    """
    expression = _expression(said, where)
    given = [expression.from_ is not None, bool(expression.first), expression.value is not None]
    if sum([*given, expression.template is not None]) != 1:
        raise MappingError(f"{where} must be {_SOURCES}")
    compiled = Compiled(field, expression, where)
    for name in compiled.columns:
        if not COLUMN.match(name.removesuffix(AS_TIME)):
            raise MappingError(f"{where} must be a column like upload.id, got {name.removesuffix(AS_TIME)!r}")
    _check_extras(compiled)
    return compiled


def _expression(said: Any, where: str) -> Expression:
    if isinstance(said, bool | int | float):
        return Expression(value=said)
    if isinstance(said, str):
        return Expression(from_=said)
    try:
        return msgspec.convert(said, Expression)
    except msgspec.ValidationError as exc:
        raise MappingError(f"{where} must be {_SOURCES}: {exc}") from exc


def _check_extras(one: Compiled) -> None:
    shape, expression = one.field.shape, one.expression
    known: dict[Shape, tuple[str, ...]] = {
        Shape.TIME: tuple(values.TIMES),
        Shape.CRITERIA: tuple(readers.FORMS),
        Shape.ANSWERS: tuple(readers.ANSWERS),
    }
    if expression.read is not None and expression.read not in known.get(shape, ()):
        allowed = " or ".join(known.get(shape, ())) or "left out"
        raise MappingError(f"{one.where}.read must be {allowed}, got {expression.read!r}")
    if expression.read is None and shape in (Shape.CRITERIA, Shape.ANSWERS):
        raise MappingError(f"{one.where} must be a list, or name a reader: {' or '.join(known[shape])}")
    formats = tuple(word.value for word in TextFormat)
    if expression.format is not None and (shape not in (Shape.RICH, Shape.RICHES) or expression.format not in formats):
        raise MappingError(f"{one.where}.format is for texts with a format, and must be {' or '.join(formats)}")
    for word in _constant_words(one):
        try:
            one._shaped(word)
        except ValueError as exc:
            raise MappingError(f"{one.where} must be {shape.value}: {exc}") from exc


def _constant_words(one: Compiled) -> Iterator[Any]:
    yield from one.expression.map.values()
    if one.expression.default is not None:
        yield one.expression.default
    if one.expression.value is not None and not one.expression.map:
        yield one.expression.value
