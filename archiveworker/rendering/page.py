"""One page of a browser, as the renderer sees it: go, evaluate, print. Made by ``contexts``."""

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from archiveworker.domain.errors import RenderError
from archiveworker.rendering.cdp import Json, Session
from archiveworker.rendering.embedded import EmbeddedPages
from archiveworker.rendering.tabs import Tab

WORLD = "archiveworker"
"""Name of the JavaScript world that shares only the DOM with the page."""


class OpenPage:
    """A page of the pool, as long as the pool's ``async with`` lasts.

    Args:
        tab: in which it is.
        prepare: gives the session of an embedded page what every page gets.

    Attributes:
        embedded: the pages that it embeds.
    """

    def __init__(self, tab: Tab, prepare: Callable[[Session], Awaitable[None]]) -> None:
        self.embedded = EmbeddedPages(tab.session, prepare)
        self._session = tab.session
        self._frame_id = tab.target_id
        self._loader_id = ""

    async def go(self, url: str) -> None:
        """Go to ``url`` and return once its document has begun.

        Raises:
            RenderError: the document could not be loaded.
        """
        answer = await self._session.send("Page.navigate", {"url": url})
        if error := answer.get("errorText"):
            raise RenderError(f"Chromium did not load the page ({error})")
        self._loader_id = answer["loaderId"]

    async def is_still_there(self) -> bool:
        """Return whether the document is the one that ``go`` loaded."""
        tree = await self._session.send("Page.getFrameTree")
        return bool(tree["frameTree"]["frame"]["loaderId"] == self._loader_id)

    async def evaluate(self, script: str, argument: object = None) -> Any:
        """Call a JavaScript function in the page's own world and return its (awaited) result."""
        return await self._call(script, argument, {})

    async def evaluate_apart(self, script: str, argument: object = None) -> Any:
        """Call a JavaScript function in a world that shares only the DOM with the page, which cannot lie to it."""
        where = {"frameId": self._frame_id, "worldName": WORLD}
        world = await self._session.send("Page.createIsolatedWorld", where)
        return await self._call(script, argument, {"contextId": world["executionContextId"]})

    async def _call(self, script: str, argument: object, where: Json) -> Any:
        expression = f"({script})({json.dumps(argument)})"
        answer = await self._session.send(
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
        margin = _inches(margin_mm)
        header, footer = frame or ("", "")
        how = {
            "paperWidth": _inches(size_mm[0]),
            "paperHeight": _inches(size_mm[1]),
            "marginTop": margin,
            "marginRight": margin,
            "marginBottom": margin,
            "marginLeft": margin,
            "printBackground": True,
            # Said, because of what is not said the page's own styles decide.
            "landscape": False,
            "preferCSSPageSize": False,
            "generateTaggedPDF": True,
            "generateDocumentOutline": True,
            "displayHeaderFooter": frame is not None,
            "headerTemplate": header,
            "footerTemplate": footer,
        }
        return base64.b64decode((await self._session.send("Page.printToPDF", how))["data"])


def _inches(millimetres: float) -> float:
    return round(millimetres / 25.4, 5)
