"""The demo LMS answers as the real Moodle did. Skipped where the recordings of the real one are not at hand."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from archiveworker.demo import plugin
from archiveworker.demo.contract import PLUGINS, Family, Kind
from archiveworker.demo.state import Row
from tests.conftest import RECORDINGS
from tests.unit.demo.conftest import Lms

pytestmark = pytest.mark.skipif(
    not (RECORDINGS / "moodle_quiz").is_dir(), reason="the recordings of a real Moodle are not on this machine"
)
# What belongs to the other Moodle: who uploaded, and numbers that are given out as they come.
_OWN = ("contextid", "userid", "itemid", "author")


def _load(name: str) -> dict[str, Any]:
    return json.loads((RECORDINGS / name).read_text(encoding="utf-8"))


def _names(folder: str) -> list[str]:
    return sorted(f"{folder}/{path.name}" for path in (RECORDINGS / folder).glob("*.json"))


def _adopt(lms: Lms) -> Row:
    recorded = _load("moodle_quiz/0001_to_worker_POST_archive.json")
    text = json.dumps(recorded["request_body"]["json"])
    row = plugin.adopt(lms.state, json.loads(text.replace("http://127.0.0.1:8100", lms.state.base_url)))
    plugin.worker_answered(lms.state, row, recorded["response_body"]["json"]["jobid"], "AWAITING_PROCESSING")
    return row


def _know_token(lms: Lms, recorded: dict[str, Any]) -> None:
    """Let the caller's token be a good one, unless it was a bad one there too or belonged to the job."""
    sent = {**(recorded["params"] or {}), **(recorded["form"] or {})}
    token = str(sent.get("wstoken") or sent.get("token") or "")
    if token.strip("0") and token not in (row.token for row in lms.state.rows):
        lms.state.tokens[token] = plugin.plugin_for(7)


def _body(recorded: dict[str, Any]) -> Any:
    body = recorded["response_body"]
    return body["json"] if "json" in body else body["text"]


async def _replay(lms: Lms, recorded: dict[str, Any]) -> tuple[int, str, Any]:
    form = recorded["form"]
    data = None
    if recorded["method"] == "POST":
        data = aiohttp.FormData(quote_fields=False)
        for key, value in (form or {}).items():
            data.add_field(key, str(value))
        for key in recorded["files"] or ():
            data.add_field(key, b"x" * 22, filename={"file_2": "b.txt"}.get(key, "a.zip"))
    url = lms.state.base_url + recorded["path"]
    params = {key: str(value) for key, value in (recorded["params"] or {}).items()}
    async with lms.session.request(recorded["method"], url, params=params, data=data) as response:
        text = await response.text()
        try:
            body = json.loads(text)
        except ValueError:
            body = text
        return response.status, response.headers["Content-Type"], body


@pytest.mark.parametrize("name", _names("moodle_plugin_errors"))
async def test_errors_of_the_plugin(lms: Lms, name: str) -> None:
    row = _adopt(lms)
    lms.state.set_status(row, "FINISHED")
    recorded = _load(name)
    _know_token(lms, recorded)
    status, content_type, body = await _replay(lms, recorded)
    assert body == _body(recorded)
    assert (status, content_type) == (recorded["status"], recorded["response_headers"]["Content-Type"])


@pytest.mark.parametrize(
    "name",
    [
        *(
            "01_invalid_token",
            "02_no_token",
            "03_invalid_token_xml",
            "07_function_not_in_service",
            "08_unknown_function",
        ),
        *("09_empty_function", "16_pluginfile_bad_context", "19_pluginfile_invalid_token", "20_pluginfile_no_token"),
        *("23_upload_no_file", "25_upload_invalid_token", "26_upload_no_token", "28_upload_GET"),
        "disabled/03_pluginfile_unknown_filearea",
    ],
)
async def test_errors_of_moodle(lms: Lms, name: str) -> None:
    recorded = _load(f"moodle_errors/{name}.json")
    _know_token(lms, recorded)
    status, content_type, body = await _replay(lms, recorded)
    assert body == _body(recorded)
    assert (status, content_type) == (recorded["status"], recorded["response_headers"]["Content-Type"])


