"""The LMS's database, opened so that nothing can be written: SQLite, MariaDB or MySQL, PostgreSQL.

Read-only by connection (``mode=ro`` and ``query_only``; ``default_transaction_read_only``; ``READ ONLY`` transactions),
and all that belongs to one activity is read in one transaction that sees one state of the data. Whether the *user*
may write is for ``rights`` to find out. The bridge itself makes only SELECTs.
Accepted risk: a driver's error can hold the statement or the address; it is only kept as the cause, and no message,
log event or answer shows it. On a SQLite file without a write-ahead log, the LMS cannot commit while an activity is
read.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa

from archiveworker.domain.errors import BusyError, MappingError, SettingsError
from archiveworker.domain.secret import Secret

_CONNECT_S: Final = 10
_STATEMENT_S: Final = 120
_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
_SETTING: Final = "ARCHIVEWORKER_BRIDGE_DATABASE_URL"
_FORMS: Final = "sqlite:////path/of/app.db, mysql://user:password@host/name or postgresql://user:password@host/name"


class LegacyDatabase:
    """A database that is only read.

    Args:
        url: of SQLAlchemy; a driver that is named in it is replaced by the one that the bridge has.

    Raises:
        SettingsError: the URL is none, or of a database that the bridge does not know.
    """

    def __init__(self, url: Secret) -> None:
        try:
            parsed = sa.make_url(url.reveal())
        except (sa.exc.ArgumentError, ValueError):
            raise SettingsError(f"{_SETTING} must be a URL like {_FORMS}") from None  # the cause shows the URL
        self.kind = parsed.get_backend_name()
        self.path = _path(parsed) if self.kind == "sqlite" else None
        self.engine = self._sqlite() if self.path else _server(parsed)

    @property
    def description(self) -> str:
        """What it is, in two words, without any part of its URL."""
        return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(self.kind, "MariaDB or MySQL")

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """Open one read-only transaction that sees one state of the data.

        Raises:
            BusyError: the database does not answer.
            MappingError: it refuses a statement, e.g. because the user may not read a table.
        """
        try:
            with self.engine.connect() as connection, connection.begin():
                yield connection
        except (sa.exc.OperationalError, sa.exc.InterfaceError) as exc:
            raise BusyError(
                f"the LMS's database ({self.description}) does not answer or refuses the bridge "
                f"({type(exc.orig).__name__}); look at its log, its address and the bridge's user"
            ) from exc
        except sa.exc.SQLAlchemyError as exc:
            raise MappingError(
                f"the LMS's database ({self.description}) refuses what the mapping asks for "
                f"({type(getattr(exc, 'orig', exc)).__name__}); archiveworker bridge check says what does not fit"
            ) from exc

    def tables(self, connection: sa.Connection, names: set[str]) -> dict[str, sa.Table]:
        """Return those of the named tables that the database has, with their columns."""
        inspector = sa.inspect(connection)
        there = {*inspector.get_table_names(), *inspector.get_view_names()} & names
        metadata = sa.MetaData()
        return {
            name: sa.Table(name, metadata, autoload_with=connection, resolve_fks=False, quote=True)
            for name in sorted(there)
        }

    def _sqlite(self) -> sa.Engine:
        path = self.path

        def connect() -> sqlite3.Connection:
            # SQLite would make a file that is missing; mode=ro does not, and nor does it write a journal.
            opened = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=_CONNECT_S,
                check_same_thread=False,
            )  # fmt: skip
            opened.execute("PRAGMA query_only=ON")
            opened.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
            return opened

        engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool, hide_parameters=True)

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            _raw(connection, "BEGIN")

        return engine


def _path(url: sa.URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise SettingsError(f"{_SETTING} must name a file, like sqlite:////path/of/app.db")
    return Path(url.database).absolute()


def _server(url: sa.URL) -> sa.Engine:
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise SettingsError(f"{_SETTING} must be {_FORMS}; the bridge does not know {backend}")
    url = url.set(drivername=_DRIVERS[backend])
    try:
        return _postgresql(url) if backend == "postgresql" else _mariadb(url)
    except ImportError as exc:
        raise SettingsError(f"the driver for {backend} is missing; pip install 'archiveworker[bridge]'") from exc


def _postgresql(url: sa.URL) -> sa.Engine:
    options = f"-c default_transaction_read_only=on -c statement_timeout={_STATEMENT_S}s -c timezone=UTC"
    return sa.create_engine(
        url,
        poolclass=sa.NullPool,
        hide_parameters=True,
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
        connect_args={"options": options, "connect_timeout": _CONNECT_S, "application_name": "archiveworker bridge"},
    )


def _mariadb(url: sa.URL) -> sa.Engine:
    setup = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
    engine = sa.create_engine(
        url.update_query_dict({"charset": "utf8mb4"}),
        poolclass=sa.NullPool,
        hide_parameters=True,
        connect_args={
            "init_command": setup,
            "connect_timeout": _CONNECT_S,
            "read_timeout": _STATEMENT_S,
            "write_timeout": _STATEMENT_S,
            "local_infile": False,
        },
    )

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        _raw(connection, "SET time_zone = '+00:00'")
        _raw(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    return engine


def _raw(connection: sa.Connection, statement: str) -> None:
    """Tell the driver how the session is to be; data is never touched this way."""
    driver: Any = connection.connection.dbapi_connection
    cursor = driver.cursor()
    cursor.execute(statement)
    cursor.close()
