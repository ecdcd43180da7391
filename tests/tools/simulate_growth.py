"""Where the next bottleneck is with 1 to 1,000 executors: a discrete-event simulation from measured service times.

usage: python tests/tools/simulate_growth.py [--executors N,N...] [--write]

Inputs are in growth_inputs.toml beside this file (``measure_growth.py`` writes what is measured); ``--write`` puts the
tables into docs/reference/growth.md. What is modelled, and what is not, stands there. Times of service are exponential,
the backlog is endless, so what comes out is the most that such a cluster does, not how long a single job takes.
"""

import argparse
import heapq
import itertools
import random
import re
import sys
import tomllib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INPUTS = Path(__file__).with_name("growth_inputs.toml")
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "growth.md"
PLACES = "places at the LMS"
LOG = "its log"

Then = Callable[[], None]


class Simulation:
    """The clock, and what happens next."""

    def __init__(self, seed: int) -> None:
        self.now_s = 0.0
        self.rng = random.Random(seed)
        self._number = itertools.count()
        self._events: list[tuple[float, int, Then]] = []

    def after(self, delay_s: float, what: Then) -> None:
        """Have ``what`` happen in ``delay_s``."""
        heapq.heappush(self._events, (self.now_s + delay_s, next(self._number), what))

    def run_until(self, end_s: float) -> None:
        """Let everything happen that happens before ``end_s``."""
        while self._events and self._events[0][0] <= end_s:
            self.now_s, _, what = heapq.heappop(self._events)
            what()
        self.now_s = end_s


class Station:
    """Servers with one queue, first come first served.

    Args:
        simulation: its clock.
        servers: how many are served at once.
        is_batch: a single server that takes all who wait at once, as a database does that writes its log.
    """

    def __init__(self, simulation: Simulation, servers: int, *, is_batch: bool = False) -> None:
        self._simulation = simulation
        self._servers = servers
        self._is_batch = is_batch
        self._queue: deque[tuple[float, Then]] = deque()
        self._busy = self._present = 0
        self._changed_s = self.busy_s = self.present_s = 0.0
        self.begin()

    def begin(self) -> None:
        """Count from now on."""
        self._account()
        self.arrived = self.served = 0
        self.busy_s = self.present_s = 0.0
        self._began_s = self._simulation.now_s
        self.present_at_begin = self.present

    @property
    def present(self) -> int:
        """How many wait or are served."""
        return self._present

    def serve(self, service_s: float, then: Then) -> None:
        """Queue up; ``then`` happens when the service is done."""
        self._account()
        self.arrived += 1
        self._present += 1
        self._queue.append((service_s, then))
        self._take()

    def utilisation(self) -> float:
        """Return the share of the servers' time that was used since ``begin``."""
        self._account()
        return self.busy_s / (self._servers * (self._simulation.now_s - self._began_s))

    def _take(self) -> None:
        while self._queue and self._busy < self._servers:
            self._busy += 1
            taken = [self._queue.popleft() for _ in range(len(self._queue) if self._is_batch else 1)]
            service_s = max(service_s for service_s, _ in taken)
            self._simulation.after(service_s, lambda taken=taken: self._done(taken))  # type: ignore[misc]

    def _done(self, taken: list[tuple[float, Then]]) -> None:
        self._account()
        self._busy -= 1
        self._present -= len(taken)
        self.served += len(taken)
        self._take()
        for _, then in taken:
            then()

    def _account(self) -> None:
        passed_s = self._simulation.now_s - self._changed_s
        if passed_s:
            self.busy_s += self._busy * passed_s
            self.present_s += self._present * passed_s
            self._changed_s = self._simulation.now_s


@dataclass(frozen=True, slots=True)
class Scenario:
    """What an administrator has set up.

    Attributes:
        name: for people.
        lms_count: LMSs with work.
        lms_places: ``ARCHIVEWORKER_LMS_ITEMS_COUNT``; 0: eight for each executor.
        places: ``ARCHIVEWORKER_ITEMS_IN_FLIGHT_COUNT``.
        poll_s: ``ARCHIVEWORKER_POLL_INTERVAL_S``.
        spool_grows: the spool has the assumed bandwidth for each executor, as a store of many machines has; otherwise
            once for all.
        database_factor: how many times the assumed cores the database has.
    """

    name: str
    lms_count: int
    lms_places: int = 8
    places: int = 8
    poll_s: float = 1.0
    spool_grows: bool = False
    database_factor: int = 1


