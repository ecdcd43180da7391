"""Browsers that are kept running, and pages in them: a fresh context for each page, no page finds another's traces.

A browser that crashed, was killed or has rendered often enough is replaced when the next page is asked for; pages
that still run in a worn-out one finish first. Everything that Playwright raises leaves this module as an error of
ours.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import structlog
from playwright.async_api import (
    Browser,
    BrowserContext,
    CDPSession,
    Dialog,
    Page,
    Playwright,
    async_playwright,
)
from playwright.async_api import Error as PlaywrightError

from archiveworker.domain.errors import BrowserGoneError, RenderError
from archiveworker.rendering import chromium
from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.embedded import EmbeddedPages

log = structlog.get_logger()

_WORLD = "archiveworker"
_CLOSE_LIMIT_S = 5.0
_NOWHERE = "http://127.0.0.1:9"
_LAUNCH_LIMIT_MS = 30_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageSetup:
    """How a page is opened.

    Attributes:
        proxy_url: its gateway.
        viewport_px: width and height.
        page_script: runs in every frame before any script of the page, in the page's own world.
        guard_script: the same in a world that the page cannot reach.
    """

    proxy_url: str
    viewport_px: tuple[int, int]
    page_script: str
    guard_script: str


class OpenPage:
    """A page of the pool, as long as its ``async with`` lasts.

    Attributes:
        embedded: the pages that it embeds.
    """

    def __init__(self, page: Page, cdp: CDPSession) -> None:
        self.embedded = EmbeddedPages(page)
        self._page = page
        self._cdp = cdp
        self._loader_id = ""
        self._crashed = asyncio.Event()
        page.on("crash", lambda _page: self._crashed.set())

    async def go(self, url: str) -> None:
        """Go to ``url`` and return once its document has begun.

        Raises:
            RenderError: the document could not be loaded.
        """
        answer = await self._send("Page.navigate", {"url": url})
        if error := answer.get("errorText"):
            raise RenderError(f"Chromium did not load the page ({error})")
        self._loader_id = answer["loaderId"]

    async def is_still_there(self) -> bool:
        """Return whether the document is the one that ``go`` loaded."""
        tree = await self._send("Page.getFrameTree")
        return bool(tree["frameTree"]["frame"]["loaderId"] == self._loader_id)

    async def evaluate(self, script: str, argument: object = None) -> Any:
        """Call a JavaScript function in the page's own world and return its (awaited) result."""
        return await self._call(script, argument, {})

    async def evaluate_apart(self, script: str, argument: object = None) -> Any:
        """Call a JavaScript function in a world that shares only the DOM with the page, which cannot lie to it."""
        tree = await self._send("Page.getFrameTree")
        world = await self._send(
            "Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"], "worldName": _WORLD}
        )
        return await self._call(script, argument, {"contextId": world["executionContextId"]})

    async def _call(self, script: str, argument: object, where: dict[str, Any]) -> Any:
        expression = f"({script})({json.dumps(argument)})"
        answer = await self._send(
            "Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True, **where}
        )
        if (details := answer.get("exceptionDetails")) is not None:
            what = details.get("exception", {}).get("description") or details.get("text", "unknown")
            raise RenderError(f"a script of the renderer failed in the page: {str(what)[:300]}")
        return answer["result"].get("value")

    async def print_pdf(self, size_mm: tuple[float, float], margin_mm: float, frame: tuple[str, str] | None) -> bytes:
        """Return the page as Chromium prints it: tagged, with outline and backgrounds.

        Args:
            size_mm: width and height of the paper.
            margin_mm: on all four sides.
            frame: HTML to draw on every page, as Chromium's header and footer.
        """
        # In inches, because Playwright's millimetres are a little too long.
        margin = f"{margin_mm / 25.4:.5f}in"
        header, footer = frame or ("", "")
        printing = self._page.pdf(
            width=f"{size_mm[0] / 25.4:.5f}in",
            height=f"{size_mm[1] / 25.4:.5f}in",
            margin={"top": margin, "right": margin, "bottom": margin, "left": margin},
            print_background=True,
            tagged=True,
            outline=True,
            display_header_footer=frame is not None,
            header_template=header,
            footer_template=footer,
        )
        return await self._unless_crashed(printing)

    async def _send(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return await self._unless_crashed(self._cdp.send(method, params))

    async def _unless_crashed(self, asked: Coroutine[Any, Any, T]) -> T:
        # A renderer process that is gone never answers, and Playwright does not say so to a waiting session.
        answer, crash = asyncio.ensure_future(asked), asyncio.ensure_future(self._crashed.wait())
        try:
            await asyncio.wait((answer, crash), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise BrowserGoneError("the browser lost the page (its process ended); render it again")
        finally:
            for task in (answer, crash):
                task.cancel()


@dataclass(slots=True)
class _Running:
    """One browser process.

    Attributes:
        browser: Playwright's handle.
        page_count: pages that were opened in it.
        open_count: pages that are open now.
        retired: it is closed when its last page is.
    """

    browser: Browser
    page_count: int = 0
    open_count: int = 0
    retired: bool = False


@dataclass(slots=True)
class _Slot:
    """A place for a browser; who holds the lock may fill it."""

    running: _Running | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class BrowserPool:
    """A number of browsers, each with a number of pages in flight.

    Args:
        config: which browser, how many, how long.
        pin: of the gateway's certificate.
    """

    def __init__(self, config: RendererConfig, pin: str) -> None:
        self._config = config
        self._pin = pin
        self._slots = [_Slot() for _ in range(config.effective_browser_count)]
        self._free: asyncio.Queue[_Slot] = asyncio.Queue()
        self._playwright: Playwright | None = None
        self._home: TemporaryDirectory[str] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._sandbox = False
        self._found: chromium.Chromium | None = None

    async def start(self) -> None:
        """Find the browser and start Playwright; browsers start when they are first needed.

        Raises:
            ToolError: there is no Chromium.
        """
        self._playwright = await async_playwright().start()
        try:
            self._found = chromium.find(self._config.chromium, Path(self._playwright.chromium.executable_path))
        except BaseException:
            await self._playwright.stop()
            raise
        self._sandbox = chromium.sandbox_possible(self._config.sandbox)
        self._home = TemporaryDirectory(prefix="archiveworker-chromium-")
        for _ in range(self._config.pages_per_browser_count):
            for slot in self._slots:
                self._free.put_nowait(slot)
        log.info(
            "browser_pool_started", chromium=str(self._found.path), origin=self._found.origin, browsers=len(self._slots)
        )

    async def stop(self) -> None:
        """Close every browser and wait until the processes are gone."""
        for slot in self._slots:
            if slot.running is not None:
                self._close_later(slot.running.browser)
                slot.running = None
        if self._closing:
            await asyncio.wait(tuple(self._closing), timeout=2 * _CLOSE_LIMIT_S)
        if self._playwright is not None:
            await self._playwright.stop()
            self._playwright = None
        if self._home is not None:
            self._home.cleanup()
            self._home = None

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator["FreeSlot"]:
        """Wait for a place; the limits of a document begin when it is there."""
        slot = await self._free.get()
        try:
            yield FreeSlot(self, slot)
        finally:
            self._free.put_nowait(slot)

    @contextlib.asynccontextmanager
    async def open_in(self, slot: _Slot, setup: PageSetup) -> AsyncIterator[OpenPage]:
        """Open a page in a fresh context of the slot's browser.

        Raises:
            BrowserGoneError: the browser could not be started, crashed or was killed meanwhile.
            RenderError: Chromium refused something.
        """
        running = await self._browser_of(slot)
        running.open_count += 1
        running.page_count += 1
        context: BrowserContext | None = None
        try:
            context = await self._new_context(running.browser, setup)
            yield await _new_page(context, setup)
        except PlaywrightError as exc:
            raise _translated(exc, running.browser) from exc
        finally:
            await self._release(running, context)

    async def _browser_of(self, slot: _Slot) -> _Running:
        async with slot.lock:
            running = slot.running
            if running is not None and not running.browser.is_connected():
                log.warning("browser_gone", rendered=running.page_count)
                running = None
            elif running is not None and running.page_count >= self._config.renders_per_browser_count:
                running.retired = True
                if running.open_count == 0:
                    self._close_later(running.browser)
                running = None
            if running is None:
                running = slot.running = _Running(await self._launch())
            return running

    async def _launch(self) -> Browser:
        if self._playwright is None or self._found is None or self._home is None:
            raise BrowserGoneError("the browser pool is not running; start the renderer first")
        try:
            return await self._playwright.chromium.launch(
                executable_path=self._found.path,
                args=chromium.arguments(self._pin),
                chromium_sandbox=self._sandbox,
                # Whatever does not belong to a page's own context goes to a port where nobody listens.
                proxy={"server": _NOWHERE, "bypass": "<-loopback>"},
                # Our own environment holds keys and passwords; the browser gets none of it.
                env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "HOME": self._home.name},
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
                timeout=_LAUNCH_LIMIT_MS,
            )
        except PlaywrightError as exc:
            first_line = str(exc).partition("\n")[0][:300]
            raise BrowserGoneError(
                f"{self._found.path} could not be started ({first_line}); 'archiveworker doctor' says more"
            ) from exc

    async def _new_context(self, browser: Browser, setup: PageSetup) -> BrowserContext:
        width_px, height_px = setup.viewport_px
        return await browser.new_context(
            proxy={"server": setup.proxy_url, "bypass": "<-loopback>"},
            viewport={"width": width_px, "height": height_px},
            accept_downloads=False,
            service_workers="block",
            locale="en-US",
            timezone_id="UTC",
            color_scheme="light",
            reduced_motion="reduce",
        )

    async def _release(self, running: _Running, context: BrowserContext | None) -> None:
        running.open_count -= 1
        try:
            if context is not None and running.browser.is_connected():
                async with asyncio.timeout(_CLOSE_LIMIT_S):
                    await context.close()
        except (PlaywrightError, TimeoutError):
            log.warning("browser_does_not_close_page", rendered=running.page_count)
            running.page_count = self._config.renders_per_browser_count
        if running.retired and running.open_count == 0:
            self._close_later(running.browser)

    def _close_later(self, browser: Browser) -> None:
        async def close() -> None:
            with contextlib.suppress(PlaywrightError, TimeoutError):
                async with asyncio.timeout(_CLOSE_LIMIT_S):
                    await browser.close()

        task = asyncio.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """A place in the pool that the caller holds."""

    _pool: BrowserPool
    _slot: _Slot

    def open(self, setup: PageSetup) -> contextlib.AbstractAsyncContextManager[OpenPage]:
        """Open a page here; see ``BrowserPool.open_in``."""
        return self._pool.open_in(self._slot, setup)


async def _new_page(context: BrowserContext, setup: PageSetup) -> OpenPage:
    page = await context.new_page()
    context.on("page", _close_popup)
    page.on("dialog", _dismiss)
    # Laid out from the start as it will be printed, so that scripts that measure measure the right thing.
    await page.emulate_media(media="print")
    cdp = await context.new_cdp_session(page)
    await cdp.send("Page.enable")
    await cdp.send("Page.addScriptToEvaluateOnNewDocument", {"source": setup.page_script})
    await cdp.send("Page.addScriptToEvaluateOnNewDocument", {"source": setup.guard_script, "worldName": _WORLD})
    return OpenPage(page, cdp)


async def _close_popup(page: Page) -> None:
    with contextlib.suppress(PlaywrightError):
        await page.close()


async def _dismiss(dialog: Dialog) -> None:
    with contextlib.suppress(PlaywrightError):
        await dialog.dismiss()


def _translated(exc: PlaywrightError, browser: Browser) -> RenderError:
    first_line = str(exc).partition("\n")[0][:300]
    if not browser.is_connected():
        return BrowserGoneError("the browser ended while it rendered the page; it is replaced, render the page again")
    if "crash" in first_line.lower() or "closed" in first_line.lower():
        return BrowserGoneError(f"the browser lost the page ({first_line}); render it again")
    return RenderError(f"Chromium could not render the page ({first_line})")
