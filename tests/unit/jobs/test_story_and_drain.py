"""A job's story, and the gate that holds items back."""

import asyncio
from datetime import UTC, datetime

import pytest

from archiveworker.domain.errors import ConflictError
from archiveworker.domain.job import JobState
from archiveworker.jobs.drain import DrainGate
from archiveworker.jobs.story import Story

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_story_remembers_its_states() -> None:
    story = Story().entered(JobState.RUNNING, AT).entered(JobState.FAILED, AT, reason="because")
    assert [state for state, _ in story.history] == ["RUNNING", "FAILED"]
    assert story.reason == "because"


def test_a_story_cannot_go_back() -> None:
    with pytest.raises(ConflictError, match="RUNNING cannot become AWAITING_PROCESSING"):
        Story().entered(JobState.RUNNING, AT).entered(JobState.AWAITING_PROCESSING, AT)


def test_the_same_warning_is_kept_once() -> None:
    assert len(Story().warned("a", "b").warned("a", "b").warnings) == 1


async def test_draining_waits_for_what_is_in_flight() -> None:
    gate, entered, leave = DrainGate(), asyncio.Event(), asyncio.Event()

    async def item() -> None:
        async with gate.work():
            entered.set()
            await leave.wait()

    running = asyncio.create_task(item())
    await entered.wait()
    draining = asyncio.create_task(gate.drain(30))
    late = asyncio.create_task(item())
    await asyncio.sleep(0)
    assert gate.in_flight == 1
    leave.set()
    assert await draining is True
    await running
    assert gate.in_flight == 0
    assert not late.done(), "an item that comes later must wait for the next start"
    late.cancel()


async def test_draining_gives_up_after_the_grace_time() -> None:
    gate, entered = DrainGate(), asyncio.Event()

    async def item() -> None:
        async with gate.work():
            entered.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(item())
    await entered.wait()
    assert await gate.drain(0.01) is False
    running.cancel()


async def test_a_stop_cuts_off_what_works_and_lets_what_is_done_be_written_down() -> None:
    gate, written, at_work = DrainGate(), asyncio.Event(), asyncio.Event()
    ends: list[str] = []

    async def job() -> None:
        async with gate.workflow():
            at_work.set()
            await asyncio.Event().wait()

    async def item() -> None:
        async with gate.workflow():
            async with gate.work():
                ends.append("rendered")
            await written.wait()  # as the engine's look at its database
            ends.append("written")

    tasks = [asyncio.create_task(job()), asyncio.create_task(item())]
    await at_work.wait()
    assert await gate.drain(30) is True
    ending = asyncio.create_task(gate.end_workflows())
    await asyncio.sleep(0)
    assert not ending.done()
    written.set()
    assert await ending == 1
    assert [task.cancelled() for task in tasks] == [True, False]
    assert ends == ["rendered", "written"]
    late = asyncio.create_task(job())
    await asyncio.sleep(0)
    assert not late.done(), "what the engine begins after that waits"
    assert await gate.end_workflows() == 1
    assert late.cancelled()
