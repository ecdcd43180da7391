"""Servers live as long as the tests of this folder; each test has a database of its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.bridge import servers
from tests.integration.bridge.servers import Server, Store

_NUMBERS = itertools.count(1)
KINDS = ("sqlite", "mariadb", "postgresql")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    with servers.mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with servers.postgresql() as server:
        yield server


@pytest.fixture
def sqlite(tmp_path: Path) -> Store:
    return servers.sqlite_store(tmp_path)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        return servers.sqlite_store(tmp_path)
    server: Server = request.getfixturevalue(request.param)
    return server.store(f"legacy{next(_NUMBERS)}")
