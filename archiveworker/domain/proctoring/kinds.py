"""The closed lists of the proctoring model. Source: edx_proctoring/statuses.py of 3.8.1 and 6.1.4."""

from enum import StrEnum
from typing import Final


class Dialect(StrEnum):
    """How the LMS says that an attempt was resumed."""

    STATUSES = "statuses"
    """3.8 and older: ``ready_to_resume`` and ``resumed`` are statuses."""
    FLAGS = "flags"
    """4.0 and newer: they are flags beside the status."""
    UNKNOWN = "unknown"
    """There is no attempt to tell by."""


class Status(StrEnum):
    """Where an attempt is."""

    ELIGIBLE = "eligible"
    CREATED = "created"
    DOWNLOAD_SOFTWARE_CLICKED = "download_software_clicked"
    READY_TO_START = "ready_to_start"
    STARTED = "started"
    READY_TO_SUBMIT = "ready_to_submit"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    SUBMITTED = "submitted"
    SECOND_REVIEW_REQUIRED = "second_review_required"
    VERIFIED = "verified"
    REJECTED = "rejected"
    ERROR = "error"
    ONBOARDING_MISSING = "onboarding_missing"
    ONBOARDING_PENDING = "onboarding_pending"
    ONBOARDING_FAILED = "onboarding_failed"
    ONBOARDING_EXPIRED = "onboarding_expired"
    EXPIRED = "expired"
    ONBOARDING_RESET = "onboarding_reset"
    OTHER = "other"
    """A word that no version of the LMS that is known here has; it stands in ``Attempt.status_given``."""


INCOMPLETE: Final = frozenset(
    {
        Status.ELIGIBLE,
        Status.CREATED,
        Status.DOWNLOAD_SOFTWARE_CLICKED,
        Status.READY_TO_START,
        Status.STARTED,
        Status.READY_TO_SUBMIT,
    }
)
NEITHER: Final = frozenset({Status.EXPIRED, Status.ONBOARDING_RESET, Status.OTHER})
COMPLETED: Final = frozenset(Status) - INCOMPLETE - NEITHER
REVIEWED: Final = frozenset({Status.VERIFIED, Status.REJECTED, Status.SECOND_REVIEW_REQUIRED})
"""What only a review, or a person in its stead, brings about."""
ONBOARDING_TROUBLE: Final = frozenset(
    {Status.ONBOARDING_MISSING, Status.ONBOARDING_PENDING, Status.ONBOARDING_FAILED, Status.ONBOARDING_EXPIRED}
)

ADDITIONAL_TIME: Final = "additional_time_granted"
"""Key of the allowance that the LMS adds to the time limit, in minutes. Source: api.py, _calculate_allowed_mins."""
TIME_MULTIPLIER: Final = "time_multiplier"
TIME_KEYS: Final = frozenset({ADDITIONAL_TIME, TIME_MULTIPLIER})

ONBOARDING_APPROVED: Final = frozenset({"verified", "other_course_approved"})
"""Words of the onboarding list after which an exam may be taken. Source: statuses.py."""

REVIEW_OF_VIOLATION: Final = frozenset({"suspicious", "rules violation"})
"""Words of a reviewer, in small letters, that say that something was wrong."""


class Change(StrEnum):
    """What happened to a row, as django-simple-history writes it."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"


class GapKind(StrEnum):
    """What an archive can lack, because the LMS's REST interface does not give it."""

    HISTORY = "history"
    DELETED_ATTEMPTS = "deleted_attempts"
    REVIEWS = "reviews"
    COMMENTS = "comments"
    ALLOWANCE_HISTORY = "allowance_history"
    POLICY_HISTORY = "policy_history"
    POLICY = "policy"
    SETTINGS = "settings"
    ONBOARDING = "onboarding"
    ALLOWANCES = "allowances"
    INACTIVE_EXAMS = "inactive_exams"
