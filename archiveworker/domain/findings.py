"""What a check says about records: findings, with what they are about, and what could not be checked. Pure, no I/O.

A check whose data is missing says so (``Unchecked``) and is then never *passed*. Findings are facts about records, not
verdicts about people.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

F = TypeVar("F")


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


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A record that a finding is about. It is named by kind and number, so it may also be one that does not exist.

    Attributes:
        kind: of the record; each model has its own list of kinds.
        id: of the record.
    """

    kind: StrEnum
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
    """What one check said about all records.

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
class Check(Generic[F]):
    """An entry of a table of checks.

    Attributes:
        code: never renamed; people filter by it.
        severity: of every finding with this code.
        title: what it looks for.
        look: yields hits and what could not be checked.
    """

    code: str
    severity: Severity
    title: str
    look: Callable[[F], Iterator[Hit | Unchecked]]


def run_check(check: Check[F], facts: F) -> CheckResult:
    """Return what ``check`` says about ``facts``; the order in which it says it does not matter."""
    findings, missing = [], Counter[str]()
    for said in check.look(facts):
        if isinstance(said, Hit):
            findings.append(Finding(check.code, check.severity, said.subjects, said.sentence))
        else:
            missing[said.reason] += 1
    return CheckResult(
        code=check.code,
        severity=check.severity,
        title=check.title,
        findings=tuple(sorted(findings, key=lambda one: (one.subjects, one.sentence))),
        not_checked=tuple(f"{reason} ({count} times)" for reason, count in sorted(missing.items())),
    )


def findings_of(results: Iterable[CheckResult]) -> tuple[Finding, ...]:
    """Return all findings in the order of the table."""
    return tuple(finding for result in results for finding in result.findings)


def about(kind: StrEnum, *ids: str) -> tuple[Subject, ...]:
    """Return subjects of one kind, sorted and each once."""
    return tuple(Subject(kind, one) for one in sorted(set(ids)))


def isolated(text: str) -> str:
    """Return ``text`` as it can stand in a sentence: right-to-left scripts are kept apart (UAX 9, 2.4)."""
    is_right_to_left = any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}" if is_right_to_left else text
