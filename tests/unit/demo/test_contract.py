"""Strictness: each version takes exactly its own parameters, and answers with its own fields."""

import asyncio
import json

import pytest

from archiveworker.demo.contract import PLUGINS, Family, recognise
from tests.unit.demo.conftest import Lms, report_params

VERSIONS = [1, 2, 3, 4, 5, 6, 7, "1.3.0", "3.0.0", "5.x", "archivingmod_quiz", "archivingmod_assign"]
INVALID_PARAMETER = {
    "exception": "core\\exception\\invalid_parameter_exception",
    "errorcode": "invalidparameter",
    "message": "Invalid parameter value detected",
}
INVALID_TOKEN = {
    "exception": "core\\exception\\moodle_exception",
    "errorcode": "invalidtoken",
    "message": "Invalid token - token not found",
}


def _report_function(row) -> str:
    return row.plugin.function(next(name for name in row.plugin.functions if name.startswith("generate_")))


@pytest.mark.parametrize("version", VERSIONS)
async def test_report_takes_exactly_its_parameters(lms: Lms, version: int | str) -> None:
    row = lms.job(version)
    params = report_params(row)
    text = await lms.call_text(row.token, _report_function(row), params)
    answer, end = json.JSONDecoder().raw_decode(text)
    assert answer["status"] == "OK"
    assert text[end:] == "</body></html>"
    assert set(answer) == {*row.plugin.report_fields, "report", "status"}
    assert await lms.call(row.token, _report_function(row), {**params, "surplus": 1}) == INVALID_PARAMETER
    for name in params:
        less = {key: value for key, value in params.items() if key != name}
        assert await lms.call(row.token, _report_function(row), less) == INVALID_PARAMETER, name


@pytest.mark.parametrize("value", ["True", "true", "on", "2", ""])
async def test_booleans_are_0_or_1(lms: Lms, value: str) -> None:
    row = lms.job(7)
    for name in ("attachments", "sections[header]"):
        params = {**report_params(row), name: value}
        assert await lms.call(row.token, _report_function(row), params) == INVALID_PARAMETER


@pytest.mark.parametrize(
    ("version", "names"),
    [
        (1, set()),
        (2, {"foldername", "filename", "attachments"}),
        (4, {"foldername", "filename"}),
        (6, {"foldername"}),
    ],
)
async def test_older_versions_do_not_return_newer_fields(lms: Lms, version: int, names: set[str]) -> None:
    row = lms.job(version)
    answer = await lms.call(row.token, _report_function(row), report_params(row))
    assert not names & answer.keys()


@pytest.mark.parametrize(("version", "known"), [(5, False), ("1.3.0", False), (6, True), (7, True)])
async def test_statusextras_only_from_1_4_0_on(lms: Lms, version: int | str, known: bool) -> None:
    row = lms.job(version)
    params = {"jobid": "job-1", "status": "RUNNING", "statusextras": '{"progress": 50}'}
    answer = await lms.call(row.token, "quiz_archiver_update_job_status", params)
    assert answer == ({"status": "OK"} if known else INVALID_PARAMETER)


async def test_probe_of_a_token(lms: Lms) -> None:
    row = lms.job(7)
    assert await lms.call(row.token, "quiz_archiver_update_job_status") == INVALID_PARAMETER
    assert await lms.call("0" * 32, "quiz_archiver_update_job_status") == INVALID_TOKEN


async def test_functions_of_others_are_refused(lms: Lms) -> None:
    row = lms.job(1)
    for name, code in [
        ("quiz_archiver_get_attempts_metadata", "accessexception"),
        ("archivingmod_quiz_update_task_status", "accessexception"),
        ("core_user_get_users", "accessexception"),
        ("foo_bar_baz", "invalidrecord"),
    ]:
        assert (await lms.call(row.token, name))["errorcode"] == code


async def test_status_machine_ends_and_deletes_the_token(lms: Lms) -> None:
    row = lms.job(7)
    function = "quiz_archiver_update_job_status"
    for status in ("RUNNING", "WAITING_FOR_BACKUP", "FINALIZING", "FAILED"):
        assert await lms.call(row.token, function, {"jobid": "job-1", "status": status}) == {"status": "OK"}
    assert row.statuses[-1] == ("FAILED", None)
    assert await lms.call(row.token, function, {"jobid": "job-1", "status": "RUNNING"}) == INVALID_TOKEN
    other = lms.state.create_token(row.plugin)
    answer = await lms.call(other, function, {"jobid": "job-1", "status": "RUNNING"})
    assert answer == {"status": "E_JOB_ALREADY_COMPLETED"}


async def test_statusextras_must_be_json(lms: Lms) -> None:
    row = lms.job(7)
    params = {"jobid": "job-1", "status": "RUNNING", "statusextras": "{"}
    answer = await lms.call(row.token, "quiz_archiver_update_job_status", params)
    assert answer == {"status": "E_INVALID_STATUSEXTRAS_JSON"}


