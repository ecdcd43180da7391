"""Lists of jobs on PostgreSQL: the two indexes of our own, made by whoever starts first, and what is found by them."""

import asyncio
from pathlib import Path

import psycopg
from cryptography.fernet import Fernet

from archiveworker.domain.secret import Secret
from archiveworker.jobs.counts import ended_count
from archiveworker.jobs.indexes import add_indexes
from tests.fakes.engine import ended, idle
from tests.fakes.postgres import PostgresServer
from tests.tools.bench_engine import Nothing, _engine


async def test_jobs_are_listed_by_indexes_of_our_own(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.create_database("lists")
    async with _engine(Secret(url), "lists", tmp_path, Fernet.generate_key().decode()) as engine:
        first = await engine.submit(Nothing().parse({"items": 2}))
        busy = await engine.worker_status()
        assert [*busy["jobs_processing"], *busy["jobs_queued"]] == [first]
        second = await engine.submit(Nothing().parse({"items": 2}))
        for job_id in (first, second):
            assert (await ended(engine, job_id))["state"] == "FINISHED"
            assert await ended_count(job_id, 2) == 2
        assert [line["id"] for line in await engine.jobs(50)] == [second, first]
        assert [line["id"] for line in await engine.jobs(1)] == [second]
        await idle(engine)
        await asyncio.gather(*(asyncio.to_thread(add_indexes) for _ in range(4)))
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'archiveworker%'").fetchall()
    assert {"archiveworker_by_name", "archiveworker_by_status"} <= {name for (name,) in found}
