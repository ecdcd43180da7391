"""What real systems said is understood. The recordings are not part of the project: without them these tests skip."""

import json
from pathlib import Path
from typing import Any

import pytest

from archiveworker.domain.errors import RequestError, SourceUnavailableError, TokenRefusedError
from archiveworker.domain.ids import ArchivePath
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.moodle.failures import refused
from archiveworker.sources.moodle.files import attachments_in
from archiveworker.sources.moodle.wire import Refusal, first_json, language_of, refusal_in
from archiveworker.sources.quiz_archiver import QuizArchiverSource

TAKEN_NOW = {"archive_api_v6", "archive_quiz_archiver_path"}
"""The existing worker speaks one version only; ours speaks that of these requests too."""
ABOUT_THE_TOKEN = {"archive_revoked_token", "archive_unreachable"}
"""Well-formed: only the probe finds out."""


def body_of(recording: Path) -> Any:
    body = json.loads(recording.read_text())["response_body"] or {}
    return body.get("json", body.get("text"))


def test_the_recorded_request_is_taken(recordings):
    [file] = (recordings / "moodle_quiz").glob("0001*.json")
    body = json.loads(file.read_text())["request_body"]["json"]

    request = QuizArchiverSource(MoodleConfig()).parse(body)

    assert request.options.archive_name == body["archive_filename"]
    assert request.options.render.keep_html


def test_what_the_existing_worker_takes_and_refuses_so_do_we(recordings):
    source = QuizArchiverSource(MoodleConfig())
    seen = 0
    for file in sorted((recordings / "existing_worker_http").glob("archive_*.json")):
        recorded = json.loads(file.read_text())
        seen += 1
        try:
            source.parse(recorded["request"])
        except RequestError:
            status = 400
        else:
            status = 200
        expected = 200 if file.stem in TAKEN_NOW | ABOUT_THE_TOKEN else recorded["status"]
        assert status == expected, file.stem

    assert seen > 10


def test_recorded_reports_are_read_although_html_follows(recordings):
    files = sorted((recordings / "moodle_quiz").glob("*generate_attempt_report.resp.json"))
    assert len(files) == 2
    for file in files:
        answer = first_json(file.read_text())

        assert answer["status"] == "OK"
        assert language_of(answer["report"]) == "en"
        folder = ArchivePath.sanitised("attempts", answer["foldername"])
        paths = [a.path.value for a in attachments_in(answer["attachments"], folder)]
        assert [path.rpartition("/")[2] for path in paths] == [a["filename"] for a in answer["attachments"]]


@pytest.mark.parametrize("folder", ["moodle_errors", "moodle_errors/disabled", "moodle_errors/uploads"])
def test_every_recorded_error_is_recognised(recordings, folder):
    seen = 0
    for file in sorted((recordings / folder).glob("*.json")):
        answer = body_of(file)
        entry = answer[0] if isinstance(answer, list) and answer else answer
        if not isinstance(entry, dict) or "itemid" in entry or "workshops" in entry:
            continue
        seen += 1
        refusal = refusal_in(entry)
        assert refusal is not None, file.name
        error = refused("Moodle's function", refusal)
        assert isinstance(error, TokenRefusedError) == (refusal.code in ("invalidtoken", "accessexception")), file.name
        assert isinstance(error, SourceUnavailableError) == (refusal.code == "sitemaintenance"), file.name
        assert "does not know" not in str(error), file.name

    assert seen > 3


def test_recorded_refusals_of_the_plugin_are_recognised(recordings):
    for file in sorted((recordings / "moodle_plugin_errors").glob("*.json")):
        answer = body_of(file)
        refusal = refusal_in(answer)
        if refusal is None:
            assert answer["status"].startswith("E_"), file.name
            error = refused("Moodle's function", Refusal(answer["status"], ""))
            assert "that the worker does not know" not in str(error), file.name
