"""The records of one course: exams, people, attempts, allowances, onboarding, reviews, and what was not available.

Source of the fields: edx_proctoring/serializers.py and models.py (3.8.1, 6.1.4). Ids are texts; a person's is the login
name. All times are UTC.
"""

from dataclasses import dataclass, field
from datetime import datetime

from archiveworker.domain.findings import Severity
from archiveworker.domain.proctoring.base import (
    AllowanceId,
    AttemptId,
    ExamId,
    Masked,
    PersonId,
    Record,
    ReviewId,
)
from archiveworker.domain.proctoring.kinds import TIME_KEYS, Change, Dialect, GapKind, Status


@dataclass(frozen=True, slots=True)
class Course(Record):
    """What was read, when, and from where.

    Attributes:
        id: e.g. ``course-v1:Org+Course+Run``.
        lms_url: address of the LMS.
        read_at: when reading began; "still running" and "expired" are said of this time.
        dialect: how the LMS speaks.
        only_exams: ids the archive was narrowed to; empty means all.
        only_people: login names it was narrowed to; empty means all.
        has_pseudonyms: people, addresses and free text of people were replaced or withheld.
    """

    id: str
    lms_url: str
    read_at: datetime
    dialect: Dialect = Dialect.UNKNOWN
    only_exams: tuple[ExamId, ...] = ()
    only_people: tuple[PersonId, ...] = ()
    has_pseudonyms: bool = False


@dataclass(frozen=True, slots=True)
class ExamSettings(Record):
    """What the LMS says about the supervision of an exam.

    Attributes:
        platform_name: what the LMS calls itself.
        provider_name: who supervises.
        contact: address for questions.
        support_email: of the provider.
        escalation_email: of the course.
    """

    platform_name: str = ""
    provider_name: str = ""
    contact: str = ""
    support_email: str = ""
    escalation_email: str = ""


@dataclass(frozen=True, slots=True)
class Exam(Record):
    """An exam.

    Attributes:
        id: of the LMS.
        content_id: block of the course.
        name: as learners see it.
        time_limit_mins: minutes without any allowance.
        is_proctored: supervised; otherwise only timed.
        is_practice: for practice, or the onboarding exam.
        is_active: False when it was taken out of the course.
        hide_after_due: not shown any more after it was due.
        due_at: end for everybody; None when there is none.
        backend: name of the supervising service in the LMS.
        policy: rules for the reviewers as they were when the course was read; None when there are none or they
            could not be read.
        settings: None when they could not be read.
    """

    id: ExamId
    content_id: str
    name: str
    time_limit_mins: int
    is_proctored: bool
    is_practice: bool
    is_active: bool
    hide_after_due: bool = False
    due_at: datetime | None = None
    backend: str | None = None
    policy: str | None = None
    settings: ExamSettings | None = None


@dataclass(frozen=True, slots=True)
class Person(Record):
    """A learner.

    Attributes:
        id: login name.
        lms_user_id: number in the LMS; None when no list had it.
        email: None when no list had it.
    """

    id: PersonId
    lms_user_id: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt(Record):
    """One attempt at an exam. A resumed attempt is followed by a new one; nothing but the order in time links the two.

    Attributes:
        id: of the LMS.
        exam_id: which exam.
        person_id: whose.
        created_at: when the learner first asked for it.
        modified_at: last change of the record.
        started_at: None when it never started.
        completed_at: None when it did not end, or ended by an error.
        status: where it is, the same in both dialects.
        status_given: the word that the LMS used.
        allowed_mins: minutes allowed, with allowances, computed by the LMS at the start.
        remaining_s: seconds that were left when it was interrupted.
        is_practice: it counts for nothing.
        is_proctored: taken under supervision.
        review_policy_id: which policy was in force; the text behind the number may have changed.
        is_acknowledged: the learner saw the result.
        is_resumable: staff may let the learner go on.
        is_ready_to_resume: staff did.
        is_resumed: the learner went on, in a new attempt.
        code: ``attempt_code``, masked.
        external: the provider's id, masked.
    """

    id: AttemptId
    exam_id: ExamId
    person_id: PersonId
    created_at: datetime
    modified_at: datetime
    status: Status
    status_given: str
    started_at: datetime | None = None
    completed_at: datetime | None = None
    allowed_mins: int | None = None
    remaining_s: int | None = None
    is_practice: bool = False
    is_proctored: bool = False
    review_policy_id: str | None = None
    is_acknowledged: bool = False
    is_resumable: bool = False
    is_ready_to_resume: bool = False
    is_resumed: bool = False
    code: Masked | None = None
    external: Masked | None = None


@dataclass(frozen=True, slots=True)
class Allowance(Record):
    """Something that one person is granted in one exam.

    Attributes:
        id: of the LMS.
        exam_id: in which exam.
        person_id: to whom.
        key: what, e.g. ``additional_time_granted``.
        value: how much, or a text that can be about a person's health; None when it was withheld.
        created_at: when it was given.
        modified_at: last change.
    """

    id: AllowanceId
    exam_id: ExamId
    person_id: PersonId
    key: str
    value: str | None
    created_at: datetime
    modified_at: datetime

    @property
    def is_sensitive(self) -> bool:
        """Whether the value is a text about a person, and not a number of minutes."""
        return self.key not in TIME_KEYS