@pytest.mark.parametrize(
    "name",
    ["22_upload_ok_existing_itemid_dup", "27_upload_token_in_query", "uploads/05_upload_ok_file_param_named_file"],
)
async def test_uploads_that_went_well(lms: Lms, name: str) -> None:
    recorded = _load(f"moodle_errors/{name}.json")
    _know_token(lms, recorded)
    status, content_type, body = await _replay(lms, recorded)
    assert (status, content_type) == (200, recorded["response_headers"]["Content-Type"])
    assert [list(item) for item in body] == [list(item) for item in _body(recorded)]
    assert [type(item["userid"]) for item in body] == [type(item["userid"]) for item in _body(recorded)]
    assert len({item["itemid"] for item in body}) == 1


async def test_the_recorded_upload_answers_in_the_same_form(lms: Lms) -> None:
    row = _adopt(lms)
    recorded = json.loads(_load("moodle_quiz/0171_to_moodle_POST_webservice_upload.php.json")["response_body"]["text"])
    answer = await lms.upload(row.token, recorded[0]["filename"], b"archive")
    for item in (answer[0], recorded[0]):
        for key in (*_OWN, "filesize"):
            del item[key]
    assert answer == recorded


async def test_the_recorded_job_runs_through(lms: Lms) -> None:
    row = _adopt(lms)
    for number, where in [
        ("0006", "quiz_archiver_update_job_status"),
        ("0055", "quiz_archiver_generate_attempt_report"),
        ("0091", "quiz_archiver_generate_attempt_report"),
        ("0120", "quiz_archiver_update_job_status"),
        ("0156", "quiz_archiver_get_attempts_metadata"),
        ("0159", "quiz_archiver_get_backup_status"),
        ("0170", "quiz_archiver_update_job_status"),
    ]:
        recorded = _load(f"moodle_quiz/{number}_to_moodle_GET_{where}.json")
        url = lms.state.base_url + recorded["path"]
        async with lms.session.get(url, params=[tuple(pair) for pair in recorded["params"]]) as response:
            text = await response.text()
        expected = await asyncio.to_thread(_recorded_text, recorded)
        _same_form(text, expected)
    assert row.statuses == [("RUNNING", 75), ("FINALIZING", None)]


def _recorded_text(recorded: dict[str, Any]) -> str:
    body = recorded["response_body"]
    if "file" in body:
        return (RECORDINGS / "moodle_quiz" / body["file"]).read_text(encoding="utf-8")
    return json.dumps(body["json"])


def _same_form(text: str, expected: str) -> None:
    decoder = json.JSONDecoder()
    (got, got_end), (want, want_end) = decoder.raw_decode(text), decoder.raw_decode(expected)
    assert text[got_end:] == expected[want_end:]
    assert list(got) == list(want)
    assert got.get("status") == want.get("status")
    for key in ("attempts", "attachments"):
        if want.get(key) and got.get(key):
            assert [list(item) for item in got[key][:1]] == [list(item) for item in want[key][:1]]
    assert got.get("foldername", "").count("/") == want.get("foldername", "").count("/")


def test_parameters_of_every_released_version() -> None:
    """The table of the demo against the machine-made diff of the plugin's releases."""
    known = _functions_by_release((RECORDINGS / "moodle_quiz" / "api_versions.txt").read_text(encoding="utf-8"))
    checked = 0
    for release in PLUGINS:
        if release.family is not Family.QUIZ_ARCHIVER or release.release == "5.0.0":
            continue
        wanted = known[release.release]
        assert {name: list(spec) for name, spec in wanted.items()} == {
            name: [key.removesuffix("?") for key in _in_order(release.functions[name], wanted[name])]
            for name in release.functions
        }, release.release
        checked += 1
    assert checked == 9


def _in_order(spec: Any, order: list[str]) -> list[str]:
    assert all(isinstance(kind, Kind) for kind in spec.values())
    return sorted(spec, key=lambda key: order.index(key.removesuffix("?")) if key.removesuffix("?") in order else 99)


def _functions_by_release(text: str) -> dict[str, dict[str, list[str]]]:
    out: dict[str, dict[str, list[str]]] = {}
    current: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("## v"):
            current = dict(current)
            out[line.split()[1].removeprefix("v")] = current
        elif line.strip().startswith("ws "):
            _, name, rest = line.strip().split(" ", 2)
            current[name] = json.loads(rest)["params"]
    return out
