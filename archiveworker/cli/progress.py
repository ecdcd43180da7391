"""Following a job on the terminal: a bar that redraws itself, or a line a change where there is no terminal."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TextIO

from archiveworker.client import WorkerClient
from archiveworker.domain.answers import ArchiveView, JobView
from archiveworker.domain.errors import ArchiveWorkerError, Retry
from archiveworker.domain.job import JobState
from archiveworker.reports.index import human_size

_WIDTH: Final = 28
_PATIENCE_S: Final = 120.0
"""A worker that is started again needs some seconds, and its jobs go on."""


class ProgressBar:
    """Draws the state of a job.

    Args:
        out: where to draw.
    """

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out = out
        self._last = ""

    def show(self, view: JobView) -> None:
        """Draw ``GET /jobs/<id>``; nothing when nothing changed."""
        progress = view["progress"]
        total, done = progress["items_total"], progress["items_done"]
        counted = f"{done}/{total}" if total is not None else "-"
        failed = f", {progress['items_failed']} failed" if progress["items_failed"] else ""
        filled = _WIDTH * progress["percent"] // 100
        bar = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {progress['percent']:3d} %"
        self.say(f"{bar}  {counted}{failed}  {view['state']}")

    def say(self, line: str) -> None:
        """Draw a line in place of the bar."""
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
            self._out.flush()


async def follow_job(worker: WorkerClient, job_id: str) -> JobView:
    """Draw a job of a worker until it has ended; return its last view. The loop stays free meanwhile."""
    return await follow(lambda: asyncio.to_thread(worker.job, job_id))


async def follow(
    view: Callable[[], Awaitable[JobView]], *, interval_s: float = 0.5, patience_s: float = _PATIENCE_S
) -> JobView:
    """Draw a job until it has ended; return its last view.

    Args:
        view: asks the worker.
        interval_s: between two questions.
        patience_s: how long a worker that was there may be silent, because it is started again.

    Raises:
        ArchiveWorkerError: the worker refuses, or stays silent.
    """
    bar = ProgressBar()
    loop = asyncio.get_running_loop()
    heard_s = float("-inf")
    try:
        while True:
            try:
                current = await view()
            except ArchiveWorkerError as exc:
                if exc.retry is not Retry.LATER or loop.time() - heard_s > patience_s:
                    raise
                bar.say("the worker does not answer; waiting for it")
            else:
                heard_s = loop.time()
                bar.show(current)
                if JobState(current["state"]).is_final:
                    return current
            await asyncio.sleep(interval_s)
    finally:
        bar.done()


def tell_end(view: JobView) -> int:
    """Say how a job ended; return the exit code: 0 when it FINISHED, 1 when it did not."""
    for warning in view["warnings"]:
        sys.stderr.write(f"Warning: {warning['subject']}: {warning['message']}\n")
    if view["state"] == "FINISHED":
        sys.stderr.write(f"{shown_archive(view['archive'])}\n")
        return 0
    sys.stderr.write(f"{view['state']}: {view['reason']}\n")
    return 1


def shown_archive(archive: ArchiveView | None) -> str:
    """Return name, size and digest of an archive; nothing when there is none."""
    if archive is None:
        return ""
    return f"{archive['name']} ({human_size(archive['size_bytes'])}, sha256 {archive['sha256']})"
