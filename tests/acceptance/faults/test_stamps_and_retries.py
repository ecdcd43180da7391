"""Everything that can go wrong at the time-stamp authority, and how a job that failed is taken up again."""

from pathlib import Path

import pytest

from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoServer
from archiveworker.demo.tsa import TsaFault, TsaFaultKind
from tests.acceptance.faults.trouble import (
    REPORT,
    SHORT_PAGES,
    Outcome,
    archived,
    attempt_ids,
    ended,
    failed,
    finished,
    is_kept,
    started,
)
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.openssl]


# Time-stamps.


@pytest.mark.parametrize("kind", list(TsaFaultKind))
async def test_a_time_stamp_that_fails_once(kind: TsaFaultKind, lms: DemoServer, worker: WorkerProcess) -> None:
    lms.tsa.faults.append(TsaFault(kind, times=1, seconds=2))
    finished(lms, await archived(lms, worker, count=1))
    assert lms.tsa.faults == []


@pytest.mark.parametrize("kind", list(TsaFaultKind))
async def test_no_time_stamp_to_be_had_fails_the_job(
    kind: TsaFaultKind, lms: DemoServer, worker: WorkerProcess
) -> None:
    lms.tsa.faults.append(TsaFault(kind, seconds=2))
    outcome = await archived(lms, worker, count=1)
    failed(lms, outcome, "no time-stamp authority gave a token that holds", lms.tsa_url.rstrip("/"))
    assert outcome.view["archive"] is None


async def test_unstamped_is_a_choice_and_said(lms: DemoServer, tmp_path: Path) -> None:
    lms.tsa.faults.append(TsaFault(TsaFaultKind.HTTP_500))
    async with started(lms, tmp_path, lms.tsa_url, ON_TIMESTAMP_ERROR="report") as own:
        outcome = await archived(lms, own, count=1)
    finished(lms, outcome)
    assert "The archive is not time-stamped" in outcome.warnings
    assert "HTTP 500" in outcome.warnings
    assert not [name for name in outcome.view["evidence"] if name.endswith(".tsr")]


async def test_the_second_authority_is_asked_when_the_first_fails(lms: DemoServer, tmp_path: Path) -> None:
    async with started(lms, tmp_path, f"http://127.0.0.1:9/,{lms.tsa_url}") as own:
        outcome = await archived(lms, own, count=1)
        events = own.log_events()
    finished(lms, outcome)
    assert "time-stamped" not in outcome.warnings
    assert [event["tsa_url"] for event in events if event["event"] == "timestamped"] == [lms.tsa_url] * 2
    assert {event["tsa_url"] for event in events if event["event"] == "timestamp_failed"} == {"http://127.0.0.1:9/"}


# Again.


async def test_a_retry_does_only_what_failed(lms: DemoServer, worker: WorkerProcess) -> None:
    victim = attempt_ids(lms, 3)[0]
    lms.faults.order(Fault(FaultKind.LOGIN_PAGE, REPORT, attemptid=victim))
    outcome = await archived(lms, worker, count=3)
    failed(lms, outcome, f"1 of 3 items could not be archived. attempt-{victim}")
    assert sorted(item["item"] for item in outcome.view["items"]) == sorted(
        f"attempt-{i}" for i in attempt_ids(lms, 3)[1:]
    )
    lms.faults.clear()

    status, answer, _ = await worker.request("POST", f"/jobs/{outcome.view['id']}/retry")
    assert status == 400, "a retry needs a token"
    assert "token was erased" in answer["error"]

    asked = await _retried(lms, worker, outcome)
    assert asked == [str(victim)], "only the failed one again"
    closed = await ended(lms, worker, outcome.view["id"])
    failed(lms, closed, "for Moodle the job has ended already")
    assert len(closed.view["items"]) == 3
    assert closed.view["failures"] == []
    is_kept(closed, worker)

    closed.row.status = "RUNNING"  # somebody has opened the job again in Moodle
    assert await _retried(lms, worker, outcome) == [], "nothing is rendered twice"
    finished(lms, await ended(lms, worker, outcome.view["id"]))


async def _retried(lms: DemoServer, worker: WorkerProcess, outcome: Outcome) -> list[str]:
    """Retry with a new token, wait for the end, and return which attempts Moodle was asked for."""
    outcome.row.token = lms.state.create_token(outcome.row.plugin)
    seen = len(lms.journal.of(REPORT))
    job_id = outcome.view["id"]
    status, answer, _ = await worker.request("POST", f"/jobs/{job_id}/retry", json={"token": outcome.row.token})
    assert (status, answer) == (200, {"id": job_id, "status": "AWAITING_PROCESSING"})
    await worker.ended(job_id)
    return [entry.parameters["attemptid"] for entry in lms.journal.of(REPORT)[seen:]]


async def test_the_newer_family_is_told_numbers(lms: DemoServer, worker: WorkerProcess) -> None:
    victim = attempt_ids(lms, 2)[0]
    report = "archivingmod_quiz_generate_attempt_report"
    lms.faults.order(Fault(FaultKind.BLANK_PAGE, report, attemptid=victim))
    request = lms.request(
        "archivingmod_quiz", itemids=attempt_ids(lms, 2), keep_html_files=False, sections_off=SHORT_PAGES
    )
    _, answer = await lms.submit(worker.url, request)
    outcome = await ended(lms, worker, answer["jobid"])
    assert outcome.view["state"] == "FAILED"
    assert (outcome.row.status, outcome.row.complete) == (250, True)
    assert f"attempt-{victim}" in outcome.view["reason"]
