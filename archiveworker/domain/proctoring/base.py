"""What every record of the proctoring model is made of: ids, and secrets that are never kept.

Whoever has an attempt's ``attempt_code`` and ``external_id`` can post a review of it without logging in. So neither
ever enters a record: ``mask`` leaves enough to recognise one by, and the digest lets whoever has the LMS find it.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, NewType

from archiveworker.domain.records import BaseRecord

ExamId = NewType("ExamId", str)
PersonId = NewType("PersonId", str)
"""The login name, which is what every list of the LMS has; or a pseudonym."""
AttemptId = NewType("AttemptId", str)
AllowanceId = NewType("AllowanceId", str)
ReviewId = NewType("ReviewId", str)

MASKED: Final = "\N{HORIZONTAL ELLIPSIS}"
_SHOWN_CHARACTERS: Final = 4
_MIN_UNGUESSABLE: Final = 32
SECRET_KEYS: Final = frozenset({"attempt_code", "external_id"})


class Record(BaseRecord):
    """Base of the records of proctored exams."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Masked(Record):
    """A secret that was in an answer, and that nobody can use any more.

    Attributes:
        shown: its first characters.
        sha256: of its UTF-8 text; None when it is so short that it could be guessed from the digest.
    """

    shown: str
    sha256: str | None = None


def mask(secret: str | None) -> Masked | None:
    """Return ``secret`` masked; None for none."""
    if not secret:
        return None
    if len(secret) < _MIN_UNGUESSABLE:
        return Masked(MASKED)
    return Masked(secret[:_SHOWN_CHARACTERS] + MASKED, digest(secret))


def mask_answer(answer: object) -> object:
    """Return an answer of the LMS (parsed JSON) in which every secret is masked, with its digest beside it."""
    if isinstance(answer, list):
        return [mask_answer(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    masked = {key: mask_answer(value) for key, value in answer.items()}
    for key in SECRET_KEYS & answer.keys():
        found = mask(answer[key]) if isinstance(answer[key], str) else None
        if found is not None:
            masked |= {key: found.shown, f"{key}_sha256": found.sha256}
    return masked


def digest(secret: str) -> str:
    """Return the digest by which a masked secret is recognised: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
