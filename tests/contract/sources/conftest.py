from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import FinishedArchive
from archiveworker.domain.ports import SourceConnection
from archiveworker.runtime.http import HttpOptions
from archiveworker.runtime.retry import RetryPolicy
from archiveworker.runtime.spool import LocalItemSpool, LocalSpool
from archiveworker.sources.archivingmod import ArchivingmodAssignSource, ArchivingmodQuizSource
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.quiz_archiver import QuizArchiverSource
from tests.contract.sources.posted import quiz_request
from tests.contract.sources.strict_moodle import StrictMoodle, running

JOB = JobId("6f9619ff-8b86-4011-b42d-00c04fc964ff")


@pytest.fixture
async def moodle() -> AsyncIterator[StrictMoodle]:
    async with running() as server:
        yield server


@pytest.fixture
def config() -> MoodleConfig:
    return MoodleConfig(
        http=HttpOptions(connect_timeout_s=2.0, answer_timeout_s=2.0),
        retry=RetryPolicy(first_delay_s=0.002, max_delay_s=0.01, budget_s=0.3),
        call_timeout_s=2.0,
        transfer_timeout_s=5.0,
        job_row_grace_s=0.3,
    )


@pytest.fixture
def spool(tmp_path: Path) -> LocalItemSpool:
    return LocalSpool(tmp_path / "spool").item(JOB, "item")


Connect = Callable[..., AbstractAsyncContextManager[SourceConnection]]


@pytest.fixture
def connect(moodle: StrictMoodle, config: MoodleConfig) -> Connect:
    """Open a connection for a request; by default one of quiz_archiver's newest API."""
    sources = {
        "quiz_archiver": QuizArchiverSource,
        "archivingmod_quiz": ArchivingmodQuizSource,
        "archivingmod_assign": ArchivingmodAssignSource,
    }

    def open_connection(
        body: dict[str, Any] | None = None, source: str = "quiz_archiver", config: MoodleConfig = config
    ) -> AbstractAsyncContextManager[SourceConnection]:
        connector = sources[source](config)
        request = connector.parse(body or quiz_request(7, moodle.base_url))
        return connector.connect(request, JOB)

    return open_connection


@pytest.fixture
def archive(tmp_path: Path) -> Parcel:
    """An archive of 100 000 bytes that are all different enough to notice a swapped part."""
    content = b"".join(number.to_bytes(4) for number in range(25_000))
    file = tmp_path / "packed"
    file.write_bytes(content)
    name = "Übung #1 (Gruppe B).tar.gz"
    return Parcel(FinishedArchive(name=name, spooled="packed", sha256="ab" * 32, size_bytes=len(content)), file)
