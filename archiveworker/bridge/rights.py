"""Could the bridge's user write? What a connection promises, a mistake can undo; a user without the right cannot write.

Only asks (information_schema and privilege functions); never tries to write.
"""

import os
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from archiveworker.bridge.database import LegacyDatabase

_WRITING: Final = ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "FILE", "SUPER", "TRIGGER", "INDEX")
_MARIADB_VIEWS: Final = ("USER_PRIVILEGES", "SCHEMA_PRIVILEGES", "TABLE_PRIVILEGES", "COLUMN_PRIVILEGES")
_POSTGRESQL: Final = sa.text(
    "SELECT c.relname, p.name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, "
    "(VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p(name) "
    "WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
    "AND n.nspname NOT LIKE 'pg_toast%' AND (has_table_privilege(c.oid, p.name) OR "
    "(p.name IN ('INSERT', 'UPDATE') AND has_any_column_privilege(c.oid, p.name))) ORDER BY 1, 2"
)
_POSTGRESQL_ROLE: Final = sa.text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")


def writing_rights(database: LegacyDatabase, connection: sa.Connection) -> tuple[str, ...]:
    """Return sentences: what the bridge's user could write; empty when nothing.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database does not say.
    """
    if database.kind == "sqlite":
        return _of_file(database.path)
    return _of_mariadb(connection) if database.kind in ("mysql", "mariadb") else _of_postgresql(connection)


def _of_file(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    said = [f"the file {path.name}"] if os.access(path, os.W_OK) else []
    said += [f"the folder of {path.name}"] if os.access(path.parent, os.W_OK) else []
    return tuple(f"{one} can be written by the system user that runs the bridge" for one in said)


def _of_mariadb(connection: sa.Connection) -> tuple[str, ...]:
    said: list[str] = []
    for view in _MARIADB_VIEWS:
        # A user sees the rows of the own account and roles alone; who sees others' rows is an administrator anyway.
        statement = sa.text(f"SELECT DISTINCT PRIVILEGE_TYPE FROM information_schema.{view}")  # noqa: S608 - constants
        found = sorted(set(connection.execute(statement).scalars()) & set(_WRITING))
        if found:
            said.append(f"{', '.join(found)} ({view.split('_')[0].lower()} level)")
    return tuple(said)


def _of_postgresql(connection: sa.Connection) -> tuple[str, ...]:
    if connection.execute(_POSTGRESQL_ROLE).scalar():
        return ("the user is a superuser",)
    by_right: dict[str, list[str]] = {}
    for table, right in connection.execute(_POSTGRESQL):
        by_right.setdefault(right, []).append(table)
    return tuple(f"{right} on {', '.join(tables)}" for right, tables in by_right.items())
