"""Makes sure that the workers of one database also share one spool: a mark on the spool, the same in the database.

A worker with a spool of its own would take items whose files the one that packs never sees; that has to be found when
it starts, not at the end of a job of six hours.
"""

import uuid
from typing import Final, Protocol

import sqlalchemy as sa

from archiveworker.domain.errors import SettingsError
from archiveworker.runtime.database import make_tables

_METADATA: Final = sa.MetaData()
_SPOOL: Final = sa.Table(
    "archiveworker_spool",
    _METADATA,
    sa.Column("only", sa.Integer, primary_key=True),
    sa.Column("mark", sa.String(64), nullable=False),
)


class MarkedSpool(Protocol):
    """A spool that can be told from others; its text names the setting and the place."""

    def read_mark(self) -> str:
        """Return the mark, or nothing."""
        ...

    def write_mark(self, text: str) -> None:
        """Leave a mark, unless there is one."""
        ...


def claim_spool(pool: sa.Engine, spool: MarkedSpool) -> None:
    """Compare the spool's mark with the database's; the first worker makes both.

    Args:
        pool: of the shared database (PostgreSQL).
        spool: that this worker would use.

    Raises:
        SettingsError: it is not the one that the other workers of this database use, or cannot be written.
    """
    make_tables(pool, _METADATA)
    with pool.begin() as connection:
        # One at a time: of workers that start together, a store would let the last one write its mark over the others'.
        connection.execute(sa.text("LOCK TABLE archiveworker_spool IN EXCLUSIVE MODE"))
        known = connection.execute(sa.select(_SPOOL.c.mark)).scalar_one_or_none()
        if known is None:
            spool.write_mark(str(uuid.uuid4()))
        found = spool.read_mark()
        if known is None:
            known = found
            connection.execute(sa.insert(_SPOOL).values(only=1, mark=known))
    if found != known:
        raise SettingsError(
            f"{spool} is not the spool that the other workers of this database use (its mark, .archiveworker-spool, is "
            "missing there or another's); give all of them the same shared folder or the same store"
        )
