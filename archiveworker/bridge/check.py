"""``archiveworker bridge check``: what of a mapping does not fit a database, line by line."""

from collections.abc import Iterator

import sqlalchemy as sa

from archiveworker.bridge.database import LegacyDatabase
from archiveworker.bridge.plan import Plan
from archiveworker.bridge.reading import Legacy
from archiveworker.bridge.rights import writing_rights
from archiveworker.bridge.select import Selector
from archiveworker.bridge.uploads import UploadFolder
from archiveworker.domain.checkup import Line
from archiveworker.domain.errors import ArchiveWorkerError


def check(database: LegacyDatabase, plan: Plan, uploads: UploadFolder) -> Iterator[Line]:
    """Yield what was looked at: tables and columns, the user's rights, the upload folder, activities.

    Raises:
        BusyError: the database does not answer.
    """
    with database.snapshot() as connection:
        yield Line(True, "database", f"{database.description}, opened for reading only")
        names = {table for one in plan.queries for table in one.tables.values()}
        tables = database.tables(connection, names)
        fits = True
        for line in _columns(plan, tables):
            fits = fits and line.ok is True
            yield line
        yield rights_line(database, connection)
        if fits:
            count = Selector(plan.activity, tables).count(connection, {})
            kind = plan.mapping.activity.kind
            yield Line(bool(count) or None, "activities", f"{count} of kind {kind}: scope {kind}:ID, or all")
    yield _folder(plan, uploads)
    if fits:
        yield from _readable(Legacy(database, plan, uploads))
    yield from _constants(plan)


def _columns(plan: Plan, tables: dict[str, sa.Table]) -> Iterator[Line]:
    """Yield a line for each table that the mapping names."""
    named: dict[str, set[str]] = {}
    lacking: dict[str, dict[str, list[str]]] = {}
    for planned in plan.queries:
        for table in planned.tables.values():
            named.setdefault(table, set())
            if table not in tables:
                lacking.setdefault(table, {}).setdefault("", []).append(planned.where)
        for name in planned.all_columns:
            alias, _, column = name.lstrip("@").partition(".")
            table = (plan.activity if name.startswith("@") else planned).tables[alias]
            named[table].add(column)
            if table in tables and column not in tables[table].c:
                lacking.setdefault(table, {}).setdefault(column, []).append(planned.where)
    for table in sorted(named):
        if table not in tables:
            places = ", ".join(lacking[table][""])
            yield Line(False, f"table {table}", f"is not in the database; named in {places}")
        elif table in lacking:
            columns = "; ".join(f"{column} (named in {', '.join(at)})" for column, at in lacking[table].items())
            yield Line(False, f"table {table}", f"lacks {columns}; it has: {', '.join(tables[table].c.keys())}")
        else:
            yield Line(True, f"table {table}", f"has all {len(named[table])} columns that the mapping names")


def rights_line(database: LegacyDatabase, connection: sa.Connection) -> Line:
    """Return whether the user could write."""
    try:
        rights = writing_rights(database, connection)
    except sa.exc.SQLAlchemyError as exc:
        return Line(None, "user", f"the database does not say what the user may do ({type(exc).__name__})")
    if not rights:
        return Line(True, "user", "may read and cannot write")
    advice = "give the bridge a user that can only read (docs/howto/connect-a-legacy-lms.md)"
    # Whoever runs as root could write any file; on a server the right was given on purpose.
    return Line(None if database.kind == "sqlite" else False, "user", f"could write: {'; '.join(rights)}; {advice}")


def _folder(plan: Plan, uploads: UploadFolder) -> Line:
    if not plan.mapping.files:
        return Line(True, "upload folder", "the system has no files")
    if uploads.root is None:
        return Line(
            False, "upload folder", "is not set: every file will be missing; set ARCHIVEWORKER_BRIDGE_UPLOAD_DIR"
        )
    return Line(True, "upload folder", f"{uploads.root} can be read")


def _readable(legacy: Legacy) -> Iterator[Line]:
    try:
        count = sum(1 for _ in legacy.activities())
    except ArchiveWorkerError as exc:
        yield Line(False, "values", str(exc))
    else:
        yield Line(True, "values", f"{count} activities can be read")


def _constants(plan: Plan) -> Iterator[Line]:
    """Yield what the mapping takes for given: nobody but the administrator knows whether it is so."""
    said = [
        f"{name} = {one.expression.value}"
        for name, one in plan.activity.single.items()
        if name.startswith("quota") and one.expression.value is not None
    ]
    if said:
        yield Line(True, "assumed", f"{', '.join(said)}; if the LMS is set otherwise, say so in a mapping of your own")
