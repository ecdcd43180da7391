"""A demo LMS whose course prints fast, and a worker that gives up soon, shared by the tests of a module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import LmsOptions
from tests.acceptance.faults.trouble import started
from tests.fakes.worker import WorkerProcess


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lms(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoServer]:
    moodle = LmsOptions(row_delay_s=0.0, backup_bytes=20_000)
    options = DemoOptions(seed=7, attempts=12, workdir=tmp_path_factory.mktemp("lms"), lms=moodle)
    async with DemoServer(options) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(lms: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkerProcess]:
    async with started(lms, tmp_path_factory.mktemp("worker"), lms.tsa_url) as process:
        yield process


@pytest.fixture(autouse=True)
def no_faults_left(lms: DemoServer) -> None:
    """Cancel what the test before has ordered."""
    lms.faults.clear()
    lms.tsa.faults.clear()
