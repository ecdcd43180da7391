"""Several real workers on one PostgreSQL and one spool."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from archiveworker.demo.server import DemoServer
from tests.fakes.worker import FINAL, WorkerProcess, stamps_of

TAKEOVER_S = 5
NEWER_WORKER = Path(__file__).parents[1] / "tools" / "newer_worker.py"


class Cluster:
    """Workers ``worker-1``, ``worker-2``, ...; each keeps its name, folder and port over restarts.

    Args:
        folder: for all of them.
        database_url: of an empty database.
        count: how many.
        settings: of each, without the prefix.
    """

    def __init__(self, folder: Path, database_url: str, count: int, settings: dict[str, str]) -> None:
        shared = {
            "DATABASE_URL": database_url,
            "SPOOL_DIR": str(folder / "spool"),
            "SECRET_KEY": Fernet.generate_key().decode(),
            "TAKEOVER_S": str(TAKEOVER_S),
            **settings,
        }
        names = [f"worker-{number}" for number in range(1, count + 1)]
        self._folder, self._shared = folder, shared
        self.workers = [self.worker(name) for name in names]

    def worker(self, name: str, *, newer: bool = False) -> WorkerProcess:
        """Return one more, not started; ``newer`` makes it that of the next form of the workflows."""
        program = (str(NEWER_WORKER),) if newer else ("-m", "archiveworker")
        return WorkerProcess(self._folder / name, {**self._shared, "EXECUTOR_ID": name}, program)

    async def start(self) -> None:
        """Start those that do not run."""
        await asyncio.gather(*(worker.start() for worker in self.workers if not worker.is_running))

    async def stop(self) -> None:
        """End all of them."""
        await asyncio.gather(*(worker.stop() for worker in self.workers))

    @property
    def running(self) -> list[WorkerProcess]:
        """Those that run."""
        return [worker for worker in self.workers if worker.is_running]

    async def ended(self, job_id: str, limit_s: float = 180) -> dict[str, Any]:
        """Wait until a job has ended, asking whoever runs; return its view."""
        async with asyncio.timeout(limit_s):
            while (view := await self.running[0].job(job_id))["state"] not in FINAL:
                await asyncio.sleep(0.1)
        return view

    def log_events(self) -> list[dict[str, Any]]:
        """Return what all of them logged."""
        return [event for worker in self.workers if worker.log.exists() for event in worker.log_events()]


@contextlib.asynccontextmanager
async def running_cluster(
    lms: DemoServer, folder: Path, database_url: str, count: int, **settings: str
) -> AsyncIterator[Cluster]:
    """Run workers whose archives the demo's authority stamps."""
    stamps = {**stamps_of(lms), "SHUTDOWN_GRACE_S": "5"}
    cluster = Cluster(folder, database_url, count, {**stamps, **settings})
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.stop()
