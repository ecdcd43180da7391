"""A demo LMS for several workers, shared by the tests of a module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import LmsOptions


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lms(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoServer]:
    moodle = LmsOptions(row_delay_s=0.0, backup_bytes=20_000)
    options = DemoOptions(seed=3, attempts=60, workdir=tmp_path_factory.mktemp("lms"), lms=moodle)
    async with DemoServer(options) as server:
        yield server
