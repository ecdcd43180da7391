"""Waits until a page is ready to be printed, without any fixed delay.

``res/page/ready.js`` knows what the page itself can say (a probe for each technology); it runs in every frame, and once
a frame has settled it has ``prepare.js`` unroll what a screen shows only to those who scroll. The gateway knows which
requests are open. All have to be quiet. A page on which nothing happens any more although something is still
awaited is not waited for in vain: it is printed with a warning.
"""

import asyncio

from archiveworker.domain.errors import RenderTimeoutError
from archiveworker.rendering.config import ReadyTimeout, RendererConfig
from archiveworker.rendering.gateway import PageSession
from archiveworker.rendering.pool import OpenPage
from archiveworker.runtime import resources

_REASON_LIMIT_S = 2.0
_REASON_CHARACTERS = 250
_REASON_COUNT = 20


def ms(seconds: float) -> int:
    """Return whole milliseconds, for a library that counts in them."""
    return round(seconds * 1000)


async def settle(page: OpenPage, session: PageSession, config: RendererConfig) -> tuple[str, ...]:
    """Return once the page is ready, with warnings about what did not settle.

    Raises:
        RenderTimeoutError: it hangs, or is not ready in time and ``config.ready_timeout`` is ``fail``.
    """
    try:
        async with asyncio.timeout(config.ready_limit_s):
            waiting = await _until_quiet(page, session, config)
            limit = f"{config.stuck_s:g} s without any activity"
    except TimeoutError:
        waiting = await _what_it_waits_for(page, config)
        if session.quiet_for_s() == 0:
            waiting = [*waiting, "network: requests are open"]
        limit = f"{config.ready_limit_s:g} s"
    if not waiting:
        return ()
    sentence = f"the page was not ready after {limit} (waited for {'; '.join(waiting)})"
    if config.ready_timeout is ReadyTimeout.FAIL:
        raise RenderTimeoutError(sentence)
    return (f"{sentence}; it was printed as it was",)


async def _until_quiet(page: OpenPage, session: PageSession, config: RendererConfig) -> list[str]:
    limits = {"quietMs": ms(config.quiet_s), "stuckMs": ms(config.stuck_s)}
    script = f"(limits) => ({resources.text('page/ready.js')})(limits, {resources.text('page/prepare.js')})"
    while True:
        answer, (embedded_count, inner) = await asyncio.gather(
            page.evaluate(script, limits), page.embedded.evaluate(script, limits)
        )
        waiting = _reasons(answer, inner)
        needed_s = config.stuck_s if waiting else config.quiet_s
        if session.quiet_for_s() >= needed_s and await page.embedded.count() == embedded_count:
            return waiting
        await session.wait_quiet(config.quiet_s)


def _reasons(answer: object, inner: list[object]) -> list[str]:
    return [*_waited_for(answer), *(f"in an embedded page: {reason}" for one in inner for reason in _waited_for(one))]


def _waited_for(answer: object) -> list[str]:
    # It comes from the page's own world, where scripts of the page may have replaced everything.
    match answer:
        case {"ready": True}:
            return []
        case {"ready": False, "waiting": [*reasons]}:
            return [str(reason)[:_REASON_CHARACTERS] for reason in reasons[:_REASON_COUNT]]
        case _:
            return ["the page: its scripts disturb those of the renderer"]


async def _what_it_waits_for(page: OpenPage, config: RendererConfig) -> list[str]:
    try:
        async with asyncio.timeout(_REASON_LIMIT_S):
            waiting = await page.evaluate(resources.text("page/waiting.js"))
    except TimeoutError as exc:
        raise RenderTimeoutError(
            f"the page hangs: its scripts did not pause once in {config.ready_limit_s:g} s, so it cannot be printed"
        ) from exc
    return _waited_for({"ready": False, "waiting": waiting}) or ["the network"]
