"""What archiving a peer review costs: a real worker, the exchange API, nothing left out.

usage: python tests/tools/bench_peer_review.py [--works N] [--excerpts] [--pseudonyms]

The server of the exchange API runs in this process and is not counted. Each work has three reviews and a file. What
quiz attempts take on the same machine is measured by ``bench.py``.
"""

import argparse
import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fakes import peer_review as fake
from tests.fakes.exchange_server import ExchangeServer, serving
from tests.fakes.worker import WorkerProcess
from tests.tools.processes import Meter

_MIB = 1024**2
_PRODUCT_DEFAULTS = {"POLL_INTERVAL_S": "0.5", "PROGRESS_INTERVAL_S": "15", "RETRY_INTERVAL_S": "5"}


async def measure(works: int, folder: Path, **options: bool) -> Meter:
    """Archive an activity of ``works`` works and return what it cost the worker."""
    record = fake.make(works)
    record = replace(record, files=tuple(replace(one, sha256=None, size_bytes=None) for one in record.files))
    server = ExchangeServer(record, {one.id: b"%PDF " + one.id.encode() * 2000 for one in record.files})
    server.is_checked = False
    delivered = folder / "delivered"
    delivered.mkdir(parents=True)
    settings = {"DELIVERY_DIRS": str(delivered), "ON_TIMESTAMP_ERROR": "report", **_PRODUCT_DEFAULTS}
    worker = WorkerProcess(folder, settings)
    async with serving(server):
        await worker.start()
        try:
            body = {
                "api_version": 1,
                "lms": {"base_url": server.base_url, "token": "good-token"},
                "activity": "17",
                "options": options,
                "delivery": {"to": ["directory"]},
            }
            async with Meter(worker.pid) as meter:
                status, answer, _ = await worker.request("POST", "/archive/peer_review", json=body)
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
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-peer-review-") as folder:
        chosen = {"excerpts": args.excerpts, "pseudonyms": args.pseudonyms}
        meter = asyncio.run(measure(args.works, Path(folder), **chosen))
    sys.stdout.write(
        f"{args.works} works with {3 * args.works} reviews: {meter.wall_s:.0f} s, {meter.cpu_s:.0f} CPU s "
        f"({meter.cpu_s / args.works:.3f} a work), peak {meter.peak_bytes / _MIB:.0f} MiB, growth {meter.growth:.2f}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
