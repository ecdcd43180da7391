"""The simulator of growth: right where a formula says what is right, and nothing gets lost in it."""

import math
from itertools import pairwise
from typing import Any

import pytest

from tests.tools.simulate_growth import (
    LOG,
    PAGE,
    PLACES,
    SCENARIOS,
    Cluster,
    Scenario,
    Simulation,
    Station,
    bottleneck,
    read_inputs,
)

FAST: dict[str, Any] = {
    "render": {"cpu_s": 0.5, "spool_bytes": 1_000_000},
    "engine": {
        "database_cpu_s": 0.01,
        "commits": 3,
        "idle_database_cpu_s_per_s": 0.001,
        "look_database_cpu_s": 0.0005,
        "claim_s": 0.005,
    },
    "database": {"commit_s": 0.001},
    "lms": {"attempt_s": 0.2},
    "assumed": {
        "executor_cores": 2,
        "database_cores": 4,
        "lms_processes": 16,
        "spool_bytes_per_s": 100e6,
        "spool_passes": 4,
    },
}


def _open_station(arrivals_per_s: float, service_s: float, servers: int, horizon_s: float) -> Station:
    """Return a station after Poisson arrivals with exponential service."""
    simulation = Simulation(seed=7)
    station = Station(simulation, servers)

    def arrive() -> None:
        station.serve(simulation.rng.expovariate(1 / service_s), lambda: None)
        simulation.after(simulation.rng.expovariate(arrivals_per_s), arrive)

    arrive()
    simulation.run_until(horizon_s)
    return station


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_server_is_as_the_formula_says(load: float) -> None:
    """M/M/1: on average load / (1 - load) are present."""
    horizon_s = 40_000
    station = _open_station(load, 1.0, 1, horizon_s)
    assert station.utilisation() == pytest.approx(load, rel=0.03)
    assert station.present_s / horizon_s == pytest.approx(load / (1 - load), rel=0.1)


def test_several_servers_are_as_the_formula_says() -> None:
    """M/M/c, Erlang's C: those who wait are C * load / (1 - load), with C the chance to wait at all."""
    servers, load, horizon_s = 4, 0.8, 40_000
    offered = servers * load
    waiting = offered**servers / math.factorial(servers) / (1 - load)
    chance = waiting / (sum(offered**k / math.factorial(k) for k in range(servers)) + waiting)
    station = _open_station(offered, 1.0, servers, horizon_s)
    assert station.present_s / horizon_s == pytest.approx(offered + chance * load / (1 - load), rel=0.1)


def test_a_batch_serves_all_who_wait_at_once() -> None:
    simulation = Simulation(seed=1)
    station = Station(simulation, 1, is_batch=True)
    done: list[float] = []
    for _ in range(10):
        station.serve(1.0, lambda: done.append(simulation.now_s))
    simulation.run_until(10)
    assert done == [1.0] + [2.0] * 9, "nine came while the first was served"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name[:30] for scenario in SCENARIOS])
@pytest.mark.parametrize("executors", [1, 4])
def test_nothing_is_lost_or_made_twice(scenario: Scenario, executors: int) -> None:
    cluster = Cluster(FAST, scenario, executors)
    cluster.run(horizon_s=30, warm_up_s=0)
    assert cluster.begun == cluster.done + cluster.in_flight, "what went in came out, or is inside"
    assert cluster.done > 0
    for station in (*cluster.processors, *cluster.lmss, cluster.database, cluster.log, cluster.spool):
        assert station.arrived == station.served + station.present
        assert 0 <= station.utilisation() <= 1 + 1e-9
    assert cluster.in_flight <= scenario.places * executors
    assert 0 <= cluster.places_used <= 1 + 1e-9


def test_the_rate_is_what_the_slowest_part_allows() -> None:
    """One executor of two cores and 0.5 s a page can do no more than 4 a second, and does most of it."""
    cluster = Cluster(FAST, Scenario("", 10, poll_s=0.1), 1)
    cluster.run(horizon_s=300, warm_up_s=20)
    assert 3.6 < cluster.rate <= 4.1
    assert max(cluster.utilisations(), key=lambda name: cluster.utilisations()[name]) == "processors"


def test_with_places_at_the_lms_short_more_executors_do_not_help() -> None:
    """Little's law: with 8 places and at least 0.7 s for each attempt no more than 8 / 0.7 a second."""
    rates = []
    for executors in (1, 4, 16):
        cluster = Cluster(FAST, Scenario("", 1), executors)
        cluster.run(horizon_s=120, warm_up_s=20)
        rates.append(cluster.rate)
    assert all(rate < 8 / 0.7 for rate in rates)
    assert rates[2] < 1.5 * rates[1]


def test_more_executors_are_never_much_slower_until_the_database_is_full() -> None:
    rates = []
    for executors in (1, 2, 4, 8):
        cluster = Cluster(FAST, Scenario("", 20), executors)
        cluster.run(horizon_s=60, warm_up_s=20)
        rates.append(cluster.rate)
    assert all(later > 1.6 * earlier for earlier, later in pairwise(rates)), rates


def test_a_bottleneck_is_what_is_full() -> None:
    idle = dict.fromkeys(("processors", "LMS", PLACES, "database", LOG, "spool"), 0.1)
    assert bottleneck(idle) == "waiting"
    assert bottleneck({**idle, LOG: 1.0}) == "waiting", "it takes more at once"
    assert bottleneck({**idle, PLACES: 0.9}) == PLACES
    assert bottleneck({**idle, PLACES: 0.99, "LMS": 0.9}) == "LMS", "places are only held by who waits for it"
    assert bottleneck({**idle, "spool": 0.99, "database": 1.0}) == "database, spool"


def test_the_page_shows_what_the_file_says() -> None:
    inputs, page = read_inputs(), PAGE.read_text(encoding="utf-8")
    for section in ("render", "engine", "database", "lms", "assumed"):
        for name in inputs[section]:
            assert name == "measured" or f"`{section}.{name}`" in page, f"{section}.{name} is not explained"
    for scenario in SCENARIOS:
        assert f"### {scenario.name}\n" in page
