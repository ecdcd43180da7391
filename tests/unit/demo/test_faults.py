"""Faults strike where, when and as often as ordered; the journal says so and holds no token."""

import json

import aiohttp
import pytest

from archiveworker.demo.faults import Fault, FaultBook, FaultKind
from tests.unit.demo.conftest import Lms, report_params

REPORT = "quiz_archiver_generate_attempt_report"
STATUS = "quiz_archiver_update_job_status"
RUNNING = {"jobid": "job-1", "status": "RUNNING"}


def test_a_fault_strikes_after_so_many_and_so_often() -> None:
    book = FaultBook([Fault(FaultKind.SLOW, where="f", after=1, times=2)])
    struck = [book.take(FaultKind.SLOW, "f") is not None for _ in range(5)]
    assert struck == [False, True, True, False, False]


def test_a_fault_for_one_attempt_leaves_the_others() -> None:
    book = FaultBook([Fault(FaultKind.SLOW, attemptid=7)])
    assert book.take(FaultKind.SLOW, "f", 8) is None
    assert book.take(FaultKind.SLOW, "f", 7) is not None
    assert book.take(FaultKind.SLOW, "assets", 7) is None


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'nonsense' is not a valid FaultKind"):
        Fault.from_json({"kind": "nonsense"})


async def _raw(lms: Lms, token: str, **params: str) -> tuple[int, str, dict[str, str]]:
    form = {"wstoken": token, "wsfunction": STATUS, "moodlewsrestformat": "json", **RUNNING, **params}
    url = f"{lms.state.base_url}/webservice/rest/server.php"
    async with lms.session.post(url, data=form, allow_redirects=False) as response:
        return response.status, await response.text(), dict(response.headers)


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        (FaultKind.HTTP_500, 500, "500 Internal Server Error"),
        (FaultKind.HTTP_429, 429, "429 Too Many Requests"),
        (FaultKind.HTML, 200, "<html>"),
        (FaultKind.LOGIN_REDIRECT, 303, ""),
        (FaultKind.EXPIRED_TOKEN, 200, '"errorcode":"invalidtoken"'),
        (FaultKind.MAINTENANCE, 200, '"errorcode":"sitemaintenance"'),
        (FaultKind.GARBAGE_AFTER_JSON, 200, '{"status":"OK"}\n<br />'),
        (FaultKind.SLOW, 200, '{"status":"OK"}'),
    ],
)
async def test_faults_of_the_door(lms: Lms, kind: FaultKind, status: int, text: str) -> None:
    row = lms.job(7)
    lms.state.faults.order(Fault(kind, times=1, seconds=0.01))
    got_status, got_text, headers = await _raw(lms, row.token)
    assert (got_status, text in got_text) == (status, True)
    if kind is FaultKind.HTTP_429:
        assert headers["Retry-After"] == "0"
    if kind is FaultKind.LOGIN_REDIRECT:
        assert headers["Location"].endswith("/login/index.php")
    assert (await _raw(lms, row.token))[1] == '{"status":"OK"}'


async def test_web_services_disabled_is_an_empty_403(lms: Lms) -> None:
    row = lms.job(7)
    lms.state.faults.order(Fault(FaultKind.WEB_SERVICES_DISABLED))
    assert (await _raw(lms, row.token))[:2] == (403, "")


async def test_wrong_host_puts_the_token_in_the_location(lms: Lms) -> None:
    row = lms.job(7)
    lms.state.faults.order(Fault(FaultKind.WRONG_HOST))
    status, _, headers = await _raw(lms, row.token)
    assert status == 303
    assert row.token in headers["Location"]


async def test_the_line_is_cut_in_the_body_but_the_work_is_done(lms: Lms) -> None:
    row = lms.job(7)
    lms.state.faults.order(Fault(FaultKind.DROP_CONNECTION, where=STATUS, times=1))
    with pytest.raises(aiohttp.ClientPayloadError, match="payload"):
        await _raw(lms, row.token)
    assert row.status == "RUNNING"
    assert [entry.status for entry in lms.state.journal.of(STATUS)] == [0]


