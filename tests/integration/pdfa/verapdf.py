"""Asks veraPDF about many files at once, and reads its answer strictly: what is missing there is an error.

``make judges`` puts veraPDF into ``build/judges``. Its start takes seconds, a file a fraction of one, so that all
files of a run are judged by one process.
"""

import re
import shutil
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from archiveworker.runtime import process

JUDGES = Path(__file__).resolve().parents[3] / "build" / "judges"
_MAIN = "org.verapdf.apps.GreenfieldCliWrapper"
_PROFILE = re.compile(r"PDF/A-(\d[A-Z]?) validation profile\Z")
_LIMIT_S = 600.0
_FAILED_CHECKS = 1
"""veraPDF's exit code when it has judged, and not all files are compliant; 0 when all are."""
_UNREADABLE = 7


class ReportError(Exception):
    """veraPDF's report does not say what it has to say."""


@dataclass(frozen=True)
class Verdict:
    """What veraPDF says about one file.

    Attributes:
        profile: judged by, as the file claims it, e.g. ``3a``.
        passed_checks: how much it looked at.
        failures: a sentence for each rule that is broken, with an example; empty when the file is compliant.
    """

    profile: str
    passed_checks: int
    failures: tuple[str, ...]

    @property
    def is_compliant(self) -> bool:
        return not self.failures


def need_verapdf() -> None:
    """Skip the test where the judge cannot be asked."""
    if shutil.which("java") is None or not (JUDGES / ".built").is_file():
        pytest.skip("needs Java: veraPDF is not in build/judges ('make judges' builds it)")


async def judge(files: Sequence[Path]) -> dict[Path, Verdict]:
    """Return a verdict for each of ``files``, by the profile that each claims.

    Raises:
        ReportError: veraPDF did not judge every file.
    """
    if not files:
        raise ReportError("there is nothing to judge")
    with tempfile.TemporaryDirectory() as folder:
        # Names of our own: what is in the report is then read back without doubt.
        names = {Path(folder) / f"{index:05d}.pdf": file.resolve() for index, file in enumerate(files)}
        for name, file in names.items():
            name.symlink_to(file)
        done = await process.run(
            ["java", "-Djava.awt.headless=true", "-cp", f"{JUDGES}/*", _MAIN, "--flavour", "0", "--format", "xml",
             "--maxfailuresdisplayed", "1", *map(str, names)],
            timeout_s=_LIMIT_S,
        )  # fmt: skip
        if done.returncode not in (0, _FAILED_CHECKS, _UNREADABLE):
            raise ReportError(f"veraPDF ended with status {done.returncode}: {done.stderr.decode()[:500]}")
        verdicts = read_report(done.stdout, names)
    return {file: verdicts[name] for name, file in zip(names, files, strict=True)}


def read_report(report: bytes, expected: Iterable[Path]) -> dict[Path, Verdict]:
    """Read veraPDF's XML report.

    Raises:
        ReportError: it is not about exactly the ``expected`` files, or lacks anything.
    """
    try:
        root = ET.fromstring(report)
    except ET.ParseError as exc:
        raise ReportError(f"not XML: {exc}; it begins with {report[:200]!r}") from exc
    if root.tag != "report" or root.find("jobs") is None:
        raise ReportError(f"not a report of veraPDF: <{root.tag}>")
    verdicts: dict[Path, Verdict] = {}
    for job in root.findall("jobs/job"):
        name = Path(_text(job, "item/name"))
        if name in verdicts:
            raise ReportError(f"{name} was judged twice")
        verdicts[name] = _verdict(job, name)
    wanted = set(expected)
    if set(verdicts) != wanted:
        raise ReportError(f"{len(wanted)} files were to be judged, the report is about {len(verdicts)} others")
    return verdicts


def _verdict(job: ET.Element, name: Path) -> Verdict:
    reports = job.findall("validationReport")
    if len(reports) != 1:
        exceptions = [element.text or "" for element in job.iter("exceptionMessage")]
        raise ReportError(f"{name} was not judged: {'; '.join(exceptions) or 'no reason is given'}")
    found = reports[0]
    profile = _PROFILE.match(_attribute(found, "profileName"))
    if profile is None:
        raise ReportError(f"{name} was judged by {found.get('profileName')!r}, which is no PDF/A")
    if _attribute(found, "jobEndStatus") != "normal":
        raise ReportError(f"{name}: veraPDF stopped before the end")
    details = found.find("details")
    if details is None:
        raise ReportError(f"{name}: the report has no details")
    passed, failed = (int(_attribute(details, key)) for key in ("passedChecks", "failedChecks"))
    failures = tuple(_sentence(rule) for rule in details.findall("rule[@status='failed']"))
    compliant = {"true": True, "false": False}[_attribute(found, "isCompliant")]
    if compliant != (failed == 0) or compliant != (not failures) or passed < 1:
        raise ReportError(f"{name}: the report contradicts itself ({compliant=}, {passed=}, {failed=}, {failures=})")
    return Verdict(profile[1].lower(), passed, failures)


def _sentence(rule: ET.Element) -> str:
    example = rule.find("check/context")
    where = "" if example is None else f" at {example.text}"
    clause, number = _attribute(rule, "clause"), _attribute(rule, "testNumber")
    return f"{clause}-{number} ({_attribute(rule, 'failedChecks')} times): {_text(rule, 'description')}{where}"


def _text(element: ET.Element, path: str) -> str:
    text = element.findtext(path)
    if not text:
        raise ReportError(f"<{element.tag}> lacks {path}")
    return text


def _attribute(element: ET.Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        raise ReportError(f"<{element.tag}> lacks {name}")
    return value
