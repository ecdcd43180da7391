"""No list of jobs, and nothing that a job asks for on its way, looks at every workflow there ever was."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from dbos._dbos import _get_dbos_instance

from archiveworker.domain.errors import SourceError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import PlannedItem
from archiveworker.domain.secret import Secret
from archiveworker.jobs import runs
from archiveworker.jobs.counts import ended_count
from archiveworker.jobs.engine import Engine
from archiveworker.jobs.indexes import add_indexes
from archiveworker.jobs.runs import runs_of
from tests.fakes.engine import ScriptedLms, ended, idle, running_engine


@contextlib.contextmanager
def _plans() -> Iterator[dict[str, list[str]]]:
    """Collect how SQLite goes about each statement on the engine's table of workflows."""
    seen: dict[str, list[str]] = {}
    database = _get_dbos_instance()._sys_db.engine

    def explain(connection: sa.Connection, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "workflow_status" in statement and statement not in seen:
            asked = connection.connection.cursor()
            asked.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            seen[statement] = [row[3] for row in asked.fetchall()]

    sa.event.listen(database, "before_cursor_execute", explain)
    try:
        yield seen
    finally:
        sa.event.remove(database, "before_cursor_execute", explain)


class Held:
    """Holds every item back until it is let go, and then has it fail."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()

    async def __call__(self, _job_id: JobId, _item: PlannedItem) -> None:
        self.asked.set()
        await self.let_go.wait()
        raise SourceError("this one fails")


async def _cancelled_while_it_runs(engine: Engine, job_id: JobId, lms: ScriptedLms) -> None:
    held = lms.on_fetch
    assert isinstance(held, Held)
    await held.asked.wait()
    held.asked.clear()
    await engine.cancel(job_id)
    held.let_go.set()
    assert (await ended(engine, job_id))["state"] == "CANCELLED"
    held.let_go.clear()


async def test_nothing_looks_at_every_workflow(tmp_path: Path) -> None:
    """From the post to the end, cancelled, retried, listed and shown."""
    lms = ScriptedLms()
    async with running_engine(tmp_path, lms) as engine:
        with _plans() as plans:
            first = await engine.submit(lms.parse({"items": 2}))
            assert (await ended(engine, first))["state"] == "FINISHED"
            lms.on_fetch = Held()
            second = await engine.submit(lms.parse({"items": 1}))
            await _cancelled_while_it_runs(engine, second, lms)
            lms.on_fetch = None
            await engine.retry(second, Secret("token"))
            assert (await ended(engine, second))["state"] == "FINISHED"
            assert await ended_count(first, 2) == 2
            await idle(engine)
            await engine.measure()
            assert {line["id"] for line in await engine.jobs(50)} == {first, second}
    assert len(plans) > 20, "what was asked has been seen"
    assert not {s: plan for s, plan in plans.items() if any(step.startswith("SCAN workflow_status") for step in plan)}


async def test_more_runs_than_are_looked_for_at_once(tmp_path: Path) -> None:
    lms = ScriptedLms(Held())
    async with running_engine(tmp_path, lms) as engine:
        job_id = await engine.submit(lms.parse({"items": 1}))
        for _ in range(3):
            await _cancelled_while_it_runs(engine, job_id, lms)
            await engine.retry(job_id, Secret("token"))
        await _cancelled_while_it_runs(engine, job_id, lms)
        found = [run.workflow_id for run in await runs_of(job_id)]
        kinds = ["", "/cancel/2", "/run/3", "/cancel/4", "/run/5", "/cancel/6", "/run/7", "/cancel/8"]
        assert found == [f"{job_id}{kind}" for kind in kinds]
        lms.on_fetch = None
        await engine.retry(job_id, Secret("token"))
        assert (await ended(engine, job_id))["state"] == "FINISHED"


async def test_jobs_that_an_older_worker_has_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It named the end after the time; the job is CANCELLED all the same, and can be retried, and that be cancelled."""
    lms = ScriptedLms(Held())
    async with running_engine(tmp_path, lms) as engine:
        job_id = await engine.submit(lms.parse({"items": 1}))
        with monkeypatch.context() as older:
            older.setattr(runs, "cancel_workflow_id", lambda job_id, _number: f"{job_id}/cancel/20261121093000123456")
            await _cancelled_while_it_runs(engine, job_id, lms)
        assert [line["state"] for line in await engine.jobs(50)] == ["CANCELLED"]
        await engine.retry(job_id, Secret("token"))
        await _cancelled_while_it_runs(engine, job_id, lms)
        assert [run.workflow_id for run in await runs_of(job_id)] == [
            job_id,
            f"{job_id}/run/3",
            f"{job_id}/cancel/4",
        ]
        lms.on_fetch = None
        await engine.retry(job_id, Secret("token"))
        assert (await ended(engine, job_id))["state"] == "FINISHED"


async def test_without_the_indexes_the_lists_are_the_same(tmp_path: Path) -> None:
    lms = ScriptedLms()
    async with running_engine(tmp_path, lms) as engine:
        with _get_dbos_instance()._sys_db.engine.begin() as connection:
            found = sa.text("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'archiveworker%'")
            names = list(connection.execute(found).scalars())
            assert sorted(names) == ["archiveworker_by_name", "archiveworker_by_status"]
            for name in names:
                connection.execute(sa.text(f"DROP INDEX {name}"))
        job_id = await engine.submit(lms.parse({"items": 1}))
        assert (await ended(engine, job_id))["state"] == "FINISHED"
        assert [line["id"] for line in await engine.jobs(50)] == [job_id]
        await asyncio.to_thread(add_indexes)
        await asyncio.to_thread(add_indexes)
        assert [line["id"] for line in await engine.jobs(50)] == [job_id]


def test_a_table_of_another_form_is_said_and_is_no_reason_not_to_start(tmp_path: Path) -> None:
    other = sa.create_engine(f"sqlite:///{tmp_path}/other.sqlite")
    with structlog.testing.capture_logs() as logged:
        add_indexes(other)
    other.dispose()
    assert [event["event"] for event in logged] == ["indexes_missing"]
