"""The pages that a page embeds: asked in their own worlds, because those of other origins can be asked nowhere else.

What they answer is theirs: a frame's scripts may have replaced everything. A frame that goes away, or does not answer,
has no answer; it never costs more than its share of time.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Frame, Page

_MAX_COUNT = 40
_LIMIT_S = 5.0
_SET_ATTRIBUTE = "(element, [name, value]) => element.setAttribute(name, value)"


@dataclass(frozen=True, slots=True)
class EmbeddedPage:
    """One of them.

    Attributes:
        mark: value of the attribute that its element was given.
    """

    mark: str
    _frame: Frame

    async def evaluate(self, script: str, argument: object = None) -> Any:
        """Call a JavaScript function there; None when there is no answer in time."""
        with contextlib.suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(_LIMIT_S):
                return await self._frame.evaluate(f"({script})({json.dumps(argument)})")
        return None


class EmbeddedPages:
    """Those of one page, at any depth; of very many the first ones.

    Args:
        page: that embeds them.
    """

    def __init__(self, page: Page) -> None:
        self._page = page

    @property
    def count(self) -> int:
        """How many there are now."""
        return len(self._page.frames) - 1

    async def evaluate(self, script: str, argument: object = None) -> list[object]:
        """Call a JavaScript function in all of them, without a time limit of its own; return the answers there were."""
        expression = f"({script})({json.dumps(argument)})"
        answers = await asyncio.gather(*(one.evaluate(expression) for one in self._some()), return_exceptions=True)
        return [answer for answer in answers if not isinstance(answer, BaseException)]

    async def mark(self, attribute: str) -> list[EmbeddedPage]:
        """Give the element of each its own value of ``attribute``; those that could not be loaded are left out."""
        marked: list[EmbeddedPage] = []
        for index, frame in enumerate(self._some()):
            if frame.url.startswith("chrome-error:"):
                continue
            with contextlib.suppress(PlaywrightError, TimeoutError):
                async with asyncio.timeout(_LIMIT_S):
                    element = await frame.frame_element()
                    await element.evaluate(_SET_ATTRIBUTE, [attribute, str(index)])
                marked.append(EmbeddedPage(str(index), frame))
        return marked

    def _some(self) -> list[Frame]:
        return self._page.frames[1 : _MAX_COUNT + 1]
