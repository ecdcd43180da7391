"""One page of a browser, as the renderer sees it: go, evaluate, print. Made by ``contexts``."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from playwright.async_api import CDPSession, Page

from archiveworker.domain.errors import BrowserGoneError, RenderError
from archiveworker.rendering.embedded import EmbeddedPages

WORLD = "archiveworker"
"""Name of the JavaScript world that shares only the DOM with the page."""

T = TypeVar("T")


class OpenPage:
    """A page of the pool, as long as the pool's ``async with`` lasts.

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
            "Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"], "worldName": WORLD}
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
