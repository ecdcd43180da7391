"""One record at a time, without what would say whose it is. Whole copies are made in ``copies``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archiveworker.domain.peer_review.base import (
    AllocationId,
    Grade,
    ParticipantId,
    PartId,
    ReviewId,
    SubmissionId,
    digest_text,
)
from archiveworker.domain.peer_review.codec import encode
from archiveworker.domain.peer_review.filenames import Renamer
from archiveworker.domain.peer_review.kinds import AllocationOrigin, AllocationState
from archiveworker.domain.peer_review.review import Allocation, Review
from archiveworker.domain.peer_review.work import Submission


@dataclass(frozen=True, slots=True)
class Pair:
    """A finished allocation and its review."""

    allocation: Allocation
    review: Review


def blind_pair(pair: Pair, label: str, files: Renamer) -> Pair:
    """Return what an author may see of a review: what was written, and the grade it suggests."""
    old = pair.allocation
    allocation = Allocation(
        id=AllocationId(label),
        reviewer_id=ParticipantId(label),
        submission_id=old.submission_id,
        part_id=old.part_id,
        role=old.role,
        origin=AllocationOrigin.UNKNOWN,
        state=AllocationState.DONE,
        weight=old.weight,
    )
    review = replace(
        _without_raw(pair.review),
        id=ReviewId(label),
        allocation_id=allocation.id,
        file_ids=files.rename(pair.review.file_ids, lambda number: f"{label}-file{number}"),
        review_grade=Grade(),
        staff_feedback=None,
    )
    return Pair(allocation, review)


def own_pair(pair: Pair, label: str, works: dict[SubmissionId, str]) -> Pair:
    """Return what a reviewer may see of an own review: all of it, under other ids, without who graded it."""
    work = works[pair.allocation.submission_id]
    part = pair.allocation.part_id
    allocation = replace(
        pair.allocation,
        id=AllocationId(label),
        submission_id=SubmissionId(work),
        part_id=None if part is None else PartId(part if work == pair.allocation.submission_id else f"{work}-part"),
    )
    grade = replace(pair.review.review_grade, by=None)
    review = replace(_without_raw(pair.review), id=ReviewId(label), allocation_id=allocation.id, review_grade=grade)
    return Pair(allocation, review)


def blind_work(work: Submission, label: str, files: Renamer) -> Submission:
    """Return what a reviewer may see of a work: what was handed in, and nothing that came of it."""
    parts = tuple(replace(part, id=PartId(f"{label}-p{n}")) for n, part in enumerate(work.parts, 1))
    return Submission(
        id=SubmissionId(label),
        kind=work.kind,
        title=work.title,
        parts=parts,
        file_ids=files.rename(work.file_ids, lambda number: f"{label}-file{number}"),
    )


def own_work(work: Submission, authors: Sequence[ParticipantId]) -> Submission:
    """Return what an author may see of an own work: all of it, without who graded it."""
    return replace(work, author_ids=tuple(authors), grade=replace(work.grade, by=None))


def review_digest(pair: Pair, urls: Sequence[str]) -> str:
    """Return a digest of what the author will see of a review, so that its order says nothing else."""
    review, nobody = pair.review, Renamer(())
    seen = blind_pair(Pair(pair.allocation, replace(review, file_ids=())), "-", nobody)
    seen_allocation = replace(seen.allocation, submission_id=SubmissionId("-"), part_id=None)
    return digest_text(_without_urls(encode((seen_allocation, seen.review)).decode(), urls), str(len(review.file_ids)))


def work_digest(work: Submission | None, urls: Sequence[str]) -> str:
    """Return a digest of what the reviewer will see of a work; of a work that is gone, that of nothing."""
    if work is None:
        return digest_text()
    seen = blind_work(replace(work, file_ids=()), "-", Renamer(()))
    return digest_text(_without_urls(encode(seen).decode(), urls), str(len(work.file_ids)))


def _without_raw(review: Review) -> Review:
    return replace(review, answers=tuple(replace(one, raw=None) for one in review.answers))


def _without_urls(text: str, urls: Sequence[str]) -> str:
    for url in urls:
        text = text.replace(url, "")
    return text
