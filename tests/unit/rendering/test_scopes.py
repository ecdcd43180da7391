"""Caches of many LMSs: old ones are dropped while others come for theirs."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from archiveworker.rendering.gateway import LmsGateway
from archiveworker.rendering.renderer import ChromiumRenderer

A, B, C, D, E = (LmsOrigin.of(f"http://{name}.example.org") for name in "abcde")


async def test_a_page_that_comes_while_caches_are_dropped_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[LmsGateway] = []
    closing, go_on = asyncio.Event(), asyncio.Event()

    async def close(self: LmsGateway) -> None:
        closing.set()
        await go_on.wait()
        closed.append(self)

    monkeypatch.setattr(LmsGateway, "close", close)
    renderer = ChromiumRenderer(RendererConfig(gateway=GatewayConfig(scope_count=2)))

    async def render(origin: LmsOrigin) -> None:
        async with renderer._session(origin, "<p>x", str(origin)):
            pass

    await render(A)
    await render(B)
    async with AsyncExitStack() as in_use:
        for origin in (C, D):
            await in_use.enter_async_context(renderer._session(origin, "<p>x", str(origin)))
        # There is room for two, so those of A, B and E go: A's is being closed, and B's would be the next.
        dropping = asyncio.create_task(render(E))
        await closing.wait()
        async with renderer._session(B, "<p>x", str(B)):
            go_on.set()
            await dropping
            assert renderer._scopes[B].gateway not in closed
    assert len(renderer._scopes) == 2
