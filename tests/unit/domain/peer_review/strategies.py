"""Hypothesis strategies for every record of the peer-review model, made from its type hints."""

import types
import typing
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any

from hypothesis import strategies as st

from archiveworker.domain.peer_review.base import Record

IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
JSON = st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(-9, 9), st.booleans(), st.none()), max_size=2)


@cache
def record(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for ``kind``; a generic record such as ``Page[Form]`` is fine too."""
    plain = typing.get_origin(kind) or kind
    bound = dict(zip(getattr(plain, "__parameters__", ()), typing.get_args(kind), strict=True))
    hints = typing.get_type_hints(plain)
    given = {spec.name: _field(spec.name, hints[spec.name], bound) for spec in fields(plain)}
    assert all(spec.default is not MISSING or spec.name in given for spec in fields(plain))
    return st.builds(plain, **given)


def _field(name: str, hint: Any, bound: dict[Any, Any]) -> st.SearchStrategy[Any]:
    if name == "id":
        return IDS
    if name in ("hash", "form_hash", "sha256"):
        return HASHES if not isinstance(hint, types.UnionType) else st.none() | HASHES
    return _typed(hint, bound)


def _typed(hint: Any, bound: dict[Any, Any]) -> st.SearchStrategy[Any]:
    hint = bound.get(hint, hint)
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return st.one_of([_typed(arg, bound) for arg in args])
    if origin is tuple:
        return st.lists(_typed(args[0], bound), max_size=2).map(tuple)
    if origin is typing.Literal:
        return st.sampled_from(args)
    if origin is dict:
        return JSON
    if isinstance(hint, type) and issubclass(hint, Record):
        return record(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    return {
        str: TEXTS,
        float: NUMBERS,
        int: st.integers(-(2**31), 2**31),
        bool: st.booleans(),
        datetime: TIMES,
        type(None): st.none(),
    }[hint]
