"""Asks a worker how it is, again and again, from a process of its own, and says how long the answers took.

usage: python tests/tools/ask_status.py URL [--interval-s S]

It goes on until its standard input is closed; then it prints, as JSON, the milliseconds of all answers to ``/status``,
which reads the database, and to ``/version``, which reads nothing and so says what the machine itself adds.
"""

import argparse
import asyncio
import json
import sys
import time

import aiohttp

PATHS = ("/status", "/version")


async def ask(url: str, interval_s: float) -> dict[str, list[float]]:
    """Ask until nobody wants to know any more; return milliseconds by path.

    Raises:
        aiohttp.ClientError: the worker did not answer, or not with 200.
    """
    took_ms: dict[str, list[float]] = {path: [] for path in PATHS}
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        while not ended.done():
            for path in PATHS:
                began_s = time.perf_counter()
                async with session.get(url + path) as answer:
                    await answer.read()
                took_ms[path].append(1000 * (time.perf_counter() - began_s))
            await asyncio.wait([ended], timeout=interval_s)
    return took_ms


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--interval-s", type=float, default=0.1)
    options = parser.parse_args()
    sys.stdout.write(json.dumps(asyncio.run(ask(options.url, options.interval_s))))


if __name__ == "__main__":
    main()
