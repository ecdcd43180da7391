"""The state of a system that hands out work from a queue."""

from dataclasses import dataclass
from datetime import datetime

from archiveworker.domain.peer_review.base import ParticipantId, Record, SubmissionId
from archiveworker.domain.peer_review.kinds import TimeQuality


@dataclass(frozen=True, slots=True)
class QueueItem(Record):
    """A work that waits for reviews.

    Attributes:
        submission_id: the work; it may be gone.
        checks_left: reviews that it still wants.
    """

    submission_id: SubmissionId
    checks_left: int


@dataclass(frozen=True, slots=True)
class Lock(Record):
    """A work that somebody has taken.

    Attributes:
        id: the source's id.
        participant_id: who took it; None when the source does not say.
        submission_id: the work; None when the lock belongs to nothing any more.
        locked_at: since when, UTC.
        expires_at: until when, UTC; None for never.
        time_quality: of these times.
    """

    id: str
    participant_id: ParticipantId | None = None
    submission_id: SubmissionId | None = None
    locked_at: datetime | None = None
    expires_at: datetime | None = None
    time_quality: TimeQuality = TimeQuality.UNKNOWN


@dataclass(frozen=True, slots=True)
class Counter(Record):
    """The system's own count of what a person has reviewed.

    Attributes:
        participant_id: who.
        count: reviews that the system counted.
        done: whether it takes the person for finished; None when it has no such mark.
    """

    participant_id: ParticipantId
    count: int
    done: bool | None = None


@dataclass(frozen=True, slots=True)
class Queue(Record):
    """The state of a system that hands out work from a queue, as found.

    Attributes:
        items: what waits.
        locks: what is taken.
        counters: who has done how much.
    """

    items: tuple[QueueItem, ...] = ()
    locks: tuple[Lock, ...] = ()
    counters: tuple[Counter, ...] = ()
