"""What happened when in the attempts of one person at one exam: what was recorded, and what follows from it.

Every event says where it comes from. A time that the LMS does not give is not made up: an attempt that was rejected
without a review on record has its last change there, and nothing more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from archiveworker.domain.proctoring.base import AttemptId
from archiveworker.domain.proctoring.kinds import REVIEWED, Change, Status
from archiveworker.domain.proctoring.model import Attempt, HistoryEntry, Proctoring, Review


class EventKind(StrEnum):
    """Kinds of events."""

    CREATED = "created"
    STARTED = "started"
    COMPLETED = "completed"
    """The learner handed in, or the time was over."""
    INTERRUPTED = "interrupted"
    """It broke off; the LMS keeps the seconds that were left."""
    LIMIT = "limit"
    """The time allowed ended."""
    REVIEWED = "reviewed"
    RESUMED = "resumed"
    STATUS = "status"
    """The status changed; from the LMS's history."""
    LAST_CHANGE = "last_change"
    """The record was changed for the last time; the LMS does not say how."""
    DELETED = "deleted"


class Origin(StrEnum):
    """Where the time of an event comes from."""

    RECORDED = "recorded"
    """The LMS recorded it."""
    COMPUTED = "computed"
    """It follows from what was recorded."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        at: when, UTC.
        kind: what.
        attempt_id: in which attempt.
        origin: where the time comes from.
        status: after it; None when it says nothing about the status.
        words: the reviewer's or the LMS's own word; may be empty.
    """

    at: datetime
    kind: EventKind
    attempt_id: AttemptId
    origin: Origin = Origin.RECORDED
    status: Status | None = None
    words: str = ""


def limit_of(attempt: Attempt) -> datetime | None:
    """Return when the time allowed ends (started_at + allowed minutes); None when it never began or is not known."""
    if attempt.started_at is None or attempt.allowed_mins is None:
        return None
    return attempt.started_at + timedelta(minutes=attempt.allowed_mins)


def interrupted_at(attempt: Attempt) -> datetime | None:
    """Return when an attempt broke off: the end of its time less the seconds left; None when it did not."""
    limit = limit_of(attempt)
    if limit is None or attempt.remaining_s is None or attempt.status is not Status.ERROR:
        return None
    return max(limit - timedelta(seconds=attempt.remaining_s), attempt.started_at or limit)


def events_of(record: Proctoring, attempts: tuple[Attempt, ...]) -> tuple[Event, ...]:
    """Return the events of attempts of one person at one exam, in the order of time.

    Args:
        record: with reviews and history, if there are any.
        attempts: in the order of ``created_at``.
    """
    ids = {one.id for one in attempts}
    events: list[Event] = []
    for at, one in enumerate(attempts):
        events += _own(one)
        if one.is_resumed and at + 1 < len(attempts):
            events.append(Event(attempts[at + 1].created_at, EventKind.RESUMED, one.id, Origin.COMPUTED))
    events += [
        _reviewed(one, one.attempt_id) for one in record.reviews or () if one.attempt_id in ids and one.attempt_id
    ]
    known = {(event.attempt_id, event.at) for event in events}
    events += [_changed(one) for one in record.history or () if one.attempt_id in ids and _says_more(one, known)]
    events += _last_changes(record, attempts, events)
    return tuple(sorted(set(events), key=lambda event: (event.at, _ORDER[event.kind], event.attempt_id, event.words)))


_ORDER = {kind: at for at, kind in enumerate(EventKind)}


def _own(one: Attempt) -> list[Event]:
    found = [Event(one.created_at, EventKind.CREATED, one.id)]
    if one.started_at is not None:
        found.append(Event(one.started_at, EventKind.STARTED, one.id))
    broken = interrupted_at(one)
    if broken is not None:
        found.append(Event(broken, EventKind.INTERRUPTED, one.id, Origin.COMPUTED))
    limit = limit_of(one)
    if limit is not None:
        found.append(Event(limit, EventKind.LIMIT, one.id, Origin.COMPUTED))
    if one.completed_at is not None:
        found.append(Event(one.completed_at, EventKind.COMPLETED, one.id))
    return found


def _reviewed(one: Review, attempt_id: AttemptId) -> Event:
    return Event(one.created_at, EventKind.REVIEWED, attempt_id, words=one.status)


def _changed(one: HistoryEntry) -> Event:
    kind = EventKind.DELETED if one.change is Change.DELETED else EventKind.STATUS
    return Event(one.at, kind, one.attempt_id, status=one.status, words=one.status_given)


def _says_more(one: HistoryEntry, known: set[tuple[AttemptId, datetime]]) -> bool:
    """Whether an entry is more than a creation or a start that the attempt itself has."""
    if one.change is Change.CREATED:
        return False
    return one.status is not Status.STARTED or (one.attempt_id, one.at) not in known


def _last_changes(record: Proctoring, attempts: tuple[Attempt, ...], events: list[Event]) -> list[Event]:
    """Without a history, the last change of a record is the best that is known about its last status."""
    if record.history is not None:
        return []
    latest = {
        one.id: max(event.at for event in events if event.attempt_id == one.id and event.kind is not EventKind.LIMIT)
        for one in attempts
    }
    return [
        Event(one.modified_at, EventKind.LAST_CHANGE, one.id, status=one.status, words=one.status_given)
        for one in attempts
        if one.modified_at > latest[one.id] or (one.status in REVIEWED and record.reviews is None)
    ]
