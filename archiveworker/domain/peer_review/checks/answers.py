"""Reviews against their forms, and grades against their limits."""

from collections import defaultdict
from collections.abc import Iterator

from archiveworker.domain.peer_review.base import Grade, Text
from archiveworker.domain.peer_review.checks.facts import Facts
from archiveworker.domain.peer_review.checks.finding import Hit, Subject, SubjectKind, Unchecked, about
from archiveworker.domain.peer_review.form import Criterion
from archiveworker.domain.peer_review.kinds import CriterionType
from archiveworker.domain.peer_review.review import Answer, Review

FORM_UNKNOWN = Unchecked("the form that the review answers is not known")
NO_MAXIMUM = Unchecked("the best possible grade is not known")

SCORED = frozenset(
    {CriterionType.POINTS, CriterionType.SCALE, CriterionType.YESNO, CriterionType.RUBRIC, CriterionType.NUMBER}
)


def _form_of(facts: Facts, review: Review) -> "dict[str, Criterion] | None":
    found = facts.criteria.get(review.form_hash) if review.form_hash is not None else None
    return None if found is None else dict(found)


def _is_answered(answer: Answer | None) -> bool:
    return answer is not None and (
        answer.value is not None or bool(answer.option_ids) or bool(answer.text and answer.text.strip())
    )


def form_drift_unknown_answer_key(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A review answers something that its form does not ask."""
    for review in facts.reviews:
        criteria = _form_of(facts, review)
        strange = {
            answer.key or answer.criterion_id or ""
            for answer in review.answers
            if answer.criterion_id is None or (criteria is not None and answer.criterion_id not in criteria)
        }
        if strange:
            keys = ", ".join(f"“{key}”" for key in sorted(strange))
            yield Hit(
                (Subject(SubjectKind.REVIEW, review.id),),
                f"Review {review.id} answers what its form does not ask: {keys}.",
            )
        elif criteria is None:
            yield FORM_UNKNOWN


def ambiguous_answer_key(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Two questions of a form store their answers under one name, or one stores it under none."""
    if not facts.forms and facts.reviews:
        yield FORM_UNKNOWN
    for form in facts.forms.values():
        asked: defaultdict[str, list[str]] = defaultdict(list)
        for one in form.criteria:
            if one.type is not CriterionType.SECTION:
                asked[one.id if one.answer_key is None else one.answer_key].append(one.id)
        for key, criteria in asked.items():
            if key == "" or len(criteria) > 1:
                subjects = (Subject(SubjectKind.FORM, form.id), *about(SubjectKind.CRITERION, *criteria))
                yield Hit(
                    subjects,
                    f"{len(criteria)} question(s) of form {form.id} store their answer under the name “{key}”: "
                    "nobody can tell whose answer it is.",
                )


def criterion_without_score(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A finished review gives no score where one is asked for."""
    yield from _unanswered(facts, scored=True)


def review_incomplete(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A finished review leaves a required question open (those with scores are found apart)."""
    yield from _unanswered(facts, scored=False)


def _unanswered(facts: Facts, *, scored: bool) -> Iterator[Hit | Unchecked]:
    for _, review in facts.finished_reviews:
        criteria = _form_of(facts, review)
        if criteria is None:
            yield FORM_UNKNOWN
            continue
        given = {answer.criterion_id for answer in review.answers if _is_answered(answer)}
        open_ = [
            one
            for one in criteria.values()
            if (one.type in SCORED) is scored and one.type is not CriterionType.SECTION and one.id not in given
        ]
        asked = (
            [one for one in open_ if one.required is not False] if scored else [one for one in open_ if one.required]
        )
        if not scored and any(one.required is None for one in open_):
            yield Unchecked("the form does not say whether the question has to be answered")
        if asked:
            names = ", ".join(f"“{one.title or one.id}”" for one in sorted(asked, key=lambda one: one.position))
            subjects = (
                Subject(SubjectKind.REVIEW, review.id),
                *about(SubjectKind.CRITERION, *(one.id for one in asked)),
            )
            what = "no score for" if scored else "no answer to"
            yield Hit(subjects, f"Review {review.id} has {what} {names}.")


def grade_out_of_range(facts: Facts) -> Iterator[Hit | Unchecked]:
    """A grade or a score is outside what is possible."""
    for submission in facts.submissions.values():
        subjects = (Subject(SubjectKind.SUBMISSION, submission.id),)
        yield from _grade(submission.grade, subjects, f"The grade of {facts.work(submission.id)}")
    for review in facts.reviews:
        subjects = (Subject(SubjectKind.REVIEW, review.id),)
        allocation = facts.allocation_of.get(review.allocation_id)
        submission_or_none = None if allocation is None else facts.submissions.get(allocation.submission_id)
        maximum = None if submission_or_none is None else submission_or_none.grade.max
        suggested = Grade(raw=review.suggested_grade, max=maximum)
        yield from _grade(suggested, subjects, f"The grade that review {review.id} suggests")
        yield from _grade(review.review_grade, subjects, f"The grade for review {review.id}")
        yield from _scores(facts, review)


def _grade(grade: Grade, subjects: tuple[Subject, ...], what: str) -> Iterator[Hit | Unchecked]:
    for value in (grade.raw, grade.over):
        if value is None:
            continue
        if grade.max is None and value >= 0:
            yield NO_MAXIMUM
        elif value < 0 or (grade.max is not None and value > grade.max):
            limit = "" if grade.max is None else f" to {grade.max:g}"
            yield Hit(subjects, f"{what} is {value:g}, possible: 0{limit}.")


def _scores(facts: Facts, review: Review) -> Iterator[Hit | Unchecked]:
    criteria = _form_of(facts, review)
    for answer in review.answers:
        if answer.value is None or answer.criterion_id is None:
            continue
        if criteria is None or answer.criterion_id not in criteria:
            yield FORM_UNKNOWN
            continue
        one = criteria[answer.criterion_id]
        low = (
            one.min if one.min is not None else min((o.value for o in one.options if o.value is not None), default=None)
        )
        high = (
            one.max if one.max is not None else max((o.value for o in one.options if o.value is not None), default=None)
        )
        if (low is not None and answer.value < low) or (high is not None and answer.value > high):
            subjects = (Subject(SubjectKind.REVIEW, review.id), Subject(SubjectKind.CRITERION, one.id))
            limits = " to ".join("?" if limit is None else f"{limit:g}" for limit in (low, high))
            yield Hit(
                subjects, f"Review {review.id} gives {answer.value:g} for “{one.title or one.id}”, possible: {limits}."
            )
        elif low is None or high is None:
            yield Unchecked("the least or best possible score is not known")


def teacher_override_without_reason(facts: Facts) -> Iterator[Hit | Unchecked]:
    """Staff replaced a grade and wrote nothing about it."""
    for submission in facts.submissions.values():
        if submission.grade.over is not None and _is_empty(submission.staff_feedback):
            yield Hit(
                (Subject(SubjectKind.SUBMISSION, submission.id),),
                f"Staff replaced the grade of {facts.work(submission.id)} and gave no reason.",
            )
    for review in facts.reviews:
        if review.review_grade.over is not None and _is_empty(review.staff_feedback):
            yield Hit(
                (Subject(SubjectKind.REVIEW, review.id),),
                f"Staff replaced the grade for review {review.id} and gave no reason.",
            )


def _is_empty(text: Text | None) -> bool:
    return text is None or not text.body.strip()
