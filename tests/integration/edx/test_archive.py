"""A course of the real edx-proctoring through the worker's real HTTP API: from POST to a folder, checked at the end."""

import base64
import csv
import io
import json
import re
import sqlite3
import tarfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from archiveworker.bridge.exams import PRESET
from archiveworker.bridge.sidecar import BridgeConfig, running_bridge
from archiveworker.bridge.tokens import Tokens
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import SystemClock
from tests.fakes.edx.bed import BIG, STATES, EdxServer, make_token
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]
ATTEMPTS_OF = (
    "select a.id from proctoring_proctoredexamstudentattempt a "
    "join proctoring_proctoredexam e on e.id = a.proctored_exam_id where e.course_id = ?"
)
BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
CODES = "select attempt_code from proctoring_proctoredexamstudentattempt"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    folder = tmp_path_factory.mktemp("worker")
    (folder / "delivered").mkdir()
    async with WorkerProcess(
        folder, {"DELIVERY_DIRS": str(folder / "delivered"), "LOG_LEVEL": "DEBUG", "LMS_RETRY_S": "5"}
    ) as process:
        yield process


async def post(worker: WorkerProcess, server: EdxServer, course: str, **changes: Any) -> tuple[int, dict[str, Any]]:
    request = {
        "api_version": 1,
        "lms": {"base_url": server.url, "token": make_token()},
        "course_id": course,
        "delivery": {"to": ["directory"]},
    }
    status, answer, _ = await worker.request("POST", "/archive/edx_proctoring", json=request | changes)
    return status, answer


def contents(worker: WorkerProcess, view: dict[str, Any]) -> dict[str, bytes]:
    [archive] = (worker.folder / "delivered").rglob(view["archive"]["name"])
    with tarfile.open(archive) as tar:
        return {one.name: file.read() for one in tar if one.isfile() and (file := tar.extractfile(one))}


def tables_of(worker: WorkerProcess) -> bytes:
    """Return every value of the engine's tables, those that it encodes decoded."""
    found = []
    with closing(sqlite3.connect(f"file:{worker.data / 'archiveworker.sqlite'}?mode=ro", uri=True)) as connection:
        for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in connection.execute(f'select * from "{table}"'):
                values = [value if isinstance(value, bytes) else str(value).encode() for value in row]
                found += [*values, *(base64.b64decode(value) for value in values if BASE64.fullmatch(value))]
    return b"\n".join(found)


async def test_every_attempt_is_in_the_archive_once_and_the_lms_is_as_before(
    worker: WorkerProcess, edx_server: EdxServer
) -> None:
    for course in (STATES, BIG):
        before = edx_server.contents()
        status, answer = await post(worker, edx_server, course, options={"archive_filename": course[14:17]})
        assert status == 200, answer
        view = await worker.ended(str(answer["jobid"]), 600)
        assert view["state"] == "FINISHED", view
        assert edx_server.contents() == before, "byte for byte"
        there = contents(worker, view)
        rows = list(csv.DictReader(io.StringIO(there["tables/attempts.csv"].decode())))
        expected = [str(number) for (number,) in edx_server.rows(ATTEMPTS_OF, course)]
        assert Counter(row["attempt_id"] for row in rows) == Counter(expected)
        people = {(row["person"], row["exam_id"]) for row in rows}
        pages = [name for name in there if name.endswith("/proctoring.pdf")]
        assert len(pages) >= len(people)
        html = [data.decode() for name, data in there.items() if name.endswith("/proctoring.html")]
        shown = Counter(
            number for number in expected for page in html if f'<th scope="row">Attempt {number}</th>' in page
        )
        assert shown == Counter(expected), "each attempt is on one page"
        assert there["course/overview.pdf"].startswith(b"%PDF")
        assert json.loads(there["course/proctoring.json"])["format_version"] == 1
        assert "raw/attempts.jsonl" in there
        secrets = edx_server.rows("select attempt_code, external_id from proctoring_proctoredexamstudentattempt")
        texts = b"".join(data for name, data in there.items() if not name.endswith(".pdf"))
        assert all(one.encode() not in texts for pair in secrets for one in pair)


async def test_what_a_bridge_gives_is_in_the_archive_and_its_token_nowhere(
    worker: WorkerProcess, edx_server: EdxServer
) -> None:
    key = Secret("a key of a bridge that is for nobody but these tests")
    config = BridgeConfig(Secret(f"sqlite:///{edx_server.database}"), PRESET, key=key, port=0)
    bearer = Tokens(key, PRESET, SystemClock()).make(STATES, timedelta(minutes=10)).reveal()
    async with running_bridge(config) as bridge:
        lms = {"base_url": edx_server.url, "token": make_token(), "bridge": {"base_url": bridge, "token": bearer}}
        options = {"archive_filename": "with-bridge"}
        status, answer = await post(worker, edx_server, STATES, lms=lms, exam_ids=[2], options=options)
        assert status == 200, answer
        view = await worker.ended(str(answer["jobid"]), 600)
    assert view["state"] == "FINISHED", view
    there = contents(worker, view)
    reviews = list(csv.DictReader(io.StringIO(there["tables/reviews.csv"].decode())))
    assert {(row["status"], row["is_superseded"]) for row in reviews} == {("Clean", "no"), ("Suspicious", "yes")}
    assert b"Second person in the room" in b"".join(there.values())
    secrets = [bearer, *(code for (code,) in edx_server.rows(CODES))]
    stored = tables_of(worker)
    assert b"with-bridge" in stored, "the request is there"
    texts = b"".join((*(data for name, data in there.items() if not name.endswith(".pdf")), stored))
    assert not [one for one in secrets if one.encode() in texts]
    assert bearer not in worker.log.read_text() + json.dumps(view)


async def test_a_refused_token_is_refused_at_once(worker: WorkerProcess, edx_server: EdxServer) -> None:
    lms = {"base_url": edx_server.url, "token": make_token(lives_s=-60)}
    status, answer = await post(worker, edx_server, STATES, lms=lms)
    assert status == 400
    assert "the token has expired" in json.dumps(answer)
    assert lms["token"] not in json.dumps(answer) + worker.log.read_text()


async def test_a_token_that_ends_midway_ends_the_job_with_a_reason(
    worker: WorkerProcess, edx_server: EdxServer
) -> None:
    lms = {"base_url": edx_server.url, "token": make_token(requests=4)}
    status, answer = await post(worker, edx_server, BIG, lms=lms)
    assert status == 200, answer
    view = await worker.ended(str(answer["jobid"]))
    assert view["state"] == "FAILED"
    assert "the token has expired" in json.dumps(view)
    assert list((worker.data / "jobs").rglob("attempts.jsonl")), "what was read is kept for a retry"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"course_id": "no course"}, "course_id must be the key of a course"),
        ({"exam_ids": ["1"]}, "exam_ids must be a list"),
        ({"options": {"include_pi": False}}, "options.include_pi is not known here"),
        ({"delivery": {"to": ["moon"]}}, "there are: directory"),
        ({"lms": {"base_url": "http://lms.example.test", "client_id": "worker"}}, "lms.token is missing"),
        ({"export": {"reviews": [{"id": "x"}]}}, "export must hold rows of edx-proctoring's tables"),
    ],
)
async def test_bad_input_is_one_sentence(
    worker: WorkerProcess, edx_server: EdxServer, change: dict[str, Any], sentence: str
) -> None:
    status, answer = await post(worker, edx_server, STATES, **change)
    assert status == 400
    assert sentence in json.dumps(answer)
