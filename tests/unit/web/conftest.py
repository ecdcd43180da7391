"""A small application with the middleware of the real one, asked over a real socket."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from archiveworker.domain.secret import Secret
from archiveworker.web.access import ADMIN_TOKEN
from archiveworker.web.errors import errors_to_json

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Client = TestClient[web.Request, web.Application]
Serve = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def serve() -> Serve:
    """Return a context manager that serves one handler at ``/``."""

    @asynccontextmanager
    async def serving(
        handler: Handler, *, max_bytes: int = 4096, admin_token: Secret | None = None
    ) -> AsyncIterator[Client]:
        app = web.Application(middlewares=[errors_to_json], client_max_size=max_bytes)
        app[ADMIN_TOKEN] = admin_token
        app.router.add_route("*", "/", handler)
        async with TestClient(TestServer(app)) as client:
            yield client

    return serving
