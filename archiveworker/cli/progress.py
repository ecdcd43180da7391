"""Following a job on the terminal: a bar that redraws itself, or a line a change where there is no terminal."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, TextIO

FINAL_STATES: Final = ("FINISHED", "FAILED", "TIMEOUT", "CANCELLED")
_WIDTH: Final = 28


class ProgressBar:
    """Draws the state of a job.

    Args:
        out: where to draw.
    """

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out = out
        self._last = ""

    def show(self, view: dict[str, Any]) -> None:
        """Draw ``GET /jobs/<id>``; nothing when nothing changed."""
        progress = view["progress"]
        total, done = progress["items_total"], progress["items_done"]
        counted = f"{done}/{total}" if total is not None else "-"
        failed = f", {progress['items_failed']} failed" if progress["items_failed"] else ""
        filled = _WIDTH * progress["percent"] // 100
        line = (
            f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {progress['percent']:3d} %  {counted}{failed}  {view['state']}"
        )
        if line == self._last:
            return
        if self._out.isatty():
            self._out.write(f"\r\x1b[K{line}")
        else:
            self._out.write(f"{line}\n")
        self._out.flush()
        self._last = line

    def done(self) -> None:
        """End the bar's line."""
        if self._last and self._out.isatty():
            self._out.write("\n")


async def follow(view: Callable[[], Awaitable[dict[str, Any]]], *, interval_s: float = 0.5) -> dict[str, Any]:
    """Draw a job until it has ended; return its last view."""
    bar = ProgressBar()
    while True:
        current = await view()
        bar.show(current)
        if current["state"] in FINAL_STATES:
            bar.done()
            return current
        await asyncio.sleep(interval_s)
