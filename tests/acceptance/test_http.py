"""The HTTP API from outside: what the plugins are used to, and what bad input gets."""

import gzip
import io
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from archiveworker import __version__
from archiveworker.demo import plugin
from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoServer
from tests.acceptance.answers import NOBODY, Body, changed, is_one_sentence, refused
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

JSON = {"Content-Type": "application/json"}
PROBED = "quiz_archiver_update_job_status"
ANSWER_LIMIT_S = 2.0
"""The plugin's patience is 20 s; a teacher's is shorter."""

Few = Callable[[int], list[int]]


# What the plugins are used to.


REPLACED = {"archive_api_v6": 200, "archive_quiz_archiver_path": 200}
"""The existing worker takes one version alone; this one takes every version there is."""


async def test_every_recorded_exchange_gets_an_answer_of_the_same_class(
    lms: DemoServer, worker: WorkerProcess, recordings: Path
) -> None:
    files = sorted((recordings / "existing_worker_http").glob("*.json"))
    assert len(files) > 15
    for file in files:
        recorded = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(recorded, dict) or "status" not in recorded or recorded["name"] == "status_job":
            continue  # the table of contents; a job that only the existing worker had
        given = _arguments(lms, recorded)
        status, answer, headers = await worker.request(recorded["method"], recorded["path"], **given)
        assert status == REPLACED.get(recorded["name"], recorded["status"]), (file.name, answer)
        if status >= 400:
            is_one_sentence(answer, headers)
        elif recorded["method"] == "GET":
            assert json.loads(recorded["body"]).keys() <= answer.keys()
        else:
            row = plugin.adopt(lms.state, given["json"])
            plugin.worker_answered(lms.state, row, answer["jobid"], answer["status"])
            await worker.request("POST", f"/jobs/{answer['jobid']}/cancel")
            await worker.ended(answer["jobid"])


def _arguments(lms: DemoServer, recorded: Body) -> Body:
    """Return the recorded body as aiohttp sends it, for the demo LMS and with a token that is good there."""
    request = recorded["request"]
    if request is None:
        return {}
    if isinstance(request, str):
        return {"data": request, "headers": JSON if recorded["name"] == "broken_json" else {}}
    text = json.dumps(request).replace("http://127.0.0.1:8100", lms.base_url)
    good = lms.request(7)["wstoken"]
    return {"json": json.loads(text.replace("b45caf36ac23a53889b2af489a2774e5", good))}


async def test_who_is_there(worker: WorkerProcess) -> None:
    assert (await worker.request("GET", "/"))[:2] == (200, {"app": "archiveworker", "version": __version__})
    assert (await worker.request("GET", "/version"))[:2] == (200, {"version": __version__})
    assert (await worker.request("GET", "/health/live"))[0] == 200


@pytest.mark.parametrize("name", [NOBODY, "abc", "%25", "..%2f..%2flock", "%00", "a" * 3000, "%F0%9F%98%80"])
async def test_status_of_a_job_that_is_not_there(name: str, worker: WorkerProcess) -> None:
    for path in (f"/status/{name}", f"/jobs/{name}", f"/jobs/{name}/evidence/x"):
        async with aiohttp.ClientSession() as session, session.get(URL(worker.url + path, encoded=True)) as answer:
            assert answer.status == 404
            is_one_sentence(await answer.json(), answer.headers)
    if name in (NOBODY, "abc"):
        _, answer, _ = await worker.request("GET", f"/status/{name}")
        assert answer == {"error": f"Job with requested jobid '{name}' was not found"}


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/archive", 405, "POST"),
        ("PUT", "/archive/quiz_archiver", 405, "POST"),
        ("POST", "/status", 405, "GET,HEAD"),
        ("DELETE", f"/jobs/{NOBODY}", 405, "GET,HEAD"),
        ("GET", f"/jobs/{NOBODY}/retry", 405, "POST"),
        ("GET", "/nowhere", 404, None),
        ("POST", "/archive/unheard_of", 404, None),
        ("POST", "/archive/", 404, None),
    ],
)
async def test_wrong_addresses_and_methods(
    method: str, path: str, status: int, allow: str | None, worker: WorkerProcess
) -> None:
    got, answer, headers = await worker.request(method, path)
    assert (got, headers.get("Allow")) == (status, allow)
    is_one_sentence(answer, headers)


