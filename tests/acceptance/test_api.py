"""The OpenAPI document and the client against a real worker: what it answers is what the document says."""

import asyncio
import copy
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from archiveworker.client import (
    WorkerClient,
    WorkerConflictError,
    WorkerNotFoundError,
    WorkerRefusedError,
    WorkerUnavailableError,
    WorkerWaitError,
)
from archiveworker.demo import plugin
from archiveworker.demo.faults import Fault, FaultKind
from archiveworker.demo.server import DemoServer
from archiveworker.demo.workshop_job import workshop_request
from archiveworker.domain.evidence import Verdict
from archiveworker.domain.job import JobState
from tests.acceptance.answers import NOBODY, Body
from tests.acceptance.conftest import finished
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"),
    *("response_headers_conformance", "negative_data_rejection", "unsupported_method"),
)
"""All of schemathesis's but one: a body that is valid is refused when its LMS is made up."""
SHORT_S, LONG_S = 45, 1200
SEED = 8
"""Of the short form, which is to say the same of the same code; the long one looks elsewhere each time."""
CLIENT_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "client.md"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(lms: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    """A worker that asks no LMS but the demo's, whatever addresses are made up."""
    settings = {
        "TSA_URLS": lms.tsa_url,
        "TSA_CA": str(lms.authority.root_pem),
        "ALLOWED_LMS": lms.base_url,
        "ITEM_ATTEMPTS_COUNT": "1",
        "JOB_ROW_GRACE_S": "5",
    }
    process = WorkerProcess(tmp_path_factory.mktemp("worker"), settings)
    await process.start()
    yield process
    await process.stop()


def _closed(node: Any) -> Any:
    """Return schemas that allow no further properties: an answer has what the document says, and nothing else."""
    if isinstance(node, list):
        return [_closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


class Document:
    """What the worker says of itself."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = copy.deepcopy(document)
        self._document["components"]["schemas"] = _closed(document["components"]["schemas"])

    def check(self, method: str, path: str, status: int, body: Any) -> None:
        """Fail when an answer is not what the document says."""
        answers = self._document["paths"][path][method.lower()]["responses"]
        content = answers[str(status)]["content"]["application/json"]
        schema = {**content["schema"], "components": self._document["components"]}
        assert [error.message for error in Draft202012Validator(schema).iter_errors(body)] == [], (method, path)


async def _document(worker: WorkerProcess) -> Document:
    status, document, _ = await worker.request("GET", "/openapi.json")
    assert status == 200
    return Document(document)


async def test_live_answers_are_what_the_document_says(
    lms: DemoServer, worker: WorkerProcess, body: Body, few: Callable[[int], list[int]]
) -> None:
    document = await _document(worker)
    view, _ = await finished(lms, worker, body | {"retention": {"keep_years": 5}})
    blank = few(1)[0]
    lms.faults.order(Fault(FaultKind.BLANK_PAGE, "quiz_archiver_generate_attempt_report", attemptid=blank))
    try:
        status, accepted = await lms.submit(worker.url, lms.request(7, itemids=[blank], backups=False))
        document.check("POST", "/archive", status, accepted)
        failed = await worker.ended(accepted["jobid"])
    finally:
        lms.faults.clear()
    assert failed["failures"], "so that the shape of a failure is seen"
    asked = [
        *(("GET", path, path) for path in ("/", "/version", "/health/live", "/health/ready", "/status", "/jobs")),
        ("GET", "/jobs", "/jobs?limit=0"),
        ("GET", "/jobs/{job_id}", f"/jobs/{view['id']}"),
        ("GET", "/jobs/{job_id}", f"/jobs/{failed['id']}"),
        ("GET", "/jobs/{job_id}", f"/jobs/{NOBODY}"),
        ("GET", "/status/{job_id}", f"/status/{view['id']}"),
        ("GET", "/jobs/{job_id}/archive", f"/jobs/{NOBODY}/archive"),
        ("POST", "/jobs/{job_id}/cancel", f"/jobs/{view['id']}/cancel"),
        ("POST", "/jobs/{job_id}/retry", f"/jobs/{failed['id']}/retry"),
        ("POST", "/jobs/{job_id}/redeliver", f"/jobs/{view['id']}/redeliver"),
    ]
    for method, path, address in asked:
        status, answer, headers = await worker.request(method, address)
        assert headers["Content-Type"].startswith("application/json")
        document.check(method, path, status, answer)


async def test_a_form_that_is_none_is_refused(worker: WorkerProcess) -> None:
    headers = {"Content-Type": "multipart/form-data", "Accept": "application/json"}
    for path in ("/verify", "/ui/login", f"/ui/jobs/{NOBODY}/retry"):
        status, answer, _ = await worker.request("POST", path, data=b"token=", headers=headers)
        assert (status, "form cannot be read" in answer["error"]) == (400, True), path


@pytest.mark.slow
async def test_schemathesis_finds_nothing(
    lms: DemoServer, worker: WorkerProcess, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    limit_s, seed = (LONG_S, ()) if pytestconfig.getoption("--soak") else (SHORT_S, ("--seed", str(SEED)))
    tool = Path(sys.executable).with_name("schemathesis")
    process = await asyncio.create_subprocess_exec(
        *(str(tool), "run", f"{worker.url}/openapi.json", "--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing"),
        *("--max-time", str(limit_s), "--max-redirects", "0", "--continue-on-failure", "--warnings", "off"),
        *seed,
        *("--suppress-health-check", "all", "--generation-database", "none", "--no-color", "--wait-for-schema", "60"),
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said[-6000:]
    assert " passed" in said, said[-3000:]
    assert [e for e in worker.log_events() if e["event"] == "request_failed"] == []


async def test_the_client_does_what_its_page_says(
    lms: DemoServer, worker: WorkerProcess, body: Body, tmp_path: Path
) -> None:
    _, delivered = await finished(lms, worker, body)
    blocks = re.findall(r"^```python\n(.*?)^```", CLIENT_PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 3
    given = {"body": workshop_request(lms.state), "folder": str(tmp_path), "archive": delivered}
    for block in blocks:
        code = block.replace("http://127.0.0.1:8080", worker.url)
        await asyncio.to_thread(exec, compile(code, str(CLIENT_PAGE), "exec"), dict(given))
    assert (tmp_path / "report.json").is_file()


async def test_the_client_steers_a_job_and_names_what_went_wrong(
    lms: DemoServer, worker: WorkerProcess, body: Body, tmp_path: Path
) -> None:
    lms.faults.order(Fault(FaultKind.STORE_FAILED))
    with WorkerClient(worker.url) as client:
        try:
            job_id = await asyncio.to_thread(client.submit, "quiz_archiver", body)
            plugin.worker_answered(lms.state, plugin.adopt(lms.state, body), job_id, "AWAITING_PROCESSING")
            with pytest.raises(WorkerWaitError, match="has not ended within 0 s"):
                client.wait(job_id, limit_s=0)
            view = await asyncio.to_thread(client.wait, job_id, limit_s=120, interval_s=0.2)
        finally:
            lms.faults.clear()
        assert view["state"] == JobState.FAILED
        assert client.status(job_id) is JobState.FAILED
        assert view["archive"] is not None, view["reason"]
        name = view["archive"]["name"]
        archive = await asyncio.to_thread(client.download_archive, job_id, tmp_path / name)
        stamp = client.download_evidence(job_id, f"{name}.tsr", tmp_path / f"{name}.tsr")
        verdict, report = await asyncio.to_thread(client.verify, archive, [stamp])
        assert verdict is Verdict.GOOD
        assert report["archive_sha256"] == view["archive"]["sha256"]
        with pytest.raises(WorkerRefusedError, match="must be a list of at least one of lms"):
            client.redeliver(job_id, ["vault"])
        with pytest.raises(WorkerConflictError, match="is FAILED and cannot be cancelled"):
            client.cancel(job_id)
        with pytest.raises(WorkerNotFoundError, match="no evidence of this name"):
            client.download_evidence(job_id, "nothing", tmp_path / "nothing")
        with pytest.raises(WorkerRefusedError, match="limit must be"):
            client.jobs(0)
        assert job_id in {line["id"] for line in client.jobs()}
    with WorkerClient("http://127.0.0.1:9") as nobody, pytest.raises(WorkerUnavailableError, match="no worker answers"):
        nobody.info()
