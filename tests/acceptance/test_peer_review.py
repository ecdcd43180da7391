"""A peer review through the real HTTP API: from the exchange API to a folder, killed on the way, checked at the end."""

import asyncio
import csv
import hashlib
import io
import json
import stat
import sys
import tarfile
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.domain.peer_review.kinds import Phase
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.peer_review.texts import rewrite
from archiveworker.runtime.process import run
from tests.fakes import peer_review as fake
from tests.fakes.exchange_server import ExchangeServer, serving
from tests.fakes.worker import WorkerProcess, stamps_of

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
        **stamps_of(authority),
        "DELIVERY_DIRS": str(folder / "delivered"),
        "LOG_LEVEL": "DEBUG",
        "LMS_RETRY_S": "2",
        **settings,
    }
    (folder / "delivered").mkdir(parents=True)
    return WorkerProcess(folder, made)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(authority: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    async with worker_in(tmp_path_factory.mktemp("worker"), authority) as process:
        yield process


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


async def test_the_key_is_delivered_beside_the_archive_and_shown_nowhere(
    worker: WorkerProcess, authority: DemoServer
) -> None:
    record = activity()
    async with serving(served(record)) as server:
        view, archive = await finished(worker, body(server, pseudonyms=True, archive_filename="research"))
    beside = {one.name: one for one in archive.parent.rglob("*pseudonym*")}
    assert set(beside) == {"research.pseudonym-key.txt", "research.pseudonyms.csv"}
    assert {stat.S_IMODE(one.stat().st_mode) for one in beside.values()} == {0o600}
    key = beside["research.pseudonym-key.txt"].read_text().strip()
    there = contents(archive)
    names = "\n".join(there)
    text = b"\n".join(there.values())
    for secret in (key, *(one.display or "" for one in record.participants if one.role == "student")):
        assert secret.encode() not in text
        assert secret not in names
        assert secret not in json.dumps(view, ensure_ascii=False)
        assert secret not in worker.log.read_text()
    status, _, _ = await worker.request("GET", f"/jobs/{view['id']}/evidence/research.pseudonym-key.txt")
    assert status == 404
    spool = worker.data / "jobs" / view["id"]
    assert not list(spool.rglob("*pseudonym*")), "delivered, and gone here"
    assert await verified(archive, authority)


async def test_one_persons_data_alone_of_a_job_that_was_submitted(worker: WorkerProcess, tmp_path: Path) -> None:
    """``evidence extract --person`` gives a person's copies, and no page on which somebody else is named."""
    job, token = tmp_path / "job.json", tmp_path / "token"
    token.write_text(TOKEN)
    async with serving(served(activity())) as server:
        request = body(server, excerpts=True, archive_filename="with-copies")
        job.write_text(json.dumps({**request, "lms": {"base_url": server.base_url}}))
        posting = ["submit", str(job), "--source", "peer_review", "--token-file", str(token), "--worker", worker.url]
        done = await run([sys.executable, "-m", "archiveworker", *posting], timeout_s=300)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    archive = delivered(worker, await worker.job(done.stdout.decode().split()[0]))
    proof = tmp_path / "proof.zip"
    arguments = ["evidence", "extract", str(archive), "--person", "uid5003", "-o", str(proof)]
    done = await run([sys.executable, "-m", "archiveworker", *arguments], timeout_s=120)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    with zipfile.ZipFile(proof) as opened:
        names = [name for name in opened.namelist() if name.startswith("files/")]
        copies = b"\n".join(opened.read(name) for name in names)
    assert {name.split("/")[2] for name in names if "/excerpts/" in name} == {"author-copy", "reviewer-copy"}
    assert not [name for name in names if "submissions/" in name or "overview" in name]
    assert b"uid5003" in copies
    assert b"uid5004" not in copies


async def test_killed_while_collecting_and_while_rendering(authority: DemoServer, tmp_path: Path) -> None:
    """What is there is not asked for, and not rendered, again."""
    worker = worker_in(tmp_path, authority, ITEMS_IN_FLIGHT_COUNT="2")
    server = served(activity(20))
    server.page_size_max = 20
    await worker.start()
    try:
        async with serving(server):
            server.held = asyncio.Event()
            job_id = await post(worker, body(server))
            async with asyncio.timeout(60):
                while "GET /activities/17/reviews" not in server.asked:
                    await asyncio.sleep(0.02)
            await worker.kill()
            server.held.set()
            before = len(server.asked)
            await worker.start()
            async with asyncio.timeout(120):
                while not _rendered(worker):
                    await asyncio.sleep(0.05)
            await worker.kill()
            read = server.asked[before:]
            await worker.start()
            view = await worker.ended(job_id)
        assert view["state"] == "FINISHED", view
    finally:
        await worker.stop()
    for name in ("participants", "forms", "submissions", "allocations"):
        assert f"GET /activities/17/{name}" not in read, f"{name} were there before the first kill"
    assert server.asked[before:] == read, "after the second kill the LMS was not asked at all"
    again = len(_rendered(worker)) - len(set(_rendered(worker)))
    assert again <= 2, "only what was in flight is rendered again"
    assert len(set(_rendered(worker))) == 21


def _rendered(worker: WorkerProcess) -> list[str]:
    return [event["item"] for event in worker.log_events() if event["event"] == "item_archived"]


async def test_a_token_that_expired_is_replaced_and_the_job_goes_on(
    worker: WorkerProcess, authority: DemoServer
) -> None:
    server = served(activity())
    async with serving(server):
        server.once("/activities/17/reviews", lambda _: server.problem(401, "token_refused", "expired"))
        view = await worker.ended(await post(worker, body(server)))
        assert view["state"] == "FAILED"
        assert "unknown or has expired" in view["reason"]
        server.tokens = {"fresh-token-2": {"17"}}
        before = len(server.asked)
        status, answer, _ = await worker.request("POST", f"/jobs/{view['id']}/retry", json={"token": "fresh-token-2"})
        assert status == 200, answer
        view = await worker.ended(view["id"])
    assert view["state"] == "FINISHED", view
    assert "GET /activities/17/submissions" not in server.asked[before:]
    assert await verified(delivered(worker, view), authority)


async def test_what_is_refused_is_refused_at_once(worker: WorkerProcess) -> None:
    record = activity()
    server = served(replace(record, activity=replace(record.activity, phase=Phase.ASSESSMENT)))
    async with serving(server):
        for request, sentence in (
            (body(server), "still in its assessment phase"),
            ({**body(server), "activity": "18"}, "may not read this activity, or there is none of this id"),
            ({**body(server), "lms": {"base_url": server.base_url, "token": "old"}}, "unknown or has expired"),
            ({**body(server), "delivery": {"to": ["lms"]}}, "there are: directory"),
        ):
            status, answer, _ = await worker.request("POST", "/archive/peer_review", json=request)
            assert status == 400, answer
            assert sentence in answer["error"]
        view, archive = await finished(worker, body(server, allow_open=True))
    assert "still in its assessment phase" in contents(archive)["index.html"].decode()
    assert "still in its assessment phase" in view["warnings"][0]["message"]


HOSTILE = (
    '<script>document.title="run"</script><img src=x onerror="document.title=\'run\'"><style>*{display:none}</style>'
    '<iframe src="http://169.254.169.254/"></iframe><a href="javascript:alert(1)">here</a>\x0b\u202e<svg onload=run()>'
    '<meta http-equiv="refresh" content="0;url=http://elsewhere.test/"><form action="http://x.test"><input></form>'
)


async def test_hostile_texts_are_shown_and_never_run(worker: WorkerProcess, authority: DemoServer) -> None:
    """HTML and scripts in every free text, and in every name: the archive is made, shows them, runs nothing."""
    record = activity()
    hostile = rewrite(record, lambda _, text: replace(text, body=HOSTILE + text.body))
    people = tuple(
        replace(one, display=f"{HOSTILE}{one.display}"[:200], username='"><script>1</script>')
        for one in record.participants
    )
    files = tuple(replace(one, filename=f"../..\\{HOSTILE}"[:150].replace("\x0b", "")) for one in record.files)
    server = served(replace(hostile, participants=people, files=files))
    async with serving(server):
        _, archive = await finished(worker, body(server, excerpts=True, archive_filename="hostile"))
    there = contents(archive)
    pages = [data.decode() for name, data in there.items() if name.endswith(".html")]
    assert len(pages) > COUNT
    for page in pages:
        lowered = page.lower()
        for tag in ("<script", "<iframe", "<img src=x", "<form", 'href="javascript', '<meta http-equiv="refresh'):
            assert tag not in lowered
    assert not [name for name in there if ".." in name.split("/")]
    assert await verified(archive, authority)
