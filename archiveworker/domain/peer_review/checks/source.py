"""What the source gave, against what it said it has."""

from collections import Counter
from collections.abc import Iterator, Sequence

from archiveworker.domain.peer_review.base import FileId, ParticipantId, SubmissionId
from archiveworker.domain.peer_review.checks.facts import Facts
from archiveworker.domain.peer_review.checks.finding import Hit, Subject, SubjectKind, Unchecked, about
from archiveworker.domain.peer_review.checks.pairs import REVIEWER_HIDDEN
from archiveworker.domain.peer_review.kinds import FileStatus
from archiveworker.domain.peer_review.model import Participant
from archiveworker.domain.peer_review.review import Allocation, Review
from archiveworker.domain.peer_review.work import File, Submission


def duplicate_id(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Two records of one kind have the same id, so references to it are ambiguous."""
    kinds: dict[SubjectKind, Sequence[Participant | Submission | Allocation | Review | File]] = {
        SubjectKind.PARTICIPANT: facts.record.participants,
        SubjectKind.SUBMISSION: facts.record.submissions,
        SubjectKind.ALLOCATION: facts.record.allocations,
        SubjectKind.REVIEW: facts.record.reviews,
        SubjectKind.FILE: facts.record.files,
    }
    for kind, records in kinds.items():
        for same, count in Counter(one.id for one in records).items():
            if count > 1:
                yield Hit((Subject(kind, same),), f"{count} records of kind {kind.value} have the id {same}.")
    for allocation, count in Counter(one.allocation_id for one in facts.record.reviews).items():
        if count > 1:
            yield Hit(
                (Subject(SubjectKind.ALLOCATION, allocation),), f"{count} reviews belong to allocation {allocation}."
            )


def file_missing(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A file that belongs to a record is not there."""
    listed = {one.id: one for one in facts.record.files}
    for one in facts.record.files:
        if one.status is FileStatus.MISSING:
            yield Hit((Subject(SubjectKind.FILE, one.id),), f"The file “{one.filename}” is gone.")
    owners: list[tuple[SubjectKind, str, tuple[FileId, ...]]] = [
        (SubjectKind.SUBMISSION, one.id, one.file_ids) for one in facts.submissions.values()
    ]
    owners += [(SubjectKind.REVIEW, one.id, one.file_ids) for one in facts.reviews]
    owners += [(SubjectKind.FORM, one.id, one.file_ids) for one in facts.forms.values()]
    for kind, owner, file_ids in owners:
        for file_id in sorted(set(file_ids) - set(listed)):
            yield Hit(
                (Subject(SubjectKind.FILE, file_id), Subject(kind, owner)),
                f"A file of {kind.value} {owner} is not listed ({file_id}).",
            )


def file_refused(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A file was not fetched: not allowed, outside the LMS, or too large."""
    for one in facts.record.files:
        if one.status is FileStatus.REFUSED:
            yield Hit((Subject(SubjectKind.FILE, one.id),), f"The file “{one.filename}” was not fetched.")


def totalcount_mismatch(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The source gave another number of records than it announced."""
    announced = facts.record.announced
    counts = {
        "participants": (announced.participant_count, len(facts.record.participants)),
        "works": (announced.submission_count, sum(one.kind.value == "work" for one in facts.record.submissions)),
        "allocations": (announced.allocation_count, len(facts.record.allocations)),
        "reviews": (announced.review_count, len(facts.record.reviews)),
    }
    if all(told is None for told, _ in counts.values()):
        yield Unchecked("the source announces no numbers")
    for what, (told, seen) in counts.items():
        if told is not None and told != seen:
            yield Hit(
                (Subject(SubjectKind.ACTIVITY, facts.activity.id),),
                f"The source announced {told} {what} and gave {seen}.",
            )


def matrix_mismatch(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The system's own report of who reviewed whom does not agree with the allocations."""
    announced = facts.record.announced
    if announced.matrix is None:
        yield Unchecked("the source has no report of who reviewed whom")
        return
    told = {(cell.reviewer_id, cell.submission_id) for cell in announced.matrix}
    seen = set()
    for one in facts.allocations:
        if one.reviewer_id is None:
            yield REVIEWER_HIDDEN
        elif not facts.is_example(one):
            seen.add((one.reviewer_id, one.submission_id))
    for reviewer, submission in sorted(told ^ seen):
        subjects = (
            Subject(SubjectKind.SUBMISSION, submission),
            *about(SubjectKind.PARTICIPANT, reviewer),
        )
        pair = f"{facts.person(reviewer)} and {facts.work(submission)}"
        if (reviewer, submission) in told:
            if not facts.hidden_reviewer_count:
                yield Hit(subjects, f"The system's report has the pair {pair}, and there is no such allocation.")
        elif announced.matrix_is_complete or _all_active(facts, reviewer, submission):
            yield Hit(subjects, f"There is an allocation of {pair}, and the system's report does not have it.")
        else:
            yield Unchecked("the system's report leaves people out")


def _all_active(facts: Facts, reviewer: ParticipantId, submission: SubmissionId) -> bool:
    authors = facts.authors(submission)
    people = [facts.people.get(one) for one in (reviewer, *authors)]
    return bool(authors) and all(person is not None and person.active is True for person in people)


def redacted_at_source(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The source left something out on purpose."""
    if facts.activity.redactions is None:
        yield Unchecked("the source does not say whether it left anything out")
        return
    for sentence in facts.activity.redactions:
        yield Hit((Subject(SubjectKind.ACTIVITY, facts.activity.id),), sentence)
