"""Many small things at once, but not all of them: whoever serves us serves others, too."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def for_each(items: Sequence[T], work: Callable[[T], Awaitable[R]], *, at_once: int) -> list[R]:
    """Return what ``work`` makes of each item, in their order.

    Items are begun in their order. The first error is raised and stops the others: when this ends, nothing runs on.

    Args:
        items: any number of them.
        work: on one item.
        at_once: how many are worked on at the same time.
    """
    done: dict[int, R] = {}
    queue = iter(enumerate(items))

    async def take() -> None:
        for at, item in queue:
            done[at] = await work(item)

    takers = [asyncio.create_task(take()) for _ in range(min(at_once, len(items)))]
    try:
        await asyncio.gather(*takers)
    finally:
        for taker in takers:
            taker.cancel()
        await asyncio.gather(*takers, return_exceptions=True)
    return [done[at] for at in range(len(items))]
