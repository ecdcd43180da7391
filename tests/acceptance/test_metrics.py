"""``/metrics`` counts what happened, and says nothing about whom."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from archiveworker.demo.server import DemoServer
from tests.acceptance.answers import Body
from tests.acceptance.conftest import finished
from tests.fakes.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium]


async def _samples(worker: WorkerProcess) -> tuple[str, dict[tuple[str, frozenset[str]], float]]:
    status, text, headers = await worker.request("GET", "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, frozenset(sample.labels.values())] = sample.value
    return text, found


async def test_a_job_is_counted(lms: DemoServer, worker: WorkerProcess, body: Body) -> None:
    _, before = await _samples(worker)
    view, _ = await finished(lms, worker, body)
    text, after = await _samples(worker)

    def grown(name: str, *labels: str) -> float:
        key = (name, frozenset(labels))
        return after[key] - before.get(key, 0.0)

    assert grown("archiveworker_jobs_ended_total", "quiz_archiver", "FINISHED") == 1
    assert grown("archiveworker_items_total", "quiz_archiver", "archived") == 2
    assert grown("archiveworker_render_seconds_count", "quiz_archiver") == 2
    assert 0 < grown("archiveworker_render_seconds_sum", "quiz_archiver") < 60
    assert after["archiveworker_browser_starts_total", frozenset({"first"})] >= 1
    assert grown("archiveworker_lms_request_seconds_count", "2xx") > 5
    assert grown("archiveworker_timestamp_seconds_count", "stamped") == 3
    # The state FINISHED is told a moment before the engine has put the job away.
    assert after["archiveworker_jobs_active", frozenset({"running"})] <= 1
    assert after["archiveworker_jobs_active", frozenset({"queued"})] == 0
    assert after["archiveworker_items_in_flight", frozenset()] == 0
    assert after["process_resident_memory_bytes", frozenset()] > 2**20
    assert view["id"] not in text
    assert body["wstoken"] not in text
    assert re.search(r"127\.0\.0\.1|https?://", text) is None


async def test_only_an_administrator_sees_them(worker: WorkerProcess) -> None:
    status, _, _ = await worker.request("GET", "/metrics", headers={"X-Forwarded-For": "203.0.113.7"})
    assert status == 403
