"""Archives to several places: each gets it once, one that fails does not stop the others, and what is kept goes later.

Each case is a whole job of a real worker, a real folder and a real receiver.
"""

import asyncio
import contextlib
import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio

from archiveworker.cli import main
from archiveworker.demo import faults as lms_faults
from archiveworker.demo.faults import FaultKind
from archiveworker.demo.server import DemoServer
from tests.acceptance.faults.trouble import (
    CONFIRM,
    REPORT,
    SHORT_PAGES,
    Outcome,
    archived,
    attempt_ids,
    ended,
    finished,
    is_kept,
    started,
)
from tests.fakes.receiver import PATH, SECRET, Fault, Receiver, receiving
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

STEPS_OF_RELEASE_0_1 = (
    "now DBOS.setEvent announce plan DBOS.setEvent archive_item follow_items sum_up_items now DBOS.setEvent "
    "report_finalizing describe stamp_manifest pack stamp_archive list_evidence DBOS.setEvent upload confirm release "
    "now DBOS.setEvent clean_up"
)
"""What release 0.1 wrote down for a job of one attempt (``operation_outputs`` of its engine)."""


@dataclass(frozen=True)
class Places:
    """A worker that delivers to Moodle, a receiver and a folder, in this order.

    Attributes:
        worker: runs.
        receiver: target ``records``.
        folder: target ``directory``; beside it lies ``vault``, to which no job goes by itself.
    """

    worker: WorkerProcess
    receiver: Receiver
    folder: Path

    def in_folder(self, job_id: str) -> list[dict[str, bytes]]:
        """Return the files of each archive of a job in the folder."""
        found = self.folder.glob(f"*-{job_id}-*")
        return [{file.name: file.read_bytes() for file in one.iterdir()} for one in found]

    def received(self, job_id: str) -> list[dict[str, bytes]]:
        """Return the files of each archive of a job that the receiver has."""
        return [files for key, files in self.receiver.stored.items() if key.startswith(job_id)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def places(lms: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Places]:
    folder = tmp_path_factory.mktemp("places")
    for name in ("archives", "vault"):
        (folder / name).mkdir()
    async with receiving() as receiver:
        targets = {
            "DELIVERY_DIRS": f"directory={folder}/archives,vault={folder}/vault",
            "DELIVERY_WEBHOOKS": f"records={receiver.url}",
            "DELIVERY_WEBHOOK_SECRETS": SECRET,
            "DELIVERY_ALSO_TO": "records,directory",
            "DELIVERY_RETRY_S": "3",
        }
        async with started(lms, folder / "worker", lms.tsa_url, **targets) as worker:
            yield Places(worker, receiver, folder / "archives")
            log = worker.log.read_text(encoding="utf-8")
    assert SECRET not in log
    assert PATH not in log


@pytest.fixture
def at(places: Places) -> Places:
    """Return the places, with what the test before has ordered cancelled."""
    places.receiver.faults.clear()
    places.receiver.asked.clear()
    places.receiver.begun.clear()
    places.receiver.go_on.set()
    return places


def states(view: dict[str, Any]) -> dict[str, str]:
    return {entry["target"]: entry["state"] for entry in view["deliveries"]}


def has_archive(files: dict[str, bytes], view: dict[str, Any]) -> None:
    """Check that these are the archive and everything that belongs beside it."""
    assert set(files) == {view["archive"]["name"], *view["evidence"]}
    assert hashlib.sha256(files[view["archive"]["name"]]).hexdigest() == view["archive"]["sha256"]
    assert json.loads(files["report.json"])["verdict"] == "good"


async def kept(worker: WorkerProcess, job_id: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """Return the answer to ``GET /jobs/<id>/archive``."""
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(f"{worker.url}/jobs/{job_id}/archive", headers=headers) as answer,
    ):
        return answer.status, await answer.read(), dict(answer.headers)


async def cli(*arguments: str) -> int:
    """Run the command line beside the servers of this process."""
    return await asyncio.to_thread(main, ["jobs", *arguments])


async def test_an_archive_goes_to_moodle_a_receiver_and_a_folder(lms: DemoServer, at: Places) -> None:
    at.receiver.faults = [Fault.ERROR_500, Fault.CUT]
    outcome = await archived(lms, at.worker, count=1)
    finished(lms, outcome)
    job_id = outcome.view["id"]
    assert list(states(outcome.view).items()) == [(name, "delivered") for name in ("lms", "records", "directory")]
    (in_folder,), (received,) = at.in_folder(job_id), at.received(job_id)
    has_archive(in_folder, outcome.view)
    assert received == in_folder
    assert len(at.receiver.asked) == 3, "two tries failed"
    assert outcome.view["kept_until"] is None
    status, text, _ = await kept(at.worker, job_id)
    assert status == 404
    assert b"There is no archive of this job on the worker" in text
    status, answer, _ = await at.worker.request("POST", f"/jobs/{job_id}/redeliver")
    assert status == 409
    assert "The job is FINISHED; only one that FAILED with a packed archive" in answer["error"]


async def test_one_place_that_refuses_does_not_stop_the_others_and_gets_it_later(
    lms: DemoServer, at: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    at.receiver.faults = [Fault.FORBIDDEN_403] * 2
    outcome = await archived(lms, at.worker, count=1)
    view, job_id = outcome.view, outcome.view["id"]
    assert (view["state"], outcome.row.status) == ("FAILED", "FINISHED"), "Moodle has it"
    assert states(view) == {"lms": "delivered", "records": "failed", "directory": "delivered"}
    assert "The archive was not delivered everywhere. records: http://127.0.0.1" in view["reason"]
    assert "HTTP 403 (the database is locked)" in view["reason"]
    is_kept(outcome, at.worker)
    await _can_be_downloaded(at.worker, view)
    has_archive(at.in_folder(job_id)[0], view)

    where = ("--worker", at.worker.url)
    assert await cli("show", job_id, *where) == 0
    shown = capsys.readouterr().out
    assert "Delivery: records failed: http://127.0.0.1" in shown
    assert "Kept:     on the worker until 20" in shown
    assert await cli("redeliver", job_id, *where) == 1, "it is refused once more"
    assert "FAILED: The archive was not delivered everywhere. records:" in capsys.readouterr().err
    assert (await kept(at.worker, job_id))[0] == 200, "and still kept"
    assert await cli("redeliver", job_id, *where) == 0
    assert f"{job_id} is delivered again." in capsys.readouterr().out

    after = await at.worker.ended(job_id)
    assert (after["state"], after["reason"], after["archive"]) == ("FINISHED", "", view["archive"])
    assert set(states(after).values()) == {"delivered"}
    assert [entry["state"] for entry in after["history"]][-4:] == ["FINALIZING", "FAILED", "FINALIZING", "FINISHED"]
    (received,), (in_folder,) = at.received(job_id), at.in_folder(job_id)
    has_archive(received, after)
    assert received == in_folder, "byte for byte: nothing was made again"
    assert [d.jobid for d in lms.deliveries].count(job_id) == 1, "who had it was not asked again"
    await _is_gone(at.worker, job_id)


async def _can_be_downloaded(worker: WorkerProcess, view: dict[str, Any]) -> None:
    status, data, headers = await kept(worker, view["id"])
    assert (status, hashlib.sha256(data).hexdigest()) == (200, view["archive"]["sha256"])
    assert headers["Content-Type"] == "application/gzip"
    assert "Content-Encoding" not in headers
    assert headers["Content-Disposition"].endswith(f"UTF-8''{quote(view['archive']['name'], safe='')}")
    status, part, headers = await kept(worker, view["id"], Range="bytes=1000-1999")
    assert (status, part) == (206, data[1000:2000])
    assert headers["Content-Range"] == f"bytes 1000-1999/{len(data)}"


async def _is_gone(worker: WorkerProcess, job_id: str) -> None:
    async with asyncio.timeout(20):
        while (await kept(worker, job_id))[0] != 404:
            await asyncio.sleep(0.05)


async def test_an_archive_that_moodle_does_not_store(lms: DemoServer, at: Places) -> None:
    """The others have it all the same; Moodle gets it when it takes it again, with a new token."""
    lms.faults.order(lms_faults.Fault(FaultKind.STORE_FAILED, CONFIRM))
    outcome = await archived(lms, at.worker, count=1)
    job_id = outcome.view["id"]
    assert (outcome.view["state"], outcome.row.status) == ("FAILED", "FAILED")
    assert states(outcome.view) == {"lms": "failed", "records": "delivered", "directory": "delivered"}
    assert "not delivered everywhere. lms: " in outcome.view["reason"]
    assert "moodledata" in outcome.view["reason"]
    lms.faults.clear()

    refused: list[tuple[dict[str, Any], str]] = [
        ({}, "token was erased"),
        ({"to": ["x"]}, "lms, directory, records, vault, got 'x'"),
        ({"to": "lms"}, "to must be a list"),
        ({"to": [7]}, "to must be a list"),
        ({"token": ""}, "token must be a text"),
    ]
    for body, words in refused:
        status, answer = await _redeliver(at.worker, job_id, body)
        assert (status, words in answer["error"]) == (400, True), answer

    assert (await _redeliver(at.worker, job_id, {"to": ["vault", "directory"]}))[0] == 200
    view = await at.worker.ended(job_id)
    assert view["state"] == "FAILED", "the LMS still has not got it"
    has_it = dict.fromkeys(("records", "directory", "vault"), "delivered")
    assert states(view) == {"lms": "failed", **has_it}
    assert len(at.in_folder(job_id)) == 1, "no second copy"
    assert len(list((at.folder.parent / "vault").iterdir())) == 1

    outcome.row.token = lms.state.create_token(outcome.row.plugin)
    assert (await _redeliver(at.worker, job_id, {"token": outcome.row.token}))[0] == 200
    closed = await ended(lms, at.worker, job_id)
    assert closed.view["state"] == "FAILED", "what Moodle says of a closed job is not taken for a success"
    assert "for Moodle the job has ended already" in closed.view["reason"]

    outcome.row.status = "RUNNING"  # somebody has opened the job again in Moodle
    outcome.row.token = lms.state.create_token(outcome.row.plugin)
    seen = len(lms.journal.of(REPORT))
    assert (await _redeliver(at.worker, job_id, {"token": outcome.row.token}))[0] == 200
    finished(lms, await ended(lms, at.worker, job_id))
    assert len(lms.journal.of(REPORT)) == seen, "nothing was fetched again"


async def _redeliver(worker: WorkerProcess, job_id: str, body: dict[str, Any]) -> tuple[int, Any]:
    status, answer, _ = await worker.request("POST", f"/jobs/{job_id}/redeliver", json=body)
    if status == 200:
        assert answer == {"id": job_id, "status": "AWAITING_PROCESSING"}
    return status, answer


async def test_killed_between_two_places(lms: DemoServer, at: Places) -> None:
    at.receiver.go_on.clear()
    request = lms.request(7, itemids=attempt_ids(lms, 1), backups=False, sections_off=SHORT_PAGES)
    _, answer = await lms.submit(at.worker.url, request)
    job_id = answer["jobid"]
    async with asyncio.timeout(60):
        await at.receiver.begun.wait()
    view = await at.worker.job(job_id)
    assert view["state"] == "FINALIZING"
    assert states(view) == {"lms": "delivered", "records": "waiting", "directory": "waiting"}
    await at.worker.kill()
    await at.worker.start()
    at.receiver.go_on.set()
    outcome = await ended(lms, at.worker, job_id)
    finished(lms, outcome)
    assert set(states(outcome.view).values()) == {"delivered"}
    assert len(at.receiver.asked) == 2, "the one in flight is repeated"
    assert (len(at.received(job_id)), len(at.in_folder(job_id))) == (1, 1)
    events = [e for e in at.worker.log_events() if e.get("job_id") == job_id]
    assert [e["target"] for e in events if e["event"] == "archive_delivered"] == ["records", "directory"]
    assert len([e for e in events if e["event"] == "archive_packed"]) == 1, "who had it was not asked again"


async def test_while_an_archive_is_delivered_again_nothing_else_is_done_with_the_job(
    lms: DemoServer, at: Places
) -> None:
    at.receiver.faults = [Fault.FORBIDDEN_403]
    outcome = await archived(lms, at.worker, count=1)
    job_id = outcome.view["id"]
    at.receiver.begun.clear()
    at.receiver.go_on.clear()
    answers = await asyncio.gather(*(_redeliver(at.worker, job_id, {}) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    async with asyncio.timeout(30):
        await at.receiver.begun.wait()
    for action, words in (("cancel", "kept archive is being delivered"), ("retry", "FINALIZING; only")):
        status, answer, _ = await at.worker.request("POST", f"/jobs/{job_id}/{action}", json={"token": "x"})
        assert (status, words in answer["error"]) == (409, True), answer
    at.receiver.go_on.set()
    assert (await at.worker.ended(job_id))["state"] == "FINISHED"


async def test_jobs_of_the_last_release_find_the_steps_they_know(lms: DemoServer, worker: WorkerProcess) -> None:
    """With the LMS as the only target, as it was; the engine compares names and order when it resumes a job."""
    outcome = await archived(lms, worker, count=1)
    finished(lms, outcome)
    assert states(outcome.view) == {"lms": "delivered"}
    # The state is told a moment before the last step is written down.
    async with asyncio.timeout(20):
        while (steps := _steps(worker, outcome))[-1] != "clean_up":
            await asyncio.sleep(0.05)
    assert steps == STEPS_OF_RELEASE_0_1.split()


def _steps(worker: WorkerProcess, outcome: Outcome) -> list[str]:
    database = f"file:{worker.data / 'archiveworker.sqlite'}?mode=ro"
    query = "SELECT function_name FROM operation_outputs WHERE workflow_uuid = ? ORDER BY function_id"
    with contextlib.closing(sqlite3.connect(database, uri=True)) as connection:
        return [name for (name,) in connection.execute(query, (outcome.view["id"],))]