async def test_a_backup_can_be_cut_too(lms: Lms) -> None:
    row = lms.job(7)
    backup = row.request["task_moodle_backups"][0]
    row.backups[backup["backupid"]].ready = True
    lms.state.faults.order(Fault(FaultKind.DROP_CONNECTION, where="pluginfile.php", times=1))
    url = f"{backup['file_download_url']}?token={row.token}"
    with pytest.raises(aiohttp.ClientPayloadError, match="payload"):
        async with lms.session.get(url) as response:
            await response.read()
    async with lms.session.get(url) as response:
        assert len(await response.read()) == response.content_length


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        (FaultKind.LOGIN_PAGE, 'id="loginbtn"'),
        (FaultKind.LOGIN_NAVIGATION, "window.location.replace("),
        (FaultKind.BLANK_PAGE, "<body></body>"),
    ],
)
async def test_bad_pages_for_one_attempt(lms: Lms, kind: FaultKind, sign: str) -> None:
    row = lms.job(7)
    lms.state.faults.order(Fault(kind, attemptid=32))
    assert sign in (await lms.call(row.token, REPORT, report_params(row, 32)))["report"]
    assert sign not in (await lms.call(row.token, REPORT, report_params(row, 33)))["report"]


async def test_a_wrong_sha1_is_announced(lms: Lms) -> None:
    row = lms.job(7)
    lms.state.faults.order(Fault(FaultKind.WRONG_SHA1, times=1))
    first = await lms.call(row.token, REPORT, report_params(row, 34))
    second = await lms.call(row.token, REPORT, report_params(row, 34))
    assert first["attachments"][0]["contenthash"] == "0" * 40
    assert second["attachments"][0]["contenthash"] != "0" * 40


@pytest.mark.parametrize(
    ("kind", "status"),
    [(FaultKind.BACKUP_FAILED, "E_BACKUP_FAILED"), (FaultKind.BACKUP_NEVER_READY, "E_BACKUP_PENDING")],
)
async def test_backups_fail_or_never_come(lms: Lms, kind: FaultKind, status: str) -> None:
    row = lms.job(7)
    lms.state.faults.order(Fault(kind))
    params = {"jobid": "job-1", "backupid": next(iter(row.backups))}
    for _ in range(4):
        assert await lms.call(row.token, "quiz_archiver_get_backup_status", params) == {"status": status}


async def test_a_late_row_can_be_ordered(lms: Lms) -> None:
    lms.state.faults.order(Fault(FaultKind.JOB_ROW_LATE, seconds=60))
    row = lms.job(7)
    assert await lms.call(row.token, STATUS, RUNNING) == {"status": "E_UPDATE_FAILED"}


async def test_faults_can_be_ordered_and_cancelled_over_http(lms: Lms) -> None:
    row = lms.job(7)
    url = f"{lms.state.base_url}/demo/faults"
    async with lms.session.post(url, json={"kind": "http_500", "where": STATUS}) as response:
        assert (await response.json())[0]["kind"] == "http_500"
    assert (await _raw(lms, row.token))[0] == 500
    async with lms.session.delete(url) as response:
        assert await response.json() == []
    assert (await _raw(lms, row.token))[0] == 200
    async with lms.session.post(url, json={"kind": "http_500", "wher": "x"}) as response:
        assert response.status == 400


async def test_the_journal_has_everything_but_tokens(lms: Lms) -> None:
    row = lms.job(7)
    await _raw(lms, row.token)
    await lms.upload(row.token, "a.tar.gz", b"abc")
    async with lms.session.get(f"{lms.state.base_url}/webservice/pluginfile.php/12/x?token={row.token}") as response:
        assert response.status == 404
    async with lms.session.get(f"{lms.state.base_url}/demo/journal") as response:
        text = await response.text()
    assert row.token not in text
    assert row.token not in repr(lms.state)
    first, upload, download = json.loads(text)[:3]
    assert first["where"] == STATUS
    assert first["parameters"]["status"] == "RUNNING"
    assert first["parameters"]["wstoken"].startswith("sha256:")
    assert upload["parameters"]["file_1"] == "a.tar.gz (3 bytes)"
    assert upload["parameters"]["token"] == download["parameters"]["token"] == first["parameters"]["wstoken"]
