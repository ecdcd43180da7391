"""Whose turn it is, with the real engine and items that do nothing: small beside large, and priorities."""

import asyncio
from pathlib import Path

from archiveworker.domain.ids import JobId
from archiveworker.domain.job import PlannedItem
from archiveworker.jobs.engine import Engine
from tests.fakes.engine import ScriptedLms, ended, running_engine

IN_FLIGHT = 8


async def _until_asked(lms: ScriptedLms, job_id: JobId, count: int = 1) -> None:
    async with asyncio.timeout(300):
        while sum(job == job_id for job, _ in lms.asked) < count:
            await asyncio.sleep(0.02)


async def test_a_job_of_2000_items_does_not_hold_up_one_of_5(tmp_path: Path) -> None:
    lms = ScriptedLms()
    async with running_engine(tmp_path, lms, items_in_flight=IN_FLIGHT, lms_items_max=IN_FLIGHT) as engine:
        large = await engine.submit(lms.parse({"items": 2000}))
        await _until_asked(lms, large, IN_FLIGHT + 1)
        small = await engine.submit(lms.parse({"items": 5}))
        await _until_asked(lms, small, 5)
        order = [job for job, _ in lms.asked]
        first = order.index(small)
        last = len(order) - 1 - order[::-1].index(small)
        between = order[first:last].count(large)
        # Beside its own five there is room for the large one; what waits before them is at most what was begun.
        assert between <= 2 * IN_FLIGHT, f"{between} of the large job came between the five of the small one"
        assert (await ended(engine, small))["state"] == "FINISHED"
        assert order.count(large) < 1000, "the large one had most of its way before it"
        await engine.cancel(large)
        assert (await ended(engine, large))["state"] == "CANCELLED"


async def test_waiting_jobs_go_by_priority(tmp_path: Path) -> None:
    """One place: while the first runs, the others wait, and the last but highest comes next."""
    held = asyncio.Event()

    async def on_fetch(job_id: JobId, item: PlannedItem) -> None:
        await held.wait()

    lms = ScriptedLms(on_fetch)
    async with running_engine(tmp_path, lms, jobs_max=1) as engine:
        running = await engine.submit(lms.parse({"items": 1}))
        await _until_asked(lms, running)
        low, normal, high = [await _submitted(engine, lms, priority) for priority in (-1, 0, 10)]
        held.set()
        for job_id in (low, normal, high):
            assert (await ended(engine, job_id))["state"] == "FINISHED"
        assert (await engine.job_view(high))["priority"] == 10
    assert [job for job, _ in lms.asked] == [running, high, normal, low]


async def test_items_go_by_priority(tmp_path: Path) -> None:
    """Two jobs run; those items of the lower one that are not begun wait for all of the higher one."""
    held = asyncio.Event()

    async def on_fetch(job_id: JobId, item: PlannedItem) -> None:
        await held.wait()

    lms = ScriptedLms(on_fetch)
    async with running_engine(tmp_path, lms, items_in_flight=1, lms_items_max=1) as engine:
        normal = await _submitted(engine, lms, 0, items=12)
        await _until_asked(lms, normal)
        high = await _submitted(engine, lms, 1, items=12)
        async with asyncio.timeout(300):
            while (await engine.job_view(high))["progress"]["items_active"] < 12:
                await asyncio.sleep(0.05)
        held.set()
        for job_id in (normal, high):
            assert (await ended(engine, job_id))["state"] == "FINISHED"
    order = [job for job, _ in lms.asked]
    assert order == [normal] + [high] * 12 + [normal] * 11


async def _submitted(engine: Engine, lms: ScriptedLms, priority: int, items: int = 1) -> JobId:
    return await engine.submit(lms.parse({"items": items}), priority)
