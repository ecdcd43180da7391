"""Reads the fields of a request that a plugin posted; whatever is wrong becomes one sentence that names the field.

Values are never shown: one of them is the token.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from archiveworker.domain.errors import RequestError

FLAG_NAME_PATTERN: Final = r"[A-Za-z0-9_]{1,64}"
MAX_FLAGS: Final = 64
MAX_TEXT_CHARS: Final = 4096
_NAME: Final = re.compile(FLAG_NAME_PATTERN)
MAX_ID: Final = 2**63 - 1
_FLAGS: Final[Mapping[object, bool]] = {True: True, False: False, "1": True, "0": False}


class Fields:
    """An object of a request.

    Args:
        values: the object.
        where: its name with a dot at the end, empty for the request itself.
    """

    def __init__(self, values: Mapping[str, object], where: str = "") -> None:
        self._values = values
        self._where = where

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def name(self, key: str) -> str:
        """Return how the sentence calls the field ``key``."""
        return f"{self._where}{key}"

    def wrong(self, key: str, expectation: str) -> RequestError:
        """Return the error for ``key``; ``expectation`` begins with "must"."""
        if key not in self._values:
            return RequestError(f"{self.name(key)} is missing; it {expectation}")
        return RequestError(f"{self.name(key)} {expectation}")

    def beside(self, key: str, value: object) -> "Fields":
        """Return these fields with one more."""
        return Fields({**self._values, key: value}, self._where)

    def raw(self, key: str) -> object:
        """Return the value, None when missing."""
        return self._values.get(key)

    def text(self, key: str, *, max_chars: int = MAX_TEXT_CHARS) -> str:
        """Return a text that is not empty."""
        value = self._values.get(key)
        if not isinstance(value, str) or not value.strip() or len(value) > max_chars or "\0" in value:
            raise self.wrong(key, f"must be a text of 1 to {max_chars} characters")
        return value

    def integer(self, key: str, low: int = 1, high: int = MAX_ID) -> int:
        """Return a whole number; also from its decimal text, as PHP plugins pass settings on unconverted."""
        value = self._values.get(key)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, f"must be a whole number from {low} to {high}")
        return value

    def flag(self, key: str, default: bool | None = None) -> bool:
        """Return true or false; also from 0, 1, "0" and "1". ``default`` None means that the field is required."""
        value = self._values.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, bool | int | str) or value not in _FLAGS:
            raise self.wrong(key, "must be true or false")
        return _FLAGS[value]

    def ids(self, key: str, max_count: int) -> tuple[int, ...]:
        """Return a list of different positive whole numbers, at least one, sorted."""
        value = self._values.get(key)
        expectation = f"must be a list of 1 to {max_count} different positive whole numbers"
        if not isinstance(value, list) or not 0 < len(value) <= max_count:
            raise self.wrong(key, expectation)
        if any(not isinstance(v, int) or isinstance(v, bool) or not 0 < v <= MAX_ID for v in value):
            raise self.wrong(key, expectation)
        if len(set(value)) != len(value):
            raise self.wrong(key, expectation)
        return tuple(sorted(value))

    def inner(self, key: str) -> "Fields":
        """Return a field that is an object."""
        value = self._values.get(key)
        if not isinstance(value, dict):
            raise self.wrong(key, "must be an object")
        return Fields(value, f"{self.name(key)}.")

    def flags(self, key: str, *, max_count: int = MAX_FLAGS) -> dict[str, bool]:
        """Return a field that is an object of flags, under the very names that came."""
        value = self.inner(key)._values
        if len(value) > max_count or not all(_NAME.fullmatch(name) for name in value):
            raise self.wrong(key, f"must have at most {max_count} entries, named by letters, digits and underscores")
        inner = Fields(value, f"{self.name(key)}.")
        return {name: inner.flag(name) for name in value}

    def objects(self, key: str, max_count: int) -> list["Fields"]:
        """Return a field that is a list of objects; an empty one and null give none."""
        value = self._values.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > max_count or any(not isinstance(v, dict) for v in value):
            raise self.wrong(key, f"must be a list of at most {max_count} objects, or null")
        return [Fields(v, f"{self.name(key)}[{index}].") for index, v in enumerate(value)]
