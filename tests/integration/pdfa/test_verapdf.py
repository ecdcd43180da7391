"""The reading of veraPDF's report fails closed."""

from pathlib import Path

import pytest

from tests.integration.pdfa.verapdf import ReportError, judge, need_verapdf, read_report

FILE = Path("/x/00000.pdf")
GOOD = """<report><jobs><job><item size="9"><name>/x/00000.pdf</name></item>
  <validationReport jobEndStatus="normal" profileName="PDF/A-3A validation profile" isCompliant="true">
  <details passedRules="155" failedRules="0" passedChecks="935" failedChecks="0"></details></validationReport>
</job></jobs></report>"""
BAD = GOOD.replace('isCompliant="true"', 'isCompliant="false"').replace(
    'failedChecks="0"></details>',
    """failedChecks="2"><rule clause="6.1.4" testNumber="3" status="failed" failedChecks="2">
    <description>Xref streams shall not be used</description><check><context>root</context></check></rule></details>""",
)


def test_a_compliant_file() -> None:
    verdict = read_report(GOOD.encode(), [FILE])[FILE]
    assert (verdict.profile, verdict.passed_checks, verdict.is_compliant) == ("3a", 935, True)


def test_a_file_that_is_not() -> None:
    verdict = read_report(BAD.encode(), [FILE])[FILE]
    assert verdict.failures == ("6.1.4-3 (2 times): Xref streams shall not be used at root",)
    assert not verdict.is_compliant


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("<report>", "<other>"), "not XML"),
        (("report>", "other>"), "not a report"),
        (("00000", "00001"), "about 1 others"),
        (('isCompliant="true"', 'isCompliant="false"'), "contradicts itself"),
        (('failedChecks="0"', 'failedChecks="3"'), "contradicts itself"),
        (('passedChecks="935"', 'passedChecks="0"'), "contradicts itself"),
        ((' isCompliant="true"', ""), "lacks isCompliant"),
        ((' passedChecks="935"', ""), "lacks passedChecks"),
        (('jobEndStatus="normal"', 'jobEndStatus="cancelled"'), "stopped before the end"),
        (("PDF/A-3A validation profile", "PDF/UA-1 validation profile"), "no PDF/A"),
        (("validationReport", "taskException"), "was not judged"),
        (("<name>/x/00000.pdf</name>", ""), "lacks item/name"),
    ],
)
def test_whatever_is_missing_is_an_error(change: tuple[str, str], match: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(ReportError, match=match):
        read_report(GOOD.replace(*change).encode(), [FILE])


def test_a_file_that_was_left_out_is_an_error() -> None:
    with pytest.raises(ReportError, match="2 files were to be judged, the report is about 1 others"):
        read_report(GOOD.encode(), [FILE, Path("/x/00001.pdf")])


async def test_what_is_no_pdf_is_an_error(tmp_path: Path) -> None:
    need_verapdf()
    (tmp_path / "a.pdf").write_bytes(b"%PDF-nothing")
    with pytest.raises(ReportError, match="was not judged"):
        await judge([tmp_path / "a.pdf"])
