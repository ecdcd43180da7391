"""A real ``archiveworker serve`` in a process group of its own, started, asked, killed and started again."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from archiveworker.demo.server import DemoServer

START_S = 180.0
"""A machine on which others work too may take a minute for the imports alone."""
FINAL = ("FINISHED", "FAILED", "TIMEOUT", "CANCELLED")


def free_port() -> int:
    """Return a port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stamps_of(lms: DemoServer) -> dict[str, str]:
    """Return the settings of a worker whose archives the demo's authority stamps."""
    return {"TSA_URLS": lms.tsa_url, "TSA_CA": str(lms.authority.root_pem)}


class WorkerProcess:
    """A worker with its own data folder and port; both stay the same over restarts.

    Args:
        folder: for data and log.
        settings: without the prefix, e.g. ``{"LOG_LEVEL": "DEBUG"}``.
        program: what Python is given before ``serve``.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str], program: Sequence[str] = ("-m", "archiveworker")
    ) -> None:
        self._program = program
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "worker.log"
        self._settings = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DATA_DIR": str(folder / "data"),
            "LOG_JSON": "true",
            "POLL_INTERVAL_S": "0.1",
            "BACKUP_POLL_S": "0.3",
            "RETRY_INTERVAL_S": "0.2",
            "PROGRESS_INTERVAL_S": "0.5",
            **settings,
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """Process id of the running worker."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """True from its start to its end."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith("ARCHIVEWORKER_")}
        env |= {f"ARCHIVEWORKER_{name}": value for name, value in self._settings.items()}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._program, "serve", env=env, stdout=log, stderr=log, start_new_session=True
            )
        async with asyncio.timeout(START_S), aiohttp.ClientSession() as session:
            while True:
                if self._process.returncode is not None:
                    raise AssertionError(f"the worker ended at once: {self.log.read_text()[-2000:]}")
                try:
                    async with session.get(f"{self.url}/health/live") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)

    async def __aenter__(self) -> "WorkerProcess":
        """Start it."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it."""
        await self.stop()

    async def kill(self) -> None:
        """SIGKILL the worker alone, as the kernel would; its browsers notice by themselves."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def terminate(self) -> int:
        """SIGTERM; return the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(90):
            return await self._process.wait()

    async def stop(self) -> None:
        """End it and whatever it has started."""
        if self._process is None:
            return
        if self._process.returncode is None:
            await self.terminate()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def request(self, method: str, path: str, **arguments: Any) -> tuple[int, Any, Mapping[str, str]]:
        """Send one request; return status, JSON (or text) and headers."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, **arguments) as answer,
        ):
            text = await answer.text()
            try:
                body = json.loads(text)
            except ValueError:
                body = text
            return answer.status, body, dict(answer.headers)

    async def job(self, job_id: str) -> dict[str, Any]:
        """Return ``GET /jobs/<id>``."""
        status, body, _ = await self.request("GET", f"/jobs/{job_id}")
        assert status == 200, body
        return dict(body)

    async def state(self, job_id: str) -> str:
        """Return the state that ``GET /status/<id>`` says."""
        status, body, _ = await self.request("GET", f"/status/{job_id}")
        assert status == 200, body
        return str(body["status"])

    async def ended(self, job_id: str, limit_s: float = 180) -> dict[str, Any]:
        """Wait until a job has ended; return its view."""
        async with asyncio.timeout(limit_s):
            while (view := await self.job(job_id))["state"] not in FINAL:
                await asyncio.sleep(0.1)
        return view

    def log_events(self) -> list[dict[str, Any]]:
        """Return what the worker logged, of all its lives."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]
