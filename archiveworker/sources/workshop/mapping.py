"""From Moodle's answers to the one model of peer review. Pure: the same answers give the same records.

Grades stay as Moodle computes them, 0 to 100; the report's, which are scaled, rounded and written in the site's
language, are not taken. Whoever Moodle hides (0) is nobody here.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from archiveworker.domain.errors import RecordError
from archiveworker.domain.peer_review.base import (
    AllocationId,
    FormHash,
    Grade,
    ParticipantId,
    PartId,
    ReviewId,
    SubmissionId,
)
from archiveworker.domain.peer_review.form import Form
from archiveworker.domain.peer_review.kinds import (
    AllocationRole,
    AllocationState,
    FileArea,
    ParticipantRole,
    Phase,
    Strategy,
    SubmissionKind,
)
from archiveworker.domain.peer_review.model import Activity, Announced, MatrixCell, PeerReview
from archiveworker.domain.peer_review.review import Allocation, Review
from archiveworker.domain.peer_review.work import Part, Submission
from archiveworker.sources.workshop.answers import Entry
from archiveworker.sources.workshop.filelist import FileList
from archiveworker.sources.workshop.forms import FilledForm, read_form
from archiveworker.sources.workshop.harvested import Harvest, Practice
from archiveworker.sources.workshop.people import course_name, participants

SYSTEM: Final = "moodle_workshop"
BEST_GRADE: Final = 100.0
PHASES: Final[Mapping[int, Phase]] = MappingProxyType(
    {10: Phase.SETUP, 20: Phase.SUBMISSION, 30: Phase.ASSESSMENT, 40: Phase.EVALUATION, 50: Phase.CLOSED}
)
_TEXTS: Final = ("intro", "instructauthors", "instructreviewers", "conclusion")
_UNSEEN_FILES: Final = (
    "Moodle counts {} bytes of files in all works and examples, and gave files of {} bytes: the rest belongs to works "
    "or examples that the service account does not see."
)
_UNSEEN_REVIEWS: Final = "Moodle's report has assessments that it did not give with the works: {}."
_SHORT_REPORT: Final = "Moodle's report announced {} people and gave {}."


def peer_review_of(harvest: Harvest) -> PeerReview:
    """Return the activity.

    Raises:
        RecordError: an answer has not the shape that Moodle's documentation says.
    """
    try:
        return _Mapped(harvest).peer_review()
    except ValueError as exc:
        raise RecordError(f"Moodle's answers about the workshop hold a value that no record can have: {exc}") from exc


@dataclass(slots=True)
class _Mapped:
    """One activity on its way from answers to records."""

    harvest: Harvest
    files: FileList = field(default_factory=FileList.empty)
    forms: dict[FormHash, Form] = field(default_factory=dict)

    def peer_review(self) -> PeerReview:
        harvest = self.harvest
        works = tuple(self._submission(one, SubmissionKind.WORK) for one in harvest.submissions)
        examples = tuple(self._submission(one, SubmissionKind.EXAMPLE) for one in harvest.examples.values())
        people = participants(harvest)
        roles = {person.id: person.role for person in people}
        authors = {work.id: work.author_ids for work in works}
        filled = {number: self._filled(answer) for number, answer in harvest.forms.items()}
        pairs = [self._pair(one, filled, authors, roles) for one in harvest.assessments]
        pairs += [self._practised(one, filled) for one in harvest.practice]
        return PeerReview(
            activity=self._activity(),
            participants=people,
            forms=tuple(self.forms.values()),
            submissions=works + examples,
            allocations=tuple(allocation for allocation, _ in pairs),
            reviews=tuple(review for _, review in pairs if review is not None),
            files=self.files.files,
            announced=_announced(harvest),
        )

    def _activity(self) -> Activity:
        workshop = self.harvest.workshop
        texts = {key: workshop.rich(key) for key in _TEXTS}
        for key, text in texts.items():
            self.files.add(workshop.entries(f"{key}files"), FileArea.ACTIVITY, text)
        dates = ("submissionstart", "submissionend", "assessmentstart", "assessmentend")
        opened, closed, review_opened, review_closed = (workshop.time(key) for key in dates)
        return Activity(
            id=str(workshop.id("id")),
            system=SYSTEM,
            title=html.unescape(workshop.text("name") or ""),
            course=course_name(self.harvest),
            instructions=tuple(text for text in texts.values() if text is not None and text.body.strip()),
            phase=PHASES.get(workshop.count("phase") or 0, Phase.UNKNOWN),
            submission_open=opened,
            submission_close=closed,
            review_open=review_opened,
            review_close=review_closed,
            time_quality=workshop.quality(*dates),
            self_review_allowed=workshop.flag("useselfassessment"),
            grade_max=workshop.number("grade"),
            review_grade_max=workshop.number("gradinggrade"),
            form_hash=next(reversed(self.forms), None),
            redactions=self._omissions(),
            config_raw=workshop.plain,
        )

    def _omissions(self) -> tuple[str, ...]:
        harvest, found = self.harvest, list(self.harvest.omissions)
        told, seen = harvest.total_file_bytes, self.files.total_bytes
        if told is not None and told > seen:
            found.append(_UNSEEN_FILES.format(told, seen))
        given = {one.id("id") for one in harvest.assessments}
        reported = {
            review.id("assessmentid")
            for row in harvest.report
            for key in ("reviewedby", "reviewerof")
            for review in row.entries(key)
        }
        if reported - given:
            found.append(_UNSEEN_REVIEWS.format(", ".join(map(str, sorted(reported - given)))))
        if harvest.report_count is not None and harvest.report_count != len(harvest.report):
            found.append(_SHORT_REPORT.format(harvest.report_count, len(harvest.report)))
        return tuple(found)

    def _submission(self, one: Entry, kind: SubmissionKind) -> Submission:
        number = str(one.id("id"))
        text, author = one.rich("content"), one.person("authorid")
        inline = self.files.add(one.entries("contentfiles"), FileArea.SUBMISSION_INLINE, text)
        attached = self.files.add(one.entries("attachmentfiles"), FileArea.SUBMISSION_ATTACHMENT, text)
        return Submission(
            id=SubmissionId(number),
            author_ids=() if author is None else (ParticipantId(str(author)),),
            kind=kind,
            title=one.text("title") or "",
            parts=(Part(PartId(number), text),) if text is not None and text.body.strip() else (),
            file_ids=inline + attached,
            created_at=one.time("timecreated"),
            modified_at=one.time("timemodified"),
            time_quality=one.quality("timecreated", "timemodified"),
            late=one.flag("late"),
            published=one.flag("published"),
            grade=_grade(one, "grade", "gradeover"),
            staff_feedback=one.rich("feedbackauthor"),
        )

    def _filled(self, answer: Entry) -> FilledForm:
        word = self.harvest.workshop.text("strategy")
        strategy = Strategy(word) if word in list(Strategy) else Strategy.OTHER
        form_id = str(self.harvest.workshop.id("id"))
        filled = read_form(answer, strategy, form_id)
        descriptions = [one.description for one in filled.form.criteria]
        labels = [option.label for one in filled.form.criteria for option in one.options]
        file_ids = self.files.add(answer.entries("descriptionfiles"), FileArea.FORM, *descriptions, *labels)
        self.forms.setdefault(filled.form.hash, replace(filled.form, file_ids=file_ids))
        return filled

    def _pair(
        self,
        one: Entry,
        filled: Mapping[int, FilledForm],
        authors: Mapping[SubmissionId, tuple[ParticipantId, ...]],
        roles: Mapping[ParticipantId, ParticipantRole],
    ) -> tuple[Allocation, Review | None]:
        reviewer = _known(one.person("reviewerid"))
        submission = SubmissionId(str(one.id("submissionid")))
        role = AllocationRole.PEER
        if reviewer is not None and reviewer in authors.get(submission, ()):
            role = AllocationRole.SELF
        elif reviewer is not None and roles.get(reviewer) is ParticipantRole.STAFF:
            role = AllocationRole.STAFF
        allocation = _allocation(one, reviewer, submission, role)
        if allocation.state is AllocationState.PENDING:
            return allocation, None
        return allocation, self._review(one, filled.get(one.id("id")))

    def _review(self, one: Entry, filled: FilledForm | None) -> Review:
        overall, number = one.rich("feedbackauthor"), str(one.id("id"))
        inline = self.files.add(one.entries("feedbackcontentfiles"), FileArea.REVIEW_INLINE, overall)
        attached = self.files.add(one.entries("feedbackattachmentfiles"), FileArea.REVIEW_ATTACHMENT, overall)
        grade = one.number("grade")
        return Review(
            id=ReviewId(number),
            allocation_id=AllocationId(number),
            form_hash=None if filled is None else filled.form.hash,
            answers=() if filled is None else filled.answers,
            overall_comment=overall,
            file_ids=inline + attached,
            suggested_grade=grade,
            review_grade=_grade(one, "gradinggrade", "gradinggradeover"),
            staff_feedback=one.rich("feedbackreviewer"),
            counted=grade is not None and one.number("weight") != 0,
        )

    def _practised(self, one: Practice, filled: Mapping[int, FilledForm]) -> tuple[Allocation, Review | None]:
        reviewer = ParticipantId(str(one.reviewer_id))
        submission = SubmissionId(str(one.example.id("id")))
        number = one.example.id("assessmentid")
        # The plan says little, the assessment says all, and both call it by the same number.
        entry = one.assessment or Entry(
            {"id": number, "grade": one.example.number("grade"), "gradinggrade": one.example.number("gradinggrade")},
            "mod_workshop_get_user_plan: examples",
        )
        allocation = _allocation(entry, reviewer, submission, AllocationRole.EXAMPLE)
        if allocation.state is AllocationState.PENDING:
            return allocation, None
        # Practice goes into no grade.
        return allocation, replace(self._review(entry, filled.get(number)), counted=False)


def is_pending(assessment: Entry) -> bool:
    """Whether an assessment was only allocated: no grade, and never saved (``timemodified`` 0)."""
    return assessment.number("grade") is None and not assessment.number("timemodified")


def _allocation(
    one: Entry, reviewer: ParticipantId | None, submission: SubmissionId, role: AllocationRole
) -> Allocation:
    weight = one.number("weight")
    return Allocation(
        id=AllocationId(str(one.id("id"))),
        reviewer_id=reviewer,
        submission_id=submission,
        role=role,
        state=AllocationState.PENDING if is_pending(one) else AllocationState.DONE,
        weight=1.0 if weight is None else weight,
        allocated_at=one.time("timecreated"),
        completed_at=one.time("timemodified"),
        time_quality=one.quality("timecreated", "timemodified"),
    )


def _grade(one: Entry, raw: str, over: str) -> Grade:
    """Return a grade of 0 to 100; a grade that Moodle does not give (before the evaluation phase) is not known."""
    by = _known(one.person(f"{over}by"))
    return Grade(raw=one.number(raw), over=one.number(over), by=by, max=BEST_GRADE)


def _announced(harvest: Harvest) -> Announced:
    """Return what Moodle counts itself. The report leaves inactive enrolments out, and whom it hides is no cell."""
    cells = {
        review.id("assessmentid"): MatrixCell(
            reviewer_id=ParticipantId(str(review.id("userid"))),
            submission_id=SubmissionId(str(review.id("submissionid"))),
            allocation_id=AllocationId(str(review.id("assessmentid"))),
        )
        for row in harvest.report
        for review in row.entries("reviewedby")
        if review.person("userid") is not None
    }
    return Announced(submission_count=harvest.submission_count, matrix=tuple(cells.values()), matrix_is_complete=False)


def _known(person: int | None) -> ParticipantId | None:
    return None if person is None else ParticipantId(str(person))
