"""A few at once: order, number, and what becomes of the others when one fails. Events, no sleeping."""

import asyncio

import pytest

from archiveworker.runtime.concurrency import for_each


async def test_results_come_in_the_order_of_the_items_whoever_is_first() -> None:
    last_is_done = asyncio.Event()

    async def work(item: int) -> int:
        if item == 3:
            last_is_done.set()
        await last_is_done.wait()
        return item * 10

    assert await for_each([1, 2, 3], work, at_once=3) == [10, 20, 30]


@pytest.mark.parametrize("count", [0, 1, 3, 10])
async def test_as_many_as_allowed_run_at_once_and_no_more(count: int) -> None:
    running, most = 0, 0
    full = asyncio.Event()

    async def work(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == min(count, 3):
            full.set()
        await full.wait()
        running -= 1
        return item

    assert await for_each(range(count), work, at_once=3) == list(range(count))
    assert most == min(count, 3)


async def test_after_an_error_nothing_is_begun_and_nothing_runs_on() -> None:
    begun: list[int] = []
    ended: list[int] = []

    async def work(item: int) -> None:
        begun.append(item)
        try:
            if item == 1:
                raise LookupError("no such item")
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    with pytest.raises(LookupError, match="no such item"):
        await for_each(range(10), work, at_once=2)
    assert (begun, sorted(ended)) == ([0, 1], [0, 1])


async def test_who_is_cancelled_leaves_nothing_running() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work(_: int) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(for_each([1], work, at_once=4))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
