"""The bridge as a whole: from what an administrator sets to a server that answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from archiveworker.bridge import exams
from archiveworker.bridge.app import create_app
from archiveworker.bridge.database import LegacyDatabase
from archiveworker.bridge.exams_app import create_exams_app
from archiveworker.bridge.mapping import load
from archiveworker.bridge.plan import Plan, make_plan
from archiveworker.bridge.reading import Legacy
from archiveworker.bridge.snapshots import Snapshots
from archiveworker.bridge.tokens import Tokens
from archiveworker.bridge.uploads import UploadFolder
from archiveworker.domain.errors import SettingsError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import Clock, SystemClock

_SHUTDOWN_S = 5.0


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """What an administrator sets.

    Attributes:
        database_url: of SQLAlchemy; holds the password.
        mapping: name of a preset, or path of a TOML file; ``edx_proctoring`` is a preset without one.
        upload_dir: the LMS's upload folder; None when it has none.
        key: with which tokens are signed.
        host: address to listen on.
        port: to listen on; 0 for any.
        readings_count: activities that are read from the database at once.
    """

    database_url: Secret | None
    mapping: str
    upload_dir: Path | None = None
    key: Secret | None = None
    host: str = "127.0.0.1"
    port: int = 8085
    readings_count: int = 2

    def plan(self) -> Plan:
        """Return the mapping, checked.

        Raises:
            MappingError: it is wrong.
            SettingsError: none is named.
        """
        if not self.mapping:
            raise SettingsError(
                f"ARCHIVEWORKER_BRIDGE_MAPPING must be workup, crowdsessment, {exams.PRESET} or a TOML file"
            )
        return make_plan(load(self.mapping))

    @property
    def is_exams(self) -> bool:
        """Whether it is the preset for proctored exams, which has no plan."""
        return self.mapping == exams.PRESET

    def scope(self) -> tuple[str, str]:
        """Return the name of the system, and the word for what its tokens are for.

        Raises:
            MappingError: the mapping is wrong.
            SettingsError: none is named.
        """
        if self.is_exams:
            return exams.PRESET, exams.SCOPE
        mapping = self.plan().mapping
        return mapping.system, mapping.activity.kind

    def database(self) -> LegacyDatabase:
        """Return the LMS's database, which is not asked yet.

        Raises:
            SettingsError: none is named, or its URL is wrong.
        """
        if self.database_url is None:
            raise SettingsError("ARCHIVEWORKER_BRIDGE_DATABASE_URL (or _FILE) must hold the LMS's database URL")
        return LegacyDatabase(self.database_url)

    def legacy(self) -> Legacy:
        """Return the LMS; its database is not asked yet.

        Raises:
            SettingsError: something is missing or wrong.
        """
        return Legacy(self.database(), self.plan(), UploadFolder(self.upload_dir))


@asynccontextmanager
async def running_bridge(config: BridgeConfig, clock: Clock | None = None) -> AsyncIterator[str]:
    """Serve the exchange API, or exports of proctored exams, and yield the origin, e.g. ``http://127.0.0.1:8085``.

    Raises:
        SettingsError: something is missing or wrong, or the address is taken.
        MappingError: the mapping is wrong, or the database does not have what it names.
        BusyError: the database does not answer.
    """
    async with _app(config, clock or SystemClock()) as app:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, config.host, config.port)
            try:
                await site.start()
            except OSError as exc:
                raise SettingsError(f"{config.host}:{config.port} cannot be listened on ({exc.strerror})") from exc
            host, port = runner.addresses[0][:2]
            yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        finally:
            await runner.cleanup()


@asynccontextmanager
async def _app(config: BridgeConfig, clock: Clock) -> AsyncIterator[web.Application]:
    """Yield what is to be served, over a database that fits."""
    if config.is_exams:
        database = exams.ExamDatabase(config.database())
        tokens = Tokens(config.key, exams.PRESET, clock)
        await asyncio.to_thread(database.require_all)
        yield create_exams_app(database, tokens, config.readings_count)
        return
    legacy = config.legacy()
    tokens = Tokens(config.key, legacy.plan.mapping.system, clock)
    await asyncio.to_thread(_probe, legacy)
    snapshots = Snapshots(legacy, clock, config.readings_count)
    try:
        yield create_app(legacy, tokens, snapshots)
    finally:
        await snapshots.close()


def _probe(legacy: Legacy) -> None:
    """Refuse to start over a database that does not fit."""
    with legacy.database.snapshot() as connection:
        legacy.tables(connection)
