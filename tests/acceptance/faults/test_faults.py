"""Everything that can go wrong at the LMS: what passes is survived, what stays is told.

Each case is a whole job of a real worker. After every one the token is gone, and it never was in the log.
"""

import asyncio
import hashlib
from pathlib import Path

import aiohttp
import pytest

from archiveworker.demo.contract import SECTIONS_11
from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoServer
from tests.acceptance.faults.trouble import (
    BACKUP,
    CONFIRM,
    FILE,
    METADATA,
    REPORT,
    STATUS,
    UPLOAD,
    archived,
    attempt_ids,
    failed,
    finished,
    is_kept,
    started,
)
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.openssl]


# What passes.


ONCE = [
    *((kind, REPORT) for kind in (FaultKind.SLOW, FaultKind.DROP_CONNECTION, FaultKind.HTTP_500, FaultKind.HTTP_429)),
    *((kind, REPORT) for kind in (FaultKind.HTML, FaultKind.MAINTENANCE, FaultKind.GARBAGE_AFTER_JSON)),
    *((kind, REPORT) for kind in (FaultKind.WRONG_SHA1, FaultKind.LOGIN_PAGE, FaultKind.BLANK_PAGE)),
    *((kind, METADATA) for kind in (FaultKind.DROP_CONNECTION, FaultKind.HTTP_500)),
    *((kind, FILE) for kind in (FaultKind.DROP_CONNECTION, FaultKind.HTTP_500, FaultKind.HTTP_429, FaultKind.SLOW)),
    *((kind, UPLOAD) for kind in (FaultKind.DROP_CONNECTION, FaultKind.HTTP_500, FaultKind.HTML, FaultKind.SLOW)),
    *((kind, CONFIRM) for kind in (FaultKind.DROP_CONNECTION, FaultKind.HTTP_500, FaultKind.HTTP_429, FaultKind.SLOW)),
    (FaultKind.JOB_ROW_LATE, "quiz_archiver"),
]


@pytest.mark.parametrize(("kind", "where"), ONCE)
async def test_what_goes_wrong_once_is_survived(
    kind: FaultKind, where: str, lms: DemoServer, worker: WorkerProcess
) -> None:
    lms.faults.order(Fault(kind, where, times=1))
    outcome = await archived(lms, worker)
    finished(lms, outcome)
    assert lms.faults.as_json() == [], "the fault must have struck"
    if (kind, where) == (FaultKind.DROP_CONNECTION, CONFIRM):
        assert "the first one arrived" in outcome.warnings, "success was concluded, not said"


@pytest.mark.parametrize("kind", [FaultKind.GARBAGE_AFTER_JSON, FaultKind.LOGIN_NAVIGATION])
async def test_what_is_always_so_and_does_no_harm(kind: FaultKind, lms: DemoServer, worker: WorkerProcess) -> None:
    lms.faults.order(Fault(kind, REPORT))
    finished(lms, await archived(lms, worker))


async def test_the_status_call_may_fail_on_the_way(lms: DemoServer, worker: WorkerProcess) -> None:
    """The second call is the first of the job itself: the one before was the probe."""
    lms.faults.order(Fault(FaultKind.DROP_CONNECTION, STATUS, times=1, after=1))
    lms.faults.order(Fault(FaultKind.HTTP_500, STATUS, times=1, after=2))
    finished(lms, await archived(lms, worker))
    assert lms.faults.as_json() == []


# What stays, for one attempt: the job fails, and names it.


STAYING = [
    (FaultKind.SLOW, ["did not answer", "took too long"]),
    (FaultKind.DROP_CONNECTION, ["did not answer", "connection broke"]),
    (FaultKind.HTTP_500, ["HTTP 500", "error log"]),
    (FaultKind.HTTP_429, ["HTTP 429", "overloaded"]),
    (FaultKind.HTML, ["a web page", "instead of JSON"]),
    (FaultKind.MAINTENANCE, ["maintenance mode"]),
    (FaultKind.LOGIN_REDIRECT, ["redirected", "wwwroot"]),
    (FaultKind.WRONG_HOST, ["redirected", "internal_wwwroot"]),
    (FaultKind.WEB_SERVICES_DISABLED, ["HTTP 403", "Web services"]),
    (FaultKind.WRONG_SHA1, ["the attachment", "SHA-1"]),
    (FaultKind.LOGIN_PAGE, ["login"]),
    (FaultKind.BLANK_PAGE, ["blank"]),
]


