"""Measures what an item costs the database, and an executor that has nothing to do: into growth_inputs.toml.

usage: python tests/tools/measure_growth.py [--items N] [--idle S]

One executor with the real engine works on items that do nothing, on a PostgreSQL that writes its log to the disk. What
a page costs is taken from bench/results.json (``make bench``) when that is there. What is assumed is kept as it stands.
Where the machine does other things too, processor times are right all the same; the wait for the disk is the tenth
percentile.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import psycopg
from cryptography.fernet import Fernet
from dbos._dbos import _get_dbos_instance

from archiveworker.domain.secret import Secret
from archiveworker.jobs.workflows import ITEM_QUEUE, WORKFLOW_VERSION
from archiveworker.runtime.logging import configure
from tests.fakes.postgres import PostgresServer, running_postgres
from tests.tools import bench_engine
from tests.tools.bench_engine import _engine, _one_job
from tests.tools.simulate_growth import INPUTS

BENCH = Path(__file__).parents[2] / "bench" / "results.json"
LOOKS = 200
COMMITS = 200


class Meter:
    """What a PostgreSQL has used up.

    Args:
        server: runs.
        url: of the database that is looked at.
    """

    def __init__(self, server: PostgresServer, url: str) -> None:
        self._server, self._url = server, url

    def cpu_s(self) -> float:
        """Return the processor time of all its processes, those that have ended included."""
        ticks = sum(_ticks(pid, with_children=pid == self._server.pid) for pid in _family(self._server.pid))
        return ticks / os.sysconf("SC_CLK_TCK")

    def commits(self) -> int:
        """Return how often its log was brought to the disk."""
        with psycopg.connect(self._url) as connection:
            row = connection.execute("SELECT wal_sync FROM pg_stat_wal").fetchone()
        assert row is not None
        return int(row[0])


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def _ticks(pid: int, *, with_children: bool) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return sum(int(field) for field in fields[11 : 15 if with_children else 13])


def _tenth(values: list[float]) -> float:
    return statistics.quantiles(values, n=10)[0]


def _commit_s(url: str) -> float:
    """Return how long a transaction of one row takes until it is on the disk."""
    found = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE measured (n int)")
        for _ in range(COMMITS):
            began_s = time.perf_counter()
            connection.execute("INSERT INTO measured VALUES (1)")
            found.append(time.perf_counter() - began_s)
    return _tenth(found)


def _timed_claims(found: list[float]) -> None:
    """Note the processor time of each claim that gets something: how long it takes when nothing disturbs."""
    database = _get_dbos_instance()._sys_db
    claim: Callable[..., Any] = database.start_queued_workflows

    def timed(*args: Any, **kwargs: Any) -> Any:
        began_s = time.thread_time()
        result = claim(*args, **kwargs)
        if result[0]:
            found.append(time.thread_time() - began_s)
        return result

    database.start_queued_workflows = timed  # type: ignore[method-assign]


async def _engine_costs(server: PostgresServer, items: int, idle_s: float) -> dict[str, float]:
    # The bench looks into the queues ten times a second; a worker that is set up as usual, once.
    bench_engine.POLICY = replace(bench_engine.POLICY, poll_interval_s=1.0)
    url = server.create_database("growth")
    meter, claims = Meter(server, url), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        async with _engine(Secret(url), "measured", Path(folder), Fernet.generate_key().decode()) as engine:
            _timed_claims(claims)
            before_s, before = meter.cpu_s(), meter.commits()
            began_s = time.monotonic()
            await _one_job(engine, items)
            worked_s = time.monotonic() - began_s
            cpu_s, commits = meter.cpu_s() - before_s, meter.commits() - before
            before_s, began_s = meter.cpu_s(), time.monotonic()
            await asyncio.sleep(idle_s)
            idle_cpu_s = (meter.cpu_s() - before_s) / (time.monotonic() - began_s)
            database = _get_dbos_instance()._sys_db
            queue = database.get_queue(ITEM_QUEUE)
            before_s, began_s = meter.cpu_s(), time.monotonic()
            for _ in range(LOOKS):
                await asyncio.to_thread(database.start_queued_workflows, queue, "measured", WORKFLOW_VERSION, "no one")
            look_cpu_s = (meter.cpu_s() - before_s - idle_cpu_s * (time.monotonic() - began_s)) / LOOKS
    return {
        "database_cpu_s": max(0.0, cpu_s - idle_cpu_s * worked_s) / items,
        "commits": round(commits / items),
        "idle_database_cpu_s_per_s": idle_cpu_s,
        "look_database_cpu_s": look_cpu_s,
        "claim_s": statistics.median(claims) + look_cpu_s,
    }


def _render_costs(known: dict[str, Any]) -> dict[str, Any]:
    if not BENCH.is_file():
        return known
    results = json.loads(BENCH.read_text())
    worker = results["summary"]["worker"]
    return {
        "measured": results["date"],
        "cpu_s": round(worker["cpu_s_per_attempt"], 3),
        "spool_bytes": round(worker["archive_bytes_per_attempt"]),
    }


def _written(text: str, measured: dict[str, dict[str, Any]]) -> str:
    """Put new values into the text, which keeps its comments."""
    for section, values in measured.items():
        for name, value in values.items():
            shown = json.dumps(value if not isinstance(value, float) else float(f"{value:.3g}"))
            pattern = re.compile(rf"(^\[{section}\][^\n]*\n(?:(?!\[).*\n)*?{name} = )[^#\n]*?( *#.*)?$", re.M)
            text, count = pattern.subn(lambda found, shown=shown: f"{found[1]}{shown}{found[2] or ''}", text)  # type: ignore[misc]
            assert count == 1, f"{section}.{name} is not in the file"
    return text


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--idle", type=float, default=20, metavar="S")
    options = parser.parse_args()
    text = INPUTS.read_text(encoding="utf-8")
    configure("WARNING", as_json=False)
    with running_postgres(durable=True) as server:
        commit_s = _commit_s(server.create_database("commits"))
        engine = asyncio.run(_engine_costs(server, options.items, options.idle))
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.0f}"
    measured = {
        "render": _render_costs(tomllib.loads(text)["render"]),
        "engine": {"measured": now, **engine},
        "database": {"measured": now, "commit_s": commit_s},
    }
    INPUTS.write_text(_written(text, measured), encoding="utf-8")
    sys.stdout.write(INPUTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
