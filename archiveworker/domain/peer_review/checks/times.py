"""What happened when: reviews outside their time, works and forms changed after they were used."""

from collections.abc import Iterator
from datetime import datetime

from archiveworker.domain.peer_review.checks.facts import Facts, is_after
from archiveworker.domain.peer_review.checks.finding import Hit, Subject, SubjectKind, Unchecked, about
from archiveworker.domain.peer_review.checks.pairs import subjects_of
from archiveworker.domain.peer_review.kinds import AllocationOrigin, TimeQuality

NO_TIME = Unchecked("a time is missing")
DOUBTFUL = Unchecked("a time is not known well enough")
_CHOSEN = (AllocationOrigin.QUEUE, AllocationOrigin.LINK, AllocationOrigin.OPEN)


def _later(first: datetime | None, second: datetime | None, *qualities: TimeQuality) -> "bool | Unchecked":
    """Return whether ``first`` is later than ``second``, or why nobody can say."""
    if first is None or second is None:
        return NO_TIME
    verdict = is_after(first, second, qualities)
    return DOUBTFUL if verdict is None else verdict


def review_after_close(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A review was written after the time for reviews."""
    end = facts.activity.review_close
    if end is None:
        yield Unchecked("no end of the time for reviews is known")
        return
    for one in facts.done:
        late = _later(one.completed_at, end, one.time_quality, facts.activity.time_quality)
        if isinstance(late, Unchecked):
            yield late
        elif late:
            yield Hit(
                subjects_of(facts, one),
                f"{facts.person(one.reviewer_id)} reviewed {facts.work(one.submission_id)} after the end, "
                f"{one.completed_at:%Y-%m-%d %H:%M}.",
            )


def review_before_open(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A review was written, or its work taken by the reviewer, before the time for reviews."""
    begin = facts.activity.review_open
    if begin is None:
        yield Unchecked("no begin of the time for reviews is known")
        return
    for one in facts.allocations:
        taken = one.allocated_at if one.origin in _CHOSEN else None
        first = min((time for time in (taken, one.completed_at) if time is not None), default=None)
        if first is None and one.id not in facts.review_of:
            continue  # nothing has happened yet
        early = _later(begin, first, one.time_quality, facts.activity.time_quality)
        if isinstance(early, Unchecked):
            yield early
        elif early:
            yield Hit(
                subjects_of(facts, one),
                f"{facts.person(one.reviewer_id)} was at {facts.work(one.submission_id)} before reviews began, "
                f"{first:%Y-%m-%d %H:%M}.",
            )


def submission_changed_after_review(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A work was changed after somebody had reviewed it."""
    for one in facts.done:
        work = facts.submissions.get(one.submission_id)
        if work is None:
            continue
        changed = _later(work.modified_at, one.completed_at, one.time_quality, work.time_quality)
        if isinstance(changed, Unchecked):
            yield changed
        elif changed:
            yield Hit(
                (Subject(SubjectKind.SUBMISSION, work.id), *subjects_of(facts, one)[:-1]),
                f"{facts.work(work.id)} was changed after {facts.person(one.reviewer_id)} had reviewed it.",
            )


def form_changed_after_review(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A review answers another version of the form than the one in force, or the form was changed later."""
    current = facts.activity.form_hash
    for one, review in facts.finished_reviews:
        if current is None or review.form_hash is None:
            yield Unchecked("the form that the review answers, or the one in force, is not known")
            continue
        form = facts.forms.get(review.form_hash)
        changed: bool | Unchecked = NO_TIME
        if review.form_hash != current:
            changed = True
        elif form is not None:
            changed = _later(form.modified_at, one.completed_at, one.time_quality, form.time_quality)
        if isinstance(changed, Unchecked):
            yield changed
        elif changed:
            subjects = (Subject(SubjectKind.REVIEW, review.id), *about(SubjectKind.FORM, *([form.id] if form else [])))
            yield Hit(subjects, f"The form was changed after review {review.id} had been written.")


def late(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A work was handed in late."""
    activity = facts.activity
    for work in facts.works:
        verdict: bool | Unchecked
        if work.late is not None:
            verdict = work.late
        elif activity.submission_close is None:
            verdict = Unchecked("no end of the time for works is known")
        else:
            verdict = _later(work.created_at, activity.submission_close, work.time_quality, activity.time_quality)
        if isinstance(verdict, Unchecked):
            yield verdict
        elif verdict:
            yield Hit((Subject(SubjectKind.SUBMISSION, work.id),), f"{facts.work(work.id)} was handed in late.")


def time_unknown(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Works or reviews without a time, or with one that cannot be believed."""
    works = [
        one.id
        for one in facts.works
        if one.time_quality is TimeQuality.UNKNOWN or not (one.created_at or one.modified_at)
    ]
    if works:
        yield Hit(about(SubjectKind.SUBMISSION, *works), f"{len(works)} work(s) have no time that can be relied on.")
    reviews = [one.id for one in facts.done if one.time_quality is TimeQuality.UNKNOWN or one.completed_at is None]
    if reviews:
        yield Hit(
            about(SubjectKind.ALLOCATION, *reviews), f"{len(reviews)} review(s) have no time that can be relied on."
        )