@pytest.mark.parametrize(("kind", "words"), STAYING, ids=[kind.value for kind, _ in STAYING])
async def test_what_stays_wrong_with_one_attempt_fails_the_job_and_names_it(
    kind: FaultKind, words: list[str], lms: DemoServer, worker: WorkerProcess
) -> None:
    victim = attempt_ids(lms, 2)[0]
    lms.faults.order(Fault(kind, REPORT, attemptid=victim, seconds=6 if kind is FaultKind.SLOW else 1))
    outcome = await archived(lms, worker)
    failed(lms, outcome, f"attempt-{victim}", *words)
    assert [failure["item"] for failure in outcome.view["failures"]] == [f"attempt-{victim}"]
    assert len(outcome.view["items"]) == 1, "the other one was archived"
    assert outcome.view["archive"] is None
    assert f"attempt-{victim}" in outcome.view["reason"]


async def test_a_moodle_that_breaks_before_the_first_attempt(lms: DemoServer, worker: WorkerProcess) -> None:
    lms.faults.order(Fault(FaultKind.HTTP_500, METADATA))
    outcome = await archived(lms, worker)
    failed(lms, outcome, "get_attempts_metadata", "HTTP 500", "look at its error log")
    assert outcome.view["progress"]["items_total"] is None


async def test_an_expired_token_ends_the_job_without_a_thousand_requests(
    lms: DemoServer, worker: WorkerProcess
) -> None:
    lms.faults.order(Fault(FaultKind.EXPIRED_TOKEN, REPORT, after=1))
    before = len(lms.journal.of(REPORT))
    outcome = await archived(lms, worker, count=12)
    failed(lms, outcome, "the token is unknown, deleted or expired", "raise the plugin's job timeout")
    assert len(lms.journal.of(REPORT)) - before <= 4, "those in flight, no more"
    assert len(outcome.view["failures"]) == 11


async def test_a_token_that_expires_for_everything_leaves_moodle_untold(lms: DemoServer, worker: WorkerProcess) -> None:
    lms.faults.order(Fault(FaultKind.EXPIRED_TOKEN, "*", after=2))
    before = len(lms.journal)
    outcome = await archived(lms, worker, count=12)
    assert outcome.view["state"] == "FAILED"
    assert "the token is unknown, deleted or expired" in outcome.told
    assert len(lms.journal) - before <= 8
    assert outcome.row.status == "RUNNING", "nobody could tell it"


async def test_a_job_that_moodle_never_writes_down(lms: DemoServer, worker: WorkerProcess) -> None:
    lms.faults.order(Fault(FaultKind.JOB_ROW_LATE, "quiz_archiver", times=1, seconds=60))
    outcome = await archived(lms, worker)
    assert outcome.view["state"] == "FAILED"
    assert "E_UPDATE_FAILED" in outcome.told
    assert any("could not be told" in warning["message"] for warning in outcome.view["warnings"])


async def test_a_moodle_that_is_down_at_the_end_is_told_later(lms: DemoServer, tmp_path: Path) -> None:
    """For those who ask the worker the job ends at once; the word to Moodle is tried on."""
    patience = {"LMS_TIMEOUT_S": "40", "LMS_RETRY_S": "60", "PROGRESS_INTERVAL_S": "60"}
    async with started(lms, tmp_path, lms.tsa_url, **patience) as own:
        lms.faults.order(Fault(FaultKind.LOGIN_PAGE, REPORT))
        # The calls before are the probe and the job's first word. The first try is given up after 5 s; the patient one
        # gets its answer, late enough to look at the job in between.
        lms.faults.order(Fault(FaultKind.SLOW, STATUS, times=2, after=2, seconds=8))
        outcome = await archived(lms, own, count=1)
        failed(lms, outcome, "login")
        assert outcome.warnings == "The LMS could not be told yet that the job is FAILED; the worker goes on trying."
        assert (await own.ended(outcome.view["id"]))["warnings"] == []
        assert outcome.view["progress"]["percent"] == 0


# The upload.


REFUSALS = [
    (FaultKind.UPLOAD_MISSING_PARAM, "post_max_size"),
    (FaultKind.UPLOAD_EMPTY_LIST, "post_max_size"),
    (FaultKind.UPLOAD_INI_SIZE, "upload_max_filesize"),
    (FaultKind.UPLOAD_OVERSIZED, "maxbytes"),
    (FaultKind.UPLOAD_413, "client_max_body_size"),
    (FaultKind.UPLOAD_NAME_EXISTS, "draft area"),
    (FaultKind.EXPIRED_TOKEN, "token is unknown"),
    (FaultKind.HTTP_500, "HTTP 500"),
    (FaultKind.LOGIN_REDIRECT, "redirected"),
]


@pytest.mark.parametrize(("kind", "setting"), REFUSALS, ids=[kind.value for kind, _ in REFUSALS])
async def test_a_refused_upload_names_the_setting_and_keeps_the_archive(
    kind: FaultKind, setting: str, lms: DemoServer, worker: WorkerProcess
) -> None:
    lms.faults.order(Fault(kind, UPLOAD))
    outcome = await archived(lms, worker, count=1)
    failed(lms, outcome, setting)
    is_kept(outcome, worker)


