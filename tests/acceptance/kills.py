"""What must hold when workers are killed: the same archive, once, and nothing made again that had a record."""

import contextlib
import sqlite3
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import psycopg

_WRITTEN: Final = (
    "SELECT workflow_uuid FROM {schema}operation_outputs"
    " WHERE workflow_uuid LIKE '%/item/%' AND function_name = 'archive_item' AND error IS NULL"
)
_SQLITE_WAIT_S: Final = 30.0
PATIENT: Final = {"READY_TIMEOUT_S": "200", "RENDER_TIMEOUT_S": "400", "QUEUE_MAX_COUNT": "50"}
"""For a busy machine: a page that is not ready in time is printed with a warning, and the archive says so; and between
two kills there may be no time to end a job, so that many wait."""


def manifest_of(archive: Path) -> bytes:
    """Return the list of files and digests of an archive."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile("manifest-sha256.txt")
        assert member is not None
        return member.read()


def archived_items(events: Iterable[dict[str, Any]], job_id: str) -> list[str]:
    """Return the keys of the items of a job that were made, each as often as it was."""
    return [e["item"] for e in events if e["event"] == "item_archived" and e.get("job_id") == job_id]


class Checkpoints:
    """Watches that no item is made again once the engine has its record: only those in flight at a kill may be.

    Args:
        database: of the workers: the file of SQLite, or the URL of PostgreSQL.
        log_events: what all workers have logged so far.
    """

    def __init__(self, database: Path | str, log_events: Callable[[], list[dict[str, Any]]]) -> None:
        self._database = database
        self._log_events = log_events
        self._made_when_written: dict[tuple[str, str], int] = {}

    def look(self) -> None:
        """Note which items have a record now, and how often each was made until then; best right after a kill."""
        written = self._written()
        made = self._made()
        for item in written:
            self._made_when_written.setdefault(item, made[item])

    @property
    def record_count(self) -> int:
        """How many items were seen to have a record."""
        return len(self._made_when_written)

    def broken(self) -> list[tuple[str, str]]:
        """Return the items (job, key) that were made again although they had a record."""
        made = self._made()
        return sorted(item for item, count in self._made_when_written.items() if made[item] != count)

    def _made(self) -> Counter[tuple[str, str]]:
        return Counter((e["job_id"], e["item"]) for e in self._log_events() if e["event"] == "item_archived")

    def _written(self) -> list[tuple[str, str]]:
        if isinstance(self._database, Path):
            with contextlib.closing(sqlite3.connect(self._database, timeout=_SQLITE_WAIT_S)) as connection:
                rows = connection.execute(_WRITTEN.format(schema="")).fetchall()
        else:
            with psycopg.connect(self._database) as server:
                rows = server.execute(_WRITTEN.format(schema="dbos.")).fetchall()
        ids = [str(workflow_id).split("/") for (workflow_id,) in rows]
        return [(job_id, key) for job_id, _, key, _ in ids]