# What is no request at all.


@pytest.mark.parametrize(
    ("data", "headers", "status", "words"),
    [
        (b"hello", JSON, 400, "JSON"),
        (b"{", JSON, 400, "JSON"),
        (b"", JSON, 400, "JSON"),
        (b"[]", JSON, 400, "object"),
        (b'{"api_version": NaN}', JSON, 400, "JSON"),
        (b'{"api_version": 1e999}', JSON, 400, "api_version"),
        (b'{"api_version": ' + b"7" * 5000 + b"}", JSON, 400, "JSON"),
        (b'{"a": "\xff\xfe"}', JSON, 400, "JSON"),
        (b'{"a": "\\ud83d"}', JSON, 400, "surrogate"),
        (b"[" * 100_000, JSON, 400, "JSON"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, JSON, 400, "20 levels"),
        (b"{}", {"Content-Type": "text/plain"}, 400, "Content-Type"),
        (b"api_version=7", {"Content-Type": "application/x-www-form-urlencoded"}, 400, "Content-Type"),
        (b"no gzip", {**JSON, "Content-Encoding": "gzip"}, 400, "Content-Encoding"),
        (gzip.compress(b" " * 20_000_000, mtime=0), {**JSON, "Content-Encoding": "gzip"}, 413, "MAX_REQUEST_BYTES"),
        (b"{" + b" " * 5_000_000 + b"}", JSON, 413, "MAX_REQUEST_BYTES"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else "",
)
@pytest.mark.parametrize("path", ["/archive", "/archive/archivingmod_assign"])
async def test_what_is_no_json_object(
    data: bytes, headers: dict[str, str], status: int, words: str, path: str, worker: WorkerProcess
) -> None:
    got, answer, received = await worker.request("POST", path, data=io.BytesIO(data), headers=headers)
    assert got == status
    is_one_sentence(answer, received)
    assert words in answer["error"]


async def test_a_body_without_a_length_is_measured_too(worker: WorkerProcess) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 65536

    status, answer, _ = await worker.request("POST", "/archive", data=blocks(), headers=JSON)
    assert (status, list(answer)) == (413, ["error"])


# What is a request, but not a right one.


TASK = "task_archive_quiz_attempts"
REQUIRED = [
    *("api_version", "moodle_base_url", "moodle_ws_url", "moodle_upload_url", "wstoken"),
    *("courseid", "cmid", "quizid", "archive_filename"),
    *(f"{TASK}.{key}" for key in ("attemptids", "fetch_metadata", "sections", "paper_format", "keep_html_files")),
    *(f"{TASK}.{key}" for key in ("foldername_pattern", "filename_pattern", "image_optimize")),
    *(f"task_moodle_backups.1.{key}" for key in ("backupid", "filename", "file_download_url")),
]
MOD_REQUIRED = [
    *("api_version", "taskid", "moodle_api", "job", "moodle_api.wstoken", "moodle_api.base_url"),
    *("moodle_api.webservice_url", "moodle_api.upload_url"),
    *("job.report_sections", "job.paper_format", "job.archive_filename", "job.keep_html_files"),
]


@pytest.mark.parametrize("path", REQUIRED)
async def test_a_missing_key_is_named(path: str, body: Body, worker: WorkerProcess) -> None:
    field = path.replace(".1.", "[1].")
    await refused(worker, changed(body, path), field, "must be")
    if path != f"{TASK}.image_optimize":
        await refused(worker, changed(body, path, None), field, "must be")


@pytest.mark.parametrize("path", [*MOD_REQUIRED, "ids"])
@pytest.mark.parametrize("kind", ["archivingmod_quiz", "archivingmod_assign"])
async def test_a_missing_key_of_the_newer_family_is_named(
    path: str, kind: str, lms: DemoServer, worker: WorkerProcess
) -> None:
    if path == "ids":
        path = "job.attemptids" if kind.endswith("quiz") else "job.submissionids"
    body = lms.request(kind)
    await refused(worker, changed(body, path), path, "must be", path=f"/archive/{kind}")
    await refused(worker, changed(body, path, None), path, "must be", path=f"/archive/{kind}")


@pytest.mark.parametrize("version", [0, 8, -1, 7.0, 7.5, "7", True, [7], {"a": 7}, 10**30])
async def test_versions_that_are_not_there(version: object, body: Body, worker: WorkerProcess) -> None:
    await refused(worker, changed(body, "api_version", version), "api_version", "must be", "1 to 7")


@pytest.mark.parametrize("version", [0, 2, "1", True])
async def test_versions_of_the_newer_family_that_are_not_there(
    version: object, lms: DemoServer, worker: WorkerProcess
) -> None:
    request = changed(lms.request("archivingmod_quiz"), "api_version", version)
    await refused(worker, request, "api_version", "must be", path="/archive/archivingmod_quiz")


WRONG: dict[str, list[object]] = {
    "wstoken": [7, "", "a b", "a\nb", "é" * 32, "x" * 300, ["a"]],
    "courseid": [0, -1, 1.5, "1e3", "", True, [1], 2**63, "9" * 30],
    TASK: ["all", [1], 7, True],
    f"{TASK}.attemptids": [[], [0], [-1], ["a"], ["33"], [1.5], [True], 33, {"a": 1}, [33, 33], [[33]]],
    f"{TASK}.sections": [[], "all", {"header": "yes"}, {"header": 2}, {"header": None}],
    f"{TASK}.paper_format": ["B5", 4, "", ["A4"]],
    f"{TASK}.keep_html_files": ["yes", 2, [True]],
    f"{TASK}.image_optimize": [True, 7, {"width": 1}, {"width": 0, "height": 1, "quality": 1}],
    f"{TASK}.foldername_pattern": [7, "", " ", "x" * 5000, "a\0b", ["a"]],
    "task_moodle_backups": ["all", {"a": 1}, ["a"], [None]],
    "moodle_max_upload_bytes": ["many", 1.5, -2, [1]],
    "archive_format": ["rar", 7, "", ["zip"]],
    "archive_layout": ["bag", True, {"bagit": 1}],
    "retention": [5, "5 years", [], {"keep": 1}, {"keep_until": "soon"}, {"keep_years": 0}, {"legal_basis": "a\nb"}],
}


@pytest.mark.parametrize("path", WRONG)
async def test_a_wrong_value_is_named(path: str, body: Body, worker: WorkerProcess) -> None:
    for value in WRONG[path]:
        await refused(worker, changed(body, path, value), path, "must be")


BAD_NAMES = [
    "a/b",
    "/etc/passwd",
    "..",
    ".",
    "../x",
    "a\\b",
    "C:x",
    "a:b",
    "a|b",
    "a\nb",
    "a\0b",
    "",
    "  ",
    "x" * 2000,
    7,
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda value: repr(value)[:20])
async def test_archive_names_that_are_no_file_names(
    name: object, body: Body, lms: DemoServer, worker: WorkerProcess
) -> None:
    await refused(worker, changed(body, "archive_filename", name), "archive_filename", "must be")
    request = changed(lms.request("archivingmod_quiz"), "job.archive_filename", name)
    await refused(worker, request, "job.archive_filename", "must be", path="/archive/archivingmod_quiz")
    backups = changed(body, "task_moodle_backups.0.filename", name)
    await refused(worker, backups, "task_moodle_backups[0].filename", "must be")


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.invalid/webservice/pluginfile.php/1/backup/x.mbz",
        "http://127.0.0.1:1/webservice/pluginfile.php/1/backup/x.mbz",
        "LMS@elsewhere.invalid/webservice/pluginfile.php/1/x.mbz",
        "LMS/admin/settings.php",
        "LMS/webservice/pluginfile.php/../../admin/x",
        "ftp://elsewhere.invalid/webservice/pluginfile.php/1/x",
        "file:///etc/passwd",
        "//elsewhere.invalid/webservice/pluginfile.php/1/x",
        "not an address",
    ],
)
async def test_backups_elsewhere_arerefused(url: str, body: Body, lms: DemoServer, worker: WorkerProcess) -> None:
    url = url.replace("LMS", lms.base_url)
    request = changed(body, "task_moodle_backups.0.file_download_url", url)
    await refused(worker, request, "task_moodle_backups[0].file_download_url", "not an address that can be used")


