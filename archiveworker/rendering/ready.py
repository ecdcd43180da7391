"""Waits until a page is ready to be printed, without any fixed delay.

``res/page/ready.js`` knows what the page itself can say (a probe for each technology); it runs in every frame, and once
a frame has settled it has ``prepare.js`` unroll what a screen shows only to those who scroll. The gateway knows which
requests are open. All have to be quiet. A page on which nothing happens any more although something is still
awaited is not waited for in vain: it is printed with a warning.
"""

import asyncio
import re
from dataclasses import dataclass

from archiveworker.domain.errors import RenderTimeoutError
from archiveworker.rendering.config import ReadyTimeout, RendererConfig
from archiveworker.rendering.gateway import PageSession
from archiveworker.rendering.pool import OpenPage
from archiveworker.runtime import resources

_REASON_LIMIT_S = 2.0
_REASON_CHARACTERS = 250
_REASON_COUNT = 20
_FRAME_COUNT = 3
# What may change a page after it has loaded, or in answer to being drawn; a page of ours has none of it.
_MOVES = re.compile(rb"<(?:script|iframe|frame|object|embed|animate|canvas)\b|\son\w+\s*=|javascript:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a page waits for, its embedded pages included.

    Attributes:
        waiting: reasons; empty when it is ready.
        is_lost: whether all of them will stay, because scripts could not be loaded.
    """

    waiting: list[str]
    is_lost: bool


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
            answer = await _until_quiet(page, session, config)
            waiting = answer.waiting
            failure = f"was not ready after {config.stuck_s:g} s without any activity"
            if answer.is_lost:
                failure = "cannot become ready, because scripts of it could not be loaded"
    except TimeoutError:
        waiting = await _what_it_waits_for(page, config)
        if session.quiet_for_s() == 0:
            waiting = [*waiting, "network: requests are open"]
        failure = f"was not ready after {config.ready_limit_s:g} s"
    if not waiting:
        return ()
    sentence = f"the page {failure} (waited for {'; '.join(waiting)})"
    if config.ready_timeout is ReadyTimeout.FAIL:
        raise RenderTimeoutError(sentence)
    return (f"{sentence}; it was printed as it was",)


async def _until_quiet(page: OpenPage, session: PageSession, config: RendererConfig) -> _Answer:
    script = f"(limits) => ({resources.text('page/ready.js')})(limits, {resources.text('page/prepare.js')})"
    frame_count = _FRAME_COUNT if _MOVES.search(session.page) else 0
    stuck_s = config.stuck_s
    while True:
        changes = page.embedded.changes
        limits = {"quietMs": ms(config.quiet_s), "stuckMs": ms(stuck_s), "frameCount": frame_count}
        outer, (embedded_count, inner) = await asyncio.gather(
            page.evaluate(script, limits), page.embedded.evaluate(script, limits)
        )
        answer = _joined(outer, inner)
        is_waiting = (answer.waiting and not answer.is_lost) or page.embedded.is_loading
        needed_s = config.stuck_s if is_waiting else config.quiet_s
        is_quiet = session.quiet_for_s() >= needed_s and await page.embedded.count() == embedded_count
        # Who has come meanwhile was not asked, even if there are as many as before.
        if is_quiet and page.embedded.changes == changes:
            return answer
        await session.wait_quiet(config.quiet_s)
        # The page itself has been still for long enough: it needs only be still for as long as the network still does.
        stuck_s = max(config.quiet_s, config.stuck_s - session.quiet_for_s())


def _joined(outer: object, inner: list[object]) -> _Answer:
    waiting = [*_waited_for(outer), *(f"in an embedded page: {reason}" for one in inner for reason in _waited_for(one))]
    return _Answer(waiting, is_lost=all(_is_settled(one) for one in (outer, *inner)) and bool(waiting))


def _is_settled(answer: object) -> bool:
    return isinstance(answer, dict) and (answer.get("ready") is True or answer.get("lost") is True)


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
