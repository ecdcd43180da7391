"""Real MariaDB and PostgreSQL servers on loopback, with data in a folder that goes away, and SQLite files."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

READER = "archive_reader"
PASSWORD = "Not_in_any_l0g"
_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Store:
    """An empty database.

    Attributes:
        kind: sqlite, mariadb or postgresql.
        writer_url: of somebody who may do everything.
        reader_url: of the bridge's user.
        grant: gives that user the right to read; to be called when the tables are there.
    """

    kind: str
    writer_url: str
    reader_url: str
    grant: Callable[[], None]

    def engine(self) -> sa.Engine:
        return sa.create_engine(self.writer_url, poolclass=sa.NullPool)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        kind: mariadb or postgresql.
        admin_url: without a database.
        address: host and port.
    """

    kind: str
    admin_url: str
    address: str

    def store(self, name: str) -> Store:
        if self.kind == "postgresql":
            return self._postgresql(name)
        self._run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        return Store(
            "mariadb",
            f"{self.admin_url}{name}",
            f"mysql://{READER}:{PASSWORD}@{self.address}/{name}",
            lambda: self._run(f"GRANT SELECT ON `{name}`.* TO {READER}@'127.0.0.1'"),
        )

    def _postgresql(self, name: str) -> Store:
        self._run(f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING UTF8', f"{self.admin_url}postgres")
        writer = f"{self.admin_url}{name}"

        def grant() -> None:
            self._run(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}", writer)

        return Store("postgresql", writer, f"postgresql://{READER}:{PASSWORD}@{self.address}/{name}", grant)

    def _run(self, statement: str, url: str = "") -> None:
        engine = sa.create_engine(url or self.admin_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)


def sqlite_store(folder: Path) -> Store:
    url = f"sqlite:///{folder / 'app.db'}"
    return Store("sqlite", url, url, lambda: None)


def _program(name: str, *folders: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", *folders]))
    if found is None:
        pytest.skip(f"{name} is not installed; bash docker/install-system.sh --test brings it")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _owner(name: str) -> str | None:
    """Return the user that a server wants to run as; None when we are not root and run it ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        return "nobody"


@contextlib.contextmanager
def _folder(owner: str | None) -> Iterator[Path]:
    # Not below pytest's own folder, which is root's alone, while the servers refuse to run as root.
    folder = Path(tempfile.mkdtemp(prefix="archiveworker-db-", dir="/tmp"))
    try:
        if owner is not None:
            shutil.chown(folder, owner)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(argv: Sequence[str], folder: Path, owner: str | None, url: str) -> Iterator[None]:
    """Run a server until it answers, and then as long as it is needed."""
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, cwd=folder, user=owner, group=owner and _group(owner))
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        end = time.monotonic() + _LIMIT_S
        while True:
            try:
                with engine.connect():
                    break
            except sa.exc.OperationalError:
                told = log.read_text(errors="replace")[-2000:]
                assert process.poll() is None, f"{argv[0]} ended: {told}"
                assert time.monotonic() < end, f"{argv[0]} does not answer: {told}"
                time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGINT if "postgres" in argv[0] else signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _group(owner: str) -> int:
    return pwd.getpwnam(owner).pw_gid


def _make(argv: Sequence[str], folder: Path, owner: str | None) -> None:
    done = subprocess.run(
        argv, cwd=folder, user=owner, group=owner and _group(owner), capture_output=True, check=False, timeout=_LIMIT_S
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    newest = sorted(str(path) for path in Path("/usr/lib/postgresql").glob("*/bin"))
    initdb, postgres = _program("initdb", *newest[::-1]), _program("postgres", *newest[::-1])
    owner, port = _owner("postgres"), _free_port()
    with _folder(owner) as folder:
        passwords = folder / "password"
        passwords.write_text(PASSWORD)
        passwords.chmod(0o644)
        data = str(folder / "data")
        _make(
            [initdb, "-D", data, "-U", "owner", "--auth=scram-sha-256", f"--pwfile={passwords}", "--no-sync",
             "--encoding=UTF8", "--locale=C"], folder, owner,
        )  # fmt: skip
        settings = ("listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}", "fsync=off")
        argv = [postgres, "-D", data, *(word for one in settings for word in ("-c", one))]
        address = f"127.0.0.1:{port}"
        url = f"postgresql+psycopg://owner:{PASSWORD}@{address}/"
        with _running(argv, folder, owner, f"{url}postgres"):
            server = Server("postgresql", url, address)
            server._run(f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'", f"{url}postgres")
            yield server


@contextlib.contextmanager
def mariadb() -> Iterator[Server]:
    install, daemon = _program("mariadb-install-db"), _program("mariadbd")
    owner, port = _owner("mysql"), _free_port()
    with _folder(owner) as folder:
        data = folder / "data"
        common = ["--no-defaults", f"--datadir={data}"]
        _make(
            [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"],
            folder, owner,
        )  # fmt: skip
        argv = [
            daemon, *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}",
            f"--pid-file={folder / 'pid'}", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
        ]  # fmt: skip
        address = f"127.0.0.1:{port}"
        url = f"mysql+pymysql://root@{address}/"
        with _running(argv, folder, owner, url):
            server = Server("mariadb", url, address)
            server._run(f"CREATE USER {READER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
            yield server