@dataclass(frozen=True, slots=True)
class Onboarding(Record):
    """Where one person is with getting to know the supervision.

    Attributes:
        person_id: who.
        enrollment_mode: how the person is enrolled.
        status: the LMS's word, e.g. ``not_started``, ``verified``, ``other_course_approved``.
        modified_at: last change; None when nothing was begun.
    """

    person_id: PersonId
    enrollment_mode: str
    status: str
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Comment(Record):
    """What a reviewer noted about a stretch of the recording.

    Attributes:
        start_s: seconds from the beginning.
        stop_s: seconds from the beginning.
        text: what; None when it was withheld.
        status: the reviewer's word, e.g. ``Suspicious``.
    """

    start_s: float
    stop_s: float
    text: str | None
    status: str


@dataclass(frozen=True, slots=True)
class Review(Record):
    """A review of the recording of an attempt.

    Attributes:
        id: of the LMS.
        attempt_id: of which attempt; None when that is not there (any more).
        code: of the attempt, masked.
        status: the provider's word, e.g. ``Clean``, ``Suspicious``.
        created_at: when it came.
        exam_id: of which exam; None when the LMS did not note it.
        person_id: of whom; None when the LMS did not note it, or the person is in no list any more.
        reviewed_by: person of the staff; None when it came from the provider.
        is_superseded: a later one took its place.
        has_video: the LMS has an address of the recording; it is not archived.
        comments: in the order of the recording; None when they were not available.
    """

    id: ReviewId
    attempt_id: AttemptId | None
    code: Masked
    status: str
    created_at: datetime
    exam_id: ExamId | None = None
    person_id: PersonId | None = None
    reviewed_by: PersonId | None = None
    is_superseded: bool = False
    has_video: bool = False
    comments: tuple[Comment, ...] | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry(Record):
    """A change of an attempt, as the LMS's own history has it.

    Attributes:
        attempt_id: of which attempt, which may be gone.
        exam_id: of which exam.
        person_id: whose; None when the person is in no list any more.
        at: when.
        number: of the entry; tells two of the same moment apart.
        change: what kind.
        status: after the change.
        status_given: the LMS's word for it.
    """

    attempt_id: AttemptId
    exam_id: ExamId
    person_id: PersonId | None
    at: datetime
    number: int
    change: Change
    status: Status
    status_given: str


@dataclass(frozen=True, slots=True)
class FormerAllowance(Record):
    """A value that an allowance once had.

    Attributes:
        allowance_id: of which allowance, which may be gone.
        exam_id: in which exam.
        person_id: whose; None when the person is in no list any more.
        key: what.
        value: None when it was withheld.
        until: when it was changed or taken away.
    """

    allowance_id: AllowanceId
    exam_id: ExamId
    person_id: PersonId | None
    key: str
    value: str | None
    until: datetime


@dataclass(frozen=True, slots=True)
class FormerPolicy(Record):
    """A text that an exam's policy once had.

    Attributes:
        exam_id: of which exam.
        text: the policy.
        until: when it was changed or taken away.
    """

    exam_id: ExamId
    text: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Gap(Record):
    """Something that the archive does not have.

    Attributes:
        kind: what.
        sentence: for a person: what is missing and why.
    """

    kind: GapKind
    sentence: str


@dataclass(frozen=True, slots=True)
class Proctoring(Record):
    """Everything that was read about one course. None is *not available*, an empty list is *there are none*.

    Attributes:
        course: what was read.
        exams: also those that are not active any more.
        people: everybody whom a list names.
        attempts: each once.
        allowances: as they are now.
        onboarding: None when the course has no onboarding exam, or the list was not available (``gaps`` says which).
        reviews: None when they were not available; REST does not give them.
        history: changes of attempts, also of deleted ones; None when it was not available.
        former_allowances: None when they were not available.
        former_policies: None when they were not available.
        gaps: what is missing, in plain words.
    """

    course: Course
    exams: tuple[Exam, ...] = ()
    people: tuple[Person, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    allowances: tuple[Allowance, ...] | None = ()
    onboarding: tuple[Onboarding, ...] | None = None
    reviews: tuple[Review, ...] | None = None
    history: tuple[HistoryEntry, ...] | None = None
    former_allowances: tuple[FormerAllowance, ...] | None = None
    former_policies: tuple[FormerPolicy, ...] | None = None
    gaps: tuple[Gap, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Statement(Record):
    """A finding without what it is about, as it is stored with the pages that show it.

    Attributes:
        code: of the check.
        severity: of the check.
        sentence: for a person.
    """

    code: str
    severity: Severity
    sentence: str


@dataclass(frozen=True, slots=True)
class PairFile(Record):
    """All that the page of one person in one exam needs, so that it is made without reading the whole course.

    Attributes:
        record: the course, narrowed to the person and the exam.
        findings: about this person in this exam.
    """

    record: Proctoring
    findings: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class ProctoringFile(Record):
    """``proctoring.json`` of the archive.

    Attributes:
        record: everything that was read.
        format_version: of this file.
    """

    record: Proctoring
    format_version: int = 1
