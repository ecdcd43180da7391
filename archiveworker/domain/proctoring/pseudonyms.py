"""The course without names: people are pseudonyms, addresses are gone, free text about people is withheld.

The LMS's lists have login names and addresses, but not the names that people use, so free text cannot be searched for
names: reviewers' notes and allowances that are texts are left out whole. Texts that staff wrote for everybody
(policies, names of exams) stay. Pseudonyms are made with a key (``domain.pseudonyms``) that is no part of the archive.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from archiveworker.domain.proctoring.base import MASKED, AllowanceId, AttemptId, Masked, PersonId, ReviewId
from archiveworker.domain.proctoring.kinds import TIME_KEYS
from archiveworker.domain.proctoring.model import (
    Allowance,
    Attempt,
    FormerAllowance,
    HistoryEntry,
    Person,
    Proctoring,
    Review,
)
from archiveworker.domain.pseudonyms import Pseudonyms

T = TypeVar("T")


def pseudonymised(record: Proctoring, key: bytes) -> Proctoring:
    """Return the course with pseudonyms; order and ids say nothing about names either.

    Args:
        record: the course.
        key: secret, at least 16 bytes; the same key gives the same pseudonyms.

    Raises:
        RequestError: the key is too short.
    """
    mapped = _Mapped(Pseudonyms(key))
    return replace(
        record,
        course=replace(
            record.course,
            only_people=tuple(sorted(mapped.person(one) for one in record.course.only_people)),
            has_pseudonyms=True,
        ),
        people=tuple(sorted((Person(mapped.person(one.id)) for one in record.people), key=lambda one: one.id)),
        attempts=tuple(sorted((mapped.attempt(one) for one in record.attempts), key=lambda one: one.id)),
        allowances=_each(record.allowances, mapped.allowance),
        onboarding=_each(record.onboarding, lambda one: replace(one, person_id=mapped.person(one.person_id))),
        reviews=_each(record.reviews, mapped.review),
        history=_each(record.history, mapped.entry),
        former_allowances=_each(record.former_allowances, mapped.former),
    )


class _Mapped:
    """Records with every id of a person, and of what belongs to one, replaced."""

    def __init__(self, made: Pseudonyms) -> None:
        self._made = made

    def person(self, old: PersonId) -> PersonId:
        return self._made.person(old)

    def _known(self, old: PersonId | None) -> PersonId | None:
        return None if old is None else self.person(old)

    def _attempt_id(self, old: AttemptId) -> AttemptId:
        return AttemptId(self._made.of("attempt", old))

    def attempt(self, one: Attempt) -> Attempt:
        """A masked code goes too: whoever has the LMS's database could find the person by its digest."""
        masked = Masked(MASKED)
        return replace(
            one,
            id=self._attempt_id(one.id),
            person_id=self.person(one.person_id),
            code=masked if one.code else None,
            external=masked if one.external else None,
        )

    def allowance(self, one: Allowance) -> Allowance:
        return replace(
            one,
            id=AllowanceId(self._made.of("allowance", one.id)),
            person_id=self.person(one.person_id),
            value=None if one.is_sensitive else one.value,
        )

    def review(self, one: Review) -> Review:
        """A reviewer's notes are about a person, and can name one."""
        comments = None if one.comments is None else tuple(replace(note, text=None) for note in one.comments)
        return replace(
            one,
            id=ReviewId(self._made.of("review", one.id)),
            attempt_id=None if one.attempt_id is None else self._attempt_id(one.attempt_id),
            code=Masked(MASKED),
            person_id=self._known(one.person_id),
            reviewed_by=self._known(one.reviewed_by),
            comments=comments,
        )

    def entry(self, one: HistoryEntry) -> HistoryEntry:
        return replace(one, attempt_id=self._attempt_id(one.attempt_id), person_id=self._known(one.person_id))

    def former(self, one: FormerAllowance) -> FormerAllowance:
        return replace(
            one,
            allowance_id=AllowanceId(self._made.of("allowance", one.allowance_id)),
            person_id=self._known(one.person_id),
            value=one.value if one.key in TIME_KEYS else None,
        )


def _each(records: tuple[T, ...] | None, change: Callable[[T], T]) -> tuple[T, ...] | None:
    """Return changed records in an order that says nothing about the one before."""
    return None if records is None else tuple(sorted((change(one) for one in records), key=repr))
