"""What every record of a model is made of, and its JSON: strict, canonical, without quoting what was refused.

Fields that this version does not know are ignored, so that a newer peer can add some.
"""

import math
import re
import unicodedata
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from archiveworker.domain.errors import RecordError

T = TypeVar("T")

_ZERO = timedelta(0)
_HASH = re.compile(r"[0-9a-f]{64}\Z")
HASH_FIELDS = ("hash", "form_hash", "sha256")
"""Fields that hold a SHA-256 in hexadecimal."""


class BaseRecord:
    """Base of all records: refuses values that no record can have, whatever made it.

    Raises:
        ValueError: a time without a zone or not in UTC, a number that is not finite, a lone surrogate, an empty id,
            a digest that is none.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        for spec in fields(self):  # type: ignore[arg-type]
            value = getattr(self, spec.name)
            if isinstance(value, datetime) and value.utcoffset() != _ZERO:
                raise ValueError(f"{spec.name} must be in UTC, with its zone")
            if isinstance(value, str) and not value.isascii():
                value.encode()  # a lone surrogate is no text
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{spec.name} must be a finite number")
            if spec.name == "id" and (not value or any(unicodedata.category(c) in ("Cc", "Cs") for c in value)):
                raise ValueError("id must be a text that is not empty and has no control characters")
            if spec.name in HASH_FIELDS and value is not None and not _HASH.match(value):
                raise ValueError(f"{spec.name} must be 64 lower-case hexadecimal digits")


class Codec:
    """Records as JSON, and back.

    Args:
        format_name: what a refused document should have been, e.g. ``the peer-review exchange format``.
    """

    def __init__(self, format_name: str) -> None:
        self._format_name = format_name

    def to_plain(self, record: object) -> Any:
        """Return ``record`` as dicts, lists, strings, numbers; every field is there, unknown ones are None."""
        return msgspec.to_builtins(record)

    def from_plain(self, data: object, kind: type[T]) -> T:
        """Return the record of type ``kind`` that ``data`` (parsed JSON) is.

        Raises:
            RecordError: it is none; the sentence names the place.
        """
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError as exc:
            raise self._refused(kind, exc) from exc

    def encode(self, record: object) -> bytes:
        """Return JSON (RFC 8259), UTF-8, keys sorted: the same record gives the same bytes."""
        return msgspec.json.encode(record, order="sorted")

    def decode(self, raw: bytes | str, kind: type[T]) -> T:
        """Return the record of type ``kind`` that the JSON ``raw`` is.

        Raises:
            RecordError: it is no JSON, or no such record; the sentence names the place.
        """
        try:
            return msgspec.json.decode(raw, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise self._refused(kind, exc) from exc

    def _refused(self, kind: object, exc: Exception) -> RecordError:
        name = getattr(kind, "__name__", "document")
        return RecordError(f"{name} is not in {self._format_name}: {exc}")
