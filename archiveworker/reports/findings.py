"""Findings as pages and tables show them: in groups, with what could not be checked; the same for every model."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from archiveworker.domain.findings import CheckResult, Finding, Outcome, Severity, Subject, findings_of
from archiveworker.reports.tables import render_csv

MOST_FINDINGS_SHOWN: Final = 100
"""Of one code; the tables have all."""


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """All findings of one code.

    Attributes:
        result: of the check.
        shown: sentences, at most ``MOST_FINDINGS_SHOWN``.
        more_count: how many are only in the tables.
    """

    result: CheckResult
    shown: tuple[str, ...]
    more_count: int


class FindingIndex:
    """Findings by what they are about.

    Args:
        results: of the checks, in the order of the table.
    """

    def __init__(self, results: Sequence[CheckResult]) -> None:
        self.all = findings_of(results)

    @cached_property
    def _by_subject(self) -> dict[Subject, list[Finding]]:
        found: defaultdict[Subject, list[Finding]] = defaultdict(list)
        for finding in self.all:
            for subject in finding.subjects:
                found[subject].append(finding)
        return found

    @cached_property
    def _place_of(self) -> dict[int, int]:
        return {id(finding): at for at, finding in enumerate(self.all)}

    def about(self, *subjects: tuple[StrEnum, str]) -> tuple[Finding, ...]:
        """Return findings about any of ``subjects``, each once, in the order of the report."""
        found = {
            id(finding): finding
            for kind, subject_id in subjects
            for finding in self._by_subject.get(Subject(kind, subject_id), ())
        }
        return tuple(sorted(found.values(), key=lambda finding: self._place_of[id(finding)]))


@dataclass(frozen=True, slots=True)
class FindingsView:
    """What an overview says about findings.

    Attributes:
        groups: by code, in the order of the table.
        severities: how many of each.
        check_count: how many checks were made.
        passed: that found nothing and could look at everything.
        not_checkable: that could not look at everything.
    """

    groups: tuple[FindingGroup, ...]
    severities: tuple[tuple[Severity, int], ...]
    check_count: int
    passed: tuple[CheckResult, ...]
    not_checkable: tuple[CheckResult, ...]

    @classmethod
    def of(cls, results: Sequence[CheckResult]) -> "FindingsView":
        """Return the view of what the checks said."""
        counts = Counter(finding.severity for finding in findings_of(results))
        return cls(
            groups=tuple(_group(result) for result in results if result.findings),
            severities=tuple((severity, counts[severity]) for severity in Severity),
            check_count=len(results),
            passed=tuple(result for result in results if result.outcome is Outcome.PASSED),
            not_checkable=tuple(result for result in results if result.not_checked),
        )


def _group(result: CheckResult) -> FindingGroup:
    shown = tuple(finding.sentence for finding in result.findings[:MOST_FINDINGS_SHOWN])
    return FindingGroup(result, shown, len(result.findings) - len(shown))


def findings_table(results: Sequence[CheckResult]) -> bytes:
    """Return every finding, and a row for each check that found nothing: passed, or why it could not be made."""
    columns = ("code", "severity", "outcome", "sentence", "subjects")
    rows: list[dict[str, str]] = []
    for result in results:
        base = {"code": result.code, "severity": result.severity.value}
        for finding in result.findings:
            subjects = " ".join(f"{subject.kind.value}:{subject.id}" for subject in finding.subjects)
            rows.append(base | {"outcome": Outcome.FOUND.value, "sentence": finding.sentence, "subjects": subjects})
        rows += [base | {"outcome": Outcome.NOT_CHECKABLE.value, "sentence": reason} for reason in result.not_checked]
        if result.outcome is Outcome.PASSED:
            rows.append(base | {"outcome": Outcome.PASSED.value, "sentence": result.title})
    return render_csv(columns, rows)
