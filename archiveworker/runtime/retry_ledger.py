"""How many requests and tries each running job has repeated: one number a job, in the database that executors share.

Counted there and not in each process, so that neither a restart nor more executors give a job more of them. Not a
limit: what is allowed is said in ``jobs.budget``. Accepted risk: an item that is still in flight when its job's number
is forgotten leaves a small one behind.
"""

from typing import Final

import sqlalchemy as sa

from archiveworker.domain.ids import JobId
from archiveworker.runtime.database import make_tables, patiently

_METADATA: Final = sa.MetaData()
_RETRIES: Final = sa.Table(
    "archiveworker_retries",
    _METADATA,
    sa.Column("job_id", sa.String(64), primary_key=True),
    sa.Column("used", sa.Integer, nullable=False),
)
_SPEND: Final = sa.text(
    "INSERT INTO archiveworker_retries (job_id, used) VALUES (:job_id, 1) "
    "ON CONFLICT (job_id) DO UPDATE SET used = archiveworker_retries.used + 1 RETURNING used"
)


class RetryLedger:
    """Counts retries.

    Args:
        engine: of the database that the job engine uses as well; the table is made when missing.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        make_tables(engine, _METADATA)

    async def spend(self, job_id: JobId) -> int:
        """Count one more; return how many there are now."""
        return await patiently(self._spend, job_id)

    async def used(self) -> dict[JobId, int]:
        """Return the number of each running job that has repeated anything."""
        return await patiently(self._used)

    async def forget(self, job_id: JobId) -> None:
        """Begin at zero again; no error when there is nothing."""
        await patiently(self._forget, job_id)

    def _spend(self, job_id: JobId) -> int:
        with self._engine.begin() as connection:
            return int(connection.execute(_SPEND, {"job_id": job_id}).scalar_one())

    def _used(self) -> dict[JobId, int]:
        with self._engine.begin() as connection:
            rows = connection.execute(sa.select(_RETRIES.c.job_id, _RETRIES.c.used))
            return {JobId(job_id): used for job_id, used in rows}

    def _forget(self, job_id: JobId) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_RETRIES).where(_RETRIES.c.job_id == job_id))
