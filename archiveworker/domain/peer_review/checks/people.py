"""Who the people are: unknown, hidden, without an own work, with several."""

from collections import defaultdict
from collections.abc import Iterator

from archiveworker.domain.peer_review.base import ParticipantId
from archiveworker.domain.peer_review.checks.facts import Facts
from archiveworker.domain.peer_review.checks.finding import Hit, Subject, SubjectKind, Unchecked, about
from archiveworker.domain.peer_review.checks.pairs import AUTHOR_HIDDEN, NO_PARTICIPANTS, REVIEWER_HIDDEN


def reviewer_not_participant(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A reviewer is none of the participants."""
    if not facts.people and facts.allocations:
        yield NO_PARTICIPANTS
        return
    strangers: defaultdict[str, list[str]] = defaultdict(list)
    for one in facts.allocations:
        if one.reviewer_id is None:
            yield REVIEWER_HIDDEN
        elif one.reviewer_id not in facts.people:
            strangers[one.reviewer_id].append(one.id)
    for person, allocations in strangers.items():
        subjects = (Subject(SubjectKind.PARTICIPANT, person), *about(SubjectKind.ALLOCATION, *allocations))
        yield Hit(subjects, f"Reviewer {person} is none of the participants.")


def author_not_participant(facts: Facts) -> Iterator[Hit | Unchecked]:
    """An author is none of the participants."""
    if not facts.people and facts.works:
        yield NO_PARTICIPANTS
        return
    for work in facts.works:
        if not work.author_ids:
            yield AUTHOR_HIDDEN
        for author in sorted(set(work.author_ids)):
            if author not in facts.people:
                yield Hit(
                    (Subject(SubjectKind.PARTICIPANT, author), Subject(SubjectKind.SUBMISSION, work.id)),
                    f"Author {author} of {facts.work(work.id)} is none of the participants.",
                )


def review_without_own_submission(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Somebody reviewed without having handed in an own work, as the rules want."""
    if facts.activity.submit_before_review is False:
        return
    if facts.activity.submit_before_review is None:
        yield Unchecked("the source does not say whether an own work is needed first")
        return
    without: defaultdict[ParticipantId, list[str]] = defaultdict(list)
    for one in facts.done_by_peers:
        if one.reviewer_id is None:
            yield REVIEWER_HIDDEN
        elif one.reviewer_id not in facts.works_of:
            without[one.reviewer_id].append(one.id)
    for person, allocations in without.items():
        if facts.hidden_author_count:
            yield AUTHOR_HIDDEN
            continue
        subjects = (Subject(SubjectKind.PARTICIPANT, person), *about(SubjectKind.ALLOCATION, *allocations))
        yield Hit(subjects, f"{facts.person(person)} reviewed without an own work.")


def multiple_submissions(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Somebody has more than one work."""
    for _ in range(facts.hidden_author_count):
        yield AUTHOR_HIDDEN
    for author, works in facts.works_of.items():
        if len(works) > 1:
            yield Hit(
                (Subject(SubjectKind.PARTICIPANT, author), *about(SubjectKind.SUBMISSION, *works)),
                f"{facts.person(author)} has {len(works)} works.",
            )


def no_submission(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A student has handed in nothing."""
    if not facts.people:
        yield NO_PARTICIPANTS
    for person in facts.students:
        if person.id not in facts.works_of:
            if facts.hidden_author_count:
                yield AUTHOR_HIDDEN
            else:
                yield Hit((Subject(SubjectKind.PARTICIPANT, person.id),), f"{facts.person(person.id)} has no work.")


def identity_hidden(facts: Facts) -> Iterator[Hit | Unchecked]:
    """The source does not say who wrote a work or a review."""
    works = [work.id for work in facts.works if not work.author_ids]
    if works:
        yield Hit(about(SubjectKind.SUBMISSION, *works), f"The source hides the author of {len(works)} work(s).")
    hidden = [one.id for one in facts.allocations if one.reviewer_id is None]
    if hidden:
        yield Hit(
            about(SubjectKind.ALLOCATION, *hidden), f"The source hides the reviewer of {len(hidden)} allocation(s)."
        )


def example_excluded(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Examples of the staff, and practice on them, count for no quota."""
    examples = sorted(set(facts.submissions) - {work.id for work in facts.works})
    practice = [one.id for one in facts.allocations if facts.is_example(one)]
    if examples or practice:
        yield Hit(
            (*about(SubjectKind.SUBMISSION, *examples), *about(SubjectKind.ALLOCATION, *practice)),
            f"{len(examples)} example(s) and {len(practice)} assessment(s) of examples are left out of all counts.",
        )
