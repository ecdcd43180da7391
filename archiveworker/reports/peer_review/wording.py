"""Times, grades and the words of closed lists, as people read them. English, UTC."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from archiveworker.domain.peer_review.base import Grade
from archiveworker.domain.peer_review.kinds import TimeQuality
from archiveworker.reports.wording import NONE, UNKNOWN, count, number, yes_no

__all__ = ["NONE", "UNKNOWN", "count", "grade", "number", "out_of", "system", "time", "word", "yes_no"]

_WORDS: Final = {
    "numerrors": "number of errors",
    "accumulative": "accumulative grading",
    "comments": "comments only",
    "rubric": "rubric",
    "questionnaire": "questionnaire",
    "score": "one score",
    "done": "finished",
    "open": "chosen in an open list",
    "random": "at random",
    "manual": "by hand",
    "queue": "from the queue",
    "link": "by a link",
    "peer": "peer",
    "self": "self-assessment",
    "staff": "staff",
    "reference": "reference assessment",
}
_SYSTEMS: Final = {"moodle_workshop": "Moodle Workshop", "workup": "workUp", "crowdsessment": "Crowdsessment"}


def system(name: str) -> str:
    """Return the name of an LMS as it calls itself."""
    return _SYSTEMS.get(name, name)


def word(value: StrEnum) -> str:
    """Return a word of a closed list for people."""
    return UNKNOWN if value.value == "unknown" else _WORDS.get(value.value, value.value.replace("_", " "))


def time(at: datetime | None, quality: TimeQuality) -> str:
    """Return a time with what it is worth: ``2026-04-13 08:00:00 UTC``."""
    if at is None:
        return UNKNOWN
    shown = f"{at:%Y-%m-%d %H:%M:%S}"
    return (
        shown
        + {
            TimeQuality.EXACT: " UTC",
            TimeQuality.NAIVE: " (zone not known)",
            TimeQuality.UNKNOWN: " (not reliable)",
        }[quality]
    )


def out_of(value: float | None, maximum: float | None) -> str:
    """Return ``77.5 of 100``."""
    return number(value) if maximum is None or value is None else f"{number(value)} of {number(maximum)}"


def grade(one: Grade) -> str:
    """Return the grade that counts."""
    return out_of(one.final, one.max)
