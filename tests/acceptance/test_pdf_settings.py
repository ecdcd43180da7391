"""A whole job with files inside its PDFs, a footer and a watermark; and what the worker then says about each PDF."""

import hashlib
import tarfile
from pathlib import Path

import pikepdf
import pypdf
import pytest

from archiveworker.demo.server import DemoServer
from tests.acceptance.conftest import finished
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]


async def test_everything_of_an_attempt_is_inside_its_pdf(lms: DemoServer, tmp_path: Path) -> None:
    settings = {
        "PDF_EMBED": "all",
        "PAGE_FOOTER": "full",
        "PAGE_WATERMARK": "DEMO",
        "PAGE_MARGIN_MM": "20",
        "PDF_EMBED_MAX_BYTES": "1000000",
    }
    async with WorkerProcess(tmp_path, settings) as worker:
        ids = [attempt.attemptid for attempt in lms.course.attempts][:3]
        view, archive = await finished(lms, worker, lms.request(7, itemids=ids))
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(tmp_path / "tree")
    reports = sorted(p for p in tmp_path.glob("tree/attempts/**/*.pdf") if "attachments" not in p.parts)
    assert len(reports) == len(view["items"]) == 3
    attached = 0
    for report in reports:
        item = next(item for item in view["items"] if (tmp_path / "tree" / item["folder"]) in report.parents)
        facts = item["pdf"]
        beside = {_sha256(p.read_bytes()) for p in report.parent.rglob("attachments/**/*")
                  if p.is_file() and p.suffix != ".sha256"}  # fmt: skip
        with pikepdf.open(report) as pdf:
            inside = {name: file.get_file().read_bytes() for name, file in pdf.attachments.items()}
        source = inside.pop("page.source.html").decode()
        assert "que essay" in source
        assert {_sha256(data) for data in inside.values()} == beside
        attached += len(beside)
        reader = pypdf.PdfReader(report)
        text = "".join(reader.pages[-1].extract_text().split())
        assert f"{len(reader.pages)}/{len(reader.pages)}" in text
        assert facts == {
            "pages": len(reader.pages),
            "width_mm": pytest.approx(210, abs=0.4),
            "height_mm": pytest.approx(297, abs=0.4),
            "words_shown": facts["words_shown"],
            "words_found": pytest.approx(facts["words_shown"], rel=0.05),
            "images_drawn": facts["images_drawn"],
            "boxes_drawn": 0,
            "files_embedded": 1 + len(inside),
            "profile": "3a",
            "size_bytes": report.stat().st_size,
        }
        assert facts["words_shown"] > 100
        assert facts["images_drawn"] > 0
    assert attached > 0


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
