"""A peer review through the real HTTP API: from the exchange API to a folder, killed on the way, checked at the end."""

import csv
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.runtime.process import run
from tests.fakes import peer_review as fake
from tests.fakes.exchange_server import ExchangeServer, serving
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]

COUNT = 8
TOKEN = "good-token"


def activity(count: int = COUNT) -> PeerReview:
    record = fake.make(count)
    return replace(record, files=tuple(replace(one, sha256=None, size_bytes=None) for one in record.files))


def served(record: PeerReview) -> ExchangeServer:
    return ExchangeServer(record, {one.id: f"bytes of {one.id}".encode() for one in record.files})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def authority(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoServer]:
    async with DemoServer(DemoOptions(seed=7, attempts=1, workdir=tmp_path_factory.mktemp("tsa"))) as server:
        yield server


def worker_in(folder: Path, authority: DemoServer, **settings: str) -> WorkerProcess:
    made = {
        "TSA_URLS": authority.tsa_url,
        "TSA_CA": str(authority.authority.root_pem),
        "DELIVERY_DIRS": str(folder / "delivered"),
        "LOG_LEVEL": "DEBUG",
        "LMS_RETRY_S": "2",
        **settings,
    }
    (folder / "delivered").mkdir(parents=True)
    return WorkerProcess(folder, made)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(authority: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    process = worker_in(tmp_path_factory.mktemp("worker"), authority)
    await process.start()
    yield process
    await process.stop()


def body(server: ExchangeServer, **options: object) -> dict[str, Any]:
    return {
        "api_version": 1,
        "lms": {"base_url": server.base_url, "token": TOKEN},
        "activity": "17",
        "options": options,
        "delivery": {"to": ["directory"]},
    }


async def post(worker: WorkerProcess, request: dict[str, Any]) -> str:
    status, answer, _ = await worker.request("POST", "/archive/peer_review", json=request)
    assert status == 200, answer
    return str(answer["jobid"])


async def finished(worker: WorkerProcess, request: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """Run a job; return its view and the archive in the folder."""
    view = await worker.ended(await post(worker, request))
    assert view["state"] == "FINISHED", view
    return view, delivered(worker, view)


def delivered(worker: WorkerProcess, view: dict[str, Any]) -> Path:
    found = list((worker.folder / "delivered").rglob(view["archive"]["name"]))
    mine = [one for one in found if view["archive"]["sha256"] == _sha256(one)]
    assert len(mine) == 1, found
    return mine[0]


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {member.name: handle.read() for member in tar if member.isfile() and (handle := tar.extractfile(member))}


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


async def verified(archive: Path, authority: DemoServer) -> str:
    done = await run(
        [sys.executable, "-m", "archiveworker", "verify", str(archive), "--ca", str(authority.authority.root_pem)],
        timeout_s=120,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode()


async def test_an_activity_becomes_an_archive(worker: WorkerProcess, authority: DemoServer) -> None:
    async with serving(served(activity())) as server:
        view, archive = await finished(worker, body(server))
    there = contents(archive)
    first = "submissions/sub00000 Anna Müller"
    assert there[f"{first}/submission.pdf"].startswith(b"%PDF")
    assert there[f"{first}/files/work/essay.pdf"] == b"bytes of file00000"
    assert sum(name.endswith("/submission.pdf") for name in there) == COUNT
    assert there["overview/overview.pdf"].startswith(b"%PDF")
    assert json.loads(there["overview/findings.json"])["format_version"] == 1
    table = rows(there["items_metadata.csv"])
    assert [row["kind"] for row in table] == ["overview", *["work"] * COUNT]
    assert table[1]["path"] == f"/{first}/"
    assert "Anna Müller" in there["index.html"].decode()
    assert {name for name in there if name.startswith("raw/") and name.endswith(".jsonl")} >= {"raw/reviews.jsonl"}
    assert view["warnings"] == []
    assert await verified(archive, authority)
    log = worker.log.read_text()
    assert TOKEN not in log
    assert all(TOKEN.encode() not in data for data in there.values())
