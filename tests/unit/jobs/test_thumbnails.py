"""Pictures of what jobs have made: those that there are, and why there is none."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import pytest_asyncio

from archiveworker.domain.document import Document, PdfFacts, RenderedDocument, RenderOptions
from archiveworker.domain.errors import NotFoundError, QueueFullError, RenderError, StoreUnavailableError
from archiveworker.domain.ids import ItemKey, JobId
from archiveworker.domain.job import JobState, PlannedItem
from archiveworker.jobs.thumbnails import Thumbnails
from archiveworker.jobs.tools import JobPolicy
from archiveworker.runtime import thumbnail
from archiveworker.runtime.spool import LocalSpool
from tests.fakes.engine import ScriptedLms, ended, started, tools_on

GOOD, DAMAGED, LOST = ItemKey("item-1"), ItemKey("item-2"), ItemKey("item-3")


class Pages:
    """Makes a real PDF of the first item, and none of the others."""

    async def render(self, document: Document, options: RenderOptions, out_dir: Path) -> RenderedDocument:
        file = out_dir / "item.pdf"
        if document.title == "Item 1":
            with pikepdf.new() as pdf:
                pdf.add_blank_page()
                pdf.save(file)
        else:
            file.write_bytes(b"%PDF-1.7\n")
        facts = PdfFacts(1, 210, 297, 0, 0, 0, 0, 0, options.profile, file.stat().st_size)
        return RenderedDocument(file, None, None, facts)


@pytest_asyncio.fixture
async def failed(tmp_path: Path) -> AsyncIterator[tuple[JobId, LocalSpool]]:
    """Give a job of three items whose last one has failed, and the spool with what the others have made."""

    async def fetched(_: JobId, item: PlannedItem) -> None:
        if item.key == LOST:
            raise RenderError("this one cannot be made")

    lms = ScriptedLms(fetched)
    policy = JobPolicy(poll_interval_s=0.05, retry_interval_s=0.01, item_attempts=1, compression_level=0)
    async with (
        tools_on(tmp_path, policy, sources={lms.name: lms}, renderer=Pages()) as tools,
        started(tmp_path, tools, 5, executor_id="thumbnails") as engine,
    ):
        job_id = await engine.submit(lms.parse({"items": 3}))
        view = await ended(engine, job_id)
        assert (view["state"], view["progress"]["items_done"]) == (JobState.FAILED, 2)
        assert isinstance(tools.spool, LocalSpool)
        yield job_id, tools.spool


async def test_there_are_pictures_while_the_files_are_there(failed: tuple[JobId, LocalSpool]) -> None:
    job_id, spool = failed
    thumbnails = Thumbnails(spool)
    assert await thumbnails.are_there(job_id, JobState.FAILED, GOOD)
    assert (await thumbnails.draw(job_id, GOOD))[8:12] == b"WEBP"
    shutil.rmtree(spool.job_folder(job_id) / "items")
    assert not await thumbnails.are_there(job_id, JobState.FAILED, GOOD)
    with pytest.raises(NotFoundError, match="ARCHIVEWORKER_KEEP_FAILED_DAYS"):
        await thumbnails.draw(job_id, GOOD)


async def test_of_a_job_whose_files_are_discarded_nothing_is_looked_for(failed: tuple[JobId, LocalSpool]) -> None:
    thumbnails = Thumbnails(failed[1])
    assert not await thumbnails.are_there(failed[0], JobState.FINISHED, GOOD)
    assert not await thumbnails.are_there(failed[0], JobState.CANCELLED, GOOD)


async def test_there_is_none_of_what_was_not_made(failed: tuple[JobId, LocalSpool]) -> None:
    job_id, spool = failed
    for key in (LOST, "item-", "item", "item-1/1", "item-%", "item_1", "*", ""):
        with pytest.raises(NotFoundError, match="has made no item"):
            await Thumbnails(spool).draw(job_id, ItemKey(key))
    with pytest.raises(NotFoundError, match="has made no item"):
        await Thumbnails(spool).draw(JobId(job_id[:-1]), GOOD)


async def test_a_pdf_that_cannot_be_drawn_is_said_to_have_no_picture(failed: tuple[JobId, LocalSpool]) -> None:
    with pytest.raises(NotFoundError, match="item-2: its PDF could not be drawn"):
        await Thumbnails(failed[1]).draw(failed[0], DAMAGED)


async def test_two_are_drawn_at_once_and_not_endlessly_many_wait(
    failed: tuple[JobId, LocalSpool], monkeypatch: pytest.MonkeyPatch
) -> None:
    going, drawn, at_once = asyncio.Event(), 0, []

    async def slowly(pdf: bytes) -> bytes:
        nonlocal drawn
        drawn += 1
        at_once.append(drawn)
        await going.wait()
        drawn -= 1
        return b"picture"

    monkeypatch.setattr(thumbnail, "draw", slowly)
    thumbnails = Thumbnails(failed[1])
    tasks = [asyncio.create_task(thumbnails.draw(failed[0], GOOD)) for _ in range(70)]
    refused: list[Any] = []
    while len(refused) < 6:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=0.05)
        refused = [task.exception() for task in tasks if task.done()]
    assert all(isinstance(error, QueueFullError) for error in refused)
    going.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert (results.count(b"picture"), max(at_once)) == (64, 2)
    assert await thumbnails.draw(failed[0], GOOD) == b"picture", "there is room again"


async def test_a_store_that_is_away_takes_the_pictures_and_not_the_page(failed: tuple[JobId, LocalSpool]) -> None:
    class Away(LocalSpool):
        def opened(self, job_id: JobId, spooled: str) -> Any:
            raise StoreUnavailableError("s3://spool does not answer")

    thumbnails = Thumbnails(Away(failed[1].job_folder(failed[0]).parent))
    assert not await thumbnails.are_there(failed[0], JobState.FAILED, GOOD)
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        await thumbnails.draw(failed[0], GOOD)
