"""Reads fields of Moodle's answers: what is missing is None, what is of a wrong type is an error that names its place.

Moodle writes the same number as ``8``, ``8.5`` or ``"8.00000"``, a truth as ``true``, ``1`` or ``"1"``, and 0 where it
means that there is no time or no person. Values are never shown in errors: they are what students wrote.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from archiveworker.domain.errors import RecordError
from archiveworker.domain.peer_review.base import Text
from archiveworker.domain.peer_review.kinds import TextFormat, TimeQuality

_FLAGS: Final[Mapping[object, bool]] = {True: True, False: False, "1": True, "0": False, "": False}
_END_OF_TIME_S: Final = 2**33
"""Year 2242: a time-stamp beyond it is a mistake, not a time."""
_PLAIN: Final = 2
_MARKDOWN: Final = 4


class Entry:
    """An object of an answer.

    Args:
        values: what was answered.
        where: the function, and the place in its answer; begins the sentence of an error.

    Raises:
        RecordError: it is no object.
    """

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, dict):
            raise RecordError(f"{where} is not an object, as Moodle's documentation says; is a proxy in between?")
        self._values: dict[str, object] = values
        self._where = where

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    @property
    def plain(self) -> dict[str, object]:
        """The object as it came."""
        return self._values

    def wrong(self, key: str, expectation: str) -> RecordError:
        """Return the error for ``key``; ``expectation`` says what it should be."""
        return RecordError(f"{self._where} has no {key} that is {expectation}; update Moodle, or tell us its release")

    def number(self, key: str) -> float | None:
        """Return a number; None when there is none."""
        value = self._values.get(key)
        if value is None or value == "":
            return None
        try:
            number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise self.wrong(key, "a number")
        return number

    def id(self, key: str) -> int:
        """Return the id of a record: a positive whole number."""
        found = self.person(key)
        if found is None:
            raise self.wrong(key, "an id")
        return found

    def person(self, key: str) -> int | None:
        """Return the id of a person, None for 0 and null: Moodle's way to hide who it was."""
        number = self.number(key)
        if number is None or number == 0:
            return None
        if number < 0 or number != int(number):
            raise self.wrong(key, "an id")
        return int(number)

    def count(self, key: str) -> int | None:
        """Return a whole number that is not negative; None when there is none."""
        number = self.number(key)
        if number is not None and (number < 0 or number != int(number)):
            raise self.wrong(key, "a count")
        return None if number is None else int(number)

    def text(self, key: str) -> str | None:
        """Return a text, None when there is none; numbers are taken as they are written."""
        value = self._values.get(key)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, int | float):
            return str(value)
        raise self.wrong(key, "a text")

    def rich(self, key: str) -> Text | None:
        """Return a text with the format that stands beside it (``<key>format``), None when there is none."""
        body = self.text(key)
        return None if body is None else formatted(body, self.count(f"{key}format"))

    def flag(self, key: str) -> bool | None:
        """Return a truth, None when there is none."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, bool | int | str) or value not in _FLAGS:
            raise self.wrong(key, "true or false")
        return _FLAGS[value]

    def time(self, key: str) -> datetime | None:
        """Return an instant (seconds since 1970); None for 0, for null, and for what cannot be a time."""
        seconds = self.number(key)
        return datetime.fromtimestamp(int(seconds), UTC) if seconds and 0 < seconds < _END_OF_TIME_S else None

    def quality(self, *keys: str) -> TimeQuality:
        """Return how far the times of ``keys`` can be believed: not at all when one of them cannot be a time."""
        seconds = [self.number(key) or 0 for key in keys]
        return TimeQuality.EXACT if all(0 <= one < _END_OF_TIME_S for one in seconds) else TimeQuality.UNKNOWN

    def inner(self, key: str) -> "Entry":
        """Return an object in the object."""
        return Entry(self._values.get(key), f"{self._where}: {key}")

    def entries(self, key: str) -> list["Entry"]:
        """Return a list of objects; none when the list is missing."""
        return entries(self._values.get(key) or [], f"{self._where}: {key}")


def entries(values: object, where: str) -> list[Entry]:
    """Return a list of objects.

    Raises:
        RecordError: it is no such list.
    """
    if not isinstance(values, list):
        raise RecordError(f"{where} is not a list, as Moodle's documentation says; is a proxy in between?")
    return [Entry(value, f"{where}[{number}]") for number, value in enumerate(values)]


def formatted(body: str, code: int | None) -> Text:
    """Return a text in Moodle's format ``code`` (FORMAT_MOODLE 0, HTML 1, PLAIN 2, MARKDOWN 4; ``lib/weblib.php``).

    FORMAT_MOODLE is HTML in which a line break counts; without any markup it is read as plain text, which keeps them.
    """
    if code == _PLAIN or (code == 0 and "<" not in body and "&" not in body):
        return Text(body, TextFormat.PLAIN)
    return Text(body, TextFormat.MARKDOWN if code == _MARKDOWN else TextFormat.HTML)
