"""Who is an administrator, and what errors look like from outside."""

import pytest
from aiohttp import web

from archiveworker.domain.errors import (
    AccessDeniedError,
    ArchiveWorkerError,
    ConflictError,
    NotFoundError,
    QueueFullError,
    RequestError,
    ShuttingDownError,
    TokenRefusedError,
)
from archiveworker.domain.secret import Secret
from archiveworker.web.access import require_admin
from tests.unit.web.conftest import Serve

TOKEN = Secret("made-up-admin-token")


async def _guarded(request: web.Request) -> web.Response:
    require_admin(request)
    return web.json_response({"ok": True})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer made-up-admin-token"}, 200),
        ({"Authorization": "Bearer  made-up-admin-token "}, 200),
        ({"Authorization": "bearer made-up-admin-token"}, 200),
        ({"Authorization": "Bearer made-up-admin-tokeN"}, 403),
        ({"Authorization": "Bearer "}, 403),
        ({"Authorization": "Basic made-up-admin-token"}, 403),
        ({"Authorization": "made-up-admin-token"}, 403),
        ({"Authorization": "Bearer ünïcode"}, 403),
        ({"Authorization": "Bearer \udcff"}, 403),
        ({}, 403),
    ],
)
async def test_with_a_token_only_its_bearer_gets_in(headers: dict[str, str], status: int, serve: Serve) -> None:
    async with serve(_guarded, admin_token=TOKEN) as client, client.get("/", headers=headers) as answer:
        assert answer.status == status
        if status == 403:
            assert "ARCHIVEWORKER_ADMIN_TOKEN" in (await answer.json())["error"]
            assert TOKEN.reveal() not in await answer.text()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_without_a_token_only_this_machine_gets_in_and_no_proxy(header: str, serve: Serve) -> None:
    async with serve(_guarded) as client:
        async with client.get("/") as answer:
            assert answer.status == 200
        async with client.get("/", headers={header: "127.0.0.1"}) as answer:
            assert answer.status == 403
            assert "worker's own machine" in (await answer.json())["error"]


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (RequestError("x must be y"), 400, None),
        (TokenRefusedError("the token is gone"), 400, None),
        (AccessDeniedError("no"), 403, None),
        (NotFoundError("there is none"), 404, None),
        (ConflictError("not now"), 409, None),
        (QueueFullError("full"), 429, "60"),
        (ShuttingDownError("closing"), 503, "60"),
    ],
)
async def test_an_error_becomes_its_status_and_one_sentence(
    error: ArchiveWorkerError, status: int, retry_after: str | None, serve: Serve
) -> None:
    async def raising(_request: web.Request) -> web.Response:
        raise error

    async with serve(raising) as client, client.get("/") as answer:
        assert answer.status == status
        assert await answer.json() == {"error": str(error)}
        assert answer.headers.get("Retry-After") == retry_after


async def test_a_mistake_of_ours_shows_no_details(serve: Serve) -> None:
    async def failing(_request: web.Request) -> web.Response:
        raise ZeroDivisionError("/secret/path and a token")

    async with serve(failing) as client, client.get("/") as answer:
        assert answer.status == 500
        assert "secret" not in await answer.text()
        assert list(await answer.json()) == ["error"]


async def test_unknown_addresses_and_methods_get_json_too(serve: Serve) -> None:
    async with serve(_guarded) as client, client.get("/nowhere") as answer:
        assert (answer.status, list(await answer.json())) == (404, ["error"])
