"""What the client raises: a branch of the one error tree, for whoever asks a worker over HTTP.

The messages of refusals are the worker's own. A caller that wants one ``except`` catches ``WorkerError``.
"""

import json
import os
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final

from archiveworker.domain.errors import ArchiveWorkerError, Retry


class WorkerError(ArchiveWorkerError):
    """A worker that was asked over HTTP refused, failed, or did not answer; root of this branch."""

    retry = Retry.NEVER
    exit_code = 65
    code = "worker"


class WorkerRefusedError(WorkerError):
    """The worker refuses the request as it is; its sentence says what is wrong."""

    code = "worker_refused"


class WrongTokenError(WorkerError):
    """The worker wants another token, or does this for administrators alone."""

    exit_code = 77
    code = "wrong_token"


class WorkerNotFoundError(WorkerError):
    """The worker has no such job, file or address."""

    exit_code = 66
    code = "worker_not_found"


class WorkerConflictError(WorkerError):
    """The job is in a state in which the worker cannot do this."""

    code = "worker_conflict"


class WorkerBusyError(WorkerError):
    """The worker takes nothing more now, or shuts down; the same request may succeed later."""

    retry = Retry.LATER
    exit_code = 75
    code = "worker_busy"


class WorkerFailedError(WorkerError):
    """The worker met an error of its own; its log has the details."""

    exit_code = 69
    code = "worker_failed"


class WorkerUnavailableError(WorkerError):
    """No worker answers there; the same request may succeed later."""

    retry = Retry.LATER
    exit_code = 69
    code = "worker_unavailable"


class WorkerWaitError(WorkerError):
    """A job has not ended in the time that was given; it goes on."""

    retry = Retry.LATER
    exit_code = 75
    code = "worker_wait"


class ForeignAnswerError(WorkerError):
    """Something answers, but not as an archiveworker does, or not with what it announced."""

    code = "foreign_answer"


_BY_STATUS: Final[Mapping[int, type[WorkerError]]] = {
    HTTPStatus.UNAUTHORIZED: WrongTokenError,
    HTTPStatus.FORBIDDEN: WrongTokenError,
    HTTPStatus.NOT_FOUND: WorkerNotFoundError,
    HTTPStatus.CONFLICT: WorkerConflictError,
    HTTPStatus.TOO_MANY_REQUESTS: WorkerBusyError,
    HTTPStatus.INTERNAL_SERVER_ERROR: WorkerFailedError,
    HTTPStatus.BAD_GATEWAY: WorkerUnavailableError,
    HTTPStatus.SERVICE_UNAVAILABLE: WorkerBusyError,
    HTTPStatus.GATEWAY_TIMEOUT: WorkerUnavailableError,
}


def error_of(status: int, body: bytes, stranger: str) -> WorkerError:
    """Return the error for an answer.

    Args:
        status: of HTTP.
        body: of the answer.
        stranger: the sentence for an answer that no worker gives.
    """
    return _BY_STATUS.get(status, WorkerRefusedError)(_sentence(body) or stranger)


def _sentence(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return ""


def reason_of(error: Exception) -> str:
    """Return in a few words why there was no answer; libraries wrap the system's reason several times."""
    for cause in _causes(error):
        if isinstance(cause, TimeoutError) or "timed out" in str(cause):
            return "it took too long"
        if isinstance(cause, OSError) and cause.errno is not None:
            # Errors of the resolver have negative numbers.
            return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
    return type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors that an error stands for, the innermost first."""
    inner = error.__cause__ or error.__context__ or getattr(error, "reason", None)
    inner = inner or next((one for one in error.args if isinstance(one, BaseException)), None)
    if isinstance(inner, BaseException):
        yield from _causes(inner)
    yield error
