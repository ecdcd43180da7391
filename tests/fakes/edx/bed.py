"""Installs the real edx-proctoring into an environment of its own, fills it, serves it, and looks into its database."""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
ENVIRONMENT = ROOT / "build" / "edx-proctoring"
STATES, BIG, EMPTY, MANY = (f"course-v1:Lab+{name}+2026" for name in ("STATES", "BIG", "EMPTY", "MANY"))
MANY_COUNT = 1000
"""Attempts of the largest course: the LMS itself takes time for every page that grows with the course."""
JWT_SECRET = "the key with which the test bed signs"
JWT_ISSUER = "http://lms.example.test/oauth2"


@dataclass(frozen=True)
class EdxServer:
    """A served LMS.

    Attributes:
        url: where it is.
        database: its file.
        journal: every request, a line each.
    """

    url: str
    database: Path
    journal: Path

    def requests(self) -> list[str]:
        """Return ``METHOD /path?query`` of every request so far."""
        return self.journal.read_text(encoding="utf-8").splitlines() if self.journal.exists() else []

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            return connection.execute(query, values).fetchall()

    def contents(self) -> "Contents":
        """Return everything in the database, to be compared."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            dump = tuple(connection.iterdump())
        return Contents(hashlib.sha256(self.database.read_bytes()).hexdigest(), dump)


@dataclass(frozen=True)
class Contents:
    """A database at one moment.

    Attributes:
        sha256: of the file, byte for byte.
        statements: the same as SQL, so that a difference can be read.
    """

    sha256: str
    statements: tuple[str, ...]


def install() -> Path:
    """Put edx-proctoring into ``build/edx-proctoring``; does nothing when it is there. Return its Python."""
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with ENVIRONMENT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests of two files may come here at the same time
        return _installed()


def _installed() -> Path:
    python, wanted, done = ENVIRONMENT / "bin" / "python", HERE / "requirements.txt", ENVIRONMENT / ".built"
    if done.exists() and done.read_text() == wanted.read_text():
        return python
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", wanted]
    subprocess.run(pip, check=True)
    done.write_text(wanted.read_text())
    return python


@contextmanager
def served(folder: Path, many_count: int = 0) -> Iterator[EdxServer]:
    """Fill a new database in ``folder`` and serve it until the end of the block."""
    python = install()
    database, journal = folder / "lms.sqlite3", folder / "requests.log"
    environment = {
        "PATH": os.environ["PATH"],
        "EDX_DATABASE": str(database),
        "EDX_JOURNAL": str(journal),
        "PYTHONPATH": str(HERE / "lms"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    count = [str(many_count)] if many_count else []
    subprocess.run([python, HERE / "lms" / "populate.py", *count], check=True, env=environment, cwd=folder)
    command = [python, HERE / "lms" / "serve.py"]
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port, "the LMS did not start"
            yield EdxServer(f"http://127.0.0.1:{port}", database, journal)
        finally:
            process.terminate()
            process.wait(20)


def make_token(
    username: str = "archive_worker", *, secret: str = JWT_SECRET, lives_s: int = 3600, **claims: Any
) -> str:
    """Return a token as the LMS would sign it (RFC 7519, HS256); ``claims`` can order faults (``lms/orders.py``)."""
    now = int(time.time())
    payload = {
        "iss": JWT_ISSUER,
        "aud": "lms-key",
        "iat": now,
        "exp": now + lives_s,
        "preferred_username": username,
        "version": "1.2.0",
        "scopes": ["read"],
    }
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(payload | claims)}"
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64(signature)}"


def _part(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
