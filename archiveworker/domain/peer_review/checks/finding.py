"""What a check says: findings, with the records that they are about, and what could not be checked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archiveworker.domain.peer_review.checks.facts import Facts


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """The data contradicts itself or the rules of its system."""
    WARNING = "warning"
    """Something that a person should look at before relying on it."""
    INFO = "info"
    """Good to know."""


class Outcome(StrEnum):
    """How a check ended."""

    FOUND = "found"
    NOT_CHECKABLE = "not_checkable"
    """Nothing was found, but data was missing, so it has not passed."""
    PASSED = "passed"


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


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A record that a finding is about. It is named by kind and number, so it may also be one that does not exist.

    Attributes:
        kind: of the record.
        id: of the record.
    """

    kind: SubjectKind
    id: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A finding before it knows its code.

    Attributes:
        subjects: what it is about; the first is the most important.
        sentence: for a person.
    """

    subjects: tuple[Subject, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Unchecked:
    """Data that a check would have needed.

    Attributes:
        reason: for a person; the same reason is said once.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the records show.

    Attributes:
        code: from the table.
        severity: of the code.
        subjects: what it is about; the first is the most important.
        sentence: for a person.
    """

    code: str
    severity: Severity
    subjects: tuple[Subject, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check said about one activity.

    Attributes:
        code: of the check.
        severity: of its findings.
        title: what it looks for.
        findings: sorted by what they are about.
        not_checked: why parts, or all, could not be checked: reasons, each with the number of records.
    """

    code: str
    severity: Severity
    title: str
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """FOUND if anything was found, else NOT_CHECKABLE if any data was missing, else PASSED."""
        if self.findings:
            return Outcome.FOUND
        return Outcome.NOT_CHECKABLE if self.not_checked else Outcome.PASSED


@dataclass(frozen=True, slots=True)
class Check:
    """An entry of the table.

    Attributes:
        code: never renamed; people filter by it.
        severity: of every finding with this code.
        title: what it looks for.
        look: yields hits and what could not be checked.
    """

    code: str
    severity: Severity
    title: str
    look: "Callable[[Facts], Iterator[Hit | Unchecked]]"


def about(kind: SubjectKind, *ids: str) -> tuple[Subject, ...]:
    """Return subjects of one kind, sorted and each once."""
    return tuple(Subject(kind, one) for one in sorted(set(ids)))
