"""``python -m archiveworker.demo``: both demo servers until interrupted. For trying things by hand."""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from archiveworker.demo import assets
from archiveworker.demo.server import DemoOptions, DemoServer


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m archiveworker.demo", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100, help="of the LMS, 0 for any")
    parser.add_argument("--tsa-port", type=int, default=8101, help="of the TSA, 0 for any")
    parser.add_argument("--public-url", help="origin under which others reach the LMS")
    parser.add_argument("--attempts", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workdir", type=Path, help="kept afterwards; a temporary folder if not given")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(DemoOptions(**vars(given))))


async def _serve(options: DemoOptions) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    async with DemoServer(options) as demo:
        lines = [f"LMS  {demo.base_url}/  ({len(demo.course.attempts)} attempts)", f"TSA  {demo.tsa_url}"]
        lines += [f"root {demo.authority.root_pem}", *(f"warning: {text}" for text in assets.warnings())]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()
