"""Ends what a page runs in before the page takes the machine's memory.

Chromium itself stops scripts at 4 GB of objects, and binary buffers, documents and drawings at nothing. So the memory
of the browser's processes is looked at ten times a second while a page is open. When they have grown by more than the
limit, the one that grew most is killed: as a rule the page's own. What was asked of the page fails then, and the error
says why.

Accepted risks: between two looks a page can take some hundred MiB more. Where a browser has several pages at a time,
they are measured together. Only Linux can tell what a process holds; elsewhere nothing is bounded.
"""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from archiveworker.domain.errors import LimitExceededError, RenderError

log = structlog.get_logger()

ProcessIds = Callable[[], Awaitable[list[int]]]

_LOOK_INTERVAL_S = 0.1
_LOOKS_BETWEEN_ASKING = 10
_MIB = 1024**2
_STATUS_MAX_BYTES = 16 * 1024
# Source: proc_pid_status(5).
_HELD = re.compile(rb"^Vm(?:RSS|Swap):\s+(\d+) kB$", re.MULTILINE)


@contextlib.asynccontextmanager
async def bounded(process_ids: ProcessIds, limit_mib: int) -> AsyncIterator[None]:
    """Watch a browser while a page is open in it.

    Args:
        process_ids: asks the browser for its processes; may raise RenderError when it is gone.
        limit_mib: by how much they may grow together.

    Raises:
        LimitExceededError: the page took more, and what was asked of it failed.
    """
    watch = _Watch(process_ids, limit_mib)
    task = asyncio.create_task(watch.run())
    try:
        yield
    except Exception as exc:
        if watch.has_struck:
            raise LimitExceededError(
                f"the page took more than {limit_mib} MiB of memory and was ended; if it is meant to, raise "
                "ARCHIVEWORKER_PAGE_MAX_MIB"
            ) from exc
        raise
    finally:
        task.cancel()


class _Watch:
    """One page's watch.

    Attributes:
        has_struck: something was killed.
    """

    def __init__(self, process_ids: ProcessIds, limit_mib: int) -> None:
        self.has_struck = False
        self._process_ids = process_ids
        self._limit_bytes = limit_mib * _MIB
        self._first: dict[int, int] = {}

    async def run(self) -> None:
        """Look until something had to be killed."""
        pids = await self._asked()
        self._first = {pid: held_bytes(pid) for pid in pids}
        look_count = 0
        while not self._strike(pids):
            await asyncio.sleep(_LOOK_INTERVAL_S)
            look_count += 1
            if look_count % _LOOKS_BETWEEN_ASKING == 0:
                pids = await self._asked() or pids

    async def _asked(self) -> list[int]:
        try:
            return await self._process_ids()
        except RenderError:
            return []  # gone: there is nothing to be bounded any more

    def _strike(self, pids: list[int]) -> bool:
        growths = {pid: held_bytes(pid) - self._first.get(pid, 0) for pid in pids}
        grown_bytes = sum(growths.values())
        if grown_bytes <= self._limit_bytes:
            return False
        largest = max(growths, key=lambda pid: growths[pid])
        log.warning("page_too_large", mib=grown_bytes // _MIB, limit_mib=self._limit_bytes // _MIB)
        self.has_struck = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(largest, signal.SIGKILL)
        return True


def held_bytes(pid: int) -> int:
    """Return what a process holds in memory and in swap; 0 when it is gone, or this is not Linux."""
    try:
        # Many times a second: plain calls cost a third of what a Path does.
        file = os.open(f"/proc/{pid}/status", os.O_RDONLY)
    except OSError:
        return 0
    try:
        status = os.read(file, _STATUS_MAX_BYTES)
    except OSError:
        return 0
    finally:
        os.close(file)
    return sum(int(kib) * 1024 for kib in _HELD.findall(status))