@pytest.mark.parametrize("key", ["moodle_ws_url", "moodle_upload_url", "moodle_base_url"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://elsewhere.invalid", "x", "file:///etc/passwd", 7])
async def test_the_addresses_of_moodle_belong_together(
    key: str, url: object, body: Body, worker: WorkerProcess
) -> None:
    sentence = await refused(worker, changed(body, key, url))
    assert "moodle_" in sentence


async def test_an_archive_that_would_be_due_for_deletion_at_once(body: Body, worker: WorkerProcess) -> None:
    for day in ("2001-02-03", f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"):
        status, answer, _ = await worker.request("POST", "/archive", json=body | {"retention": {"keep_until": day}})
        assert status == 400
        assert answer["error"].startswith(f"retention.keep_until must not be in the past; it is {day}, today is ")


async def test_nothing_to_do_and_the_same_twice(body: Body, worker: WorkerProcess) -> None:
    empty = {**body, TASK: None, "task_moodle_backups": None}
    await refused(worker, empty, TASK, "task_moodle_backups")
    await refused(worker, {**empty, "task_moodle_backups": []}, TASK, "task_moodle_backups")
    twice = [body["task_moodle_backups"][0]] * 2
    await refused(worker, {**body, "task_moodle_backups": twice}, "task_moodle_backups", "different")
    same_id = changed(body, "task_moodle_backups.1.backupid", twice[0]["backupid"])
    await refused(worker, same_id, "task_moodle_backups", "same backupid twice")


async def test_a_refusal_never_shows_the_token(body: Body, lms: DemoServer, worker: WorkerProcess) -> None:
    token = "5ecre7" * 5
    for request in (
        {**body, "wstoken": token},
        {**body, "wstoken": token, "api_version": 99},
        {**body, "wstoken": token + " "},
        {**body, "wstoken": token, "moodle_ws_url": "http://127.0.0.1:9/webservice/rest/server.php"},
    ):
        assert token not in await refused(worker, request)
    assert token not in worker.log.read_text(encoding="utf-8")


# Moodle on the other side.


@asynccontextmanager
async def _answered_in_time() -> AsyncIterator[None]:
    began_s = time.monotonic()
    yield
    assert time.monotonic() - began_s < ANSWER_LIMIT_S


async def test_a_moodle_that_is_not_there(body: Body, lms: DemoServer, worker: WorkerProcess) -> None:
    for origin in ("http://127.0.0.1:9", "http://no-such-host.invalid"):
        request = json.loads(json.dumps(body).replace(lms.base_url, origin))
        async with _answered_in_time():
            await refused(worker, request, origin, "did not answer", "check that Moodle is up")


async def test_a_token_that_moodle_does_not_know(body: Body, worker: WorkerProcess) -> None:
    async with _answered_in_time():
        await refused(worker, {**body, "wstoken": "0" * 32}, "token is unknown, deleted or expired")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FaultKind.WEB_SERVICES_DISABLED, "web services"),
        (FaultKind.WRONG_HOST, "wwwroot"),
        (FaultKind.LOGIN_REDIRECT, "redirected"),
        (FaultKind.HTML, "a web page"),
        (FaultKind.HTTP_500, "HTTP 500"),
        (FaultKind.MAINTENANCE, "maintenance"),
        (FaultKind.DROP_CONNECTION, "connection broke"),
    ],
)
async def test_a_moodle_that_cannot_be_talked_to(
    kind: FaultKind, words: str, body: Body, lms: DemoServer, worker: WorkerProcess
) -> None:
    lms.faults.order(Fault(kind, PROBED, times=1))
    async with _answered_in_time():
        await refused(worker, body, words)
    assert lms.faults.as_json() == []


async def test_a_slow_moodle_does_not_make_the_plugin_wait(lms: DemoServer, few: Few, worker: WorkerProcess) -> None:
    lms.faults.order(Fault(FaultKind.SLOW, PROBED, times=1, seconds=10))
    request = lms.request(7, itemids=few(1), backups=False)
    async with _answered_in_time():
        status, answer = await lms.submit(worker.url, request)
    assert status == 200, answer
    assert (await worker.ended(answer["jobid"]))["state"] == "FINISHED"
