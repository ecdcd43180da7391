"""Makes sure that the workers of one database also share one spool: a mark in the folder, the same in the database.

A worker with a folder of its own would take items whose files the one that packs never sees; that has to be found when
it starts, not at the end of a job of six hours.
"""

import contextlib
import uuid
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from archiveworker.domain.errors import SettingsError
from archiveworker.runtime.database import make_tables

_MARK: Final = ".archiveworker-spool"
_METADATA: Final = sa.MetaData()
_SPOOL: Final = sa.Table(
    "archiveworker_spool",
    _METADATA,
    sa.Column("only", sa.Integer, primary_key=True),
    sa.Column("mark", sa.String(64), nullable=False),
)


def claim_spool(pool: sa.Engine, folder: Path) -> None:
    """Compare the folder's mark with the database's; the first worker makes both.

    Args:
        pool: of the shared database.
        folder: exists.

    Raises:
        SettingsError: it is not the folder that the other workers of this database use, or cannot be written.
    """
    make_tables(pool, _METADATA)
    mark = folder / _MARK
    with pool.begin() as connection:
        known = connection.execute(sa.select(_SPOOL.c.mark)).scalar_one_or_none()
    if known is None:
        try:
            with contextlib.suppress(FileExistsError), mark.open("x", encoding="ascii") as file:
                file.write(str(uuid.uuid4()))
        except OSError as exc:
            raise SettingsError(f"ARCHIVEWORKER_SPOOL_DIR: {folder} cannot be written ({exc.strerror})") from exc
    found = mark.read_text(encoding="ascii", errors="replace") if mark.is_file() else ""
    if known is None:
        with pool.begin() as connection:
            connection.execute(
                sa.text("INSERT INTO archiveworker_spool VALUES (1, :mark) ON CONFLICT DO NOTHING"), {"mark": found}
            )
            known = connection.execute(sa.select(_SPOOL.c.mark)).scalar_one()
    if found != known:
        raise SettingsError(
            f"ARCHIVEWORKER_SPOOL_DIR: {folder} is not the folder that the other workers of this database use "
            f"({_MARK} is missing there or another's); give all of them the same shared folder"
        )
