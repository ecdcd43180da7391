"""Everything that Moodle answered about one workshop, before anything is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from archiveworker.sources.workshop.answers import Entry

_NONE: Mapping[int, Entry] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Practice:
    """A participant's practice on an example, as ``get_user_plan`` lists it.

    Attributes:
        reviewer_id: whose plan it was.
        example: id, title, assessmentid, grade, gradinggrade.
        assessment: what ``get_assessment`` says of it; None when Moodle did not give it.
    """

    reviewer_id: int
    example: Entry
    assessment: Entry | None = None


@dataclass(frozen=True, slots=True)
class Harvest:
    """The answers.

    Attributes:
        workshop: of ``get_workshops_by_courses``.
        access: of ``get_workshop_access_information``.
        submissions: of ``get_submissions``, all of them.
        submission_count: its ``totalcount``.
        total_file_bytes: its ``totalfilesize``: files of all works and examples, seen or not.
        assessments: of ``get_submission_assessments``.
        forms: assessment id to the answer of ``get_assessment_form_definition``.
        report: rows of ``get_grades_report``.
        report_count: its ``totalcount``.
        people: of ``core_enrol_get_enrolled_users``; None when Moodle refused.
        active_ids: of those, whose enrolment is active; None when Moodle does not say.
        examples: example submissions, by id.
        practice: what participants made of them.
        others: people whom the workshop names though they are not enrolled, of ``core_user_get_users_by_field``.
        omissions: sentences: what Moodle did not give.
    """

    workshop: Entry
    access: Entry
    submissions: tuple[Entry, ...]
    submission_count: int | None
    total_file_bytes: int | None
    assessments: tuple[Entry, ...]
    forms: Mapping[int, Entry]
    report: tuple[Entry, ...]
    report_count: int | None
    people: tuple[Entry, ...] | None
    active_ids: frozenset[int] | None = None
    examples: Mapping[int, Entry] = field(default_factory=lambda: _NONE)
    practice: tuple[Practice, ...] = ()
    others: tuple[Entry, ...] = ()
    omissions: tuple[str, ...] = ()

    def with_rest(self, others: tuple[Entry, ...], omissions: tuple[str, ...]) -> "Harvest":
        """Return these answers with what is only known when all others are there."""
        return replace(self, others=others, omissions=omissions)
