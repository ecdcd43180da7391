"""The records of a peer-review activity, as the system had them: frozen, plain values, no rules.

Ids are the source's own strings and are never made up. Times are UTC, or None when the source has none; how far they
can be believed is in ``time_quality`` of the same record. What is None is not known; empty means that it is known to
be nothing. The model holds irregular data on purpose (a review of a work that is gone, two reviews of one pair): that
is for ``checks`` to find. It refuses only what cannot be a record at all.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archiveworker.domain.peer_review.base import AllocationId, FormHash, ParticipantId, Record, SubmissionId, Text
from archiveworker.domain.peer_review.form import Form
from archiveworker.domain.peer_review.kinds import ParticipantRole, Phase, TimeQuality
from archiveworker.domain.peer_review.queue import Queue
from archiveworker.domain.peer_review.review import Allocation, Review
from archiveworker.domain.peer_review.work import File, Submission


@dataclass(frozen=True, slots=True)
class Anonymity(Record):
    """Who is hidden from whom while reviews are written. None: the source does not say.

    Attributes:
        author_hidden: reviewers do not see whose work it is.
        reviewer_hidden: authors do not see who reviewed them.
    """

    author_hidden: bool | None = None
    reviewer_hidden: bool | None = None


@dataclass(frozen=True, slots=True)
class Activity(Record):
    """The activity itself: its task, its rules, its dates.

    Attributes:
        id: the source's id of the activity.
        system: e.g. ``moodle_workshop``, ``workup``, ``crowdsessment``.
        title: for people.
        course: name of the course, for people.
        instructions: for authors and reviewers, one text each.
        phase: where it stood when it was read.
        submission_open: first instant at which work could be handed in.
        submission_close: last one.
        review_open: first instant at which reviews could be written.
        review_close: last one.
        time_quality: of these four.
        quota_given: reviews that each person has to write; None when the system has no such rule or does not say.
        quota_received: reviews that each work should get.
        anonymity: who is hidden from whom.
        self_review_allowed: whether a person may review their own work.
        submit_before_review: whether only a person with an own work may review.
        grade_max: best grade for a work.
        review_grade_max: best grade for reviewing.
        form_hash: the form in force when the activity was read.
        redactions: sentences: what the source left out on purpose; None when it does not say.
        config_raw: the source's own settings, for machines; never shown, and left out of every copy.
    """

    id: str
    system: str
    title: str
    course: str = ""
    instructions: tuple[Text, ...] = ()
    phase: Phase = Phase.UNKNOWN
    submission_open: datetime | None = None
    submission_close: datetime | None = None
    review_open: datetime | None = None
    review_close: datetime | None = None
    time_quality: TimeQuality = TimeQuality.UNKNOWN
    quota_given: int | None = None
    quota_received: int | None = None
    anonymity: Anonymity = field(default_factory=Anonymity)
    self_review_allowed: bool | None = None
    submit_before_review: bool | None = None
    grade_max: float | None = None
    review_grade_max: float | None = None
    form_hash: FormHash | None = None
    redactions: tuple[str, ...] | None = None
    config_raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Participant(Record):
    """A person of the activity. None means that the source does not have it or does not give it.

    Attributes:
        id: the source's id.
        role: what the person is in the activity.
        display: name for people.
        username: login name.
        email: address.
        external_id: student or staff number.
        pseudonym: name to be used in place of all of these.
        group_ids: groups of the course.
        active: whether the enrolment is active.
    """

    id: ParticipantId
    role: ParticipantRole = ParticipantRole.STUDENT
    display: str | None = None
    username: str | None = None
    email: str | None = None
    external_id: str | None = None
    pseudonym: str | None = None
    group_ids: tuple[str, ...] = ()
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class MatrixCell(Record):
    """One pair of the report that the system itself makes of who reviewed whom.

    Attributes:
        reviewer_id: who reviewed.
        submission_id: what.
        allocation_id: the source's id of the pair.
    """

    reviewer_id: ParticipantId
    submission_id: SubmissionId
    allocation_id: AllocationId | None = None


@dataclass(frozen=True, slots=True)
class Announced(Record):
    """What the source says about itself, to compare what was received with. None: it does not say.

    Attributes:
        participant_count: participants.
        submission_count: works, examples not counted.
        allocation_count: allocations.
        review_count: reviews.
        matrix: the system's own report of pairs.
        matrix_is_complete: whether that report has every pair; Moodle's leaves inactive enrolments out.
    """

    participant_count: int | None = None
    submission_count: int | None = None
    allocation_count: int | None = None
    review_count: int | None = None
    matrix: tuple[MatrixCell, ...] | None = None
    matrix_is_complete: bool = True


@dataclass(frozen=True, slots=True)
class PeerReview(Record):
    """One activity with everything that belongs to it. The order of records is the source's and means nothing.

    Attributes:
        activity: the activity itself.
        participants: the people.
        forms: every version of the form that a review answers, or that is in force.
        submissions: works and examples.
        allocations: who reviews what.
        reviews: what was written; an allocation that is pending has none.
        files: of all records.
        queue: None when the system has none.
        announced: what to compare with.
    """

    activity: Activity
    participants: tuple[Participant, ...] = ()
    forms: tuple[Form, ...] = ()
    submissions: tuple[Submission, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    reviews: tuple[Review, ...] = ()
    files: tuple[File, ...] = ()
    queue: Queue | None = None
    announced: Announced = field(default_factory=Announced)
