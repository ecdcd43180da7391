"""Draining and stopping: after SIGTERM no new item begins, those in flight may finish; then all workflows end here.

An item that comes to its turn while the worker drains waits here until the process ends. Whatever waits or runs when
the time is over is cut off between two instructions, as a crash would do it, but before the engine is taken down: a
step that met a closed connection or a missing thread would take that for an outcome of the job. The engine has all of
it as begun, and the next start takes it up again.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

import structlog
from dbos import DBOS

from archiveworker.jobs.tools import OpenJobs
from archiveworker.runtime import logging

log = structlog.get_logger(__name__)

_P = ParamSpec("_P")
_R = TypeVar("_R")
_LAST_WORDS_S: Final = 5.0


class DrainGate:
    """Counts the items in flight, holds back new ones, and ends the workflows at last."""

    def __init__(self) -> None:
        self._draining = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_flight = 0
        self._workflows: dict[asyncio.Task[Any], bool] = {}
        """Those that run; True: its work is done, and the engine is about to write that down."""
        self._is_over = False

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
            self._note_done(asyncio.current_task())
        finally:
            self._in_flight -= 1
            if self._in_flight == 0:
                self._idle.set()

    @asynccontextmanager
    async def workflow(self) -> AsyncIterator[None]:
        """Let ``end_workflows`` end the current task; after that, wait for ever instead."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - only tasks run coroutines
        self._workflows[task] = False
        task.add_done_callback(lambda ended: self._workflows.pop(ended))
        if self._is_over:
            await asyncio.Event().wait()
        yield
        self._note_done(task)

    def _note_done(self, task: asyncio.Task[Any] | None) -> None:
        if task in self._workflows:
            self._workflows[task] = True

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

    async def end_workflows(self) -> int:
        """Cut off every workflow that waits or works, and let no other begin; those that are done may say so.

        Returns:
            how many were cut off.
        """
        self._is_over = True
        open_ones = [task for task, is_done in self._workflows.items() if not is_done]
        for task in open_ones:
            task.cancel()
        if self._workflows:
            await asyncio.wait(tuple(self._workflows), timeout=_LAST_WORDS_S)
        return len(open_ones)


async def take_down(gate: DrainGate, open_jobs: OpenJobs) -> None:
    """End the engine: first the workflows, then their connections, DBOS last."""
    with logging.subdued("dbos"):
        if count := await gate.end_workflows():
            log.info("left_for_next_start", workflows=count)
        await open_jobs.close_all()
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0)
        # DBOS has put its own threads into the loop and ended them; who closes after the engine needs some.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="after-engine"))
        await gate.end_workflows()  # those that it has begun meanwhile


class HasGate(Protocol):
    """An object with workflows."""

    @property
    def gate(self) -> DrainGate:
        """What ends them."""
        ...


_Owner = TypeVar("_Owner", bound=HasGate)


def ended_by_a_stop(
    workflow: Callable[Concatenate[_Owner, _P], Coroutine[Any, Any, _R]],
) -> Callable[Concatenate[_Owner, _P], Coroutine[Any, Any, _R]]:
    """Have a workflow end with ``DrainGate.end_workflows``; below ``DBOS.workflow``."""

    @functools.wraps(workflow)
    async def wrapped(self: _Owner, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        async with self.gate.workflow():
            return await workflow(self, *args, **kwargs)

    return wrapped
