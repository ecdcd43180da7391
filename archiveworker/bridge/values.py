"""What a driver hands out, as a value of the model: strict, and never a guess.

Databases and drivers differ in what they give for the same thing (a flag is an int, a bool or a text; a time is a text
or a datetime): all of them end here. Times are selected as text, because drivers refuse the impossible ones that
legacy databases hold.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

_SHOWN_CHARS: Final = 40
_DAY: Final = timedelta(days=1)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class ValueFault(ValueError):
    """A value that cannot be what it is mapped to; the sentence says what stood there."""


def shown(raw: object) -> str:
    """Return ``raw`` as it can stand in a sentence: short and on one line."""
    text = repr(raw)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def to_text(raw: object) -> str | None:
    """Return text; bytes are taken for UTF-8, structures (JSON columns) become JSON."""
    match raw:
        case None | str():
            return raw
        case bool():
            return "true" if raw else "false"
        case bytes() | bytearray() | memoryview():
            return bytes(raw).decode("utf-8", errors="replace")
        case dict() | list():
            return json.dumps(raw, ensure_ascii=False)
        case float() if raw.is_integer():
            return str(int(raw))
        case _:
            return str(raw)


def to_filename(raw: object) -> str | None:
    """Return a name without folders and control characters; None when nothing is left."""
    text = to_text(raw)
    if text is None:
        return None
    return _CONTROL.sub("_", text.replace("\\", "/").rsplit("/", 1)[-1]) or None


def to_id(raw: object) -> str | None:
    """Return an id.

    Raises:
        ValueFault: it is empty.
    """
    text = to_text(raw)
    if text == "":
        raise ValueFault("an id is empty")
    return text


def to_number(raw: object) -> float | None:
    """Return a finite number.

    Raises:
        ValueFault: it is none.
    """
    if raw is None:
        return None
    if isinstance(raw, int | float | Decimal | str):
        try:
            number = float(raw)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise ValueFault(f"{shown(raw)} is no number")


def to_count(raw: object) -> int | None:
    """Return a whole number.

    Raises:
        ValueFault: it is none.
    """
    number = to_number(raw)
    if number is None:
        return None
    if not number.is_integer():
        raise ValueFault(f"{shown(raw)} is no whole number")
    return int(number)


def to_flag(raw: object) -> bool | None:
    """Return a flag.

    Raises:
        ValueFault: it is none.
    """
    if raw is None:
        return None
    found = _FLAGS.get((to_text(raw) or "").strip().lower())
    if found is None:
        raise ValueFault(f"{shown(raw)} is neither true nor false")
    return found


_FLAGS: Final[Mapping[str, bool]] = MappingProxyType(
    {"1": True, "true": True, "t": True, "y": True, "yes": True, "\x01": True}
    | {"0": False, "false": False, "f": False, "n": False, "no": False, "\x00": False, "": False}
)


def _naive(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _end_of_day(text: str) -> datetime:
    moment = _naive(text)
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC) + _DAY


def _epoch(text: str) -> datetime:
    return datetime.fromtimestamp(float(text), UTC)


TIMES: Final[Mapping[str, Callable[[str], datetime]]] = MappingProxyType(
    {"time": _naive, "end_of_day": _end_of_day, "epoch": _epoch}
)
"""Readers for times: ISO 8601 as databases write it; the end of a date's day; seconds since 1970."""

_EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def to_time(raw: object, reader: str) -> datetime | None:
    """Return an instant, UTC; wall-clock time is taken for UTC, and the record's ``time_quality`` says so.

    Args:
        raw: text, number or date.
        reader: name in ``TIMES``.

    Raises:
        ValueFault: no LMS can have been used at that time.
    """
    if raw is None or raw == "":
        return None
    text = raw.isoformat() if isinstance(raw, date) else to_text(raw) or ""
    text = text.strip().removesuffix(".000000")  # so that a sentence about it is the same for every database
    try:
        moment = TIMES[reader](text)
    except (ValueError, OverflowError, OSError) as exc:
        raise ValueFault(f"{shown(text)} is no time") from exc
    if not _EARLIEST <= moment < _LATEST:
        raise ValueFault(f"{shown(text)} is no time at which an LMS was used")
    return moment


def to_known(raw: object, known: Mapping[str, Any], missing: str) -> Any:
    """Return what ``known`` has for a value (``null`` for NULL, ``true`` and ``false`` also for numbers).

    Raises:
        ValueFault: it has nothing.
    """
    key = "null" if raw is None else (to_text(raw) or "")
    if key in known:
        return known[key]
    flag = _FLAGS.get(key.lower()) if raw is not None else None
    if flag is not None and str(flag).lower() in known:
        return known[str(flag).lower()]
    raise ValueFault(f"the mapping does not say what {shown(raw)} means as {missing}")
