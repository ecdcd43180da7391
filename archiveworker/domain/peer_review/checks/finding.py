"""The vocabulary of ``domain.findings`` for peer reviews: what their findings can be about."""

from enum import StrEnum

from archiveworker.domain.findings import CheckResult, Finding, Hit, Outcome, Severity, Subject, Unchecked, about

__all__ = ["CheckResult", "Finding", "Hit", "Outcome", "Severity", "Subject", "SubjectKind", "Unchecked", "about"]


class SubjectKind(StrEnum):
    """Kinds of records that a finding can be about."""

    ACTIVITY = "activity"
    PARTICIPANT = "participant"
    FORM = "form"
    CRITERION = "criterion"
    SUBMISSION = "submission"
    ALLOCATION = "allocation"
    REVIEW = "review"
    FILE = "file"
    LOCK = "lock"
