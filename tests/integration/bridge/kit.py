"""A legacy LMS of each kind, filled, and a bridge over it."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa

from archiveworker.bridge.sidecar import BridgeConfig, running_bridge
from archiveworker.bridge.tokens import ALL, Tokens
from archiveworker.demo import legacy_crowdsessment, legacy_workup, legacy_workup_faults
from archiveworker.demo.legacy import ExpectedFinding
from archiveworker.domain.findings import findings_of
from archiveworker.domain.peer_review.checks.table import check_all
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import SystemClock
from tests.fakes.exchange_client import ExchangeClient
from tests.integration.bridge.servers import Store

KEY = Secret("0123456789abcdef" * 4)


@dataclass(frozen=True, slots=True)
class FilledLms:
    """A legacy LMS with data.

    Attributes:
        store: its database.
        config: of a bridge for it.
        expected: findings that its data must lead to.
    """

    store: Store
    config: BridgeConfig
    expected: tuple[ExpectedFinding, ...]

    def token(self, activity_id: str = ALL, life: timedelta = timedelta(hours=1), key: Secret = KEY) -> str:
        return Tokens(key, self.config.mapping, SystemClock()).make(activity_id, life).reveal()

    @asynccontextmanager
    async def client(self, activity_id: str = ALL, **changed: Any) -> AsyncIterator[ExchangeClient]:
        """A running bridge and a client of it with a token for ``activity_id``."""
        config = replace(self.config, **changed)
        async with running_bridge(config) as origin, aiohttp.ClientSession() as session:
            yield ExchangeClient(session, origin, self.token(activity_id))

    def content(self) -> str:
        """Return a digest of everything in the database: names of tables, columns, every row."""
        state = hashlib.sha256()
        engine = self.store.engine()
        metadata = sa.MetaData()
        metadata.reflect(engine)
        with engine.connect() as connection:
            for table in sorted(metadata.tables.values(), key=lambda one: one.name):
                rows = sorted(repr(tuple(row)) for row in connection.execute(sa.select(table)))
                state.update(repr((table.name, table.c.keys(), rows)).encode())
        return state.hexdigest()


def fill(system: str, store: Store, folder: Path, *, clean: bool = False, **more: Any) -> FilledLms:
    """Fill an empty database."""
    uploads = folder / "uploads" if system == "workup" else None
    filling: dict[tuple[str, bool], Callable[[sa.Engine], Any]] = {
        ("workup", True): lambda engine: legacy_workup.fill_clean(engine, folder / "uploads", **more),
        ("workup", False): lambda engine: legacy_workup_faults.fill_irregular(engine, folder / "uploads"),
        ("crowdsessment", True): lambda engine: legacy_crowdsessment.fill_clean(engine, **more),
        ("crowdsessment", False): lambda engine: legacy_crowdsessment.fill_irregular(engine, **more),
    }
    made = filling[system, clean](store.engine())
    store.grant()
    expected = tuple(one for one in made if isinstance(one, ExpectedFinding))
    config = BridgeConfig(Secret(store.reader_url), system, uploads, KEY, port=0)
    return FilledLms(store, config, expected)


async def read_all(client: ExchangeClient) -> dict[str, PeerReview]:
    """Return every activity, by id."""
    return {one.id: await client.read(one.id) for one in await client.pages("/activities", "activities")}


def found_in(activities: dict[str, PeerReview]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return activity, code and subjects of each finding, sorted."""
    return sorted(
        (name, finding.code, tuple(sorted(f"{one.kind.value}:{one.id}" for one in finding.subjects)))
        for name, activity in activities.items()
        for finding in findings_of(check_all(activity))
    )


def wanted(expected: tuple[ExpectedFinding, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the same of what is expected."""
    return sorted((one.activity_id, one.code, tuple(sorted(one.subjects))) for one in expected)
