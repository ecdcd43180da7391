"""Talking to a running worker from the command line."""

import argparse
import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from archiveworker.domain.errors import AccessDeniedError, NotFoundError, RequestError, SourceUnavailableError

DEFAULT_WORKER = "http://127.0.0.1:8080"


def add_worker_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--worker``."""
    parser.add_argument("--worker", default=DEFAULT_WORKER, help=f"address of the worker (default {DEFAULT_WORKER})")


def admin_token(env: Mapping[str, str]) -> str | None:
    """Return the admin token that the environment holds, if any."""
    if "ARCHIVEWORKER_ADMIN_TOKEN_FILE" in env:
        return Path(env["ARCHIVEWORKER_ADMIN_TOKEN_FILE"]).read_text(encoding="utf-8").strip()
    return env.get("ARCHIVEWORKER_ADMIN_TOKEN") or None


class WorkerClient:
    """A worker's HTTP API.

    Args:
        url: its address.
        token: admin token, if it wants one.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url.rstrip("/")
        self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=30))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str) -> Any:
        """GET a JSON answer."""
        return json.loads(await self._request("GET", path, None))

    async def get_bytes(self, path: str) -> bytes:
        """GET a file."""
        return await self._request("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST a JSON body and return the JSON answer."""
        return json.loads(await self._request("POST", path, body))

    async def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        """Send one request.

        Raises:
            RequestError: the worker refused it; the message is the worker's.
            AccessDeniedError: the admin token is missing or wrong.
            NotFoundError: there is no such job.
            SourceUnavailableError: no worker answers there.
        """
        try:
            async with self._session.request(method, self._url + path, json=body) as response:
                data = await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise SourceUnavailableError(f"no worker answers at {self._url} ({exc}); is it running?") from exc
        if status < HTTPStatus.BAD_REQUEST:
            return data
        message = _sentence(data)
        if status == HTTPStatus.NOT_FOUND:
            raise NotFoundError(message)
        if status == HTTPStatus.FORBIDDEN:
            raise AccessDeniedError(message)
        raise RequestError(f"{message} (HTTP {status})")


def _sentence(data: bytes) -> str:
    try:
        return str(json.loads(data)["error"])
    except (ValueError, KeyError, TypeError):
        return "the answer is not one of an archive worker"
