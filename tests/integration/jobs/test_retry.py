"""A job that was cancelled half-way is made again from its first item: what it had made was deleted with it."""

import asyncio
from pathlib import Path

from archiveworker.domain.ids import JobId
from archiveworker.domain.job import PlannedItem
from archiveworker.domain.secret import Secret
from tests.fakes.engine import ScriptedLms, ended, running_engine


async def test_a_cancelled_job_is_retried_from_its_first_item(tmp_path: Path) -> None:
    comes_to_the_last, let_go = asyncio.Event(), asyncio.Event()

    async def hold_the_last(_job_id: JobId, item: PlannedItem) -> None:
        if item.key == "item-3":
            comes_to_the_last.set()
            await let_go.wait()

    lms = ScriptedLms(hold_the_last)
    async with running_engine(tmp_path, lms) as engine:
        job_id = await engine.submit(lms.parse({"items": 3}))
        await comes_to_the_last.wait()
        async with asyncio.timeout(60):
            while (await engine.job_view(job_id))["progress"]["items_done"] < 2:
                await asyncio.sleep(0.02)
        await engine.cancel(job_id)
        let_go.set()
        cancelled = await ended(engine, job_id)
        assert (cancelled["state"], cancelled["progress"]["items_done"]) == ("CANCELLED", 3)
        lms.on_fetch = None
        asked = len(lms.asked)
        await engine.retry(job_id, Secret("token"))
        again = await ended(engine, job_id)
        assert (again["state"], again["reason"]) == ("FINISHED", "")
        assert sorted(key for _, key in lms.asked[asked:]) == ["item-1", "item-2", "item-3"]