async def test_task_status_is_a_number_with_progress(lms: Lms) -> None:
    row = lms.job("archivingmod_quiz")
    function = "archivingmod_quiz_update_task_status"
    base = {"uuid": "job-1", "taskid": 1}
    assert await lms.call(row.token, function, {**base, "status": 100, "progress": 30}) == {"status": "OK"}
    assert row.statuses == [(100, 30)]
    assert await lms.call(row.token, function, {**base, "status": 7}) == {"status": "E_INVALID_STATUS"}
    assert await lms.call(row.token, function, {**base, "status": 100, "progress": 101}) == {
        "status": "E_INVALID_PROGRESS"
    }
    assert await lms.call(row.token, function, {**base, "status": "RUNNING"}) == INVALID_PARAMETER
    missing = await lms.call(row.token, function, {"uuid": "job-1", "taskid": 99, "status": 100})
    assert missing == {"status": "E_TASK_NOT_FOUND"}


async def test_metadata_by_plain_and_numbered_arrays(lms: Lms) -> None:
    row = lms.job(7)
    base = {"jobid": "job-1", "courseid": 2, "cmid": 2, "quizid": 2}
    function = "quiz_archiver_get_attempts_metadata"
    answer = await lms.call(row.token, function, {**base, "attemptids[0]": 33, "attemptids[1]": 35})
    assert [item["attemptid"] for item in answer["attempts"]] == [33, 35]
    assert list(answer["attempts"][0]) == [
        *("attemptid", "userid", "username", "firstname", "lastname", "idnumber"),
        *("timestart", "timefinish", "attempt", "state"),
    ]
    assert answer["attempts"][1]["timefinish"] == 0
    assert await lms.call(row.token, function, {**base, "attemptids[]": 32}) | {"attempts": []} == answer | {
        "attempts": []
    }


async def test_the_journal_keeps_every_id_of_a_batch(lms: Lms) -> None:
    row = lms.job(7)
    function = "quiz_archiver_get_attempts_metadata"
    pairs = [("wstoken", row.token), ("wsfunction", function), ("moodlewsrestformat", "json"), ("jobid", "job-1")]
    pairs += [("courseid", "2"), ("cmid", "2"), ("quizid", "2"), ("attemptids[]", "35"), ("attemptids[]", "32")]
    async with lms.session.post(f"{lms.state.base_url}/webservice/rest/server.php", data=pairs) as response:
        assert [item["attemptid"] for item in (await response.json())["attempts"]] == [32, 35]
    (entry,) = lms.state.journal.of(function)
    assert entry.parameters["attemptids[]"] == "35,32"


async def test_backup_is_pending_then_there_and_can_be_fetched(lms: Lms) -> None:
    row = lms.job(7)
    backup = row.request["task_moodle_backups"][0]
    url = backup["file_download_url"] + f"?token={row.token}&forcedownload=1"
    function, params = "quiz_archiver_get_backup_status", {"jobid": "job-1", "backupid": backup["backupid"]}
    assert await lms.call(row.token, function, params) == {"status": "E_BACKUP_PENDING"}
    async with lms.session.get(url) as response:
        assert response.status == 404
    assert await lms.call(row.token, function, params) == {"status": "SUCCESS"}
    async with lms.session.head(url) as head, lms.session.get(url) as response:
        body = await response.read()
        assert head.headers["Content-Type"] == "application/vnd.moodle.backup"
        assert int(head.headers["Content-Length"]) == len(body)
        assert body[:2] == b"\x1f\x8b"
    assert await lms.call(row.token, function, {**params, "backupid": "x"}) == {"status": "E_BACKUP_NOT_FOUND"}


async def test_row_is_there_a_moment_after_the_answer(lms: Lms) -> None:
    lms.state.options = type(lms.state.options)(row_delay_s=0.15)
    row = lms.job(7)
    function, params = "quiz_archiver_update_job_status", {"jobid": "job-1", "status": "RUNNING"}
    answers = []
    async with asyncio.timeout(5):
        while "OK" not in answers:
            answers.append((await lms.call(row.token, function, params))["status"])
    assert answers[0] == "E_UPDATE_FAILED"


def test_every_request_is_recognised_as_its_plugin(tmp_path) -> None:
    from archiveworker.demo.course import generate_course
    from archiveworker.demo.plugin import JobOptions, build_request

    for plugin in PLUGINS:
        if plugin.release == "1.3.0":
            continue
        options = JobOptions(max_upload_bytes=1000)
        request = build_request("http://lms", generate_course(), plugin=plugin, token="t" * 32, options=options)
        assert recognise(request) == plugin
        assert (plugin.family is Family.QUIZ_ARCHIVER) == ("wstoken" in request)


def test_a_request_of_nobody_is_not_recognised() -> None:
    with pytest.raises(LookupError, match=r"the demo has no quiz_archiver \?"):
        recognise({"api_version": 99})
