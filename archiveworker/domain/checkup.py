"""What a command that looks for troubles prints: a line for each thing that it looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_MARKS: Final[Mapping[bool | None, str]] = {True: "ok  ", None: "warn", False: "BAD "}


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        ok: True good, False bad, None a warning.
        about: what was looked at.
        message: what was seen, and what to do.
    """

    ok: bool | None
    about: str
    message: str

    def __str__(self) -> str:
        return f"{_MARKS[self.ok]}  {self.about}: {self.message}"
