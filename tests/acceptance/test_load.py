"""Very many jobs, twenty posted at a time, to a worker that is working: each is taken or answered 429, none is lost.

Most jobs name an attempt that the LMS does not know: they go the whole way of a job up to it, and end FAILED with the
reason. Every twentieth has a real one, and must be delivered.
"""

import asyncio
import contextlib
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from archiveworker.demo import plugin
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import LmsOptions
from tests.acceptance.faults.trouble import SHORT_PAGES, attempt_ids, started
from tests.fakes.worker import FINAL, WorkerProcess
from tests.tools.figures import Figures
from tests.tools.processes import Meter

POSTERS = 20
REAL_EVERY = 20
UNKNOWN_ATTEMPT = 999_999
STATUS_MAX_MS = 100.0
PATIENCE_S = 300.0
"""More than a plugin has, so that a machine that is too busy for the test does not stop it."""
FORM = {"backups": False, "keep_html_files": False, "sections_off": SHORT_PAGES}
SETTINGS = {
    "LOG_LEVEL": "INFO",
    "POSTS_PER_MINUTE": "0",
    "JOBS_MAX_COUNT": "16",
    "QUEUE_MAX_COUNT": "300",
    "ITEMS_IN_FLIGHT_COUNT": "8",
    "POLL_INTERVAL_S": "0.5",
    "LMS_TIMEOUT_S": "60",
    "LMS_RETRY_S": "60",
    "JOB_ROW_GRACE_S": "60",
    "TSA_TIMEOUT_S": "60",
    "READY_TIMEOUT_S": "120",
}
ASK = Path(__file__).parents[1] / "tools" / "ask_status.py"


@dataclass(slots=True)
class Posted:
    """What the worker answered.

    Attributes:
        real: jobs that must be delivered.
        unknown: jobs whose attempt is not there.
        answers: how often each HTTP status came.
        took_s: each of them.
    """

    real: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    answers: dict[int, int] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)


async def _post_all(lms: DemoServer, worker: WorkerProcess, count: int) -> Posted:
    posted, numbers, real = Posted(), iter(range(count)), attempt_ids(lms, 1)

    async def poster() -> None:
        for number in numbers:
            is_real = number % REAL_EVERY == 0
            request = lms.request(7, itemids=real if is_real else [UNKNOWN_ATTEMPT], **FORM)
            began_s = time.monotonic()
            status, answer = await plugin.submit(lms.state, worker.url, request, timeout_s=PATIENCE_S)
            posted.took_s.append(time.monotonic() - began_s)
            posted.answers[status] = posted.answers.get(status, 0) + 1
            if status == 200:
                (posted.real if is_real else posted.unknown).append(answer["jobid"])

    async with asyncio.TaskGroup() as tasks:
        for _ in range(POSTERS):
            tasks.create_task(poster())
    return posted


async def _ends(worker: WorkerProcess, job_ids: list[str]) -> dict[str, int]:
    """Wait for the end of all of them; return how many ended how."""
    counted: dict[str, int] = {}
    for job_id in job_ids:
        async with asyncio.timeout(900):
            while (state := await worker.state(job_id)) not in FINAL:
                await asyncio.sleep(0.5)
        counted[state] = counted.get(state, 0) + 1
    return counted


@contextlib.asynccontextmanager
async def _asked(url: str) -> AsyncIterator[dict[str, list[float]]]:
    """Ask how the worker is, all the time; the answers' milliseconds are there afterwards."""
    took_ms: dict[str, list[float]] = {}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ASK), url, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield took_ms
        out, _ = await process.communicate(b"")  # which closes its standard input
        assert process.returncode == 0
        took_ms.update(json.loads(out))
    finally:
        if process.returncode is None:
            process.kill()


def _percentile_99(values: list[float]) -> float:
    return round(statistics.quantiles(values, n=100)[98], 1)


@pytest.mark.chromium
@pytest.mark.openssl
@pytest.mark.slow
@pytest.mark.soak
async def test_many_posts_at_once(is_soak: bool, pytestconfig: pytest.Config, tmp_path: Path, figures: Figures) -> None:
    """A hundred posts (with --soak ten thousand, or as --posts says)."""
    count = pytestconfig.getoption("--posts") if is_soak else 100
    options = DemoOptions(seed=5, attempts=60, workdir=tmp_path / "lms", lms=LmsOptions(row_delay_s=0.0))
    async with (
        DemoServer(options) as lms,
        started(lms, tmp_path / "worker", lms.tsa_url, **SETTINGS) as worker,
    ):
        work = lms.request(7, itemids=attempt_ids(lms, 60), **FORM)
        _, answer = await lms.submit(worker.url, work)
        async with Meter(worker.pid, interval_s=5 if is_soak else 1) as meter, _asked(worker.url) as took_ms:
            posted = await _post_all(lms, worker, count)
            ends_of_unknown = await _ends(worker, posted.unknown)
            ends_of_real = await _ends(worker, posted.real)
        assert await worker.state(answer["jobid"]) == "FINISHED" or (await worker.ended(answer["jobid"], 900))
        some = [await worker.job(job_id) for job_id in posted.unknown[:: max(1, len(posted.unknown) // 20)]]
        errors = [event for event in worker.log_events() if event["level"] == "error"]
    delivered = [delivery.jobid for delivery in lms.deliveries]
    found: dict[str, Any] = {
        "posts": count,
        "posted_at_a_time": POSTERS,
        **{f"answered_{status}": number for status, number in sorted(posted.answers.items())},
        "answered_after_p50_s": round(statistics.median(posted.took_s), 2),
        "answered_after_p99_s": _percentile_99(posted.took_s),
        **{f"without_a_real_attempt_{end}": number for end, number in ends_of_unknown.items()},
        **{f"with_a_real_attempt_{end}": number for end, number in ends_of_real.items()},
        "lost": len(posted.real) + len(posted.unknown) - sum([*ends_of_real.values(), *ends_of_unknown.values()]),
        "asked_for_status": len(took_ms["/status"]),
        "status_p50_ms": round(statistics.median(took_ms["/status"]), 1),
        "status_p99_ms": _percentile_99(took_ms["/status"]),
        "version_p99_ms": _percentile_99(took_ms["/version"]),
        "memory_peak_mib": round(meter.peak_bytes / 1024**2),
        "memory_last_quarter_over_second": round(meter.growth, 2),
        "wall_s": round(meter.wall_s),
        "cpu_s": round(meter.cpu_s),
    }
    figures.add("load", found)
    assert set(posted.answers) <= {200, 429}
    assert posted.answers[200] == len(set(posted.real + posted.unknown))
    assert set(ends_of_real) <= {"FINISHED"}
    assert set(ends_of_unknown) <= {"FAILED"}
    assert all("does not take these parameters" in view["reason"] for view in some)
    assert all(delivered.count(job_id) == 1 for job_id in posted.real)
    assert set(delivered) == {*posted.real, answer["jobid"]}, "and nothing else"
    assert not errors
    # What reads nothing says how long the machine itself makes everybody wait; a short run has few answers for a p99.
    assert found["status_p99_ms" if is_soak else "status_p50_ms"] < STATUS_MAX_MS + found["version_p99_ms"]
    if is_soak:
        assert found["answered_after_p99_s"] < plugin.WORKER_TIMEOUT_S
        assert meter.growth < 1.25
