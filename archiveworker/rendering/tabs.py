"""Opens the tabs of one browser context, so that a page costs as little as it can beside its own work.

Two things are saved. A tab with an empty page of the LMS stays open: Chromium keeps the process of a site for as long
as a tab of it is open, and with it compiled scripts and fonts that were read. And a page is drawn when it is asked to
(``FrameClock``), a few times a second, and never onto a screen: nobody looks, and every picture of a page that still
changes is work for nothing. A Chromium that cannot be asked (other than the headless shell) draws when it likes.

Not here: what a page must not find of the one before (``contexts``).
"""

import asyncio
import contextlib

from playwright.async_api import Browser, BrowserContext, CDPSession, Page
from playwright.async_api import Error as PlaywrightError

_FRAME_INTERVAL_S = 0.05
_OPEN_LIMIT_MS = 10_000
# A process that is kept keeps what its pages left until it has little memory: 4 MiB a page of a quiz, seen.
_PAGES_BETWEEN_COLLECTIONS = 10


class FrameClock:
    """Asks a page for a frame, twenty times a second: layout, observers, animation callbacks, no drawing.

    Source: Chrome DevTools Protocol, ``HeadlessExperimental.beginFrame``.

    Args:
        cdp: of the page.
    """

    def __init__(self, cdp: CDPSession) -> None:
        self._cdp = cdp
        self._task = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        # The page is over, or its browser draws by itself.
        with contextlib.suppress(PlaywrightError):
            while True:
                await self._cdp.send("HeadlessExperimental.beginFrame", {"noDisplayUpdates": True})
                await asyncio.sleep(_FRAME_INTERVAL_S)

    def stop(self) -> None:
        """Ask for no more."""
        self._task.cancel()


class Tabs:
    """The tabs of a context. Made by ``Tabs.open``."""

    def __init__(self, keeper: Page, keeper_cdp: CDPSession, browser_cdp: CDPSession, *, ask: bool) -> None:
        self._context = keeper.context
        self._keeper = keeper
        self._keeper_cdp = keeper_cdp
        self._browser_cdp = browser_cdp
        self._clock: FrameClock | None = None
        self._can_ask = ask
        self._page_count = 0

    @classmethod
    async def open(cls, browser: Browser, context: BrowserContext, empty_page_url: str, *, ask: bool) -> "Tabs":
        """Open the tab that keeps the process.

        Args:
            browser: of the context.
            context: without any tab.
            empty_page_url: of the LMS's origin.
            ask: for frames; the browser must have been started for it (``chromium.arguments``).
        """
        keeper = await context.new_page()
        await keeper.goto(empty_page_url)
        return cls(keeper, await context.new_cdp_session(keeper), await browser.new_browser_cdp_session(), ask=ask)

    @property
    def only_keeper_is_open(self) -> bool:
        """Whether no page is left."""
        return self._context.pages == [self._keeper]

    async def new_page(self) -> tuple[Page, CDPSession]:
        """Open a tab and return it with its own session."""
        self._page_count += 1
        if self._page_count % _PAGES_BETWEEN_COLLECTIONS == 0:
            await self._keeper_cdp.send("HeapProfiler.collectGarbage")
        page = await self._asked() if self._can_ask else None
        if page is None:
            self._can_ask = False
            page = await self._context.new_page()
        cdp = await self._context.new_cdp_session(page)
        self._clock = FrameClock(cdp) if self._can_ask else None
        return page, cdp

    async def _asked(self) -> Page | None:
        try:
            async with self._context.expect_page(timeout=_OPEN_LIMIT_MS) as opened:
                where = (await self._keeper_cdp.send("Target.getTargetInfo"))["targetInfo"]["browserContextId"]
                target = {"url": "about:blank", "browserContextId": where, "enableBeginFrameControl": True}
                await self._browser_cdp.send("Target.createTarget", target)
        except PlaywrightError:
            return None
        return await opened.value

    def stop_frames(self) -> None:
        """Ask the page that is open for no more frames."""
        if self._clock is not None:
            self._clock.stop()
            self._clock = None
