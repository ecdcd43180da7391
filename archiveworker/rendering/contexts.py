"""Browser contexts that serve one page after the other, and forget each before the next.

Contexts are expensive to begin with: scripts are fetched, parsed and compiled again. So a page that ended well leaves
its context to the next page of the same LMS, but for what it could have left behind: the page and every pop-up are
closed, connections are cut, and all storage of all origins is wiped before the next page is there. What stays is
Chromium's cache of files, which the gateway alone fills, and a process with code compiled from them (see ``tabs``). A
page that failed in any way takes its context with it, and so does one that left the process busy. Service workers
cannot be installed, because the gateway does not answer for their scripts.
"""

import asyncio
from dataclasses import dataclass
from typing import Self

from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering.browser import Browser
from archiveworker.rendering.cdp import Json, Session
from archiveworker.rendering.certificate import GatewayCertificate
from archiveworker.rendering.gateway import PageSession
from archiveworker.rendering.listener import Listener
from archiveworker.rendering.page import WORLD, OpenPage
from archiveworker.rendering.tabs import Tab, Tabs

_WIPE = {"origin": "*", "storageTypes": "all"}
# Laid out from the start as it will be printed, so that scripts that measure measure the right thing.
_MEDIA = {
    "media": "print",
    "features": [
        {"name": "prefers-color-scheme", "value": "light"},
        {"name": "prefers-reduced-motion", "value": "reduce"},
        {"name": "forced-colors", "value": "none"},
        {"name": "prefers-contrast", "value": "no-preference"},
    ],
}
_FONTS = {
    "fontFamilies": {
        "standard": "Times New Roman",
        "fixed": "Monospace",
        "serif": "Times New Roman",
        "sansSerif": "Arial",
        "cursive": "Comic Sans MS",
        "fantasy": "Impact",
    }
}
"""What the generic families mean, on every machine; fontconfig knows what stands for fonts that are not installed."""


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

    def __init__(self, browser: Browser, context_id: str, listener: Listener, setup: PageSetup) -> None:
        self.page_count = 0
        self._browser = browser
        self._id = context_id
        self._tabs: Tabs | None = None
        self._listener = listener
        self._fits = (setup.origin, setup.viewport_px)
        self._tab: Tab | None = None
        self._session: PageSession | None = None

    @classmethod
    async def open(cls, browser: Browser, setup: PageSetup, certificate: GatewayCertificate) -> Self:
        """Make a context for pages like ``setup``.

        Raises:
            RenderError: the browser refuses.
        """
        listener = Listener(certificate.context)
        await listener.start()
        how = {"disposeOnDetach": True, "proxyServer": listener.proxy_url, "proxyBypassList": "<-loopback>"}
        try:
            answer = await browser.session.send("Target.createBrowserContext", how)
            context_id = str(answer["browserContextId"])
            refusal = {"behavior": "deny", "browserContextId": context_id}
            await browser.session.send("Browser.setDownloadBehavior", refusal)
        except BaseException:
            await listener.close()
            raise
        return cls(browser, context_id, listener, setup)

    def fits(self, setup: PageSetup) -> bool:
        """Return whether such a page may be opened here next."""
        return self._fits == (setup.origin, setup.viewport_px)

    async def new_page(self, setup: PageSetup) -> OpenPage | None:
        """Open a page that finds nothing of the one before; None if something of that one is still alive.

        Raises:
            RenderError: the browser refuses.
        """
        self.page_count += 1
        tabs = self._tabs = self._tabs or await self._open_tabs(setup)
        tab = self._tab = await tabs.new_page(setup.viewport_px)
        if self.page_count > 1:
            # Only now: a page that was just closed could still have written something.
            await tab.session.send("Storage.clearDataForOrigin", _WIPE)

        async def prepare(session: Session) -> None:
            await _prepare(session, setup)

        page = OpenPage(tab, prepare)
        await asyncio.gather(prepare(tab.session), _prepare_window(tab.session, setup), page.embedded.watch())
        if self._listener.was_called_by_nobody:
            return None
        self._session = setup.session
        self._listener.attach(setup.session)
        return page

    async def _open_tabs(self, setup: PageSetup) -> Tabs:
        self._listener.attach(setup.empty)
        try:
            return await Tabs.open(self._browser, self._id, setup.empty.page_url, ask=setup.thrifty)
        finally:
            await self._listener.detach()

    async def forget_page(self) -> bool:
        """Close the page; return whether nothing else is left open, so that the context may be used again.

        Raises:
            RenderError: the browser does not close it.
        """
        # What is still on its way may be meant to outlive the page (keepalive).
        was_quiet = self._session is not None and self._session.quiet_for_s() > 0
        self._session = None
        await self._listener.detach()
        if self._tabs is None or self._tab is None:
            return False
        self._tabs.stop_frames()
        await self._browser.session.send("Target.closeTarget", {"targetId": self._tab.target_id})
        await self._tab.session.wait_until_ended()
        self._tab = None
        return was_quiet and await self._tabs.only_keeper_is_open()

    async def close(self) -> None:
        """Close the context with whatever is in it.

        Raises:
            RenderError: the browser refuses.
        """
        self._stop_frames()
        try:
            await self._browser.session.send("Target.disposeBrowserContext", {"browserContextId": self._id})
        finally:
            await self._listener.close()

    async def abandon(self) -> None:
        """Stop answering a context whose browser is gone."""
        self._stop_frames()
        await self._listener.close()

    def _stop_frames(self) -> None:
        if self._tabs is not None:
            self._tabs.stop_frames()


async def _prepare(session: Session, setup: PageSetup) -> None:
    """Give a page, or one that it embeds, its scripts and the media that it is for."""
    add = "Page.addScriptToEvaluateOnNewDocument"
    await asyncio.gather(
        session.send("Page.enable"),
        # Without it, ours would run only in frames that have scripts of their own.
        session.send("Runtime.enable"),
        session.send("Emulation.setEmulatedMedia", _MEDIA),
        session.send("Page.setFontFamilies", _FONTS),
        session.send(add, {"source": setup.page_script}),
        session.send(add, {"source": setup.guard_script, "worldName": WORLD}),
    )


async def _prepare_window(session: Session, setup: PageSetup) -> None:
    """Give a page a window, in front, in which no dialogue waits for an answer."""
    width_px, height_px = setup.viewport_px
    size: Json = {"width": width_px, "height": height_px, "screenWidth": width_px, "screenHeight": height_px}
    session.on(
        "Page.javascriptDialogOpening", lambda _event: session.tell("Page.handleJavaScriptDialog", {"accept": False})
    )
    await asyncio.gather(
        session.send("Emulation.setDeviceMetricsOverride", {**size, "mobile": False, "deviceScaleFactor": 1}),
        session.send("Emulation.setFocusEmulationEnabled", {"enabled": True}),
    )
