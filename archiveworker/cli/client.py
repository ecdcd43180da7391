"""Talking to a running worker from the command line."""

import argparse
import json
import os
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import aiohttp

from archiveworker.domain.errors import (
    AccessDeniedError,
    ArchiveWorkerError,
    ConflictError,
    LimitExceededError,
    NotFoundError,
    QueueFullError,
    RequestError,
    SettingsError,
    ShuttingDownError,
    SourceError,
    SourceUnavailableError,
)

DEFAULT_WORKER: Final = "http://127.0.0.1:8080"
_TOKEN: Final = "ARCHIVEWORKER_ADMIN_TOKEN"  # noqa: S105 - the name of a setting
_ERRORS: Final[Mapping[int, type[ArchiveWorkerError]]] = {
    HTTPStatus.FORBIDDEN: AccessDeniedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: LimitExceededError,
    HTTPStatus.TOO_MANY_REQUESTS: QueueFullError,
    HTTPStatus.INTERNAL_SERVER_ERROR: SourceError,
    HTTPStatus.BAD_GATEWAY: SourceUnavailableError,
    HTTPStatus.SERVICE_UNAVAILABLE: ShuttingDownError,
    HTTPStatus.GATEWAY_TIMEOUT: SourceUnavailableError,
}


def add_worker_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--worker``."""
    parser.add_argument(
        "--worker", metavar="URL", default=DEFAULT_WORKER, help=f"address of the worker (default {DEFAULT_WORKER})"
    )


def admin_token(env: Mapping[str, str]) -> str | None:
    """Return the admin token that the environment holds, if any.

    Raises:
        SettingsError: the file that it names cannot be read.
    """
    file = env.get(f"{_TOKEN}_FILE")
    if not file:
        return env.get(_TOKEN, "").strip() or None
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{_TOKEN}_FILE: {file} cannot be read: {_why(exc)}") from exc


def read_token(file: Path) -> str:
    """Return the web-service token in the file that ``--token-file`` names.

    Raises:
        RequestError: it cannot be read, or is empty.
    """
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise RequestError(f"--token-file {file} cannot be read: {_why(exc)}") from exc
    if not token:
        raise RequestError(f"--token-file {file} is empty; it must hold the token alone")
    return token


def job_path(job_id: str, *rest: str) -> str:
    """Return the address of a job, or of something of it."""
    return "/".join(("/jobs", *(quote(part, safe="") for part in (job_id, *rest))))


class WorkerClient:
    """A worker's HTTP API.

    Args:
        url: its address.
        token: admin token, if it wants one.

    Raises:
        RequestError: ``url`` is no address.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise RequestError(f"--worker must be an address such as {DEFAULT_WORKER}, got {url!r}")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url.rstrip("/")
        self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=30))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def url(self) -> str:
        """The worker's address, without a slash at its end."""
        return self._url

    async def get(self, path: str) -> dict[str, Any]:
        """GET a JSON object."""
        return self._object(await self._request("GET", path, None))

    async def get_bytes(self, path: str) -> bytes:
        """GET a file."""
        return await self._request("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """POST a JSON body and return the JSON object of the answer."""
        return self._object(await self._request("POST", path, body))

    def _object(self, data: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(data)
        except ValueError as exc:
            raise RequestError(self._stranger()) from exc
        if not isinstance(answer, dict):
            raise RequestError(self._stranger())
        return answer

    def _stranger(self, status: int = HTTPStatus.OK) -> str:
        return (
            f"{self._url} answers (HTTP {status}), but is not an archiveworker; name the worker's address with --worker"
        )

    async def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        """Send one request.

        Raises:
            RequestError: the worker refused it; the message is the worker's. Other statuses raise what the worker
                raised.
            SourceUnavailableError: no worker answers there.
        """
        try:
            async with self._session.request(method, self._url + path, json=body) as response:
                data = await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise SourceUnavailableError(
                f"no worker answers at {self._url} ({_why(exc)}); start it with: archiveworker serve, "
                "or name another address with --worker"
            ) from exc
        if status < HTTPStatus.BAD_REQUEST:
            return data
        raise _ERRORS.get(status, RequestError)(_sentence(data) or self._stranger(status))


def _sentence(data: bytes) -> str:
    """Return what a worker says about an error; nothing when it is none."""
    try:
        return str(json.loads(data)["error"])
    except (ValueError, KeyError, TypeError):
        return ""


def _why(exc: Exception) -> str:
    """Return the reason of an error in a few words."""
    if isinstance(exc, aiohttp.ClientConnectorError):
        exc = exc.os_error
    if isinstance(exc, TimeoutError):
        return "it took too long"
    if isinstance(exc, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(exc, OSError) and exc.errno is not None:
        # asyncio's own text names the address once more; errors of the resolver have negative numbers.
        return os.strerror(exc.errno) if exc.errno > 0 else str(exc.strerror)
    return str(exc) or type(exc).__name__
