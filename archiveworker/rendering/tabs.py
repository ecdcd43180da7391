"""Opens the tabs of one browser context, so that a page costs as little as it can beside its own work.

Two things are saved. A tab with an empty page of the LMS stays open: Chromium keeps the process of a site for as long
as a tab of it is open, and with it compiled scripts and fonts that were read. And a page is drawn when it is asked to
(``FrameClock``), a few times a second, and never onto a screen: nobody looks, and every picture of a page that still
changes is work for nothing. A Chromium that cannot be asked (other than the headless shell) draws when it likes.

Not here: what a page must not find of the one before (``contexts``).
"""

import asyncio
import contextlib
from dataclasses import dataclass

from archiveworker.domain.errors import RenderError
from archiveworker.rendering.browser import Browser
from archiveworker.rendering.cdp import Json, Session

_FRAME_INTERVAL_S = 0.1
# A process that is kept keeps what its pages left until it has little memory: 4 MiB a page of a quiz, seen.
_PAGES_BETWEEN_COLLECTIONS = 10
_LOADED = "new Promise((y) => { if (document.readyState === 'complete') { y() } else { addEventListener('load', y) } })"


class FrameClock:
    """Asks a page for a frame, ten times a second: layout, observers, animation callbacks, no drawing.

    Source: Chrome DevTools Protocol, ``HeadlessExperimental.beginFrame``.

    Args:
        session: of the page.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._task = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        # The page is over, or its browser draws by itself.
        with contextlib.suppress(RenderError):
            while True:
                await self._session.send("HeadlessExperimental.beginFrame", {"noDisplayUpdates": True})
                await asyncio.sleep(_FRAME_INTERVAL_S)

    def stop(self) -> None:
        """Ask for no more."""
        self._task.cancel()


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab.

    Attributes:
        target_id: Chromium's name of it, and of its outermost frame.
        session: to speak with it.
    """

    target_id: str
    session: Session


class Tabs:
    """The tabs of a context. Made by ``Tabs.open``.

    Args:
        browser: of the context.
        context_id: of the context.
        ask: for frames; the browser must have been started for it (``chromium.arguments``).
    """

    def __init__(self, browser: Browser, context_id: str, *, ask: bool) -> None:
        self._browser = browser
        self._context_id = context_id
        self._keeper: Tab | None = None
        self._clock: FrameClock | None = None
        self._can_ask = ask
        self._page_count = 0

    @classmethod
    async def open(cls, browser: Browser, context_id: str, empty_page_url: str, *, ask: bool) -> "Tabs":
        """Open the tab that keeps the process, with an empty page of the LMS's origin.

        Raises:
            RenderError: the browser refuses.
        """
        tabs = cls(browser, context_id, ask=ask)
        keeper = tabs._keeper = await tabs._new({})
        await keeper.session.send("Page.navigate", {"url": empty_page_url})
        await keeper.session.send("Runtime.evaluate", {"expression": _LOADED, "awaitPromise": True})
        return tabs

    async def only_keeper_is_open(self) -> bool:
        """Return whether nothing but the keeper lives in the context: no page, no service worker."""
        answer = await self._browser.session.send("Target.getTargets")
        alive = [
            one["targetId"]
            for one in answer["targetInfos"]
            if one.get("browserContextId") == self._context_id and one["type"] in ("page", "service_worker")
        ]
        return self._keeper is not None and alive == [self._keeper.target_id]

    async def new_page(self, size_px: tuple[int, int]) -> Tab:
        """Open a tab with a window of that size.

        Raises:
            RenderError: the browser refuses.
        """
        self._page_count += 1
        if self._keeper is not None and self._page_count % _PAGES_BETWEEN_COLLECTIONS == 0:
            await self._keeper.session.send("HeapProfiler.collectGarbage")
        window = {"width": size_px[0], "height": size_px[1]}
        tab = None
        if self._can_ask:
            with contextlib.suppress(RenderError):
                tab = await self._new({**window, "enableBeginFrameControl": True})
        if tab is None:
            self._can_ask = False
            tab = await self._new(window)
        self._clock = FrameClock(tab.session) if self._can_ask else None
        return tab

    async def _new(self, how: Json) -> Tab:
        target = {"url": "about:blank", "browserContextId": self._context_id, **how}
        answer = await self._browser.session.send("Target.createTarget", target)
        return Tab(answer["targetId"], await self._browser.attach(answer["targetId"]))

    def stop_frames(self) -> None:
        """Ask the page that is open for no more frames."""
        if self._clock is not None:
            self._clock.stop()
            self._clock = None
