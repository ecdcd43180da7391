"""Takes people out of free text: what is certain is replaced, what is doubtful flagged, what resists withheld."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from archiveworker.domain.peer_review.base import ParticipantId, Text
from archiveworker.domain.peer_review.identity import Identifier, IdentifierKind, Identifiers
from archiveworker.domain.peer_review.kinds import TextFormat
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.peer_review.texts import Place, collect, rewrite

WITHHELD: Final = (
    "[This text names a participant in a way that could not be taken out. It is in the staff archive only.]"
)


class Treatment(StrEnum):
    """What was done about an identifier."""

    SEEN = "seen"
    """Nothing: it was only looked for."""
    REPLACED = "replaced"
    FLAGGED = "flagged"
    """It may be an everyday word; a person has to look before the copy is handed out."""
    WITHHELD = "withheld"
    """The whole text was left out."""


@dataclass(frozen=True, slots=True)
class IdentityFlag:
    """An identifier in free text. For staff only: it says who is named where.

    Attributes:
        place: where.
        person: who is named.
        kind: by what.
        treatment: what was done.
    """

    place: Place
    person: ParticipantId
    kind: IdentifierKind
    treatment: Treatment


def scan(record: PeerReview) -> tuple[IdentityFlag, ...]:
    """Return every place at which free text names a participant. Nothing is changed."""
    identifiers = Identifiers(record.participants)
    return tuple(
        IdentityFlag(place, found.person, found.kind, Treatment.SEEN)
        for place, text in collect(record)
        for found in _strongest(identifiers.in_text(text))
    )


def redact(
    record: PeerReview, identifiers: Identifiers, stand_ins: Mapping[ParticipantId, str]
) -> tuple[PeerReview, tuple[IdentityFlag, ...]]:
    """Return ``record`` without the people in ``stand_ins``, and what was done.

    Args:
        record: the activity.
        identifiers: of all participants.
        stand_ins: what to write in place of each person; nobody else is touched.
    """
    flags: list[IdentityFlag] = []
    names = dict(stand_ins)

    def change(place: Place, text: Text) -> Text:
        found = [one for one in identifiers.in_text(text) if one.person in names]
        if not found:
            return text
        certain = [one for one in found if one.is_certain]
        cleaned = text if not certain else _cleaned(text, identifiers, names)
        treatment = Treatment.WITHHELD if cleaned.body == WITHHELD else Treatment.REPLACED
        flags.extend(
            IdentityFlag(place, one.person, one.kind, treatment if one.is_certain else Treatment.FLAGGED)
            for one in _strongest(found)
        )
        return cleaned

    return rewrite(record, change), tuple(flags)


def _cleaned(text: Text, identifiers: Identifiers, names: dict[ParticipantId, str]) -> Text:
    """Replace what is certain; when any reading of the result still has something certain, withhold the whole text."""
    cleaned = replace(text, body=identifiers.replaced(text.body, names))
    if any(one.is_certain and one.person in names for one in identifiers.in_text(cleaned)):
        return Text(WITHHELD, TextFormat.PLAIN)
    return cleaned


def _strongest(found: "tuple[Identifier, ...] | list[Identifier]") -> list[Identifier]:
    """Return for each person what is certain, or else what is not, each kind once."""
    certain = {one.person for one in found if one.is_certain}
    kept = {(one.person, one.kind): one for one in found if one.is_certain or one.person not in certain}
    return list(kept.values())
