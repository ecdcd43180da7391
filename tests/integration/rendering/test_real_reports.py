"""Two reports that a real Moodle made, if they lie beside the checkout; what they load cannot be reached."""

import json
from pathlib import Path

import pytest

from archiveworker.domain.document import RenderOptions
from archiveworker.rendering.renderer import ChromiumRenderer
from tests.integration.rendering.conftest import page, text_of

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "recordings" / "moodle_quiz"
REPORTS = sorted(RECORDINGS.glob("*generate_attempt_report.resp.json")) if RECORDINGS.is_dir() else []


@pytest.mark.parametrize("recording", REPORTS or [None], ids=lambda path: path.name[:4] if path else "none")
async def test_a_real_report_ends_ready(recording: Path | None, renderer: ChromiumRenderer, tmp_path: Path) -> None:
    if recording is None:
        pytest.skip("the recordings of a real Moodle are not beside this checkout")
    report, _ = json.JSONDecoder().raw_decode(recording.read_text(encoding="utf-8"))
    document = page(
        report["report"], "http://127.0.0.1:8100", must_contain=("General feedback for D1 Intro", "中文字符")
    )
    result = await renderer.render(document, RenderOptions(keep_html=True), tmp_path)
    assert result.page_count > 5
    assert any("styles.php" in warning for warning in result.warnings)
    assert not any("was not ready" in warning for warning in result.warnings)
    assert "Lorem ipsum" in await text_of(result.pdf)
