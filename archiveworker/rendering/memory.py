"""How much memory a browser holds that nobody else uses. Only Linux can tell; elsewhere it is 0."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from archiveworker.rendering.browser import Browser

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


async def process_ids(browser: Browser) -> list[int]:
    """Return the processes of ``browser``.

    Raises:
        RenderError: it does not answer.
    """
    answer = await browser.session.send("SystemInfo.getProcessInfo")
    return [int(process["id"]) for process in answer["processInfo"]]


async def private_bytes(browser: Browser) -> int:
    """Return the private memory of all processes of ``browser``.

    Raises:
        RenderError: it does not answer.
    """
    return await asyncio.to_thread(_private_bytes, await process_ids(browser))


def _private_bytes(pids: Iterable[int]) -> int:
    total = 0
    for pid in pids:
        try:
            # Source: proc(5), statm: size, resident, shared, ... in pages.
            fields = Path(f"/proc/{pid}/statm").read_text().split()
        except OSError:
            continue  # it has ended meanwhile, or this is not Linux
        total += (int(fields[1]) - int(fields[2])) * _PAGE_BYTES
    return total
