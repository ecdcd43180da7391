"""Speed and memory of whole jobs: a real worker, the demo LMS, nothing left out; and the plain flow beside it.

usage: python tests/tools/bench.py [--attempts N] [--rounds N] [--browsers N] [--kind K] [--no-plain] [--full]
                                   [--growth] [--verify-mib N]

Worker and plain flow (``plain_flow.py``) take turns over the same attempts; the demo LMS runs in this process and is
counted for neither. ``--growth`` measures nothing but how the worker's jobs grow (10, 100, 500 attempts); ``--full``
adds that, one browser and two, and other kinds of pages. At the end ``bench_verify`` checks one large archive. The
table goes to the screen, every figure to ``bench/results.json``. Figures depend on the machine and on what else it
does: compare ratios of one run.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import aiohttp

from archiveworker.demo import ballast
from archiveworker.demo.report import PageOptions
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import LmsOptions
from tests.fakes.worker import FINAL, WorkerProcess
from tests.tools import bench_verify
from tests.tools.processes import Meter

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results.json"
KINDS = ("real", "light", "images")
GROWTH = (10, 100, 500)
_PRODUCT_DEFAULTS = {
    "POLL_INTERVAL_S": "0.5",
    "PROGRESS_INTERVAL_S": "15",
    "RETRY_INTERVAL_S": "5",
    "BACKUP_POLL_S": "15",
}
_PHOTOGRAPHS = {"real": 1, "light": 0, "images": 6}
_SETTLING_S = 2.0  # a worker that has only just been started finds its queues after a second
_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Round:
    """One job, or one batch of the plain flow.

    Attributes:
        flow: ``worker`` or ``plain``.
        kind: of pages: ``real`` is as heavy as Moodle's: 0.6 MB with a photograph, 0.9 MB of styles, 2.5 MB of scripts;
            ``images`` has six photographs, ``light`` has nothing of all that.
        browsers: in use; 0 is the default.
        attempts: archived.
        wall_s: from the order to the finished archive.
        cpu_s: of the process and everything it started.
        peak_bytes: largest sum of proportional set sizes seen.
        growth: memory in the last quarter over that in the second.
        pdf_bytes: of all PDFs.
        archive_bytes: size of the archive; the worker's also holds attachments and HTML that lasts.
    """

    flow: str
    kind: str
    browsers: int
    attempts: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    growth: float
    pdf_bytes: int
    archive_bytes: int

    @property
    def rate(self) -> float:
        """Attempts a second."""
        return self.attempts / self.wall_s

    @property
    def cost_s(self) -> float:
        """CPU seconds an attempt."""
        return self.cpu_s / self.attempts


@dataclass(frozen=True, slots=True)
class Bench:
    """What is to be measured with one worker.

    Attributes:
        attempts: a job.
        rounds: jobs, and batches of the plain flow; each batch takes its share of the attempts.
        browsers: of the worker; 0 is the default.
        kind: of pages.
        plain: also run the plain flow.
    """

    attempts: int = 60
    rounds: int = 2
    browsers: int = 0
    kind: str = "real"
    plain: bool = True


class PlainFlow:
    """A running ``plain_flow.py``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def read(self) -> dict[str, Any]:
        """Return its next line."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise SystemExit("the plain flow ended too early; see above")
        return dict(json.loads(line))

    async def archive(self, urls: Sequence[str]) -> dict[str, Any]:
        """Work off one batch."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(list(urls)).encode() + b"\n")
        return await self.read()


