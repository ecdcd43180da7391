"""Whether this process can do its work now (database, browser, disk, about to end?), and how much of it there is.

Each check really does what a job would do. The page that is printed for it is small, and a good outcome is kept for a
while: a monitor that asks every second costs no more than one that asks every minute.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import structlog
from dbos import DBOS

from archiveworker.domain.document import Document, PdfProfile, Renderer, RenderOptions
from archiveworker.domain.errors import ArchiveWorkerError
from archiveworker.jobs.counts import active_jobs
from archiveworker.jobs.drain import DrainGate
from archiveworker.jobs.room import Room
from archiveworker.jobs.tools import JobTools
from archiveworker.runtime import metrics
from archiveworker.runtime.temporary import OwnedFolder

log = structlog.get_logger(__name__)

_DATABASE_LIMIT_S: Final = 5.0
_BROWSER_LIMIT_S: Final = 20.0
_BROWSER_KEPT_S: Final = 60.0
_PAGE: Final = Document(
    html="<!DOCTYPE html><title>Ready?</title><p>ready</p>",
    base_url="http://archiveworker.invalid",
    title="Ready?",
    created_at=datetime(2000, 1, 1, tzinfo=UTC),
    must_contain=("ready",),
)


class Health:
    """Answers whether this process is ready for jobs.

    Args:
        tools: what the jobs work with.
        gate: says whether the worker drains.
        room: says whether jobs wait for room on the spool.
    """

    def __init__(self, tools: JobTools, gate: DrainGate, room: Room) -> None:
        self._tools = tools
        self._gate = gate
        self._room = room
        self._browser_lock = asyncio.Lock()
        self._browser_checked_s: float | None = None
        self._browser_trouble = ""

    async def troubles(self) -> dict[str, str]:
        """Return a sentence for each check; an empty one where all is well.

        Returns:
            keys ``database``, ``browser``, ``disk`` and ``draining``.
        """
        database, browser, disk = await asyncio.gather(
            _sentence("database", self._database), self._browser(), _sentence("disk", self._room.trouble)
        )
        draining = "The worker is shutting down." if self._gate.is_draining else ""
        return {"database": database, "browser": browser, "disk": disk, "draining": draining}

    async def measure(self) -> None:
        """Bring the metrics that the database knows up to date."""
        active = await active_jobs()
        metrics.JOBS_ACTIVE.labels("running").set(len(active.running))
        metrics.JOBS_ACTIVE.labels("queued").set(len(active.queued))
        since = active.oldest_queued_at
        waited_s = 0.0 if since is None else (self._tools.clock.now() - since).total_seconds()
        metrics.OLDEST_QUEUED_SECONDS.set(max(0.0, waited_s))
        metrics.ITEMS_IN_FLIGHT.set(self._gate.in_flight)

    async def _database(self) -> str:
        async with asyncio.timeout(_DATABASE_LIMIT_S):
            await DBOS.list_workflows_async(limit=1, load_input=False, load_output=False)
        return ""

    async def _browser(self) -> str:
        """Print a page, unless that was done a short while ago."""
        clock = self._tools.clock
        async with self._browser_lock:
            known = self._browser_checked_s
            if known is None or clock.monotonic_s() - known >= _BROWSER_KEPT_S or self._browser_trouble:
                self._browser_trouble = await _sentence("browser", lambda: _print_a_page(self._tools.renderer))
                self._browser_checked_s = clock.monotonic_s()
            return self._browser_trouble


async def _print_a_page(renderer: Renderer) -> str:
    with OwnedFolder("ready") as folder:
        async with asyncio.timeout(_BROWSER_LIMIT_S):
            await renderer.render(_PAGE, RenderOptions(profile=PdfProfile.OFF), folder.path)
    return ""


async def _sentence(name: str, check: Callable[[], Awaitable[str]]) -> str:
    try:
        return await check()
    except TimeoutError:
        return f"The {name} did not answer in time."
    except ArchiveWorkerError as exc:
        return str(exc)
    except Exception:
        log.exception("health_check_failed", check=name)
        return f"The check of the {name} failed; the worker's log has the details."
