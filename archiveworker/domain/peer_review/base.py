"""What every record of the peer-review model is made of: ids, texts, grades, and the values that no record can have."""

import hashlib
from dataclasses import dataclass
from typing import NewType

from archiveworker.domain.peer_review.kinds import TextFormat
from archiveworker.domain.records import BaseRecord

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


class Record(BaseRecord):
    """Base of the records of peer reviews."""

    __slots__ = ()


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
