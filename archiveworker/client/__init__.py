"""A small client of the worker's HTTP API, for scripts and for the command line: synchronous, typed, without settings.

    from archiveworker.client import WorkerClient

    with WorkerClient("http://127.0.0.1:8080", token="...") as worker:
        job_id = worker.submit("peer_review", body)
        view = worker.wait(job_id)

What it returns are the types of ``archiveworker.domain.answers``; whatever goes wrong is a ``WorkerError``. Not for
running inside an event loop: a call blocks until the worker has answered.
"""

from archiveworker.client.client import WorkerClient
from archiveworker.client.errors import (
    ForeignAnswerError,
    WorkerBusyError,
    WorkerConflictError,
    WorkerError,
    WorkerFailedError,
    WorkerNotFoundError,
    WorkerRefusedError,
    WorkerUnavailableError,
    WorkerWaitError,
    WrongTokenError,
)

__all__ = [
    "ForeignAnswerError",
    "WorkerBusyError",
    "WorkerClient",
    "WorkerConflictError",
    "WorkerError",
    "WorkerFailedError",
    "WorkerNotFoundError",
    "WorkerRefusedError",
    "WorkerUnavailableError",
    "WorkerWaitError",
    "WrongTokenError",
]
