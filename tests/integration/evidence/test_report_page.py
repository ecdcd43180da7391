"""The report as it comes out of a printer: A4, the whole summary on the first sheet."""

from datetime import UTC, datetime
from pathlib import Path

import pypdf
import pytest

from archiveworker.domain.digest import Sha256
from archiveworker.domain.evidence import Check, Proof, Trust, Verdict, VerificationReport, VerifiedTimestamp
from archiveworker.evidence.verify import STEPS
from archiveworker.rendering import chromium
from archiveworker.reports.verification import Occasion, render_html
from archiveworker.runtime.process import run

pytestmark = pytest.mark.chromium

LIST = Sha256.of(b"list")
LONG = "attempts/a-rather-long-folder-name-of-a-student/33/attachments/2/and-a-long-name-of-a-file-as-well.pdf"


def crowded() -> VerificationReport:
    """As much on the summary as there can be: two time-stamps, bad and open findings in plenty, every step."""
    stamp = VerifiedTimestamp(
        digest=LIST,
        generated_at=datetime(2026, 11, 21, 5, 14, 43, tzinfo=UTC),
        serial_number=2**159,
        policy_oid="1.3.6.1.4.1.99999.1.2.3.4",
        tsa_name="CN=A time-stamp authority with a long name,OU=Trust services,O=A university,C=DE",
        trust=Trust.EMBEDDED,
    )
    checks = [Check(step, Verdict.GOOD, "exam.tar.gz", "fine") for step in STEPS]
    for number in range(60):
        checks.append(
            Check("files", Verdict.BAD, f"{LONG}-{number}", "it was changed: the manifest has another digest")
        )
        checks.append(
            Check("cover", Verdict.UNKNOWN, f"{LONG}-{number}", "no time-stamp was found: the time is not proved")
        )
    return VerificationReport(
        "a-long-name-of-an-exam-in-the-winter-term-2026-27-with-everything-in-it.tar.gz",
        tuple(checks),
        123_456,
        STEPS,
        (Proof("manifest_timestamp", "manifest-sha256.txt", stamp), Proof("archive_timestamp", "exam.tar.gz", stamp)),
        10**12,
        Sha256.of(b"archive"),
        LIST,
    )


@pytest.mark.parametrize("lang", ["en", "de"])
async def test_the_summary_is_one_sheet_of_a4(tmp_path: Path, lang: str) -> None:
    page, pdf = tmp_path / "report.html", tmp_path / "report.pdf"
    occasion = Occasion("archiveworker 1.2.3", datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC))
    page.write_text(render_html(crowded(), occasion, lang=lang), encoding="utf-8")
    browser = chromium.find(None)
    argv = [str(browser.path), "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    await run([*argv, f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={pdf}", page.as_uri()], timeout_s=60)
    sheets = pypdf.PdfReader(pdf).pages
    assert [round(float(side) / 72 * 25.4) for side in sheets[0].mediabox[2:]] == [210, 297]
    first, second = (" ".join(sheet.extract_text().split()) for sheet in sheets[:2])
    assert LIST.hex in first, "the last line of the summary"
    assert LIST.hex not in second
    assert ("Einzelheiten" if lang == "de" else "Details") in second
    assert len(sheets) > 2
