"""Who reviewed what: pairs that cannot be, that are there twice, or that lead nowhere."""

from collections import defaultdict
from collections.abc import Iterator

from archiveworker.domain.peer_review.base import ParticipantId, SubmissionId
from archiveworker.domain.peer_review.checks.facts import Facts
from archiveworker.domain.peer_review.checks.finding import Hit, Subject, SubjectKind, Unchecked, about
from archiveworker.domain.peer_review.kinds import AllocationOrigin, AllocationRole, AllocationState
from archiveworker.domain.peer_review.review import Allocation

REVIEWER_HIDDEN = Unchecked("the source hides the reviewer")
AUTHOR_HIDDEN = Unchecked("the source hides the author")
NO_PARTICIPANTS = Unchecked("the source gave no participants")


def subjects_of(facts: Facts, allocation: Allocation) -> tuple[Subject, ...]:
    """Return the review if there is one, the allocation and the work."""
    review = facts.review_of.get(allocation.id)
    head = () if review is None else about(SubjectKind.REVIEW, review.id)
    return (
        *head,
        Subject(SubjectKind.ALLOCATION, allocation.id),
        Subject(SubjectKind.SUBMISSION, allocation.submission_id),
    )


def self_review(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Somebody reviews an own work though the rules do not allow it."""
    for one in facts.allocations:
        if facts.is_example(one) or one.submission_id not in facts.submissions:
            continue
        authors = facts.authors(one.submission_id)
        if one.reviewer_id is None:
            yield REVIEWER_HIDDEN
        elif not authors:
            yield AUTHOR_HIDDEN
        elif one.reviewer_id in authors and facts.activity.self_review_allowed is not True:
            if one.role is AllocationRole.SELF and facts.activity.self_review_allowed is None:
                yield Unchecked("the source does not say whether self-review is allowed")
            else:
                yield Hit(
                    subjects_of(facts, one),
                    f"{facts.person(one.reviewer_id)} reviews an own work, {facts.work(one.submission_id)}.",
                )


def duplicate_pair(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The same person is put to the same work more than once."""
    pairs: defaultdict[tuple[ParticipantId, SubmissionId, str], list[Allocation]] = defaultdict(list)
    for one in facts.allocations:
        if one.reviewer_id is None:
            yield REVIEWER_HIDDEN
        else:
            pairs[one.reviewer_id, one.submission_id, one.part_id or ""].append(one)
    for (reviewer, submission, _), same in pairs.items():
        if len(same) > 1:
            subjects = about(SubjectKind.ALLOCATION, *(one.id for one in same))
            yield Hit(
                (*subjects, Subject(SubjectKind.SUBMISSION, submission)),
                f"{facts.person(reviewer)} is put to {facts.work(submission)} {len(same)} times.",
            )


def review_of_unknown_submission(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An allocation or review belongs to a work that is not there."""
    for one in facts.allocations:
        if one.submission_id not in facts.submissions:
            what = "reviewed" if one.id in facts.review_of else "was to review"
            yield Hit(
                subjects_of(facts, one),
                f"{facts.person(one.reviewer_id)} {what} a work that is not there ({one.submission_id}).",
            )


def review_without_allocation(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A review belongs to an allocation that is not there or was cancelled, so nobody knows whose it is."""
    for review in facts.reviews:
        allocation = facts.allocation_of.get(review.allocation_id)
        if allocation is None or allocation.state is AllocationState.CANCELLED:
            why = "is not there" if allocation is None else "was cancelled"
            yield Hit(
                (Subject(SubjectKind.REVIEW, review.id), Subject(SubjectKind.ALLOCATION, review.allocation_id)),
                f"Review {review.id} belongs to an allocation that {why} ({review.allocation_id}).",
            )


def done_without_review(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An allocation is marked as done, and there is no review."""
    for one in facts.allocations:
        if one.state is AllocationState.DONE and one.id not in facts.review_of:
            yield Hit(
                subjects_of(facts, one),
                f"{facts.person(one.reviewer_id)} is marked as done with {facts.work(one.submission_id)}, "
                "and there is no review.",
            )


def pending_allocation(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Somebody was put to a work and has not finished."""
    for one in facts.allocations:
        if one.state is AllocationState.PENDING:
            yield Hit(
                subjects_of(facts, one),
                f"{facts.person(one.reviewer_id)} has not finished reviewing {facts.work(one.submission_id)}.",
            )


def locked_allocation(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A work was still locked for a reviewer."""
    for one in facts.allocations:
        if one.state is AllocationState.LOCKED:
            yield Hit(
                subjects_of(facts, one),
                f"{facts.work(one.submission_id)} is still locked for {facts.person(one.reviewer_id)}.",
            )


def open_review_on_blind_activity(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A reviewer chose the work openly though its author should be hidden."""
    blind = facts.activity.anonymity.author_hidden
    if blind is False:
        return
    for one in facts.allocations:
        if one.origin is AllocationOrigin.UNKNOWN:
            yield Unchecked("the source does not say how reviewer and work came together")
        elif one.origin is AllocationOrigin.OPEN:
            if blind is None:
                yield Unchecked("the source does not say whether authors are hidden")
            else:
                yield Hit(
                    subjects_of(facts, one),
                    f"{facts.person(one.reviewer_id)} chose {facts.work(one.submission_id)} in an open list, "
                    "and authors should be hidden.",
                )


def reciprocal_pair(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Two people reviewed each other."""
    reviewed: defaultdict[tuple[ParticipantId, ParticipantId], list[Allocation]] = defaultdict(list)
    for one in facts.done_by_peers:
        authors = facts.authors(one.submission_id)
        if one.reviewer_id is None:
            yield REVIEWER_HIDDEN
        elif not authors and one.submission_id in facts.submissions:
            yield AUTHOR_HIDDEN
        else:
            for author in set(authors):
                reviewed[one.reviewer_id, author].append(one)
    for (first, second), there in reviewed.items():
        back = reviewed.get((second, first))
        if first < second and back:
            subjects = about(SubjectKind.PARTICIPANT, first, second)
            reviews = about(SubjectKind.ALLOCATION, *(one.id for one in (*there, *back)))
            yield Hit((*subjects, *reviews), f"{facts.person(first)} and {facts.person(second)} reviewed each other.")
