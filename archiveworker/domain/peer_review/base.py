"""What every record of the peer-review model is made of: ids, texts, grades, and the values that no record can have."""

import hashlib
import math
import re
import unicodedata
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import NewType

from archiveworker.domain.peer_review.kinds import TextFormat

ParticipantId = NewType("ParticipantId", str)
SubmissionId = NewType("SubmissionId", str)
PartId = NewType("PartId", str)
AllocationId = NewType("AllocationId", str)
ReviewId = NewType("ReviewId", str)
CriterionId = NewType("CriterionId", str)
OptionId = NewType("OptionId", str)
FileId = NewType("FileId", str)
FormHash = NewType("FormHash", str)
"""64 lower-case hexadecimal digits; see ``codec.hash_form``."""

_ZERO = timedelta(0)
_HASH = re.compile(r"[0-9a-f]{64}\Z")


class Record:
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
            if spec.name in ("hash", "form_hash", "sha256") and value is not None and not _HASH.match(value):
                raise ValueError(f"{spec.name} must be 64 lower-case hexadecimal digits")


@dataclass(frozen=True, slots=True)
class Text(Record):
    """Something that a person wrote.

    Attributes:
        body: as the source gave it; HTML is not cleaned.
        format: how it has to be read.
    """

    body: str
    format: TextFormat = TextFormat.PLAIN


@dataclass(frozen=True, slots=True)
class Grade(Record):
    """A grade as the system computed it, and what staff made of it. All numbers are on the scale that ends at ``max``.

    Attributes:
        raw: what the system computed.
        over: what staff put in its place.
        by: who did; None when nobody did or the source does not say.
        max: the best grade possible.
    """

    raw: float | None = None
    over: float | None = None
    by: ParticipantId | None = None
    max: float | None = None

    @property
    def final(self) -> float | None:
        """The grade that counts: what staff put, or else what was computed."""
        return self.raw if self.over is None else self.over


def digest_text(*texts: str) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of texts, each with its length before it."""
    state = hashlib.sha256()
    for text in texts:
        raw = text.encode("utf-8")
        state.update(f"{len(raw)}:".encode() + raw)
    return state.hexdigest()
