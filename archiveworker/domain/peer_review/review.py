"""Who reviewed what, and what they wrote."""

from dataclasses import dataclass, field
from datetime import datetime

from archiveworker.domain.peer_review.base import (
    AllocationId,
    CriterionId,
    FileId,
    FormHash,
    Grade,
    OptionId,
    ParticipantId,
    PartId,
    Record,
    ReviewId,
    SubmissionId,
    Text,
)
from archiveworker.domain.peer_review.kinds import AllocationOrigin, AllocationRole, AllocationState, TimeQuality


@dataclass(frozen=True, slots=True)
class Allocation(Record):
    """A reviewer and a work, put together.

    Attributes:
        id: the source's id; where allocation and review are one row, the id of that row.
        reviewer_id: None when the source hides it.
        submission_id: the work; it may be gone.
        part_id: the only part that is reviewed, when it is not the whole work.
        role: as what the reviewer reviews.
        origin: how the pair came to be.
        state: how far the review is.
        weight: how much the review counts; 0 means not at all.
        allocated_at: when the pair was made, UTC.
        lock_at: since when the work is locked for the reviewer, UTC.
        lock_expires_at: until when, UTC; None for a lock that never ends.
        completed_at: last change of the review, UTC.
        time_quality: of these times.
    """

    id: AllocationId
    reviewer_id: ParticipantId | None
    submission_id: SubmissionId
    part_id: PartId | None = None
    role: AllocationRole = AllocationRole.PEER
    origin: AllocationOrigin = AllocationOrigin.UNKNOWN
    state: AllocationState = AllocationState.PENDING
    weight: float = 1.0
    allocated_at: datetime | None = None
    lock_at: datetime | None = None
    lock_expires_at: datetime | None = None
    completed_at: datetime | None = None
    time_quality: TimeQuality = TimeQuality.UNKNOWN


@dataclass(frozen=True, slots=True)
class Answer(Record):
    """What a reviewer gave for one criterion.

    Attributes:
        criterion_id: None when no criterion of the form fits the key.
        value: points or number.
        option_ids: what was chosen.
        text: for criteria that ask for a text.
        comment: written beside the points.
        key: name under which the source stores it, when that is not the criterion's id.
        raw: the stored value as text, for machines.
    """

    criterion_id: CriterionId | None
    value: float | None = None
    option_ids: tuple[OptionId, ...] = ()
    text: str | None = None
    comment: Text | None = None
    key: str | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Review(Record):
    """What a reviewer wrote.

    Attributes:
        id: the source's id.
        allocation_id: to whom and what it belongs.
        form_hash: the form that it answers; None when it is not known.
        answers: criterion by criterion.
        overall_comment: to the author.
        file_ids: files for the author.
        suggested_grade: what the reviewer's answers come to, on the scale of the submission's grade.
        review_grade: for the reviewing itself.
        staff_feedback: what staff wrote to the reviewer.
        counted: whether it went into the work's grade; None when the source does not say.
    """

    id: ReviewId
    allocation_id: AllocationId
    form_hash: FormHash | None = None
    answers: tuple[Answer, ...] = ()
    overall_comment: Text | None = None
    file_ids: tuple[FileId, ...] = ()
    suggested_grade: float | None = None
    review_grade: Grade = field(default_factory=Grade)
    staff_feedback: Text | None = None
    counted: bool | None = None
