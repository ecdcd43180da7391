"""A whole job inside of a box: demo LMS, time-stamp authority, a real ``archiveworker serve``, one job, its archive.

``python -m tests.fakes.boxed_job FOLDER`` prints what came of it, and how far each process was locked in, as one JSON.
"""

import asyncio
import dataclasses
import json
import os
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from archiveworker.demo.server import DemoOptions, DemoServer
from tests.fakes.locked import Lock, renderers
from tests.fakes.worker import FINAL, WorkerProcess

_LOOKS_MIN = 10  # a process that lived for less than a second may have ended before it had a page


async def main(folder: Path) -> dict[str, Any]:
    """Archive an exam in ``folder``; return what was seen."""
    async with DemoServer(DemoOptions(seed=7, attempts=3, workdir=folder / "lms")) as lms:
        settings = {"TSA_URLS": lms.tsa_url, "TSA_CA": str(lms.authority.root_pem), "LOG_LEVEL": "INFO"}
        worker = WorkerProcess(folder / "worker", settings)
        await worker.start()
        try:
            locks, view = await _archived(lms, worker)
            facts = {**_own_facts(), "worker": _locked(Lock.of(worker.pid)), **_memory_facts(worker.pid)}
        finally:
            await worker.stop()
        ready = lms.deliveries[0].path
        shutil.copy(ready, folder / "archive.tar.gz")
        shutil.copy(lms.authority.root_pem, folder / "root.pem")
    return {"view": view, "renderers": [_locked(lock) for lock in locks], **facts}


async def _archived(lms: DemoServer, worker: WorkerProcess) -> tuple[list[Lock], dict[str, Any]]:
    """Run one job; return what parsed its pages, as it was when it was last seen, and the job's last view."""
    ids = [attempt.attemptid for attempt in lms.course.attempts]
    status, answer = await lms.submit(worker.url, lms.request(7, itemids=ids))
    assert status == 200, answer
    locks: dict[int, Lock] = {}
    looks: Counter[int] = Counter()
    async with asyncio.timeout(1000):
        while (view := await worker.job(answer["jobid"]))["state"] not in FINAL:
            seen = renderers(worker.pid)
            looks.update(seen.keys())
            locks |= seen
            await asyncio.sleep(0.1)
    return [lock for pid, lock in locks.items() if looks[pid] >= _LOOKS_MIN], view


def _locked(lock: Lock) -> dict[str, Any]:
    return dataclasses.asdict(lock) | {"command": lock.command[:80]}


def _own_facts() -> dict[str, Any]:
    return {
        "user_id": os.geteuid(),
        "written": [place for place in ("/", "/usr", "/etc", ".") if _can_write(Path(place))],
        "interfaces": _interfaces(),
        "processes": sum(entry.name.isdecimal() for entry in Path("/proc").iterdir()),
    }


def _interfaces() -> list[str]:
    """Return the names of the network's interfaces; below /sys are those of whoever mounted that."""
    lines = Path("/proc/self/net/dev").read_text().splitlines()[2:]
    return sorted(line.partition(":")[0].strip() for line in lines)


def _memory_facts(worker_pid: int) -> dict[str, Any]:
    """Say whether another process of the worker's user can look into it, and whether it would leave a core."""
    limits = Path(f"/proc/{worker_pid}/limits").read_text().splitlines()
    try:
        Path(f"/proc/{worker_pid}/environ").read_bytes()
    except PermissionError:
        shown = False
    else:
        shown = True
    return {"memory_is_shown": shown, "core_limit": next(line.split()[5] for line in limits if "core file" in line)}


def _can_write(place: Path) -> bool:
    probe = place / ".boxed"
    try:
        probe.touch()
    except OSError:
        return False
    probe.unlink()
    return True


if __name__ == "__main__":
    json.dump(asyncio.run(main(Path(sys.argv[1]))), sys.stdout)
