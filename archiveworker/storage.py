"""Where a worker keeps what must outlive it: database, sealed tokens, spool; its own or shared with other workers.

Part of ``composition``, apart from it because ``data_dir`` and a shared database are two ways of the same thing.
Nothing here decides anything but which settings go together.
"""

import fcntl
import os
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.secret import Secret
from archiveworker.jobs.watch import Watch, WatchOptions
from archiveworker.jobs.workflows import WORKFLOW_VERSION
from archiveworker.runtime.clock import SystemClock
from archiveworker.runtime.database import open_pool, open_sqlite, postgres_url
from archiveworker.runtime.object_store_spool import ObjectStoreSpool
from archiveworker.runtime.object_store_url import open_store, parse_store_url
from archiveworker.runtime.presence import Executor, Presence
from archiveworker.runtime.retry_ledger import RetryLedger
from archiveworker.runtime.sealed import SealedTokens, load_or_create_keys, parse_keys
from archiveworker.runtime.shared_spool import claim_spool
from archiveworker.runtime.spool import LocalSpool
from archiveworker.settings import Settings

KEY_FILE: Final = "secret.key"
"""In the data folder, where the settings name no key."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """Where a worker keeps what must outlive it.

    Attributes:
        database_url: SQLAlchemy URL of the engine's database.
        executor_id: of this process.
        secrets: in the same database.
        retries: in the same database.
        spool: shared when the database is.
        watch: None when the database is this process's own.
    """

    database_url: Secret
    executor_id: str
    secrets: SealedTokens
    spool: LocalSpool | ObjectStoreSpool
    watch: Watch | None
    retries: RetryLedger


def open_state(settings: Settings) -> State:
    """Open the SQLite file in ``data_dir``, or the PostgreSQL database that workers share.

    Raises:
        SettingsError: a setting is missing or does not fit the others.
    """
    if settings.database_url is None:
        check_sqlite()
        file = settings.data_dir.resolve() / "archiveworker.sqlite"
        url, own = f"sqlite:///{file}", open_sqlite(file)
        secrets, retries = _open_secrets(own, settings), RetryLedger(own)
        # The name that releases without other databases gave: their unfinished jobs go on under it.
        return State(Secret(url), "local", secrets, _spool(settings), None, retries)
    shared_url = postgres_url(settings.database_url)
    if settings.secret_key is None:
        raise SettingsError(
            "ARCHIVEWORKER_SECRET_KEY must be set when ARCHIVEWORKER_DATABASE_URL is, to the same for all workers, "
            "because each opens the tokens of the others; `openssl rand -base64 32 | tr +/ -_` makes one"
        )
    if settings.spool_dir is None and not settings.spool_url:
        raise SettingsError(
            "ARCHIVEWORKER_SPOOL_DIR or ARCHIVEWORKER_SPOOL_URL must be set when ARCHIVEWORKER_DATABASE_URL is: one "
            "folder that all workers see, or one object store"
        )
    executor_id = settings.executor_id or socket.gethostname()
    pool = open_pool(shared_url)
    secrets = _open_secrets(pool, settings)
    spool = _spool(settings)
    claim_spool(pool, spool)
    me = Executor(executor_id, WORKFLOW_VERSION)
    watch = Watch(Presence(shared_url, me), SystemClock(), WatchOptions(settings.takeover_s))
    return State(shared_url, executor_id, secrets, spool, watch, RetryLedger(pool))


def _spool(settings: Settings) -> LocalSpool | ObjectStoreSpool:
    if not settings.spool_url:
        return LocalSpool(settings.spool_dir or settings.data_dir / "jobs")
    if settings.spool_dir is not None:
        raise SettingsError("ARCHIVEWORKER_SPOOL_DIR and ARCHIVEWORKER_SPOOL_URL are both set; remove one of them")
    url = parse_store_url(settings.spool_url, "ARCHIVEWORKER_SPOOL_URL")
    # A folder of its own: what the other kind of spool left in ``jobs`` is no copy of anything.
    cache = LocalSpool(settings.data_dir / "spool-cache")
    store = open_store(url, settings.spool_key, settings.ca_bundle, settings.route)
    return ObjectStoreSpool(store, cache, SystemClock())


def check_sqlite() -> None:
    """Check that SQLite is new enough for the engine.

    From Python 3.12 on DBOS asks SQLite for ``unixepoch('subsec')``, which came with 3.42; older ones answer NULL and
    the first start would fail in the middle of the schema.

    Raises:
        SettingsError: it is too old.
    """
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
        raise SettingsError(
            f"Python {sys.version.split()[0]} needs SQLite 3.42 or newer and has {sqlite3.sqlite_version} here; "
            "use Python 3.11, or a Python that brings a newer SQLite"
        )


def _open_secrets(engine: sa.Engine, settings: Settings) -> SealedTokens:
    """Open the sealed tokens; those that a former key sealed are sealed anew."""
    if settings.secret_key is None:
        keys = load_or_create_keys(settings.data_dir / KEY_FILE)
    else:
        keys = parse_keys(settings.secret_key.reveal(), "ARCHIVEWORKER_SECRET_KEY")
    secrets = SealedTokens(engine, keys)
    if count := secrets.reseal():
        log.info("sealed_anew", count=count)
    return secrets


@contextmanager
def own_data_dir(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process alone: two workers on one SQLite file would recover each other's jobs.

    Raises:
        SettingsError: it cannot be written, or another worker has it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise SettingsError(f"ARCHIVEWORKER_DATA_DIR: {data_dir} cannot be written ({exc.strerror})") from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(descriptor)
        raise SettingsError(f"ARCHIVEWORKER_DATA_DIR: another worker uses {data_dir}; give each one its own") from exc
    try:
        yield
    finally:
        os.close(descriptor)
