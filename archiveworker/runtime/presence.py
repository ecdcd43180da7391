"""That an executor lives: a session of PostgreSQL that holds an advisory lock on the executor's name.

The server gives the lock up when the session ends, however it ends, so nobody has to write times into a table. The row
of an executor names its *life*: whoever takes over the work of another strikes that life out, and the other one sees it
when it comes back. Locks and rows are told apart by version, because only an executor of the same version can go on
with a workflow (docs/adr/0016). Accepted risk: a connection that is cut without a word is noticed by the server after
its keep-alive time, which ``_SESSION`` sets to about ten seconds.
"""

import asyncio
import contextlib
import hashlib
import uuid
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from archiveworker.domain.secret import Secret

_ANSWER_S: Final = 5.0
_TABLE_KEY: Final = 0x61726368_77726B72
_SESSION: Final = (
    "SET idle_session_timeout = 0",
    "SET tcp_keepalives_idle = 4",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
    "SET tcp_user_timeout = 10000",
)
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS archiveworker_executors "
    "(executor_id text, version text, life text NOT NULL, PRIMARY KEY (executor_id, version))"
)
_HELD: Final = (
    "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 "
    "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class PresenceLostError(Exception):
    """The session has ended, and the lock with it."""


@dataclass(frozen=True, slots=True, order=True)
class Executor:
    """A worker process, as the engine names it.

    Attributes:
        executor_id: stable over restarts.
        version: form of the workflows that it can run.
    """

    executor_id: str
    version: str

    @property
    def lock_key(self) -> int:
        """Number of its advisory lock, 64 bits with sign."""
        digest = hashlib.sha256(f"archiveworker.executor/{self.version}/{self.executor_id}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


class Presence:
    """One session; may be opened again after it was lost.

    Args:
        url: of the database.
        me: whose presence it is.
    """

    def __init__(self, url: Secret, me: Executor) -> None:
        self.me = me
        self._url = url
        self._life = str(uuid.uuid4())
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Connect.

        Raises:
            PresenceLostError: the database does not answer.
        """
        await self.close()
        try:
            async with asyncio.timeout(_ANSWER_S):
                self._connection = await psycopg.AsyncConnection.connect(
                    self._url.reveal(), autocommit=True, connect_timeout=int(_ANSWER_S), keepalives_idle=4,
                    keepalives_interval=2, keepalives_count=3, tcp_user_timeout=10_000,
                )  # fmt: skip
        except (psycopg.OperationalError, TimeoutError) as exc:
            raise PresenceLostError(str(exc)) from exc
        for statement in _SESSION:
            await self._ask(statement)
        # Two that make the same table at the same time would fail, in spite of IF NOT EXISTS.
        await self._ask("SELECT pg_advisory_lock(%s)", _TABLE_KEY)
        await self._ask(_TABLE)
        await self._ask("SELECT pg_advisory_unlock(%s)", _TABLE_KEY)

    async def close(self) -> None:
        """End the session; its locks are free."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                await connection.close()

    async def take(self, who: Executor) -> bool:
        """Try to lock the name of ``who``, without waiting.

        Raises:
            PresenceLostError: the session has ended; likewise from all that follows.
        """
        return bool((await self._ask("SELECT pg_try_advisory_lock(%s)", who.lock_key))[0][0])

    async def give_up(self, who: Executor) -> None:
        """Free the name of ``who``, which this session holds."""
        await self._ask("SELECT pg_advisory_unlock(%s)", who.lock_key)

    async def begin_life(self) -> None:
        """Write down that the name, which is locked, belongs to this process."""
        await self._ask(
            "INSERT INTO archiveworker_executors VALUES (%s, %s, %s) "
            "ON CONFLICT (executor_id, version) DO UPDATE SET life = EXCLUDED.life",
            self.me.executor_id, self.me.version, self._life,
        )  # fmt: skip

    async def is_alive(self) -> bool:
        """Return False when somebody has taken over the work of this process."""
        query = "SELECT life FROM archiveworker_executors WHERE executor_id = %s AND version = %s"
        rows = await self._ask(query, self.me.executor_id, self.me.version)
        return bool(rows) and rows[0][0] == self._life

    async def end_life(self, who: Executor) -> None:
        """Strike out the life of ``who``, whose name this session has locked."""
        query = "UPDATE archiveworker_executors SET life = '' WHERE executor_id = %s AND version = %s"
        await self._ask(query, who.executor_id, who.version)

    async def living(self) -> frozenset[Executor]:
        """Return the executors whose names are locked."""
        held = {row[0] for row in await self._ask(_HELD)}
        known = await self._ask("SELECT executor_id, version FROM archiveworker_executors")
        return frozenset(who for who in (Executor(*row) for row in known) if who.lock_key in held)

    async def _ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        async with self._lock:
            if self._connection is None:
                raise PresenceLostError("there is no session")
            try:
                async with asyncio.timeout(_ANSWER_S):
                    cursor = await self._connection.execute(query.encode(), values or None)
                    return [] if cursor.description is None else await cursor.fetchall()
            except (psycopg.Error, TimeoutError) as exc:
                raise PresenceLostError(str(exc)) from exc
