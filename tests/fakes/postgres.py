"""A real PostgreSQL of the tests' own: fresh, on a free port of this machine, stopped, killed and started at will.

Not for measuring how PostgreSQL itself does, unless it is ``durable``: otherwise it runs without fsync. PostgreSQL
refuses to run as root; when the tests do, it runs as the user that its Debian package has made.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.fakes.worker import free_port

MISSING = "needs PostgreSQL: apt-get install postgresql (docker/install-system.sh --test)"
_OWNER = "postgres"
_START_S = 30.0


def find_programs() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``, the newest if there are several."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


class PostgresServer:
    """One server with its own data; the port stays the same over restarts.

    Args:
        programs: folder of ``initdb`` and ``postgres``.
        folder: empty; belongs to the user whom the server runs as.
        durable: with fsync.
    """

    def __init__(self, programs: Path, folder: Path, *, durable: bool = False) -> None:
        self._durable = durable
        self.port = free_port()
        self._programs = programs
        self._folder = folder
        self._as = {"user": _OWNER, "group": _OWNER, "extra_groups": []} if os.geteuid() == 0 else {}
        self._process: subprocess.Popen[bytes] | None = None

    def initialise(self) -> None:
        """Make the data folder."""
        if self._as:
            shutil.chown(self._folder, _OWNER, _OWNER)
        command = [self._programs / "initdb", "-D", self._folder / "data", "-U", "archive", "-A", "trust"]
        command += ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run(command, cwd=self._folder, check=True, stdout=subprocess.DEVNULL, **self._as)  # type: ignore[call-overload]

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [self._programs / "postgres", "-D", self._folder / "data", "-k", self._folder, "-p", str(self.port)]
        command += ["-h", "127.0.0.1", "-c", "max_connections=300", *([] if self._durable else ["-F"])]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log, **self._as)  # type: ignore[call-overload]
        until_s = time.monotonic() + _START_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError as exc:
                if time.monotonic() > until_s or self._process.poll() is not None:
                    raise AssertionError((self._folder / "log").read_text()[-2000:]) from exc
                time.sleep(0.05)
            else:
                return

    def stop(self, *, at_once: bool = False) -> None:
        """End it: connections are cut; ``at_once`` as in a crash, with recovery at the next start."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        self._process.wait(60)
        self._process = None

    @property
    def pid(self) -> int:
        """Process id of the first of its processes.

        Raises:
            AssertionError: it does not run.
        """
        assert self._process is not None
        return self._process.pid

    def url(self, database: str) -> str:
        """Return the URL of a database, which need not exist."""
        return f"postgresql://archive@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return self.url(name)


@contextlib.contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Start a server in a temporary folder and remove both at the end; skip when PostgreSQL is not installed."""
    programs = find_programs()
    if programs is None:
        pytest.skip(MISSING)
    # Not below pytest's own folder, which only root may enter when root runs the tests.
    with tempfile.TemporaryDirectory(prefix="archiveworker-postgres-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(programs, Path(folder), durable=durable)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop(at_once=True)
