"""The model as JSON, and back. Strict: a wrong type, an unknown word of a closed list or an impossible time is refused.

Fields that this version does not know are ignored, so that a newer peer can add some. Messages name the place and the
type, not the text that stood there.
"""

from typing import Any, TypeVar

import msgspec

from archiveworker.domain.errors import RecordError
from archiveworker.domain.peer_review.base import FormHash, digest_text
from archiveworker.domain.peer_review.form import Criterion
from archiveworker.domain.peer_review.kinds import Strategy

T = TypeVar("T")


def to_plain(record: object) -> Any:
    """Return ``record`` as dicts, lists, strings, numbers; every field is there, unknown ones are None."""
    return msgspec.to_builtins(record)


def from_plain(data: object, kind: type[T]) -> T:
    """Return the record of type ``kind`` that ``data`` (parsed JSON) is.

    Raises:
        RecordError: it is none; the sentence names the place.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as exc:
        raise _refused(kind, exc) from exc


def encode(record: object) -> bytes:
    """Return JSON (RFC 8259), UTF-8, keys sorted: the same record gives the same bytes."""
    return msgspec.json.encode(record, order="sorted")


def decode(raw: bytes | str, kind: type[T]) -> T:
    """Return the record of type ``kind`` that the JSON ``raw`` is.

    Raises:
        RecordError: it is no JSON, or no such record; the sentence names the place.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise _refused(kind, exc) from exc


def hash_form(strategy: Strategy, criteria: tuple[Criterion, ...]) -> FormHash:
    """Return the digest that tells two versions of a form apart: strategy and criteria, without times and titles."""
    return FormHash(digest_text(strategy.value, encode(criteria).decode("utf-8")))


def _refused(kind: object, exc: Exception) -> RecordError:
    name = getattr(kind, "__name__", "document")
    return RecordError(f"{name} is not in the peer-review exchange format: {exc}")
