"""What a mapping may say about each record: the names of fields, what each has to be, and which must be there.

The names are those of the model (``domain.peer_review``) and of the exchange API, flattened where a record has a record
in it (``grade_raw``, ``author_hidden``). Pure tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from archiveworker.domain.peer_review import kinds


class Shape(StrEnum):
    """What a field is."""

    ID = "an id"
    TEXT = "a text"
    FILENAME = "a file name"
    RICH = "a text with a format"
    TIME = "a time"
    COUNT = "a whole number"
    NUMBER = "a number"
    FLAG = "true or false"
    WORD = "a word of a closed list"
    IDS = "a list of ids"
    RICHES = "a list of texts"
    PARTS = "a list of parts"
    CRITERIA = "criteria, or a reader for them"
    ANSWERS = "answers, or a reader for them"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record.

    Attributes:
        shape: what it is.
        required: whether a mapping has to name it, and NULL is refused.
        words: of a closed list.
    """

    shape: Shape
    required: bool = False
    words: type[StrEnum] | None = None


def _word(words: type[StrEnum], *, required: bool = False) -> Field:
    return Field(Shape.WORD, required, words)


def _fields(shape: Shape, *names: str) -> dict[str, Field]:
    return {name: Field(shape) for name in names}


_ID: Final = Field(Shape.ID, required=True)
_QUALITY: Final = {"time_quality": _word(kinds.TimeQuality)}

PART: Final[Mapping[str, Field]] = MappingProxyType({"id": _ID, "text": Field(Shape.RICH), "task": Field(Shape.RICH)})
ANSWER: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "criterion": _ID,
        "value": Field(Shape.NUMBER),
        "text": Field(Shape.TEXT),
        "comment": Field(Shape.RICH),
    }
)

RECORDS: Final[Mapping[str, Mapping[str, Field]]] = MappingProxyType(
    {
        "activity": {
            "id": _ID,
            "title": Field(Shape.TEXT, required=True),
            "course": Field(Shape.TEXT),
            "instructions": Field(Shape.RICHES),
            "phase": _word(kinds.Phase),
            **_fields(Shape.TIME, "submission_open", "submission_close", "review_open", "review_close"),
            **_QUALITY,
            **_fields(Shape.COUNT, "quota_given", "quota_received"),
            **_fields(Shape.FLAG, "author_hidden", "reviewer_hidden", "self_review_allowed", "submit_before_review"),
            **_fields(Shape.NUMBER, "grade_max", "review_grade_max"),
        },
        "participants": {
            "id": _ID,
            "role": _word(kinds.ParticipantRole),
            **_fields(Shape.TEXT, "display", "username", "email", "external_id"),
            "group_ids": Field(Shape.IDS),
            "active": Field(Shape.FLAG),
        },
        "forms": {
            "id": _ID,
            "strategy": _word(kinds.Strategy, required=True),
            "title": Field(Shape.TEXT),
            "description": Field(Shape.RICH),
            "modified_at": Field(Shape.TIME),
            **_QUALITY,
            "criteria": Field(Shape.CRITERIA, required=True),
        },
        "submissions": {
            "id": _ID,
            "author_ids": Field(Shape.IDS, required=True),
            "title": Field(Shape.TEXT),
            "parts": Field(Shape.PARTS),
            "file_ids": Field(Shape.IDS),
            **_fields(Shape.TIME, "created_at", "modified_at"),
            **_QUALITY,
            **_fields(Shape.FLAG, "late", "published"),
            **_fields(Shape.NUMBER, "grade_raw", "grade_over", "grade_max"),
            "grade_by": Field(Shape.ID),
            "staff_feedback": Field(Shape.RICH),
        },
        "allocations": {
            "id": _ID,
            "reviewer_id": Field(Shape.ID),
            "submission_id": _ID,
            "part_id": Field(Shape.ID),
            "role": _word(kinds.AllocationRole),
            "origin": _word(kinds.AllocationOrigin),
            "state": _word(kinds.AllocationState, required=True),
            "weight": Field(Shape.NUMBER),
            **_fields(Shape.TIME, "allocated_at", "lock_at", "lock_expires_at", "completed_at"),
            **_QUALITY,
        },
        "reviews": {
            "id": _ID,
            "allocation_id": _ID,
            "form": Field(Shape.ID),
            "answers": Field(Shape.ANSWERS),
            "overall_comment": Field(Shape.RICH),
            "file_ids": Field(Shape.IDS),
            **_fields(Shape.NUMBER, "suggested_grade", "grade_raw", "grade_over", "grade_max"),
            "grade_by": Field(Shape.ID),
            "staff_feedback": Field(Shape.RICH),
            "counted": Field(Shape.FLAG),
        },
        "files": {
            "id": _ID,
            "area": _word(kinds.FileArea, required=True),
            "filename": Field(Shape.FILENAME, required=True),
            "stored": Field(Shape.TEXT),
            "modified_at": Field(Shape.TIME),
            **_QUALITY,
        },
        "queue_items": {"submission_id": _ID, "checks_left": Field(Shape.COUNT, required=True)},
        "locks": {
            "id": _ID,
            "participant_id": Field(Shape.ID),
            "submission_id": Field(Shape.ID),
            **_fields(Shape.TIME, "locked_at", "expires_at"),
            **_QUALITY,
        },
        "counters": {
            "participant_id": _ID,
            "count": Field(Shape.COUNT, required=True),
            "done": Field(Shape.FLAG),
        },
        "counted_submissions": {},
        "matrix": {"reviewer_id": _ID, "submission_id": _ID},
    }
)
"""For each collection of a mapping its fields."""
