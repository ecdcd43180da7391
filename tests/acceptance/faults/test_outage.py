"""An LMS that is away: its jobs wait for it, those of others do not, and the deadline holds all the same."""

import asyncio
from pathlib import Path

import pytest

from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import LmsOptions
from tests.acceptance.faults.trouble import (
    SHORT_PAGES,
    attempt_ids,
    ended,
    failed,
    finished,
    started,
)
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

FORM = {"backups": False, "keep_html_files": False, "sections_off": SHORT_PAGES}
OUTAGE = Fault(FaultKind.DROP_CONNECTION, "*")


async def _begun(lms: DemoServer, worker: WorkerProcess) -> str:
    """Submit a job of all attempts and wait until some are done."""
    _, answer = await lms.submit(worker.url, lms.request(7, itemids=attempt_ids(lms, 12), **FORM))
    job_id = str(answer["jobid"])
    async with asyncio.timeout(60):
        while (await worker.job(job_id))["progress"]["items_done"] < 2:
            await asyncio.sleep(0.02)
    return job_id


async def test_an_outage_pauses_the_jobs_of_that_lms_alone(lms: DemoServer, tmp_path: Path) -> None:
    options = DemoOptions(seed=8, attempts=4, workdir=tmp_path / "other", lms=LmsOptions(row_delay_s=0.0))
    async with DemoServer(options) as other, started(lms, tmp_path / "worker", lms.tsa_url) as worker:
        job_id = await _begun(lms, worker)
        lms.faults.order(OUTAGE)
        _, answer = await other.submit(worker.url, other.request(7, itemids=attempt_ids(other, 2), **FORM))
        assert (await worker.ended(answer["jobid"]))["state"] == "FINISHED", "another LMS's job does not wait"
        async with asyncio.timeout(60):
            while not (view := await worker.job(job_id))["warnings"]:
                await asyncio.sleep(0.05)
        assert view["state"] == "RUNNING"
        assert "did not answer" in view["warnings"][0]["message"]
        done = view["progress"]["items_done"]
        assert done < 12
        lms.faults.clear()
        outcome = await ended(lms, worker, job_id)
        finished(lms, outcome)
        made = [e["item"] for e in worker.log_events() if e["event"] == "item_archived" and e["job_id"] == job_id]
    assert len(made) == len(set(made)) == 12, "what was done before the outage was not done again"


async def test_a_job_waits_for_its_lms_before_it_has_a_plan(lms: DemoServer, worker: WorkerProcess) -> None:
    """The first call is the probe when the job is posted, the second that it runs; then nothing gets through."""
    lms.faults.order(Fault(FaultKind.DROP_CONNECTION, "*", after=2))
    _, answer = await lms.submit(worker.url, lms.request(7, itemids=attempt_ids(lms, 2), **FORM))
    async with asyncio.timeout(60):
        while not any(e["event"] == "lms_away" and e["job_id"] == answer["jobid"] for e in worker.log_events()):
            await asyncio.sleep(0.05)
    lms.faults.clear()
    finished(lms, await ended(lms, worker, answer["jobid"]))


async def test_an_outage_that_lasts_too_long_fails_the_job(lms: DemoServer, tmp_path: Path) -> None:
    async with started(lms, tmp_path, lms.tsa_url, LMS_OUTAGE_S="1") as worker:
        job_id = await _begun(lms, worker)
        lms.faults.order(OUTAGE)
        view = await worker.ended(job_id, limit_s=60)
        lms.faults.clear()
    assert view["state"] == "FAILED"
    assert "could not be archived" in view["reason"]
    assert any("does not answer" in failure["message"] for failure in view["failures"])


async def test_the_deadline_is_shown_warned_of_and_kept(lms: DemoServer, tmp_path: Path) -> None:
    lms.faults.order(Fault(FaultKind.SLOW, "quiz_archiver_generate_attempt_report", seconds=2.5))
    async with started(lms, tmp_path, lms.tsa_url, JOB_TIMEOUT_S="8") as worker:
        _, answer = await lms.submit(worker.url, lms.request(7, itemids=attempt_ids(lms, 12), **FORM))
        job_id = answer["jobid"]
        assert (await worker.job(job_id))["warnings"] == []
        async with asyncio.timeout(60):
            while not (view := await worker.job(job_id))["warnings"]:
                await asyncio.sleep(0.05)
        assert "ends with TIMEOUT at" in view["warnings"][0]["message"]
        assert (view["state"], view["deadline_at"] > view["accepted_at"]) == ("RUNNING", True)
        outcome = await ended(lms, worker, job_id)
        events = [e["event"] for e in worker.log_events() if e.get("job_id") == job_id]
    failed(lms, outcome, "longer than 8 s", state="TIMEOUT")
    assert events.count("job_deadline_near") == 1
