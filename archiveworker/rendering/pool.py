"""Browsers that are kept running, and places in them for one page at a time; no page finds another's traces.

A browser that crashed, was killed, has rendered often enough or has grown too large is replaced when the next page is
asked for; pages that still run in a worn-out one finish first.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog

from archiveworker.domain.errors import BrowserGoneError, RenderError, ToolError
from archiveworker.rendering import chromium, memory, memory_limit
from archiveworker.rendering.browser import Browser
from archiveworker.rendering.certificate import GatewayCertificate
from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.contexts import Context, PageSetup
from archiveworker.rendering.page import OpenPage
from archiveworker.rendering.sandbox import Sandbox, cannot_start
from archiveworker.runtime import metrics
from archiveworker.runtime.temporary import OwnedFolder, remove_leftovers

__all__ = ["BrowserPool", "FreeSlot", "OpenPage", "PageSetup"]

log = structlog.get_logger()

_CLOSE_LIMIT_S = 5.0
_REOPEN_LIMIT_S = 2.0
_PAGES_BETWEEN_WEIGHINGS = 5
_MIB = 1024**2


@dataclass(slots=True)
class _Running:
    """One browser process.

    Attributes:
        browser: its handle.
        page_count: pages that were opened in it.
        open_count: pages that are open now.
        worn: it takes no further page.
        retired: it is closed when its last page is.
    """

    browser: Browser
    page_count: int = 0
    open_count: int = 0
    worn: bool = False
    retired: bool = False


@dataclass(slots=True)
class _Slot:
    """A place for a browser; who holds the lock may fill it."""

    running: _Running | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class _Lane:
    """A place for one page in a browser, with the context that the last page left.

    Attributes:
        slot: whose browser.
        owner: the browser that ``context`` lives in.
        context: None when the next page needs a new one.
    """

    slot: _Slot
    owner: _Running | None = None
    context: Context | None = None


class BrowserPool:
    """A number of browsers, each with a number of pages in flight.

    Args:
        config: which browser, how many, how long.
        certificate: with which https is answered.

    Attributes:
        browsers_started: so far, replacements included.
    """

    def __init__(self, config: RendererConfig, certificate: GatewayCertificate) -> None:
        self.browsers_started = 0
        self._config = config
        self._certificate = certificate
        self._slots = [_Slot() for _ in range(config.effective_browser_count)]
        self._lanes = [_Lane(slot) for _ in range(config.pages_per_browser_count) for slot in self._slots]
        self._free: asyncio.Queue[_Lane] = asyncio.Queue()
        self._home: OwnedFolder | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._sandbox = Sandbox(is_on=False)
        self._found: chromium.Chromium | None = None

    async def start(self) -> None:
        """Find the browser; browsers start when they are first needed.

        Raises:
            ToolError: there is no Chromium, or its sandbox cannot start.
        """
        self._found = chromium.find(self._config.chromium)
        self._sandbox = Sandbox.chosen(self._config.sandbox)
        left = await asyncio.to_thread(remove_leftovers)
        if left:
            log.info("leftovers_removed", folders=left)
        self._home = OwnedFolder("chromium")
        try:
            self._sandbox.hand_over(self._home.path)
            if self._sandbox.is_on and not await self._sandbox.is_possible():
                # Where Chromium has a profile or a helper of its own it may do what others may not.
                await (await self._launch()).close()
        except ToolError:
            self._home.close()
            raise
        for lane in self._lanes:
            self._free.put_nowait(lane)
        log.info(
            "browser_pool_started", chromium=str(self._found.path), origin=self._found.origin, browsers=len(self._slots)
        )

    async def stop(self) -> None:
        """Close every browser and wait until the processes are gone."""
        for lane in self._lanes:
            if lane.context is not None:
                await lane.context.abandon()
                lane.context = None
        for slot in self._slots:
            if slot.running is not None:
                self._close_later(slot.running.browser)
                slot.running = None
        if self._closing:
            await asyncio.wait(tuple(self._closing), timeout=2 * _CLOSE_LIMIT_S)
        if self._home is not None:
            self._home.close()
            self._home = None

    async def warm_up(self) -> None:
        """Start the browsers that do not run; one that cannot be started is a matter of the page that needs it."""
        await asyncio.gather(*(self._browser_of(slot) for slot in self._slots), return_exceptions=True)

    async def memory_bytes(self) -> list[int]:
        """Return the private memory of each browser that runs."""
        return [
            await memory.private_bytes(slot.running.browser)
            for slot in self._slots
            if slot.running is not None and slot.running.browser.is_connected
        ]

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator["FreeSlot"]:
        """Wait for a place; the limits of a document begin when it is there."""
        lane = await self._free.get()
        try:
            yield FreeSlot(self, lane)
        finally:
            self._free.put_nowait(lane)

    @contextlib.asynccontextmanager
    async def open_in(self, lane: _Lane, setup: PageSetup) -> AsyncIterator[OpenPage]:
        """Open a page in the lane.

        Raises:
            BrowserGoneError: the browser could not be started, crashed or was killed meanwhile.
            LimitExceededError: the page took too much memory.
            RenderError: Chromium refused something.
        """
        running = await self._browser_of(lane.slot)
        running.open_count += 1
        running.page_count += 1
        went_well = False
        try:
            page = await self._new_page(lane, running, setup)
            async with memory_limit.bounded(lambda: memory.process_ids(running.browser), self._config.page_max_mib):
                yield page
            went_well = True
        finally:
            await self._release(lane, running, went_well)

    async def _browser_of(self, slot: _Slot) -> _Running:
        async with slot.lock:
            running, reason = slot.running, "first"
            if running is not None and not running.browser.is_connected:
                log.warning("browser_gone", rendered=running.page_count)
                running, reason = None, "gone"
            elif running is not None and self._is_worn(running):
                running.retired = True
                if running.open_count == 0:
                    self._close_later(running.browser)
                running, reason = None, "worn"
            if running is None:
                running = slot.running = _Running(await self._launch())
                self.browsers_started += 1
                metrics.BROWSER_STARTS.labels(reason).inc()
            return running

    def _is_worn(self, running: _Running) -> bool:
        return running.worn or running.page_count >= self._config.renders_per_browser_count

    async def _new_page(self, lane: _Lane, running: _Running, setup: PageSetup) -> OpenPage:
        context = await self._context_of(lane, running, setup)
        page = None
        # A page that is over may have left the process something to do for ever (promises that call each other).
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REOPEN_LIMIT_S if context.page_count else None):
                page = await context.new_page(setup)
        if page is None:
            await self._drop_context(lane)
            page = await (await self._context_of(lane, running, setup)).new_page(setup)
        if page is None:
            raise RenderError("the browser asked for something before it had a page; render the page again")
        return page

    async def _context_of(self, lane: _Lane, running: _Running, setup: PageSetup) -> Context:
        if lane.context is not None and not (lane.owner is running and lane.context.fits(setup)):
            await self._drop_context(lane)
        if lane.context is None:
            lane.owner = running
            lane.context = await Context.open(running.browser, setup, self._certificate)
        return lane.context

    async def _launch(self) -> Browser:
        if self._found is None or self._home is None:
            raise BrowserGoneError("the browser pool is not running; start the renderer first")
        thrifty = self._config.is_thrifty
        arguments = chromium.arguments(self._certificate.pin, sandbox=self._sandbox.is_on, thrifty=thrifty)
        try:
            return await Browser.launch(self._found.path, arguments, self._home.path, self._sandbox)
        except BrowserGoneError as exc:
            if self._sandbox.is_on and not await self._sandbox.is_possible():
                raise cannot_start() from exc
            raise

    async def _release(self, lane: _Lane, running: _Running, went_well: bool) -> None:
        running.open_count -= 1
        try:
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                if not await self._may_be_used_again(lane, running, went_well):
                    await self._drop_context(lane)
                if running.page_count % _PAGES_BETWEEN_WEIGHINGS == 0:
                    await self._weigh(running)
        except (RenderError, TimeoutError):
            log.warning("browser_does_not_close_page", rendered=running.page_count)
            running.worn = True
            if lane.context is not None:
                await lane.context.abandon()
                lane.context = None
        if running.retired and running.open_count == 0:
            self._close_later(running.browser)

    async def _may_be_used_again(self, lane: _Lane, running: _Running, went_well: bool) -> bool:
        context = lane.context
        if context is None or not went_well or context.page_count >= self._config.renders_per_context_count:
            return False
        return running.browser.is_connected and await context.forget_page()

    async def _drop_context(self, lane: _Lane) -> None:
        context, lane.context = lane.context, None
        if context is None:
            return
        if lane.owner is not None and lane.owner.browser.is_connected:
            await context.close()
        else:
            await context.abandon()

    async def _weigh(self, running: _Running) -> None:
        size_bytes = await memory.private_bytes(running.browser) if running.browser.is_connected else 0
        if size_bytes > self._config.browser_max_mib * _MIB:
            log.info("browser_too_large", mib=size_bytes // _MIB, rendered=running.page_count)
            running.worn = True

    def _close_later(self, browser: Browser) -> None:
        async def close() -> None:
            with contextlib.suppress(ToolError):
                await browser.close()

        task = asyncio.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """A place in the pool that the caller holds."""

    _pool: BrowserPool
    _lane: _Lane

    def open(self, setup: PageSetup) -> contextlib.AbstractAsyncContextManager[OpenPage]:
        """Open a page here; see ``BrowserPool.open_in``."""
        return self._pool.open_in(self._lane, setup)