class Cluster:
    """Executors that archive attempts without end.

    Args:
        inputs: see growth_inputs.toml.
        scenario: see there.
        executors: how many.
        seed: of chance.
    """

    def __init__(self, inputs: dict[str, Any], scenario: Scenario, executors: int, seed: int = 1) -> None:
        self._in, self._scenario, self.executors = inputs, scenario, executors
        self.simulation = simulation = Simulation(seed)
        assumed = inputs["assumed"]
        self.processors = [Station(simulation, assumed["executor_cores"]) for _ in range(executors)]
        self.lmss = [Station(simulation, assumed["lms_processes"]) for _ in range(scenario.lms_count)]
        self.database = Station(simulation, assumed["database_cores"] * scenario.database_factor)
        self.log = Station(simulation, 1, is_batch=True)
        self.spool = Station(simulation, 1)
        self._bytes_per_s = assumed["spool_bytes_per_s"] * (executors if scenario.spool_grows else 1)
        self.lms_places = scenario.lms_places or 8 * executors
        self._free = [scenario.places] * executors
        self._free_at_lms = [self.lms_places] * scenario.lms_count
        self._locked_until_s = [0.0] * scenario.lms_count
        self.begun = self.done = self.conflicts = self.claims = 0
        self._lms_busy_s = self._lms_changed_s = 0.0
        for executor in range(executors):
            simulation.after(simulation.rng.uniform(0, scenario.poll_s), lambda e=executor: self._poll(e))  # type: ignore[misc]

    def run(self, horizon_s: float, warm_up_s: float) -> None:
        """Let it work; what is counted begins after the warm-up."""
        self.simulation.run_until(warm_up_s)
        for station in (*self.processors, *self.lmss, self.database, self.log, self.spool):
            station.begin()
        self.begun = self.done = self.conflicts = self.claims = 0
        self._lms_busy_s, self._lms_changed_s = 0.0, self.simulation.now_s
        self.simulation.run_until(warm_up_s + horizon_s)
        self._account_places()
        self.rate = self.done / horizon_s
        self.places_used = self._lms_busy_s / (horizon_s * self.lms_places * len(self.lmss))

    @property
    def in_flight(self) -> int:
        """Attempts that were begun and are not done."""
        return sum(self._scenario.places - free for free in self._free)

    def _poll(self, executor: int) -> None:
        """Look at the LMSs in random order, as the engine does, until there is no place left."""
        engine, looked, won = self._in["engine"], 0, []
        order = list(range(len(self.lmss)))
        self.simulation.rng.shuffle(order)
        room = self._free[executor]
        for lms in order:
            if room == 0:
                break
            looked += 1
            count = min(room, self._free_at_lms[lms])
            if count == 0:
                continue
            self.claims += 1
            if self.simulation.now_s < self._locked_until_s[lms]:
                self.conflicts += 1  # another executor's claim: nothing for this one until its next look
                continue
            self._locked_until_s[lms] = self.simulation.now_s + engine["claim_s"]
            room -= count
            won.append((lms, count))
        for lms, count in won:
            self._account_places()
            self._free[executor] -= count
            self._free_at_lms[lms] -= count
            self.begun += count
        cost_s = engine["idle_database_cpu_s_per_s"] * self._scenario.poll_s + looked * engine["look_database_cpu_s"]
        self.database.serve(self._random(cost_s), lambda: self._polled(executor, won))

    def _polled(self, executor: int, won: list[tuple[int, int]]) -> None:
        for lms, count in won:
            for _ in range(count):
                self._fetch(executor, lms)
        self.simulation.after(
            self._scenario.poll_s * self.simulation.rng.uniform(0.95, 1.05), lambda: self._poll(executor)
        )

    def _fetch(self, executor: int, lms: int) -> None:
        self.lmss[lms].serve(self._random(self._in["lms"]["attempt_s"]), lambda: self._render(executor, lms))

    def _render(self, executor: int, lms: int) -> None:
        self.processors[executor].serve(self._random(self._in["render"]["cpu_s"]), lambda: self._spool(executor, lms))

    def _spool(self, executor: int, lms: int) -> None:
        # Written by whoever renders; read, packed and sent by whoever finishes the job, which only takes bandwidth.
        size = self._in["render"]["spool_bytes"] * self._in["assumed"]["spool_passes"]
        self.spool.serve(self._random(size / self._bytes_per_s), lambda: self._store(executor, lms))

    def _store(self, executor: int, lms: int) -> None:
        cpu_s = self._in["engine"]["database_cpu_s"]
        self.database.serve(self._random(cpu_s), lambda: self._commit(executor, lms, self._in["engine"]["commits"]))

    def _commit(self, executor: int, lms: int, left: int) -> None:
        if left:
            self.log.serve(self._in["database"]["commit_s"], lambda: self._commit(executor, lms, left - 1))
            return
        self._account_places()
        self.done += 1
        self._free[executor] += 1
        self._free_at_lms[lms] += 1

    def _account_places(self) -> None:
        used = self.lms_places * len(self.lmss) - sum(self._free_at_lms)
        self._lms_busy_s += used * (self.simulation.now_s - self._lms_changed_s)
        self._lms_changed_s = self.simulation.now_s

    def _random(self, mean_s: float) -> float:
        return self.simulation.rng.expovariate(1 / mean_s)

    def utilisations(self) -> dict[str, float]:
        """Return the share that is used of everything that can be the bottleneck."""
        return {
            "processors": sum(p.utilisation() for p in self.processors) / len(self.processors),
            "LMS": sum(lms.utilisation() for lms in self.lmss) / len(self.lmss),
            PLACES: self.places_used,
            "database": self.database.utilisation(),
            LOG: self.log.utilisation(),
            "spool": self.spool.utilisation(),
        }


