"""The HTTP API for administrators and monitors: the queue, who may see what, the story of a job, its evidence."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoServer
from tests.acceptance.answers import NOBODY, Body, is_one_sentence, refused
from tests.acceptance.conftest import finished
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

Few = Callable[[int], list[int]]


# The queue.


async def test_a_full_queue(lms: DemoServer, few: Few, tmp_path: Path) -> None:
    settings = {"JOBS_MAX_COUNT": "1", "QUEUE_MAX_COUNT": "1", "SHUTDOWN_GRACE_S": "0"}
    own = WorkerProcess(tmp_path, settings)
    await own.start()
    numbers = {"jobs_max": 1, "queue_max": 1}
    idle = {"status": "IDLE", "jobs_processing": [], "jobs_queued": [], "queue_len": 0, **numbers}
    assert (await own.request("GET", "/status"))[:2] == (200, idle)
    lms.faults.order(Fault(FaultKind.SLOW, "quiz_archiver_generate_attempt_report", seconds=8))
    try:
        requests = [lms.request(7, itemids=few(1), backups=False) for _ in range(6)]
        answers = await asyncio.gather(*(lms.submit(own.url, request) for request in requests))
        taken = {answer["jobid"] for status, answer in answers if status == 200}
        assert sorted(status for status, _ in answers) == [200, 200, 429, 429, 429, 429], "all at once, yet no more"
        status, answer, headers = await own.request("POST", "/archive", json=requests[0])
        assert status == 429
        assert int(headers["Retry-After"]) > 0
        is_one_sentence(answer, headers)
        busy = await _status(own, lambda status: bool(status["jobs_processing"]))
        assert (busy["status"], busy["queue_len"]) == ("BUSY", 1)
        assert {*busy["jobs_processing"], *busy["jobs_queued"]} == taken
        for job_id in (*busy["jobs_queued"], *busy["jobs_processing"]):
            assert (await own.request("GET", f"/status/{job_id}"))[1]["status"] in ("AWAITING_PROCESSING", "RUNNING")
            assert (await own.request("POST", f"/jobs/{job_id}/cancel"))[0] == 200
        assert [(await own.ended(job_id))["state"] for job_id in taken] == ["CANCELLED"] * 2
        rows = [row for row in lms.state.rows if row.jobid in taken]
        assert [row.status for row in rows] == ["FAILED"] * 2, "Moodle knows no CANCELLED"
        assert (await _status(own, lambda status: status["status"] == "IDLE"))["jobs_queued"] == []
    finally:
        lms.faults.clear()
        await own.stop()


async def _status(worker: WorkerProcess, wanted: Callable[[Body], bool]) -> Body:
    """Wait until ``GET /status`` is as wanted; return it."""
    async with asyncio.timeout(20):
        while not wanted(status := (await worker.request("GET", "/status"))[1]):
            await asyncio.sleep(0.05)
    return dict(status)


# The administrator's side.


ADMIN = [
    ("GET", "/jobs"),
    ("GET", f"/jobs/{NOBODY}"),
    ("GET", f"/jobs/{NOBODY}/evidence/manifest-sha256.txt"),
    ("GET", f"/jobs/{NOBODY}/archive"),
    ("POST", f"/jobs/{NOBODY}/cancel"),
    ("POST", f"/jobs/{NOBODY}/redeliver"),
    ("POST", f"/jobs/{NOBODY}/retry"),
]


async def test_with_an_admin_token(lms: DemoServer, body: Body, tmp_path: Path) -> None:
    async with WorkerProcess(tmp_path, {"ADMIN_TOKEN": "made-up-admin-token"}) as own:
        for method, path in ADMIN:
            for given in ({}, {"Authorization": "Bearer other"}, {"Authorization": "made-up-admin-token"}):
                status, answer, headers = await own.request(method, path, headers=given)
                assert status == 403, (method, path)
                is_one_sentence(answer, headers)
                assert "made-up" not in answer["error"]
            right = {"Authorization": "Bearer made-up-admin-token"}
            status, _, _ = await own.request(method, path, headers=right)
            assert status == (200 if path == "/jobs" else 404)
        for path in ("/", "/version", "/status", "/health/live"):
            assert (await own.request("GET", path))[0] == 200
        await refused(own, {**body, "api_version": 99}, "api_version")
    assert "made-up-admin-token" not in own.log.read_text(encoding="utf-8")


async def test_without_an_admin_token_only_this_machine_is_answered(worker: WorkerProcess) -> None:
    for method, path in ADMIN:
        assert (await worker.request(method, path))[0] in (200, 404)
        status, answer, headers = await worker.request(method, path, headers={"X-Forwarded-For": "203.0.113.7"})
        assert status == 403
        is_one_sentence(answer, headers)
        assert "ARCHIVEWORKER_ADMIN_TOKEN" in answer["error"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def view(lms: DemoServer, worker: WorkerProcess) -> Body:
    """Return the view of a finished job of two attempts and two backups."""
    ids = [attempt.attemptid for attempt in lms.course.attempts][:2]
    return (await finished(lms, worker, lms.request(7, itemids=ids)))[0]


async def test_the_whole_story_of_a_job(view: Body, lms: DemoServer, worker: WorkerProcess) -> None:
    delivery = next(d for d in lms.deliveries if d.jobid == view["id"])
    assert view["archive"] == {
        "name": delivery.filename,
        "sha256": delivery.sha256,
        "size_bytes": delivery.size_bytes,
        "layout": "plugin",
        "retention": None,
    }
    assert [entry["state"] for entry in view["history"]] == ["RUNNING", "WAITING_FOR_BACKUP", "FINALIZING", "FINISHED"]
    times = [view["accepted_at"], *(entry["at"] for entry in view["history"])]
    assert times == sorted(times)
    assert view["progress"] == {
        "items_total": 2,
        "items_done": 2,
        "items_failed": 0,
        "items_active": 0,
        "percent": 100,
    }
    wanted = sorted(f"attempt-{attempt.attemptid}" for attempt in lms.course.attempts[:2])
    assert [item["item"] for item in view["items"]] == wanted
    for item in view["items"]:
        assert item["pages"] > 1
        assert item["files"] >= 3
        assert item["size_bytes"] > 10_000
        assert item["took_s"] > 0
    assert (view["state"], view["reason"], view["failures"]) == ("FINISHED", "", [])
    assert (view["source"], view["lms"]) == ("quiz_archiver", lms.base_url)
    assert {"VERIFY.txt", "manifest-sha256.txt", f"{delivery.filename}.sha256", f"{delivery.filename}.tsr"} <= set(
        view["evidence"]
    )
    assert (await worker.request("GET", f"/status/{view['id']}"))[1] == {"id": view["id"], "status": "FINISHED"}
    listed = next(job for job in (await worker.request("GET", "/jobs"))[1]["jobs"] if job["id"] == view["id"])
    assert (listed["state"], listed["items_total"], listed["archive"]) == ("FINISHED", 2, delivery.filename)


async def test_what_has_ended_cannot_be_cancelled_or_retried(view: Body, worker: WorkerProcess) -> None:
    for action in ("cancel", "retry"):
        status, answer, headers = await worker.request("POST", f"/jobs/{view['id']}/{action}")
        assert status == 409
        is_one_sentence(answer, headers)
    bodies: list[object] = [{"token": 7}, {"token": ""}, {"token": None, "x": "\ud800"}, []]
    for body in bodies:
        status, _, _ = await worker.request("POST", f"/jobs/{view['id']}/retry", json=body)
        assert status == 400


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "", "1e2"])
async def test_how_many_jobs_are_listed(limit: str, worker: WorkerProcess) -> None:
    status, answer, headers = await worker.request("GET", f"/jobs?limit={limit}")
    assert status == 400
    is_one_sentence(answer, headers)


async def test_evidence_has_its_types(view: Body, worker: WorkerProcess) -> None:
    types = {"tsq": "application/timestamp-query", "tsr": "application/timestamp-reply"}
    types |= {"pem": "application/x-pem-file", "txt": "text/plain", "html": "text/html", "json": "application/json"}
    types |= {"crl": "application/pkix-crl", "ors": "application/ocsp-response"}
    folder = f"{worker.url}/jobs/{view['id']}/evidence"
    async with aiohttp.ClientSession() as session:
        for name in view["evidence"]:
            async with session.get(URL(f"{folder}/{quote(name)}", encoded=True)) as answer:
                assert answer.status == 200
                assert answer.content_type == types.get(name.rpartition(".")[2], "application/octet-stream")
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert len(await answer.read()) > 60


@pytest.mark.parametrize(
    "name",
    [
        "nothing.txt",
        ".",
        "..",
        "../../../lock",
        "..%2f..%2f..%2flock",
        "%2e%2e%2f%2e%2e%2fsecret.key",
        "..%5c..%5csecret.key",
        "%2fetc%2fpasswd",
        "manifest-sha256.txt%00.tsr",
        "manifest-sha256.txt/",
        "*",
        "%2a",
        "",
    ],
)
async def test_evidence_has_no_way_out(name: str, view: Body, worker: WorkerProcess) -> None:
    """Sent by hand, as clients would tidy such paths."""
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    path = f"/jobs/{view['id']}/evidence/{name}"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, text = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] in (b"404", b"400"), answer
    assert b"error" in text
    assert b"gAAAA" not in text
