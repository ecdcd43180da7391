"""Who may say what comes sooner."""

import pytest
from aiohttp import web

from archiveworker.domain.secret import Secret
from archiveworker.web.request import priority_of
from tests.unit.web.conftest import Serve

TOKEN = "0123456789abcdef"


async def _priority(request: web.Request) -> web.Response:
    return web.json_response({"priority": priority_of(request)})


@pytest.mark.parametrize(
    ("query", "priority"), [("", 0), ("?priority=0", 0), ("?priority=10", 10), ("?priority=-7", -7)]
)
async def test_an_administrator_says_it_in_the_query(serve: Serve, query: str, priority: int) -> None:
    async with serve(_priority, admin_token=Secret(TOKEN)) as client:
        answer = await client.post(f"/{query}", headers={"Authorization": f"Bearer {TOKEN}"}, json={"priority": 5})
        assert await answer.json() == {"priority": priority}, "what stands in the body does not count"


@pytest.mark.parametrize("text", ["", "11", "-11", "1.0", "high", "\u0663", "0x1", " 1"])
async def test_anything_else_is_refused(serve: Serve, text: str) -> None:
    async with serve(_priority, admin_token=Secret(TOKEN)) as client:
        answer = await client.post("/", params={"priority": text}, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status == 400
        assert "from -10 to 10" in (await answer.json())["error"]


async def test_nobody_else_may(serve: Serve) -> None:
    async with serve(_priority, admin_token=Secret(TOKEN)) as client:
        assert (await client.post("/?priority=1")).status == 403
        assert (await client.post("/")).status == 200
