"""What edx-proctoring answers, as far as it is used, versions 3.8 to 6.x.

Fields that a version does not have are optional; all others are not, so that a changed interface is noticed.
Source: edx_proctoring/serializers.py, views.py.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from archiveworker.domain.records import Codec

_CODEC: Final = Codec("the format that edx-proctoring 3.8 to 6.x answers with")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WireUser:
    """A learner. Source: UserSerializer."""

    id: int
    username: str
    email: str | None = None


@dataclass(frozen=True, slots=True)
class WireExam:
    """An exam. Source: ProctoredExamSerializer."""

    id: int
    course_id: str
    content_id: str
    exam_name: str
    time_limit_mins: int
    is_proctored: bool
    is_practice_exam: bool
    is_active: bool
    hide_after_due: bool = False
    due_date: datetime | None = None
    backend: str | None = None


@dataclass(frozen=True, slots=True)
class WireAttempt:
    """An attempt. Source: ProctoredExamStudentAttemptSerializer; the last three fields came with 4.0.

    ``attempt_code`` and ``external_id`` are masked already (``base.mask_answer``), the digests are ours.
    """

    id: int
    created: datetime
    modified: datetime
    user: WireUser
    status: str
    proctored_exam: WireExam
    attempt_code: str
    attempt_code_sha256: str | None = None
    external_id_sha256: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    external_id: str | None = None
    allowed_time_limit_mins: int | None = None
    is_sample_attempt: bool = False
    taking_as_proctored: bool = False
    review_policy_id: int | None = None
    is_status_acknowledged: bool = False
    time_remaining_seconds: int | None = None
    is_resumable: bool | None = None
    ready_to_resume: bool | None = None
    resumed: bool | None = None


@dataclass(frozen=True, slots=True)
class WireGroup:
    """All attempts of one person at one exam; the newest one's fields stand beside the list."""

    all_attempts: tuple[WireAttempt, ...]


@dataclass(frozen=True, slots=True)
class WirePaging:
    """Where a page is among the others."""

    has_previous: bool
    has_next: bool
    current_page: int
    total_pages: int


@dataclass(frozen=True, slots=True)
class WireGroupPage:
    """A page of the grouped listing. Source: views.py, StudentProctoredGroupedExamAttemptsByCourse."""

    proctored_exam_attempts: tuple[WireGroup, ...]
    pagination_info: WirePaging


@dataclass(frozen=True, slots=True)
class WireAllowance:
    """An allowance. Source: ProctoredExamStudentAllowanceSerializer."""

    id: int
    created: datetime
    modified: datetime
    user: WireUser
    key: str
    value: str
    proctored_exam: WireExam


@dataclass(frozen=True, slots=True)
class WirePolicy:
    """The policy of an exam. Source: views.py, ProctoredExamReviewPolicyView."""

    review_policy: str | None


@dataclass(frozen=True, slots=True)
class WireSettings:
    """The settings of an exam. Source: api.py, get_proctoring_settings_by_exam_id."""

    platform_name: str | None = None
    contact_us: str | None = None
    provider_name: str | None = None
    provider_tech_support_email: str | None = None
    proctoring_escalation_email: str | None = None


@dataclass(frozen=True, slots=True)
class WireOnboarding:
    """One person's onboarding. Source: views.py, StudentOnboardingStatusByCourseView."""

    username: str
    enrollment_mode: str | None
    status: str | None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class WireOnboardingPage:
    """A page of the onboarding list."""

    count: int
    num_pages: int
    results: tuple[WireOnboarding, ...]
    next: str | None = None


class Answers(NamedTuple):
    """Everything that the LMS answered about a course. Numbers of exams are the LMS's.

    ``allowances`` and ``onboarding`` are None when they were not to be had.
    """

    exams: tuple[WireExam, ...]
    attempts: tuple[WireAttempt, ...]
    allowances: tuple[WireAllowance, ...] | None
    onboarding: tuple[WireOnboarding, ...] | None
    policies: dict[int, WirePolicy]
    settings: dict[int, WireSettings]


def read(answer: object, kind: type[T]) -> T:
    """Return the answer (parsed JSON) as ``kind``.

    Raises:
        RecordError: it is none; the sentence names the place and quotes nothing.
    """
    return _CODEC.from_plain(answer, kind)
