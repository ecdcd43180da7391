"""How many reviews each person gave and each work got, and what the system itself counted."""

from collections import Counter as Tally
from collections.abc import Iterator

from archiveworker.domain.peer_review.base import ParticipantId, SubmissionId
from archiveworker.domain.peer_review.checks.facts import Facts
from archiveworker.domain.peer_review.checks.finding import Hit, Subject, SubjectKind, Unchecked, about
from archiveworker.domain.peer_review.checks.pairs import AUTHOR_HIDDEN, NO_PARTICIPANTS, REVIEWER_HIDDEN

NO_QUOTA_GIVEN = Unchecked("the source does not say how many reviews each person has to write")
NO_QUOTA_RECEIVED = Unchecked("the source does not say how many reviews each work should get")
NO_QUEUE = Unchecked("the system has no queue")
NOT_BEGUN = Unchecked("reviewing has not begun")


def _person(participant_id: str) -> tuple[Subject, ...]:
    return (Subject(SubjectKind.PARTICIPANT, participant_id),)


def _missing_for_given(facts: Facts) -> Unchecked | None:
    """Return why nobody can say how many reviews each person gave."""
    if any(one.reviewer_id is None for one in facts.done_by_peers):
        return REVIEWER_HIDDEN
    return NO_QUOTA_GIVEN if facts.activity.quota_given is None else None


def submission_without_review(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A work has no finished review of anybody but its author."""
    if not facts.reviewing_has_begun:
        yield NOT_BEGUN
        return
    reviewed = {one.submission_id for one in facts.done if one.role.value in ("peer", "staff")}
    for work in facts.works:
        if work.id not in reviewed:
            yield Hit((Subject(SubjectKind.SUBMISSION, work.id),), f"Nobody has reviewed {facts.work(work.id)}.")


def submission_under_reviewed(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A work has some reviews, but fewer than it should get."""
    quota = facts.activity.quota_received
    if quota is None or not facts.reviewing_has_begun:
        yield NO_QUOTA_RECEIVED if quota is None else NOT_BEGUN
        return
    for work in facts.works:
        count = facts.received.get(work.id, 0)
        if 0 < count < quota:
            yield Hit(
                (Subject(SubjectKind.SUBMISSION, work.id),),
                f"{facts.work(work.id)} has {count} of {quota} reviews.",
            )


def over_reviewed(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A work has more reviews than it should get."""
    quota = facts.activity.quota_received
    if quota is None:
        yield NO_QUOTA_RECEIVED
        return
    for work in facts.works:
        count = facts.received.get(work.id, 0)
        if count > quota:
            yield Hit(
                (Subject(SubjectKind.SUBMISSION, work.id),),
                f"{facts.work(work.id)} has {count} reviews, planned: {quota}.",
            )


def reviewer_below_quota(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A student who has to review wrote fewer reviews than that."""
    quota = facts.activity.quota_given
    missing = _missing_for_given(facts)
    if quota is None or missing is not None:
        yield missing or NO_QUOTA_GIVEN
        return
    if not facts.people or not facts.reviewing_has_begun:
        yield NOT_BEGUN if facts.people else NO_PARTICIPANTS
        return
    for person in facts.students:
        if person.id not in facts.works_of and facts.activity.submit_before_review is not False:
            if facts.hidden_author_count:
                yield AUTHOR_HIDDEN
            elif facts.activity.submit_before_review is None:
                yield Unchecked("the source does not say whether people without an own work have to review")
            continue
        count = facts.given.get(person.id, 0)
        if count < quota:
            yield Hit(_person(person.id), f"{facts.person(person.id)} has finished {count} of {quota} reviews.")


def above_quota(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Somebody wrote more reviews than had to be."""
    quota = facts.activity.quota_given
    missing = _missing_for_given(facts)
    if quota is None or missing is not None:
        yield missing or NO_QUOTA_GIVEN
        return
    for reviewer, count in facts.given.items():
        if count > quota:
            yield Hit(_person(reviewer), f"{facts.person(reviewer)} has finished {count} reviews, planned: {quota}.")


def counter_mismatch(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The system's counter of a person's reviews is not the number of that person's reviews."""
    counters = facts.record.queue.counters if facts.record.queue else ()
    if not counters:
        yield Unchecked("the system has no counters")
        return
    if any(one.reviewer_id is None for one in facts.done_by_peers):
        yield REVIEWER_HIDDEN
        return
    counted: dict[ParticipantId, list[int]] = {}
    for counter in counters:
        counted.setdefault(counter.participant_id, []).append(counter.count)
    for person in sorted({*counted, *facts.given}):
        told, seen = counted.get(person, [0]), facts.given.get(person, 0)
        if sum(told) != seen or len(told) > 1:
            yield Hit(
                _person(person),
                f"The system counts {' + '.join(map(str, sorted(told)))} reviews of {facts.person(person)}; "
                f"{seen} are there.",
            )


def done_flag_mismatch(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The system takes somebody for finished who is not, by its own counter, or the other way round."""
    counters = facts.record.queue.counters if facts.record.queue else ()
    quota = facts.activity.quota_given
    if quota is None or not counters:
        yield Unchecked("the system has no counters") if not counters else NO_QUOTA_GIVEN
        return
    for counter in counters:
        if counter.done is None:
            yield Unchecked("the counter has no mark for being done")
        elif counter.done != (counter.count >= quota):
            mark = "finished" if counter.done else "not finished"
            yield Hit(
                _person(counter.participant_id),
                f"{facts.person(counter.participant_id)} is marked as {mark} with {counter.count} of {quota} reviews.",
            )


def queue_count_mismatch(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The queue wants another number of reviews for a work than are missing."""
    queue, quota = facts.record.queue, facts.activity.quota_received
    if queue is None or quota is None:
        yield NO_QUEUE if queue is None else NO_QUOTA_RECEIVED
        return
    left = Tally[SubmissionId]()
    for item in queue.items:
        left[item.submission_id] += item.checks_left
    for submission in sorted({*left, *(work.id for work in facts.works)}):
        missing = max(0, quota - facts.received.get(submission, 0)) if submission in facts.submissions else 0
        if left[submission] != missing or (submission in left and submission not in facts.submissions):
            yield Hit(
                (Subject(SubjectKind.SUBMISSION, submission),),
                f"The queue wants {left[submission]} more reviews for {facts.work(submission)}; {missing} are missing.",
            )


def orphan_lock(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A lock holds nothing, belongs to nobody, or outlived its review."""
    if facts.record.queue is None:
        yield NO_QUEUE
        return
    finished = {(one.reviewer_id, one.submission_id) for one in facts.done}
    for lock in facts.record.queue.locks:
        why = ""
        if lock.submission_id is None or lock.submission_id not in facts.submissions:
            why = "holds no work that is there"
        elif lock.participant_id is None or (facts.people and lock.participant_id not in facts.people):
            why = "belongs to no participant"
        elif (lock.participant_id, lock.submission_id) in finished:
            why = f"is still there though {facts.person(lock.participant_id)} has finished the review"
        if why:
            subject = () if lock.submission_id is None else about(SubjectKind.SUBMISSION, lock.submission_id)
            yield Hit((Subject(SubjectKind.LOCK, lock.id), *subject), f"Lock {lock.id} {why}.")