@asynccontextmanager
async def plain_flow() -> AsyncIterator[PlainFlow]:
    """Start the plain flow and end it afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("plain_flow.py")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    flow = PlainFlow(process)
    try:
        await flow.read()
        yield flow
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def chosen(lms: DemoServer, bench: Bench) -> list[int]:
    """Return the ids of the attempts that are of the kind wanted."""
    heavy = [a.attemptid for a in lms.course.attempts if any(r.pictures for r in a.responses)]
    if bench.kind == "light":
        return [a.attemptid for a in lms.course.attempts if a.attemptid not in heavy][: bench.attempts]
    return heavy[: bench.attempts]


async def visit(lms: DemoServer, ids: Sequence[int]) -> None:
    """Look at every attempt once: the LMS makes its pictures and styles once, and the first flow would pay for both."""
    ballast.styles()
    ballast.script()
    async with aiohttp.ClientSession() as browser:
        for attempt in ids:
            async with browser.get(f"{lms.base_url}/demo/report/{attempt}?login_trap=0") as page:
                await page.read()


async def worker_round(lms: DemoServer, worker: WorkerProcess, ids: Sequence[int], bench: Bench) -> Round:
    """Run one job."""
    async with Meter(worker.pid) as meter:
        status, answer = await lms.submit(worker.url, lms.request(7, itemids=list(ids), backups=False))
        if status != 200:
            raise SystemExit(f"the worker refused the job: {answer}")
        # The LMS's own question; the whole story of a job (``GET /jobs/<id>``) would be work that nobody asks for.
        while (await worker.state(answer["jobid"])) not in FINAL:
            await asyncio.sleep(0.25)
    view = await worker.job(answer["jobid"])
    if view["state"] != "FINISHED":
        raise SystemExit(f"the job ended {view['state']}: {view['reason']}")
    (delivery,) = [d for d in lms.deliveries if d.jobid == answer["jobid"]]
    with tarfile.open(delivery.path) as tar:
        pdf_bytes = sum(member.size for member in tar if member.name.endswith(".pdf"))
    return _round("worker", bench, len(ids), meter, (pdf_bytes, delivery.size_bytes))


async def plain_round(lms: DemoServer, flow: PlainFlow, ids: Sequence[int], bench: Bench) -> Round:
    """Run one batch of the plain flow."""
    urls = [f"{lms.base_url}/demo/report/{attempt}?login_trap=0" for attempt in ids]
    async with Meter(flow.pid) as meter:
        answer = await flow.archive(urls)
    return _round("plain", bench, len(ids), meter, (answer["pdf_bytes"], answer["archive_bytes"]))


def _round(flow: str, bench: Bench, attempts: int, meter: Meter, sizes: tuple[int, int]) -> Round:
    browsers = 1 if flow == "plain" else bench.browsers
    figures = (meter.wall_s, meter.cpu_s, meter.peak_bytes, meter.growth, *sizes)
    return Round(flow, bench.kind, browsers, attempts, *figures)


async def measure(bench: Bench) -> list[Round]:
    """Start a demo LMS, a worker and the plain flow, and let them take turns over the same attempts."""
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        in_course = 2 * bench.attempts + 2  # every other one has pictures
        site = LmsOptions(page=PageOptions(ballast=bench.kind != "light", photographs=_PHOTOGRAPHS[bench.kind]))
        async with DemoServer(DemoOptions(attempts=in_course, workdir=folder / "lms", lms=site)) as lms:
            ids = chosen(lms, bench)
            await visit(lms, ids)
            settings = {**_PRODUCT_DEFAULTS, "TSA_URLS": lms.tsa_url, "TSA_CA": str(lms.authority.root_pem)}
            worker = WorkerProcess(folder / "worker", settings | {"BROWSER_COUNT": str(bench.browsers)})
            await worker.start()
            await asyncio.sleep(_SETTLING_S)
            try:
                async for one in _in_turns(lms, worker, ids, bench):
                    rounds.append(one)
                    report(one)
            finally:
                await worker.stop()
    return rounds


async def _in_turns(lms: DemoServer, worker: WorkerProcess, ids: Sequence[int], bench: Bench) -> AsyncIterator[Round]:
    for turn in range(bench.rounds):
        yield await worker_round(lms, worker, ids, bench)
        if bench.plain:
            async with plain_flow() as flow:
                yield await plain_round(lms, flow, ids[turn :: bench.rounds], bench)


def report(one: Round) -> None:
    """Print one line of the table."""
    begin = f"{one.flow:<7} {one.kind:<7} {one.browsers or 'default':>8} {one.attempts:>8} {one.wall_s:>8.1f} "
    middle = f"{one.rate:>10.3f} {one.cost_s:>13.2f} {one.peak_bytes / _MIB:>9.0f} {one.growth:>7.2f} "
    sys.stdout.write(f"{begin}{middle}{one.pdf_bytes / one.attempts / 1024:>15.0f}\n")
    sys.stdout.flush()


def mean(rounds: Sequence[Round]) -> dict[str, float]:
    """Return the figures of some rounds taken together."""
    attempts = sum(one.attempts for one in rounds)
    return {
        "attempts": attempts,
        "attempts_per_s": attempts / sum(one.wall_s for one in rounds),
        "cpu_s_per_attempt": sum(one.cpu_s for one in rounds) / attempts,
        "peak_bytes": max(one.peak_bytes for one in rounds),
        "pdf_bytes_per_attempt": sum(one.pdf_bytes for one in rounds) / attempts,
        "archive_bytes_per_attempt": sum(one.archive_bytes for one in rounds) / attempts,
    }


def compared(rounds: Sequence[Round]) -> dict[str, Any]:
    """Return worker and plain flow, and how many times better the worker is."""
    worker = mean([one for one in rounds if one.flow == "worker"])
    slow = [one for one in rounds if one.flow == "plain"]
    if not slow:
        return {"worker": worker}
    plain = mean(slow)
    ratios = {
        "attempts_per_s": worker["attempts_per_s"] / plain["attempts_per_s"],
        "cpu_s_per_attempt": plain["cpu_s_per_attempt"] / worker["cpu_s_per_attempt"],
        "pdf_bytes_per_attempt": plain["pdf_bytes_per_attempt"] / worker["pdf_bytes_per_attempt"],
    }
    return {"worker": worker, "plain": plain, "times_better": ratios}


def growth(rounds: Sequence[Round]) -> dict[str, float] | None:
    """Return how a job grows with its attempts, beyond what each job costs whatever its size.

    Returns:
        Seconds that each further attempt takes between the small and the middle job, between the middle and the large
        one, and the latter over the former: 1 is linear. None when the three jobs were not measured.
    """
    found = {one.attempts: one.wall_s for one in rounds if one.flow == "worker" and one.attempts in GROWTH}
    if len(found) < len(GROWTH):
        return None
    small, middle, large = GROWTH
    first_s = (found[middle] - found[small]) / (middle - small)
    then_s = (found[large] - found[middle]) / (large - middle)
    return {"first_s": first_s, "then_s": then_s, "ratio": then_s / first_s}


def growth_sentence(found: dict[str, float]) -> str:
    """Return the figures of ``growth`` for the screen."""
    _, middle, large = GROWTH
    first = f"Each further attempt takes {found['first_s']:.3f} s up to {middle} attempts"
    return f"{first} and {found['then_s']:.3f} s up to {large}, {found['ratio']:.2f} times as long"


def heading() -> None:
    """Print the head of the table."""
    sys.stdout.write(
        f"{'flow':<7} {'pages':<7} {'browsers':>8} {'attempts':>8} {'wall s':>8} {'attempts/s':>10} "
        f"{'CPU s/attempt':>13} {'peak MiB':>9} {'growth':>7} {'PDF KiB/attempt':>15}\n"
    )


async def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure everything that was asked for."""
    heading()
    if args.growth:
        return described([one for attempts in GROWTH for one in await grown(attempts)], [])
    first = Bench(args.attempts, args.rounds, args.browsers, args.kind, plain=not args.no_plain)
    rounds = await measure(first)
    more: list[Round] = []
    if args.full:
        for attempts in GROWTH:
            more += await grown(attempts)
        more += await measure(Bench(args.attempts, rounds=1, browsers=1, plain=False))
        for kind in KINDS[1:]:
            more += await measure(Bench(args.attempts // 3, rounds=1, kind=kind))
    return described(rounds, more)


async def grown(attempts: int) -> list[Round]:
    """Run one job of so many attempts with the worker alone."""
    return await measure(Bench(attempts, rounds=1, plain=False))


def described(rounds: Sequence[Round], more: Sequence[Round]) -> dict[str, Any]:
    """Return everything that goes to the file; only ``rounds`` count for the summary."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "kind": platform.machine(), "system": platform.release()},
        "summary": compared(rounds),
        "rounds": [asdict(one) for one in [*rounds, *more]],
        "growth": growth([*rounds, *more]),
    }


def main() -> int:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--attempts", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--browsers", type=int, default=0, help="of the worker; 0 is the default")
    parser.add_argument("--kind", choices=KINDS, default="real")
    parser.add_argument("--no-plain", action="store_true", help="measure the worker alone")
    parser.add_argument("--growth", action="store_true", help="measure 10, 100 and 500 attempts and nothing else")
    parser.add_argument("--full", action="store_true", help="also growth, browsers and kinds of pages; takes long")
    parser.add_argument("--verify-mib", type=int, default=1024, help="size of the archive to verify; 0 leaves it out")
    args = parser.parse_args()
    results = asyncio.run(run(args))
    args.verify_mib *= not args.growth
    if args.verify_mib:
        results["verify"] = bench_verify.measure(args.verify_mib, rounds=3)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    summary = results["summary"]
    worker = summary["worker"]
    line = f"Worker: {worker['attempts_per_s']:.2f} attempts/s, {worker['cpu_s_per_attempt']:.2f} CPU s an attempt"
    if "plain" in summary:
        better = summary["times_better"]
        line += f"; {better['attempts_per_s']:.1f} times the plain flow's speed at 1/{better['cpu_s_per_attempt']:.1f}"
        line += " of its CPU time"
    sys.stdout.write(f"{line}.\n")
    if results["growth"] is not None:
        sys.stdout.write(f"{growth_sentence(results['growth'])}.\n")
    too_slow = args.verify_mib and results["verify"]["wall_ratio"] > bench_verify.ALLOWED
    if args.verify_mib:
        sys.stdout.write(f"{bench_verify.sentence(results['verify'])}.\n")
    sys.stdout.write(f"Figures: {RESULTS.relative_to(ROOT)}.\n")
    return int(too_slow)


if __name__ == "__main__":
    sys.exit(main())
