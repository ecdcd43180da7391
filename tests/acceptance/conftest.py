"""A demo LMS in the test's process and a real worker beside it, shared by the tests of a module."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from archiveworker.demo.server import DemoOptions, DemoServer
from tests.fakes.worker import WorkerProcess, stamps_of


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lms(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoServer]:
    async with DemoServer(DemoOptions(seed=7, attempts=6, workdir=tmp_path_factory.mktemp("lms"))) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(lms: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    settings = {
        **stamps_of(lms),
        "LOG_LEVEL": "DEBUG",
        "ITEM_ATTEMPTS_COUNT": "2",
        "JOB_ROW_GRACE_S": "5",
    }
    async with WorkerProcess(tmp_path_factory.mktemp("worker"), settings) as process:
        yield process


@pytest.fixture
def few(lms: DemoServer) -> Callable[[int], list[int]]:
    """Return the first attempt ids of the demo's course."""
    return lambda count: [attempt.attemptid for attempt in lms.course.attempts][:count]


@pytest.fixture
def body(lms: DemoServer, few: Callable[[int], list[int]]) -> dict[str, Any]:
    """Return a request that would be taken."""
    return lms.request(7, itemids=few(2))


async def finished(lms: DemoServer, worker: WorkerProcess, request: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """Submit ``request``, wait, and return the job's view and the archive as Moodle has it."""
    status, answer = await lms.submit(worker.url, request)
    assert status == 200, answer
    view = await worker.ended(answer["jobid"])
    assert view["state"] == "FINISHED", view
    mine = [d for d in lms.deliveries if d.jobid == answer["jobid"]]
    assert len(mine) == 1, "delivered exactly once"
    return view, mine[0].path
