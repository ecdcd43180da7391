"""Speed and memory of whole jobs: a real worker, the demo LMS, nothing left out.

usage: python tests/tools/bench.py [--attempts N] [--rounds N] [--json]

Prints attempts a second, CPU seconds an attempt and the peak memory of the worker with all its browsers. Figures
depend on the machine; compare two of the same run, never two of different machines.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from archiveworker.demo.server import DemoOptions, DemoServer
from tests.fakes.worker import WorkerProcess

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Round:
    """One job.

    Attributes:
        attempts: archived.
        wall_s: from the post to FINISHED.
        cpu_s: of the worker and everything it started.
        peak_bytes: largest sum of proportional set sizes seen.
    """

    attempts: int
    wall_s: float
    cpu_s: float
    peak_bytes: int


def family(root: int) -> list[int]:
    """Return ``root`` and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def cpu_s(pids: list[int]) -> float:
    """Return the CPU seconds of living processes and of their ended children."""
    total = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(field) for field in fields[11:15]) * _TICK_S
    return total


def memory_bytes(pids: list[int]) -> int:
    """Return the sum of proportional set sizes: shared pages count once."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        total += next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total


async def one_round(lms: DemoServer, worker: WorkerProcess, pid: int) -> Round:
    """Run one job over the whole course."""
    ids = [attempt.attemptid for attempt in lms.course.attempts]
    began_s, before_s, peak = time.monotonic(), cpu_s(family(pid)), 0
    status, answer = await lms.submit(worker.url, lms.request(7, itemids=ids))
    if status != 200:
        raise SystemExit(f"the worker refused the job: {answer}")
    while (view := await worker.job(answer["jobid"]))["state"] not in ("FINISHED", "FAILED", "TIMEOUT"):
        peak = max(peak, memory_bytes(family(pid)))
        await asyncio.sleep(0.25)
    if view["state"] != "FINISHED":
        raise SystemExit(f"the job ended {view['state']}: {view['reason']}")
    return Round(len(ids), time.monotonic() - began_s, cpu_s(family(pid)) - before_s, peak)


async def measure(attempts: int, rounds: int) -> list[Round]:
    """Start a demo LMS and a worker, and run ``rounds`` jobs of ``attempts`` attempts."""
    with tempfile.TemporaryDirectory() as folder:
        async with DemoServer(DemoOptions(attempts=attempts, workdir=Path(folder) / "lms")) as lms:
            settings = {"TSA_URLS": lms.tsa_url, "TSA_CA": str(lms.authority.root_pem)}
            worker = WorkerProcess(Path(folder) / "worker", settings)
            await worker.start()
            try:
                return [await one_round(lms, worker, worker.pid) for _ in range(rounds)]
            finally:
                await worker.stop()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--attempts", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rounds = asyncio.run(measure(args.attempts, args.rounds))
    if args.json:
        sys.stdout.write(json.dumps([asdict(one) for one in rounds]) + "\n")
        return 0
    for number, one in enumerate(rounds, 1):
        sys.stdout.write(
            f"round {number}: {one.attempts} attempts in {one.wall_s:.1f} s = {one.attempts / one.wall_s:.2f}/s, "
            f"{one.cpu_s / one.attempts:.2f} CPU s an attempt, peak {one.peak_bytes / 1024**2:.0f} MiB\n"
        )
    rate = statistics.median(one.attempts / one.wall_s for one in rounds)
    cost = statistics.median(one.cpu_s / one.attempts for one in rounds)
    peak = max(one.peak_bytes for one in rounds) / 1024**2
    sys.stdout.write(f"Median: {rate:.2f} attempts/s, {cost:.2f} CPU s an attempt; peak {peak:.0f} MiB.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
