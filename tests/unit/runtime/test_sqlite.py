"""The database of a lone worker: who reads does not hold up who writes."""

import sqlite3
from pathlib import Path

import sqlalchemy as sa

from archiveworker.runtime.database import open_sqlite


def test_a_reader_does_not_keep_a_writer_from_committing(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite"
    with open_sqlite(file).begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (n INTEGER)"))
    # Whoever opens it later and asks for nothing, as the engine does, gets the same.
    reader, writer = (sqlite3.connect(file, timeout=0, isolation_level=None) for _ in range(2))
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (0,)
    writer.execute("INSERT INTO t VALUES (1)")
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (0,), "it goes on with what it saw"
    reader.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
    for opened in (reader, writer):
        opened.close()


def test_a_commit_is_as_durable_as_before(tmp_path: Path) -> None:
    with open_sqlite(tmp_path / "db.sqlite").connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sa.text("PRAGMA synchronous")).scalar() == 2, "FULL: after a power cut too"
