"""An activity, indexed once, so that every check is a walk over what it needs: O(n log n) in all."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

from archiveworker.domain.findings import isolated
from archiveworker.domain.peer_review.base import AllocationId, FormHash, ParticipantId, SubmissionId
from archiveworker.domain.peer_review.form import Criterion, Form
from archiveworker.domain.peer_review.kinds import (
    AllocationRole,
    AllocationState,
    ParticipantRole,
    Phase,
    SubmissionKind,
    TimeQuality,
)
from archiveworker.domain.peer_review.model import Participant, PeerReview
from archiveworker.domain.peer_review.review import Allocation, Review
from archiveworker.domain.peer_review.work import Submission

ZONE_DOUBT = timedelta(hours=14)
"""How far wall-clock time can be from UTC (time zones reach from -12 to +14 hours)."""

_Named = TypeVar("_Named", Participant, Submission, Form, Allocation, Review)
_NOT_BEGUN = (Phase.SETUP, Phase.SUBMISSION)


class Facts:
    """Look-ups over one activity. Of records with the same id one is taken, always the same; ``duplicate-id`` says so.

    Args:
        peer_review: the activity.
    """

    def __init__(self, peer_review: PeerReview) -> None:
        self.record = peer_review
        self.activity = peer_review.activity

    @cached_property
    def people(self) -> Mapping[ParticipantId, Participant]:
        """Participants by id."""
        return {person.id: person for person in _steady(self.record.participants)}

    @cached_property
    def submissions(self) -> Mapping[SubmissionId, Submission]:
        """Works and examples by id."""
        return {submission.id: submission for submission in _steady(self.record.submissions)}

    @cached_property
    def works(self) -> tuple[Submission, ...]:
        """Works without examples, by id."""
        return tuple(one for one in self.submissions.values() if one.kind is SubmissionKind.WORK)

    @cached_property
    def forms(self) -> Mapping[FormHash, Form]:
        """Forms by hash."""
        return {form.hash: form for form in _steady(self.record.forms)}

    @cached_property
    def criteria(self) -> Mapping[FormHash, Mapping[str, Criterion]]:
        """Criteria by form and id."""
        return {form.hash: {one.id: one for one in form.criteria} for form in self.forms.values()}

    @cached_property
    def allocations(self) -> tuple[Allocation, ...]:
        """Allocations that were not cancelled."""
        return tuple(one for one in _steady(self.record.allocations) if one.state is not AllocationState.CANCELLED)

    @cached_property
    def allocation_of(self) -> Mapping[AllocationId, Allocation]:
        """Allocations by id, cancelled ones too."""
        return {one.id: one for one in _steady(self.record.allocations)}

    @cached_property
    def reviews(self) -> tuple[Review, ...]:
        """Reviews in a steady order."""
        return tuple(_steady(self.record.reviews))

    @cached_property
    def review_of(self) -> Mapping[AllocationId, Review]:
        """Reviews by allocation."""
        return {one.allocation_id: one for one in self.reviews}

    @cached_property
    def done(self) -> tuple[Allocation, ...]:
        """Finished allocations of works, whatever the role, that have a review."""
        return tuple(
            one
            for one in self.allocations
            if one.state is AllocationState.DONE and one.id in self.review_of and not self.is_example(one)
        )

    @cached_property
    def done_by_peers(self) -> tuple[Allocation, ...]:
        """Those of them that peers did."""
        return tuple(one for one in self.done if one.role is AllocationRole.PEER)

    @cached_property
    def finished_reviews(self) -> tuple[tuple[Allocation, Review], ...]:
        """Reviews of finished allocations, examples too."""
        return tuple(
            (one, self.review_of[one.id])
            for one in self.allocations
            if one.state is AllocationState.DONE and one.id in self.review_of
        )

    @cached_property
    def given(self) -> Mapping[ParticipantId, int]:
        """Works that each peer has finished reviewing; several parts of one work are one."""
        pairs = {(one.reviewer_id, one.submission_id) for one in self.done_by_peers if one.reviewer_id is not None}
        return Counter(reviewer for reviewer, _ in pairs)

    @cached_property
    def received(self) -> Mapping[SubmissionId, int]:
        """Peers who have finished reviewing each work; a hidden reviewer counts as one each time."""
        pairs = {(one.submission_id, one.reviewer_id or f"hidden {one.id}") for one in self.done_by_peers}
        return Counter(submission for submission, _ in pairs)

    @cached_property
    def works_of(self) -> Mapping[ParticipantId, tuple[SubmissionId, ...]]:
        """Works by author."""
        found: defaultdict[ParticipantId, list[SubmissionId]] = defaultdict(list)
        for work in self.works:
            for author in set(work.author_ids):
                found[author].append(work.id)
        return {author: tuple(sorted(ids)) for author, ids in found.items()}

    @cached_property
    def hidden_author_count(self) -> int:
        """Works whose author the source hides."""
        return sum(not work.author_ids for work in self.works)

    @cached_property
    def hidden_reviewer_count(self) -> int:
        """Allocations of works whose reviewer the source hides."""
        return sum(one.reviewer_id is None for one in self.allocations)

    @cached_property
    def students(self) -> tuple[Participant, ...]:
        """Students whose enrolment is not known to have ended."""
        return tuple(
            one for one in self.people.values() if one.role is ParticipantRole.STUDENT and one.active is not False
        )

    @property
    def reviewing_has_begun(self) -> bool:
        """Whether reviews can be expected; so too when the phase is not known."""
        return self.activity.phase not in _NOT_BEGUN

    def is_example(self, allocation: Allocation) -> bool:
        """Whether ``allocation`` is practice on an example."""
        submission = self.submissions.get(allocation.submission_id)
        return allocation.role in (AllocationRole.EXAMPLE, AllocationRole.REFERENCE) or (
            submission is not None and submission.kind is SubmissionKind.EXAMPLE
        )

    def authors(self, submission_id: SubmissionId) -> tuple[ParticipantId, ...]:
        """Return who wrote the work; empty when it is hidden or the work is unknown."""
        submission = self.submissions.get(submission_id)
        return () if submission is None else submission.author_ids

    def name(self, participant_id: ParticipantId | None) -> str:
        """Return the name to be shown: the name, the pseudonym, or the id."""
        if participant_id is None:
            return "a hidden person"
        person = self.people.get(participant_id)
        return (person and (person.display or person.pseudonym)) or f"person {participant_id}"

    def person(self, participant_id: ParticipantId | None) -> str:
        """Return the name as it stands in a sentence."""
        return isolated(self.name(participant_id))

    def work(self, submission_id: SubmissionId) -> str:
        """Return the work's title, or its id when it has none."""
        submission = self.submissions.get(submission_id)
        return (
            f"“{isolated(submission.title)}”"
            if submission is not None and submission.title
            else f"work {submission_id}"
        )


def is_after(first: datetime, second: datetime, qualities: Iterable[TimeQuality]) -> bool | None:
    """Return whether ``first`` is later than ``second``; None when their qualities do not allow to say.

    Two wall-clock times of one system are compared as they are; a wall-clock time with an instant only when they are
    further apart than any time zone.
    """
    known = set(qualities)
    if TimeQuality.UNKNOWN in known:
        return None
    if len(known) > 1 and abs(first - second) <= ZONE_DOUBT:
        return None
    return first > second


def _steady(records: Sequence[_Named]) -> list[_Named]:
    """Return records in an order that does not depend on the one they came in: by id, those of one id by content."""
    if len({one.id for one in records}) == len(records):
        return sorted(records, key=lambda one: one.id)
    return sorted(records, key=lambda one: (one.id, repr(one)))
