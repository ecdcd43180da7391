"""The number of a job's retries is right on both databases, however many count at once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from archiveworker.domain.ids import new_job_id
from archiveworker.domain.secret import Secret
from archiveworker.runtime.database import open_pool
from archiveworker.runtime.retry_ledger import RetryLedger


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        engine = sa.create_engine(f"sqlite:///{tmp_path}/db.sqlite", connect_args={"timeout": 30})
    else:
        engine = open_pool(Secret(request.getfixturevalue("postgres").create_database(f"retries_{tmp_path.name}")))
    yield engine
    engine.dispose()


async def test_two_executors_count_together_and_each_job_for_itself(database: sa.Engine) -> None:
    here, there = RetryLedger(database), RetryLedger(database)
    one, other = new_job_id(), new_job_id()
    counted = await asyncio.gather(*((here, there)[n % 2].spend(one) for n in range(20)))
    assert sorted(counted) == list(range(1, 21)), "none is lost, none counted twice"
    assert await there.spend(other) == 1
    assert await here.used() == {one: 20, other: 1}


async def test_what_is_forgotten_begins_at_zero(database: sa.Engine) -> None:
    ledger, job_id = RetryLedger(database), new_job_id()
    await ledger.spend(job_id)
    await ledger.forget(job_id)
    await ledger.forget(job_id)
    assert await ledger.used() == {}
    assert await ledger.spend(job_id) == 1
