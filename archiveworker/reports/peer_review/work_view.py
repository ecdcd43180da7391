"""What the page of one work shows: the work, its grade, each review criterion by criterion, what is not finished."""

from dataclasses import dataclass

from markupsafe import Markup

from archiveworker.domain.peer_review.base import SubmissionId, Text
from archiveworker.domain.peer_review.checks.facts import isolated
from archiveworker.domain.peer_review.checks.finding import Finding, SubjectKind
from archiveworker.domain.peer_review.form import Criterion, Option
from archiveworker.domain.peer_review.kinds import AllocationState, CriterionType, SubmissionKind
from archiveworker.domain.peer_review.review import Allocation, Answer, Review
from archiveworker.domain.peer_review.work import Submission
from archiveworker.reports.peer_review import wording
from archiveworker.reports.peer_review.report import ActivityReport, FileRow

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """An option of a criterion.

    Attributes:
        label: what the reviewer read.
        value: points, or empty.
        is_chosen: whether the reviewer chose it.
    """

    label: Markup
    value: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class CriterionView:
    """A criterion with its answer.

    Attributes:
        title: may be empty.
        description: what the reviewer read.
        choices: all options, when there are any.
        text: the answer as text.
        score: e.g. ``6 of 10``; empty when the criterion has none.
        weight: for people; empty when there is only one weight.
        comment: written beside the score.
        is_open: the reviewer gave nothing.
        is_section: a heading, which has no answer.
        is_unknown: the form does not ask this.
    """

    title: str
    description: Markup
    choices: tuple[ChoiceView, ...]
    text: Markup
    score: str
    weight: str
    comment: Markup
    is_open: bool
    is_section: bool = False
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A finished review.

    Attributes:
        number: from 1, on this page.
        reviewer: name.
        facts: who, when, how it counts.
        has_scores: whether any criterion has one.
        suggested: grade that it suggests; empty when there is none.
        criteria: with answers.
        overall: to the author.
        files: for the author.
        feedback: of staff to the reviewer.
        form_note: what is to be said about the form; empty mostly.
        findings: about this review.
    """

    number: int
    reviewer: str
    facts: Pairs
    has_scores: bool
    suggested: str
    criteria: tuple[CriterionView, ...]
    overall: Markup
    files: tuple[FileRow, ...]
    feedback: Markup
    form_note: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class WorkView:
    """Everything on the page of a work.

    Attributes:
        title: of the work, or a stand-in.
        kind: ``work`` or ``example``.
        authors: names.
        facts: who, when.
        grade: how the grade came to be; empty when there is none.
        feedback: of staff to the author.
        parts: task and text of each part.
        files: that were handed in.
        reviews: finished ones.
        unfinished: who has not finished, and since when.
        findings: about the work itself.
    """

    title: str
    kind: str
    authors: str
    facts: Pairs
    grade: Pairs
    feedback: Markup
    parts: tuple[tuple[Markup, Markup], ...]
    files: tuple[FileRow, ...]
    reviews: tuple[ReviewView, ...]
    unfinished: tuple[tuple[str, str, str], ...]
    findings: tuple[Finding, ...]


def view_work(report: ActivityReport, submission_id: SubmissionId) -> WorkView:
    """Return the page of one work; of one that is gone, what is left of it: its reviews."""
    work = report.facts.submissions.get(submission_id) or _gone(submission_id)
    allocations = report.allocations_of.get(submission_id, [])
    finished = [one for one in allocations if one.id in report.facts.review_of]
    reviews = tuple(_review(report, one, at, work) for at, one in enumerate(finished, 1))
    about_reviews = {id(finding) for review in reviews for finding in review.findings}
    about_files = [(SubjectKind.FILE, one) for one in work.file_ids]
    findings = report.findings_about((SubjectKind.SUBMISSION, submission_id), *about_files)
    return WorkView(
        title=work.title or f"Work {work.id}",
        kind=work.kind.value,
        authors=report.names(work.author_ids),
        facts=_work_facts(report, work, len(finished), len(allocations)),
        grade=_grade_facts(report, work),
        feedback=report.html(work.staff_feedback),
        parts=tuple((report.html(part.task), report.html(part.text)) for part in work.parts),
        files=report.files(work.file_ids),
        reviews=reviews,
        unfinished=tuple(_unfinished(report, one) for one in allocations if one.id not in report.facts.review_of),
        findings=tuple(finding for finding in findings if id(finding) not in about_reviews),
    )


def _gone(submission_id: SubmissionId) -> Submission:
    """Return a stand-in for a work that reviewers were given and that is not there; its id may be no possible one."""
    shown = "".join(char for char in submission_id if char.isprintable()) or "without an id"
    return Submission(SubmissionId(shown), title=f"Work {shown}, which is gone")


def _work_facts(report: ActivityReport, work: Submission, finished: int, allocated: int) -> Pairs:
    authors = ", ".join(report.identity(one) for one in work.author_ids) or "hidden by the source"
    facts = [
        ("Author" if len(work.author_ids) < 2 else "Authors", authors),
        ("Handed in", wording.time(work.created_at, work.time_quality)),
        ("Last changed", wording.time(work.modified_at, work.time_quality)),
        ("Late", wording.yes_no(work.late)),
        ("Reviews", f"{finished} finished of {allocated} allocated"),
    ]
    if work.kind is SubmissionKind.EXAMPLE:
        facts.insert(0, ("Kind", "example of the staff; it counts for nobody"))
    if work.published:
        facts.append(("Published", "yes, by staff"))
    if work.content_hash:
        facts.append(("Content digest", work.content_hash))
    return _shown(report, facts, work.id)


def _shown(report: ActivityReport, facts: list[tuple[str, str]], source_id: str) -> Pairs:
    """Return the facts with the id; in a copy without the id and without what was left out."""
    if report.is_copy:
        return tuple((label, value) for label, value in facts if not value.startswith(wording.UNKNOWN))
    return (*facts, ("Id in the source", source_id))


def _grade_facts(report: ActivityReport, work: Submission) -> Pairs:
    if work.grade.raw is None and work.grade.over is None:
        return ()
    facts = [("Computed from the reviews", wording.out_of(work.grade.raw, work.grade.max))]
    if work.grade.over is not None:
        who = "" if work.grade.by is None else f", by {isolated(report.name(work.grade.by))}"
        facts.append(("Set by staff", wording.out_of(work.grade.over, work.grade.max) + who))
    return (*facts, ("Final", wording.grade(work.grade)))


def _unfinished(report: ActivityReport, one: Allocation) -> tuple[str, str, str]:
    since = wording.time(one.lock_at or one.allocated_at, one.time_quality)
    return (report.name(one.reviewer_id), f"{wording.word(one.role)}, {wording.word(one.state)}", since)


def _review(report: ActivityReport, one: Allocation, number: int, work: Submission) -> ReviewView:
    review = report.facts.review_of[one.id]
    suggested = "" if review.suggested_grade is None else wording.out_of(review.suggested_grade, work.grade.max)
    criteria, note = _criteria(report, review)
    return ReviewView(
        number=number,
        reviewer=report.name(one.reviewer_id),
        facts=_review_facts(report, one, review, work),
        has_scores=any(one.score for one in criteria),
        suggested=suggested,
        criteria=criteria,
        overall=report.html(review.overall_comment),
        files=report.files(review.file_ids),
        feedback=report.html(review.staff_feedback),
        form_note=note,
        findings=report.findings_about(
            (SubjectKind.REVIEW, review.id),
            (SubjectKind.ALLOCATION, one.id),
            *((SubjectKind.FILE, file_id) for file_id in review.file_ids),
        ),
    )


def _review_facts(report: ActivityReport, one: Allocation, review: Review, work: Submission) -> Pairs:
    facts = [
        ("Reviewer", report.identity(one.reviewer_id)),
        ("Role", wording.word(one.role)),
        ("Allocated", f"{wording.time(one.allocated_at, one.time_quality)}, {wording.word(one.origin)}"),
        ("Last changed", wording.time(one.completed_at, one.time_quality)),
        ("Counted", _counted(one, review)),
    ]
    if one.part_id is not None:
        places = [at for at, part in enumerate(work.parts, 1) if part.id == one.part_id]
        facts.insert(2, ("Part", f"{places[0]} of {len(work.parts)}" if places else one.part_id))
    if one.state is not AllocationState.DONE:
        facts.append(("State", wording.word(one.state)))
    grade = review.review_grade
    if grade.raw is not None or grade.over is not None:
        who = "" if grade.over is None or grade.by is None else f", set by {isolated(report.name(grade.by))}"
        raw = "" if grade.over is None else f" (computed: {wording.number(grade.raw)})"
        facts.append(("Grade for reviewing", wording.grade(grade) + raw + who))
    return _shown(report, facts, review.id)


def _counted(one: Allocation, review: Review) -> str:
    weight = "" if one.weight == 1 else f", weight {wording.number(one.weight)}"
    return wording.yes_no(review.counted) + weight


def _criteria(report: ActivityReport, review: Review) -> tuple[tuple[CriterionView, ...], str]:
    form = None if review.form_hash is None else report.facts.forms.get(review.form_hash)
    if form is None:
        views = tuple(_unknown(report, answer) for answer in review.answers)
        return views, "The form that this review answers is not known; answers are shown as they are stored."
    answers = {answer.criterion_id: answer for answer in review.answers}
    weights = {one.weight for one in form.criteria if one.weight is not None}
    known = {one.id for one in form.criteria}
    views = tuple(
        _criterion(report, one, answers.get(one.id), shows_weight=len(weights) > 1)
        for one in sorted(form.criteria, key=lambda one: one.position)
    )
    strange = tuple(_unknown(report, one) for one in review.answers if one.criterion_id not in known)
    current = report.activity.form_hash
    note = (
        "This review answers another version of the form than the one in force."
        if current not in (None, form.hash)
        else ""
    )
    return (*views, *strange), note


def _criterion(report: ActivityReport, one: Criterion, answer: Answer | None, *, shows_weight: bool) -> CriterionView:
    given = answer or Answer(one.id)
    chosen = set(given.option_ids)
    text = Markup("") if given.text is None else report.html(Text(given.text))
    highest = (
        one.max if one.max is not None else max((o.value for o in one.options if o.value is not None), default=None)
    )
    return CriterionView(
        title=one.title,
        description=report.html(one.description),
        choices=tuple(_choice(report, option, is_chosen=option.id in chosen) for option in one.options),
        text=text,
        score="" if given.value is None else wording.out_of(given.value, highest),
        weight=wording.number(one.weight) if shows_weight and one.weight is not None else "",
        comment=report.html(given.comment),
        is_open=given.value is None and not chosen and not text,
        is_section=one.type is CriterionType.SECTION,
    )


def _choice(report: ActivityReport, option: Option, *, is_chosen: bool) -> ChoiceView:
    value = "" if option.value is None else wording.number(option.value)
    return ChoiceView(report.html(option.label), value, is_chosen)


def _unknown(report: ActivityReport, answer: Answer) -> CriterionView:
    parts = [part for part in (answer.text, answer.raw if answer.text is None else None) if part]
    parts += [f"chosen: {', '.join(answer.option_ids)}"] if answer.option_ids else []
    return CriterionView(
        title=f"{answer.key or answer.criterion_id or 'no name'}",
        description=Markup(""),
        choices=(),
        text=report.html(Text("\n".join(parts))),
        score=wording.number(answer.value) if answer.value is not None else "",
        weight="",
        comment=report.html(answer.comment),
        is_open=not parts and answer.value is None,
        is_unknown=True,
    )
