"""The database of a worker, or of several: how it is opened, and patience while PostgreSQL is being restarted.

Tables are DBOS's and those of ``runtime.sealed`` and ``runtime.presence``. Not for queries: those stand where their
tables are. Accepted risk: a database that is away for longer than ``PATIENCE_S`` fails what is being done.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import psycopg
import sqlalchemy as sa
import structlog

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.secret import Secret

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_S: Final = 600.0
"""How long a call waits for a database that does not answer."""
_POOL_SIZE: Final = 3
_FIRST_DELAY_S: Final = 0.1
_MAX_DELAY_S: Final = 2.0
_TABLES_KEY: Final = 0x61726368_7461626C

log = structlog.get_logger(__name__)


def postgres_url(url: Secret) -> Secret:
    """Return the URL as libpq takes it.

    Raises:
        SettingsError: it is not that of a PostgreSQL database; the message does not show it.
    """
    try:
        parsed = sa.make_url(url.reveal())
    except sa.exc.ArgumentError as exc:
        raise SettingsError(
            "ARCHIVEWORKER_DATABASE_URL is not a URL; write postgresql://user:password@host/db"
        ) from exc
    if parsed.get_backend_name() != "postgresql" or not parsed.database:
        raise SettingsError("ARCHIVEWORKER_DATABASE_URL must begin with postgresql:// and name a database")
    return Secret(parsed.set(drivername="postgresql").render_as_string(hide_password=False))


def open_sqlite(file: Path) -> sa.Engine:
    """Return the database that a lone worker keeps in ``file``; nothing is opened yet.

    It gets a write-ahead log, which stays with the file for whoever opens it later (sqlite.org/wal.html): without one,
    whoever reads keeps the writer from committing, four times as long where four read all the time. A commit is as
    durable as before. Accepted risk: the file must be on a disk of this machine, as one for a lone worker is.
    """
    engine = sa.create_engine(f"sqlite:///{file}")
    sa.event.listen(engine, "connect", _use_write_ahead_log)
    return engine


def _use_write_ahead_log(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


def open_pool(url: Secret) -> sa.Engine:
    """Return a small pool of connections to a PostgreSQL database; nothing is connected yet."""
    parsed = sa.make_url(url.reveal()).set(drivername="postgresql+psycopg")
    return sa.create_engine(parsed, pool_size=_POOL_SIZE, max_overflow=0, pool_pre_ping=True, hide_parameters=True)


def make_tables(engine: sa.Engine, tables: sa.MetaData) -> None:
    """Make the tables that are missing; several processes may do so at the same time."""
    with _alone(engine) as connection:
        tables.create_all(connection)


def make_indexes(engine: sa.Engine, indexes: Sequence[sa.Index]) -> None:
    """Make the indexes that are missing; several processes may do so at the same time.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: there is no such table or column, or it belongs to somebody else.
    """
    with _alone(engine) as connection:
        for index in indexes:
            connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Begin a transaction in which no other process makes anything."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Two that make the same thing at once would fail, although each looks first.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TABLES_KEY)))
        yield connection


async def patiently(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``work`` in a thread; again when the connection to PostgreSQL broke, so it must be safe to repeat.

    Raises:
        sqlalchemy.exc.DBAPIError: something else is wrong, or it takes longer than ``PATIENCE_S``.
    """
    until_s, delay_s = time.monotonic() + PATIENCE_S, _FIRST_DELAY_S
    while True:
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except sa.exc.DBAPIError as exc:
            if not isinstance(exc.orig, psycopg.OperationalError) or time.monotonic() > until_s:
                raise
            log.warning("database_away", error=type(exc.orig).__name__)
        await asyncio.sleep(delay_s)
        delay_s = min(_MAX_DELAY_S, delay_s * 2)