SCENARIOS = (
    Scenario("One LMS, default settings", 1),
    Scenario("One LMS, places raised with the executors (`ARCHIVEWORKER_LMS_ITEMS_COUNT` = 8 × executors)", 1, 0),
    Scenario("100 LMSs, default settings", 100),
    Scenario("100 LMSs with 80 places each, a spool that grows with the executors", 100, 80, spool_grows=True),
    Scenario(
        "The same, queues looked at every 5 s for up to 24 attempts, four times the database's cores",
        100, 80, 24, 5.0, spool_grows=True, database_factor=4,
    ),
)  # fmt: skip


def read_inputs() -> dict[str, Any]:
    """Return the inputs."""
    return tomllib.loads(INPUTS.read_text(encoding="utf-8"))


def simulated(inputs: dict[str, Any], scenario: Scenario, executors: int) -> Cluster:
    """Return a cluster that has worked for long enough.

    Few executors need long for a good average; of many the first rush lasts long.
    """
    cluster = Cluster(inputs, scenario, executors)
    horizon_s = min(1000.0, max(20.0, 3000 / executors))
    cluster.run(horizon_s, min(100.0, max(20.0, executors / 2)))
    return cluster


def bottleneck(used: dict[str, float]) -> str:
    """Return what holds a cluster back, from the shares that are used.

    A log that is written all the time holds nobody back: it takes the more transactions at once.
    """
    parts = {name: share for name, share in used.items() if name not in (PLACES, LOG)}
    full = [name for name, share in parts.items() if share > 0.97]
    if full:
        return ", ".join(full)
    most = max(parts, key=lambda name: parts[name])
    if parts[most] > 0.85:
        return most
    return PLACES if used[PLACES] > 0.85 else "waiting"


def row(scenario: Scenario, count: int) -> str:
    """Return one line of a scenario's table."""
    cluster = simulated(read_inputs(), scenario, count)
    used = cluster.utilisations()
    shares = " | ".join(f"{100 * share:.0f} %" for share in used.values())
    return f"| {count:,} | {cluster.rate:.3g} | {shares} | {bottleneck(used)} |"


def tables(counts: list[int], processes: int | None) -> str:
    """Return all scenarios as tables of Markdown."""
    names = Cluster(read_inputs(), SCENARIOS[0], 1)
    names.run(1.0, 0.0)
    head = f"| executors | attempts/s | {' | '.join(names.utilisations())} | bottleneck |\n|{'---|' * 9}\n"
    with ProcessPoolExecutor(processes) as pool:
        rows = [[pool.submit(row, scenario, count) for count in counts] for scenario in SCENARIOS]
        return "\n".join(
            f"### {scenario.name}\n\n{head}" + "".join(f"{line.result()}\n" for line in lines)
            for scenario, lines in zip(SCENARIOS, rows, strict=True)
        )


def limits(inputs: dict[str, Any]) -> str:
    """Return what each part could do alone, by the inputs, as a list of Markdown."""
    assumed, engine, render = inputs["assumed"], inputs["engine"], inputs["render"]
    passed_bytes = render["spool_bytes"] * assumed["spool_passes"]
    cores = assumed["database_cores"]
    return (
        "By the inputs alone:\n\n"
        f"- an executor makes {assumed['executor_cores'] / render['cpu_s']:.2f} attempts/s;\n"
        f"- an LMS gives {assumed['lms_processes'] / inputs['lms']['attempt_s']:.0f} attempts/s;\n"
        f"- a shared spool takes {assumed['spool_bytes_per_s'] / passed_bytes:.1f} attempts/s;\n"
        f"- the database of {cores} cores takes {cores / engine['database_cpu_s']:.0f} attempts/s if nobody looked for "
        f"work, and is full with {cores / engine['idle_database_cpu_s_per_s']:.0f} executors that have nothing to do.\n"
    )


def main() -> None:
    """Simulate and print, or write into the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--executors", default="1,3,10,100,1000")
    parser.add_argument("--processes", type=int, help="at once; default: one for each core")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    counts = [int(text) for text in options.executors.split(",")]
    found = f"{limits(read_inputs())}\n{tables(counts, options.processes)}"
    sys.stdout.write(found)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        marked = re.compile(r"(<!-- tables -->\n).*(<!-- end -->)", re.S)
        PAGE.write_text(marked.sub(lambda old: f"{old[1]}\n{found}\n{old[2]}", page), encoding="utf-8")


if __name__ == "__main__":
    main()
