"""Caches of many LMSs: old ones are dropped while others come for theirs."""

import asyncio

import pytest

from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering.config import GatewayConfig, RendererConfig
from archiveworker.rendering.gateway import LmsGateway
from archiveworker.rendering.renderer import ChromiumRenderer

LMS_COUNT = 8


async def test_caches_that_are_dropped_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing a gateway takes a moment, in which other pages end, and pages of the same LMS begin."""
    closed: list[LmsGateway] = []

    async def close(self: LmsGateway) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        closed.append(self)

    monkeypatch.setattr(LmsGateway, "close", close)
    renderer = ChromiumRenderer(RendererConfig(gateway=GatewayConfig(scope_count=1)))

    async def render(number: int) -> None:
        origin = LmsOrigin.of(f"http://lms-{number % LMS_COUNT}.example.org")
        for turn in range(20):
            async with renderer._session(origin, "<p>x", str(origin)):
                for _ in range((number + turn) % 4):
                    await asyncio.sleep(0)
                assert renderer._scopes[origin].gateway not in closed, "its cache was dropped while it was in use"

    async with asyncio.TaskGroup() as tasks:
        for number in range(2 * LMS_COUNT):
            tasks.create_task(render(number))
    assert len(renderer._scopes) == 1
    assert len(closed) == len(set(map(id, closed))) > LMS_COUNT
