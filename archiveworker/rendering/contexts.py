"""Browser contexts that serve one page after the other, and forget each before the next.

Contexts are expensive to begin with: scripts are fetched, parsed and compiled again. So a page that ended well leaves
its context to the next page of the same LMS, but for what it could have left behind: the page and every pop-up are
closed, connections are cut, and all storage of all origins is wiped before the next page is there. What stays is
Chromium's cache of files, which the gateway alone fills, and a process with code compiled from them (see ``tabs``). A
page that failed in any way takes its context with it, and so does one that left the process busy. Service workers
cannot be installed, because the gateway does not answer for their scripts.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Self

from playwright.async_api import Browser, BrowserContext, CDPSession, Dialog, Page
from playwright.async_api import Error as PlaywrightError

from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering.certificate import GatewayCertificate
from archiveworker.rendering.gateway import PageSession
from archiveworker.rendering.listener import Listener
from archiveworker.rendering.page import WORLD, OpenPage
from archiveworker.rendering.tabs import Tabs

_WIPE = {"origin": "*", "storageTypes": "all"}


@dataclass(frozen=True, slots=True)
class PageSetup:
    """How a page is opened.

    Attributes:
        session: what answers its requests.
        empty: what answers for an empty page of the same LMS.
        origin: of its LMS; pages of two LMSs never share a context.
        viewport_px: width and height.
        page_script: runs in every frame before any script of the page, in the page's own world.
        guard_script: the same in a world that the page cannot reach.
        thrifty: whether the browser was started to be.
    """

    session: PageSession
    empty: PageSession
    origin: LmsOrigin
    viewport_px: tuple[int, int]
    page_script: str
    guard_script: str
    thrifty: bool


class Context:
    """A context with its proxy port. Made by ``Context.open``."""

    def __init__(self, browser: Browser, context: BrowserContext, listener: Listener, setup: PageSetup) -> None:
        self.page_count = 0
        self._browser = browser
        self._context = context
        self._tabs: Tabs | None = None
        self._listener = listener
        self._fits = (setup.origin, setup.viewport_px)
        self._page: Page | None = None
        self._session: PageSession | None = None
        self._opening = False
        context.on("page", self._close_popup)

    @classmethod
    async def open(cls, browser: Browser, setup: PageSetup, certificate: GatewayCertificate) -> Self:
        """Make a context for pages like ``setup``."""
        listener = Listener(certificate.context)
        await listener.start()
        width_px, height_px = setup.viewport_px
        try:
            context = await browser.new_context(
                proxy={"server": listener.proxy_url, "bypass": "<-loopback>"},
                viewport={"width": width_px, "height": height_px},
                accept_downloads=False,
                service_workers="block",
                locale="en-US",
                timezone_id="UTC",
                color_scheme="light",
                reduced_motion="reduce",
            )
        except BaseException:
            await listener.close()
            raise
        return cls(browser, context, listener, setup)

    def fits(self, setup: PageSetup) -> bool:
        """Return whether such a page may be opened here next."""
        return self._fits == (setup.origin, setup.viewport_px)

    async def new_page(self, setup: PageSetup) -> OpenPage | None:
        """Open a page that finds nothing of the one before; None if something of that one is still alive."""
        self.page_count += 1
        self._opening = True
        try:
            tabs = self._tabs = self._tabs or await self._open_tabs(setup)
            self._page, cdp = await tabs.new_page()
        finally:
            self._opening = False
        page = self._page
        page.on("dialog", _dismiss)
        if self.page_count > 1:
            # Only now: a page that was just closed could still have written something.
            await cdp.send("Storage.clearDataForOrigin", _WIPE)
        await _prepare(page, cdp, setup)
        if self._listener.was_called_by_nobody:
            return None
        self._session = setup.session
        self._listener.attach(setup.session)
        return OpenPage(page, cdp)

    async def _open_tabs(self, setup: PageSetup) -> Tabs:
        self._listener.attach(setup.empty)
        try:
            return await Tabs.open(self._browser, self._context, setup.empty.page_url, ask=setup.thrifty)
        finally:
            await self._listener.detach()

    async def forget_page(self) -> bool:
        """Close the page; return whether nothing else is left open, so that the context may be used again."""
        # What is still on its way may be meant to outlive the page (keepalive).
        was_quiet = self._session is not None and self._session.quiet_for_s() > 0
        self._session = None
        await self._listener.detach()
        if self._tabs is None or self._page is None:
            return False
        self._tabs.stop_frames()
        await self._page.close()
        self._page = None
        return was_quiet and self._tabs.only_keeper_is_open and not self._context.service_workers

    async def close(self) -> None:
        """Close the context with whatever is in it."""
        self._stop_frames()
        try:
            await self._context.close()
        finally:
            await self._listener.close()

    async def abandon(self) -> None:
        """Stop answering a context whose browser is gone."""
        self._stop_frames()
        await self._listener.close()

    def _stop_frames(self) -> None:
        if self._tabs is not None:
            self._tabs.stop_frames()

    async def _close_popup(self, page: Page) -> None:
        if not self._opening:
            with contextlib.suppress(PlaywrightError):
                await page.close()


async def _prepare(page: Page, cdp: CDPSession, setup: PageSetup) -> None:
    add = "Page.addScriptToEvaluateOnNewDocument"
    await asyncio.gather(
        # Laid out from the start as it will be printed, so that scripts that measure measure the right thing.
        page.emulate_media(media="print"),
        cdp.send("Page.enable"),
        cdp.send(add, {"source": setup.page_script}),
        cdp.send(add, {"source": setup.guard_script, "worldName": WORLD}),
    )


async def _dismiss(dialog: Dialog) -> None:
    with contextlib.suppress(PlaywrightError):
        await dialog.dismiss()
