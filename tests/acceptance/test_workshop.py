"""Moodle workshops through the real HTTP API: no plugin, all four strategies, and back into Moodle's private files."""

import asyncio
import csv
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from archiveworker.demo.server import DemoServer
from archiveworker.demo.service import CAPABILITIES, FUNCTIONS, Service
from archiveworker.demo.state import LmsState
from archiveworker.demo.workshop_job import submit_workshop, workshop_request
from archiveworker.runtime.process import run
from tests.fakes.recorded_workshop import TOKEN, UPLOADING, recorded_moodle, recorded_request
from tests.fakes.worker import WorkerProcess, stamps_of

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.chromium,
    pytest.mark.openssl,
    pytest.mark.slow,
]
WRITING = ("view_", "add_submission", "update_", "delete_", "evaluate_")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(lms: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    settings = {
        **stamps_of(lms),
        "LOG_LEVEL": "DEBUG",
        "LMS_RETRY_S": "2",
        "LMS_TIMEOUT_S": "20",
    }
    async with WorkerProcess(tmp_path_factory.mktemp("worker"), settings) as process:
        yield process


async def ended(worker: WorkerProcess, request: dict[str, Any]) -> dict[str, Any]:
    status, answer = await submit_workshop(worker.url, request)
    assert status == 200, answer
    return await worker.ended(answer["jobid"], limit_s=400)


async def finished(worker: WorkerProcess, request: dict[str, Any]) -> dict[str, Any]:
    view = await ended(worker, request)
    assert view["state"] == "FINISHED", view
    return view


def taken_back(state: LmsState, view: dict[str, Any], folder: Path) -> Path:
    """Copy what Moodle has in the job's folder of the private files; return the archive."""
    folder.mkdir()
    place = f"/archiveworker/{view['id']}/"
    for (path, name), file in state.private_files.items():
        if path == place:
            (folder / name).write_bytes(file.path.read_bytes())
    archive = folder / view["archive"]["name"]
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == view["archive"]["sha256"]
    return archive


def contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {member.name: handle.read() for member in tar if member.isfile() and (handle := tar.extractfile(member))}


async def checked(archive: Path, lms: DemoServer) -> None:
    """Let the worker's own judge and openssl look at the archive, with nothing but what Moodle has."""
    command = [sys.executable, "-m", "archiveworker", "verify", str(archive), "--ca", str(lms.authority.root_pem)]
    done = await run(command, timeout_s=120)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    reply, trust = f"{archive.name}.tsr", ["-CAfile", str(lms.authority.root_pem)]
    argv = ["openssl", "ts", "-verify", "-data", archive.name, "-in", reply, *trust]
    argv += ["-untrusted", str(lms.authority.tsa_pem)]
    said = await asyncio.to_thread(
        subprocess.run, argv, cwd=archive.parent, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr
    sums = ["sha256sum", "-c", f"{archive.name}.sha256"]
    said = await asyncio.to_thread(
        subprocess.run, sums, cwd=archive.parent, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize(
    ("number", "strategy"), [(1, "accumulative"), (2, "comments"), (3, "numerrors"), (4, "rubric")]
)
async def test_each_strategy_goes_to_moodle_and_back(
    worker: WorkerProcess, lms: DemoServer, tmp_path: Path, number: int, strategy: str
) -> None:
    lms.journal.clear()
    request = workshop_request(lms.state, number)
    view = await finished(worker, request)
    archive = taken_back(lms.state, view, tmp_path / "back")
    there = contents(archive)

    workshop = lms.state.workshops[number - 1]
    record = json.loads(there["overview/peer_review.json"])["peer_review"]
    assert [form["strategy"] for form in record["forms"]] == [strategy]
    assert {one["id"] for one in record["submissions"]} == {
        str(one.id) for one in (*workshop.works, *workshop.examples)
    }
    assert {one["id"]: one["suggested_grade"] for one in record["reviews"]} == {
        str(one.id): one.grade for one in (*workshop.assessments, *workshop.practice) if one.grade is not None
    }
    assert {(one["filename"], one["status"]) for one in record["files"]} >= {("essay.pdf", "ok"), ("review.txt", "ok")}
    assert sum(name.endswith("/submission.pdf") for name in there) == len(record["submissions"])
    token = request["lms"]["token"].encode()
    assert not [name for name, data in there.items() if token in data]
    assert b"userprivateaccesskey" not in b"".join(data for name, data in there.items() if name.startswith("raw/"))
    assert not [entry.where for entry in lms.journal if any(word in entry.where for word in WRITING)]
    pages = [data.decode() for name, data in there.items() if name.endswith("submission.html")]
    assert len(pages) == len(record["submissions"])
    assert not [page for page in pages if "picture not in the archive" in page]
    table = list(csv.DictReader(io.StringIO(there["items_metadata.csv"].decode())))
    assert len([row for row in table if row["kind"] == "work"]) == len(workshop.works)
    await checked(archive, lms)


@pytest.mark.parametrize(("cmid", "counts"), [(3, (11, 33, 37)), (4, (5, 15, 17))])
async def test_recorded_workshops_of_a_real_moodle(
    worker: WorkerProcess, lms: DemoServer, recordings: Path, tmp_path: Path, cmid: int, counts: tuple[int, int, int]
) -> None:
    async with recorded_moodle(recordings / "moodle_workshop" / "all") as moodle:
        view = await finished(worker, recorded_request(moodle, cmid))
        kept = dict(moodle.private)
    (tmp_path / "back").mkdir()
    for path, data in kept.items():
        (tmp_path / "back" / path.rpartition("/")[2]).write_bytes(data)
    archive = tmp_path / "back" / view["archive"]["name"]
    there = contents(archive)
    record = json.loads(there["overview/peer_review.json"])["peer_review"]

    assert (len(record["submissions"]), len(record["allocations"]), len(record["files"])) == counts
    assert record["announced"]["submission_count"] == counts[0]
    assert len(record["announced"]["matrix"]) == counts[1]
    assert all(one["status"] == "ok" for one in record["files"])
    assert not [name for name, data in there.items() if TOKEN.encode() in data]
    await checked(archive, lms)


async def test_a_token_that_may_too_little_is_refused_at_once(worker: WorkerProcess, lms: DemoServer) -> None:
    service = Service(functions=frozenset(FUNCTIONS) - {*UPLOADING, "mod_workshop_get_grades_report"})
    status, answer = await submit_workshop(worker.url, workshop_request(lms.state, 1, service=service))

    assert status == 400
    for name in (*UPLOADING, "mod_workshop_get_grades_report"):
        assert name in answer["error"]


@pytest.mark.parametrize(
    ("number", "service", "says"),
    [
        (1, Service(capabilities=CAPABILITIES - {"viewallassessments"}), "mod/workshop:viewallassessments"),
        (4, Service(group_ids=(1,)), "take the account out of all groups"),
        (4, Service(capabilities=CAPABILITIES - {"accessallgroups"}), "moodle/site:accessallgroups"),
        (5, None, "options.allow_open"),
    ],
)
async def test_what_would_leave_something_out_is_refused(
    worker: WorkerProcess, lms: DemoServer, number: int, service: Service | None, says: str
) -> None:
    view = await ended(worker, workshop_request(lms.state, number, service=service))

    assert view["state"] == "FAILED"
    assert says in view["reason"]