@pytest.mark.parametrize(
    ("kind", "words"),
    [(FaultKind.STORE_FAILED, "moodledata"), (FaultKind.CHECKSUM_INVALID, "not the one that was sent")],
)
async def test_an_archive_that_moodle_does_not_store(
    kind: FaultKind, words: str, lms: DemoServer, worker: WorkerProcess
) -> None:
    lms.faults.order(Fault(kind, CONFIRM))
    outcome = await archived(lms, worker, count=1)
    failed(lms, outcome, words)
    is_kept(outcome, worker)


async def test_a_refusal_whose_answer_is_lost_loses_no_archive(lms: DemoServer, worker: WorkerProcess) -> None:
    """Moodle has closed the job and deleted the token, as it does when it has stored the archive: nobody can tell."""
    for kind in (FaultKind.STORE_FAILED, FaultKind.DROP_CONNECTION):
        lms.faults.order(Fault(kind, CONFIRM, times=1))
    outcome = await archived(lms, worker, count=1)
    job_id, view = outcome.view["id"], outcome.view
    assert (view["state"], outcome.row.status) == ("FINISHED", "FAILED")
    assert not [delivery for delivery in lms.deliveries if delivery.jobid == job_id]
    assert "check in Moodle that the archive is there" in outcome.warnings
    assert "check in Moodle" in view["deliveries"][0]["message"]
    async with asyncio.timeout(60):
        while {path.name for path in (worker.data / "jobs" / job_id).iterdir()} != {"evidence", "package"}:
            await asyncio.sleep(0.05)
    assert (await worker.job(job_id))["kept_until"] is not None
    async with aiohttp.ClientSession() as session, session.get(f"{worker.url}/jobs/{job_id}/archive") as answer:
        assert hashlib.sha256(await answer.read()).hexdigest() == view["archive"]["sha256"]


# Backups.


async def test_a_backup_that_failed(lms: DemoServer, worker: WorkerProcess) -> None:
    lms.faults.order(Fault(FaultKind.BACKUP_FAILED, BACKUP))
    outcome = await archived(lms, worker, count=1, backups=True)
    failed(lms, outcome, "the backup failed", "Course reuse > Backup")
    assert outcome.view["archive"] is None


@pytest.mark.parametrize("kind", [FaultKind.DROP_CONNECTION, FaultKind.HTML])
async def test_a_backup_that_is_no_backup_at_first(kind: FaultKind, lms: DemoServer, worker: WorkerProcess) -> None:
    """The third request for a file is the GET of the first backup, after its HEAD."""
    lms.faults.order(Fault(kind, FILE, times=1, after=1))
    lms.faults.order(Fault(FaultKind.BACKUP_NEVER_READY, BACKUP, times=2))
    finished(lms, await archived(lms, worker, count=1, backups=True, sections_off=SECTIONS_11[:-1]))
    assert lms.faults.as_json() == []


async def test_a_backup_that_is_never_ready_ends_with_timeout(lms: DemoServer, tmp_path: Path) -> None:
    async with started(lms, tmp_path, lms.tsa_url, JOB_TIMEOUT_S="6") as own:
        lms.faults.order(Fault(FaultKind.BACKUP_NEVER_READY, BACKUP))
        outcome = await archived(lms, own, count=1, backups=True)
        failed(lms, outcome, "longer than 6 s", "ARCHIVEWORKER_JOB_TIMEOUT_S", state="TIMEOUT")
        assert [entry["state"] for entry in outcome.view["history"]][-2:] == ["WAITING_FOR_BACKUP", "TIMEOUT"]
        lms.faults.clear()
        lms.faults.order(Fault(FaultKind.SLOW, REPORT, seconds=2))
        outcome = await archived(lms, own, count=8)
        failed(lms, outcome, "longer than 6 s", state="TIMEOUT")
        assert [entry["state"] for entry in outcome.view["history"]] == ["RUNNING", "TIMEOUT"]


# Everything.


async def test_every_fault_of_the_demo_has_its_case() -> None:
    others = {FaultKind.LOGIN_NAVIGATION, FaultKind.EXPIRED_TOKEN, FaultKind.BACKUP_FAILED}
    others |= {FaultKind.BACKUP_NEVER_READY, FaultKind.STORE_FAILED, FaultKind.CHECKSUM_INVALID}
    others |= {FaultKind.FILE_GONE}  # only files of workshops are listed apart: tests/contract/sources/test_workshop.py
    listed = {case[0] for table in (ONCE, STAYING, REFUSALS) for case in table}
    assert listed | others == set(FaultKind)
