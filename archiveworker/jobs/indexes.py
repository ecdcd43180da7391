"""Two indexes of our own on the engine's table of workflows: for the newest jobs, and for those that have not ended.

DBOS 3.4 lists by name and by state, but has no index for either that a database with many workflows would use: each
list would look at every job and item there ever was. Nothing depends on these: without them the same lists take longer.
Accepted risk: they stand on a table that is DBOS's own. They are made when missing, at each start, so a version of DBOS
that makes the table anew has them again, and one whose table is another has none, which the log says.
"""

from typing import Final

import sqlalchemy as sa
import structlog
from dbos._dbos import _get_dbos_instance
from dbos._schemas.system_database import SystemSchema

from archiveworker.runtime.database import make_indexes

_WORKFLOWS: Final = SystemSchema.workflow_status.to_metadata(sa.MetaData())
_INDEXES: Final = (
    sa.Index("archiveworker_by_name", _WORKFLOWS.c.name, _WORKFLOWS.c.created_at),
    sa.Index("archiveworker_by_status", _WORKFLOWS.c.status, _WORKFLOWS.c.name),
)

log = structlog.get_logger(__name__)


def add_indexes(database: sa.Engine | None = None) -> None:
    """Make the indexes that are missing. Blocking.

    Args:
        database: with the engine's tables; None: that of the engine that has been launched.
    """
    try:
        make_indexes(database or _get_dbos_instance()._sys_db.engine, _INDEXES)
    except sa.exc.SQLAlchemyError as exc:
        log.warning("indexes_missing", reason=str(exc).splitlines()[0], effect="lists of jobs take longer")
