"""Finds people in free text: names, login names, addresses, student numbers, however they are spelt or marked up.

It finds what is written out. It does not find nicknames, hints ("my flat mate"), handwriting in pictures, or what is in
attached files; who hands a copy out has to know that. A text is compared word by word, without case and accents.
"""

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from archiveworker.domain.peer_review.base import ParticipantId, Text
from archiveworker.domain.peer_review.kinds import TextFormat
from archiveworker.domain.peer_review.model import Participant

_NO_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U0003ffff"
)
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"  # accents, vowel points
    "\u0900-\u0dff"  # vowel signs of Indic scripts
)
_WORD = re.compile(f"[{_NO_SPACES}]|(?:[^\\W_{_NO_SPACES}]|[{_MARKS}])+")
_TAG = re.compile(r"<[^<>]*>")
_MIN_NAME_LETTERS = 3
_MIN_NUMBER_LENGTH = 4
_MIN_USERNAME_LENGTH = 5


class IdentifierKind(StrEnum):
    """What of a person was found."""

    NAME = "name"
    NAME_PART = "name_part"
    USERNAME = "username"
    EMAIL = "email"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Identifier:
    """Something that names a person.

    Attributes:
        person: whom.
        kind: what it is.
        words: as they are compared.
        is_certain: it names this person; otherwise it may be an everyday word too, and a person has to look.
    """

    person: ParticipantId
    kind: IdentifierKind
    words: tuple[str, ...]
    is_certain: bool


@dataclass(frozen=True, slots=True)
class Match:
    """A place at which an identifier stands.

    Attributes:
        identifier: which.
        start: first character.
        end: after the last one.
    """

    identifier: Identifier
    start: int
    end: int


class Identifiers:
    """Everything that names a participant, looked up by its first word: a text of n words takes O(n).

    Args:
        people: the participants.
    """

    def __init__(self, people: Iterable[Participant]) -> None:
        self._by_first_word: defaultdict[str, list[Identifier]] = defaultdict(list)
        for person in people:
            for identifier in {one.words: one for one in _identifiers(person)}.values():
                self._by_first_word[identifier.words[0]].append(identifier)

    def in_plain(self, text: str) -> Iterator[Match]:
        """Yield every identifier in ``text``, taken as it is."""
        words = [(fold(found[0]), found.start(), found.end()) for found in _WORD.finditer(text)]
        for at, (word, start, _) in enumerate(words):
            for identifier in self._by_first_word.get(word, ()):
                last = at + len(identifier.words)
                if tuple(one for one, _, _ in words[at:last]) == identifier.words:
                    yield Match(identifier, start, words[last - 1][2])

    def in_text(self, text: Text) -> tuple[Identifier, ...]:
        """Return what is in ``text``, also when mark-up, entities or URL encoding come between."""
        found = {match.identifier for reading in readings(text) for match in self.in_plain(reading)}
        return tuple(sorted(found, key=lambda one: (one.person, one.kind, one.words)))

    def replaced(self, text: str, stand_ins: dict[ParticipantId, str]) -> str:
        """Return ``text`` with each certain identifier of people in ``stand_ins`` replaced, the longest first."""
        matches = [
            one for one in self.in_plain(text) if one.identifier.is_certain and one.identifier.person in stand_ins
        ]
        matches.sort(key=lambda one: (one.start, -one.end))
        pieces, at = [], 0
        for match in matches:
            if match.start >= at:
                pieces += [text[at : match.start], stand_ins[match.identifier.person]]
                at = match.end
        return "".join((*pieces, text[at:]))


def fold(word: str) -> str:
    """Return ``word`` as it is compared: without case, accents and presentation forms (Unicode TR 15, NFKD)."""
    plain = unicodedata.normalize("NFKD", word).casefold()
    return "".join(char for char in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(char))


def readings(text: Text) -> tuple[str, ...]:
    """Return the ways in which ``text`` can be read: as it stands, without invisible characters, without mark-up."""
    visible = "".join(char for char in text.body if unicodedata.category(char) != "Cf")
    found = [text.body, visible, unquote(visible)]
    if text.format is not TextFormat.PLAIN:
        found += [html.unescape(_TAG.sub(gap, visible)) for gap in ("", " ")]
        found.append(unquote(html.unescape(visible)))
    return tuple(dict.fromkeys(found))


def _identifiers(person: Participant) -> Iterator[Identifier]:
    for part in _words(person.display or ""):
        if len(part) >= _MIN_NAME_LETTERS:
            yield Identifier(person.id, IdentifierKind.NAME_PART, (part,), is_certain=False)
    username = _words(person.username or "")
    if username:
        is_certain = (
            any(char.isdigit() for char in person.username or "") or len(person.username or "") >= _MIN_USERNAME_LENGTH
        )
        yield Identifier(person.id, IdentifierKind.USERNAME, username, is_certain)
    number = _words(person.external_id or "")
    if number:
        is_certain = sum(map(len, number)) >= _MIN_NUMBER_LENGTH
        yield Identifier(person.id, IdentifierKind.NUMBER, number, is_certain)
    email = _words(person.email or "")
    if email:
        yield Identifier(person.id, IdentifierKind.EMAIL, email, is_certain=True)
    name = _words(person.display or "")
    if name:
        for order in {name, name[::-1], (*name[1:], name[0]), (name[-1], *name[:-1])}:
            yield Identifier(person.id, IdentifierKind.NAME, order, is_certain=True)


def _words(text: str) -> tuple[str, ...]:
    return tuple(fold(found[0]) for found in _WORD.finditer(text))
