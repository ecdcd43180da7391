"""A bridge over a made-up legacy LMS, in this process: for ``archiveworker demo``, and for trying things by hand.

The database is SQLite, in a folder of its own; the bridge is the real one, and so is its token.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from archiveworker.bridge.sidecar import BridgeConfig, running_bridge
from archiveworker.bridge.tokens import ALL, Tokens
from archiveworker.demo import legacy_crowdsessment, legacy_workup_faults
from archiveworker.demo.legacy import ExpectedFinding
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import SystemClock

_KEY: Final = Secret("this key is for the demo alone, which trusts everybody")
_TOKEN_LIFE: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class DemoBridge:
    """A bridge that serves.

    Attributes:
        url: its origin.
        token: for all activities.
        activity_ids: what it has.
        expected: findings that a report of these must have, and no others.
    """

    url: str
    token: Secret
    activity_ids: tuple[str, ...]
    expected: tuple[ExpectedFinding, ...]


@asynccontextmanager
async def demo_bridge(system: str, folder: Path) -> AsyncIterator[DemoBridge]:
    """Make an LMS with every irregularity and serve it while the context lasts.

    Args:
        system: workup or crowdsessment.
        folder: for database and uploads; empty, is made.
    """
    url, uploads = f"sqlite:///{folder / 'app.db'}", folder / "uploads"
    expected = await asyncio.to_thread(_fill, system, url, uploads)
    config = BridgeConfig(Secret(url), system, uploads if system == "workup" else None, _KEY, port=0)
    ids = tuple(one.id for one in await asyncio.to_thread(lambda: list(config.legacy().activities())))
    token = Tokens(_KEY, system, SystemClock()).make(ALL, _TOKEN_LIFE)
    async with running_bridge(config) as origin:
        yield DemoBridge(origin, token, ids, expected)


def _fill(system: str, url: str, uploads: Path) -> tuple[ExpectedFinding, ...]:
    uploads.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    if system == "workup":
        return legacy_workup_faults.fill_irregular(engine, uploads)
    return legacy_crowdsessment.fill_irregular(engine)
