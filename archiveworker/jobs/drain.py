"""Draining: after SIGTERM no new item begins, those in flight may finish.

An item that comes to its turn while the worker drains waits here until the process ends; the engine still has it as
begun, and the next start takes it up again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class DrainGate:
    """Counts the items in flight and holds back new ones."""

    def __init__(self) -> None:
        self._draining = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_flight = 0

    @property
    def is_draining(self) -> bool:
        """True from the moment on at which no new work begins."""
        return self._draining.is_set()

    @property
    def in_flight(self) -> int:
        """Number of items that have begun and not ended."""
        return self._in_flight

    @asynccontextmanager
    async def work(self) -> AsyncIterator[None]:
        """Hold the gate open for one item; while draining, wait for ever instead."""
        if self.is_draining:
            await asyncio.Event().wait()
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if self._in_flight == 0:
                self._idle.set()

    async def drain(self, grace_s: float) -> bool:
        """Let nothing new begin and wait for what is in flight.

        Returns:
            True when everything in flight ended within ``grace_s``.
        """
        self._draining.set()
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True
