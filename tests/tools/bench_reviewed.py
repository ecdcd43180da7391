"""What archiving a peer review or a proctored course costs: a real worker, the LMS's web API, nothing left out.

usage: python tests/tools/bench_reviewed.py [--works N | --attempts N] [--excerpts] [--pseudonyms]

The server of the API runs in this process and is not counted. Each work has three reviews and a file; each proctored
attempt is of another person. What quiz attempts take on the same machine is measured by ``bench.py``.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fakes import edx_answers, exchange_server
from tests.fakes import peer_review as fake
from tests.fakes.worker import WorkerProcess
from tests.tools.processes import Meter

_MIB = 1024**2
_PRODUCT_DEFAULTS = {"POLL_INTERVAL_S": "0.5", "PROGRESS_INTERVAL_S": "15", "RETRY_INTERVAL_S": "5"}

Order = tuple[str, dict[str, Any]]
"""Route of the worker, and what is posted there."""


@asynccontextmanager
async def peer_review(works: int, **options: bool) -> AsyncIterator[Order]:
    """Serve an activity of ``works`` works; yield the order to archive it."""
    record = fake.make(works)
    record = replace(record, files=tuple(replace(one, sha256=None, size_bytes=None) for one in record.files))
    files = {one.id: b"%PDF " + one.id.encode() * 2000 for one in record.files}
    server = exchange_server.ExchangeServer(record, files)
    server.is_checked = False
    async with exchange_server.serving(server):
        lms = {"base_url": server.base_url, "token": "good-token"}
        yield "/archive/peer_review", {"lms": lms, "activity": "17", "options": options}


@asynccontextmanager
async def proctored_course(attempts: int) -> AsyncIterator[Order]:
    """Serve a course of ``attempts`` proctored attempts; yield the order to archive it."""
    async with edx_answers.serving(edx_answers.EdxAnswers(attempts)) as base_url:
        lms = {"base_url": base_url, "token": edx_answers.TOKEN}
        yield "/archive/edx_proctoring", {"lms": lms, "course_id": edx_answers.COURSE}


async def measure(ordered: AbstractAsyncContextManager[Order], folder: Path) -> Meter:
    """Have a worker archive what is ``ordered`` and return what it cost the worker."""
    delivered = folder / "delivered"
    delivered.mkdir(parents=True)
    settings = {"DELIVERY_DIRS": str(delivered), "ON_TIMESTAMP_ERROR": "report", **_PRODUCT_DEFAULTS}
    worker = WorkerProcess(folder, settings)
    async with ordered as (route, order):
        await worker.start()
        try:
            body = {"api_version": 1, **order, "delivery": {"to": ["directory"]}}
            async with Meter(worker.pid) as meter:
                status, answer, _ = await worker.request("POST", route, json=body)
                assert status == 200, answer
                view = await _ended(worker, answer["jobid"])
            assert view == "FINISHED", await worker.job(answer["jobid"])
        finally:
            await worker.stop()
    return meter


async def _ended(worker: WorkerProcess, job_id: str) -> str:
    """Wait for the end by the cheap status; the whole view of thousands of items would be counted as the worker's."""
    while True:
        _, answer, _ = await worker.request("GET", f"/status/{job_id}")
        if answer["status"] in ("FINISHED", "FAILED", "TIMEOUT", "CANCELLED"):
            return str(answer["status"])
        await asyncio.sleep(1)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", type=int, default=200)
    parser.add_argument("--excerpts", action="store_true")
    parser.add_argument("--pseudonyms", action="store_true")
    parser.add_argument("--attempts", type=int, help="archive so many proctored attempts, and no peer review")
    args = parser.parse_args()
    if args.attempts:
        count, what, ordered = args.attempts, "proctored attempts", proctored_course(args.attempts)
    else:
        count, what = args.works, f"works with {3 * args.works} reviews"
        ordered = peer_review(args.works, excerpts=args.excerpts, pseudonyms=args.pseudonyms)
    with tempfile.TemporaryDirectory(prefix="bench-reviewed-") as folder:
        meter = asyncio.run(measure(ordered, Path(folder)))
    sys.stdout.write(
        f"{count} {what}: {meter.wall_s:.0f} s, {meter.cpu_s:.0f} CPU s ({meter.cpu_s / count:.3f} each), "
        f"peak {meter.peak_bytes / _MIB:.0f} MiB, growth {meter.growth:.2f}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
