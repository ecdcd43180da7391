"""Waiting for room on the spool: no work begins on a full disk, and what a full disk broke off is done again.

A disk that is full, and an object store that is full or away, is a state and not a failure: jobs wait here, readiness
and the log say so, and they go on by themselves. What ends the waiting otherwise is the end of the job: its time is
over, or it was cancelled. Steps whose work touches the spool are marked with ``on_spool``.

Not for the receivers of archives (``delivering``), nor for the engine's database, which needs room on its own disk.
"""

import asyncio
import contextlib
import functools
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

import structlog

from archiveworker.domain.errors import (
    ArchiveWorkerError,
    ConflictError,
    SpoolFullError,
    StoreUnavailableError,
)
from archiveworker.domain.ids import JobId
from archiveworker.jobs import views
from archiveworker.jobs.deadline import deadline_of, timed_out
from archiveworker.jobs.results import load_job
from archiveworker.jobs.tools import JobTools
from archiveworker.runtime.spool import FULL_ERRNOS

log = structlog.get_logger(__name__)

_MAX_PAUSE_S: Final = 60.0
_ENOUGH_S: Final = 1.0
_SQLITE_FULL: Final = "database or disk is full"

T = TypeVar("T")
P = ParamSpec("P")


class Room:
    """Whether there is room on the spool, and who waits for some.

    Args:
        tools: spool, clock and policy.
    """

    def __init__(self, tools: JobTools) -> None:
        self._tools = tools
        self._trouble = ""
        self._waiting: set[object] = set()
        self._enough_at_s = -_ENOUGH_S

    async def trouble(self) -> str:
        """Return why jobs wait (would wait), or nothing."""
        return await self._shortage() or self._trouble

    async def used(self, job_id: JobId, work: Callable[[], Awaitable[T]]) -> T:
        """Do ``work`` when there is room, and again when there was too little.

        Args:
            job_id: whose work it is.
            work: safe to repeat; it leaves nothing of a try that failed.

        Raises:
            JobTimeoutError: the job's time is over before there is room.
            ConflictError: the job has ended before there is room.
        """
        pause_s, waiter = self._tools.policy.retry_interval_s, object()
        try:
            while True:
                refusal = await self._shortage_lately()
                if not refusal:
                    try:
                        return await work()
                    except Exception as exc:
                        refusal = _refusal_in(exc)
                        if not refusal:
                            raise
                        pause_s = min(_MAX_PAUSE_S, 2 * pause_s)
                self._waiting.add(waiter)
                self._say(refusal)
                await self._pause(job_id, pause_s)
        finally:
            self._waiting.discard(waiter)
            if not self._waiting:
                self._say("")

    async def _shortage_lately(self) -> str:
        """Return why there is too little room; a good answer holds for a second."""
        now_s = self._tools.clock.monotonic_s()
        if now_s - self._enough_at_s < _ENOUGH_S:
            return ""
        shortage = await self._shortage()
        if not shortage:
            self._enough_at_s = now_s
        return shortage

    async def _shortage(self) -> str:
        free, wanted = await asyncio.to_thread(self._tools.spool.free_bytes), self._tools.policy.min_free_bytes
        if free >= wanted:
            return ""
        return (
            f"{free} bytes are free on the disk of the spool, ARCHIVEWORKER_MIN_FREE_BYTES wants {wanted}; "
            "jobs wait until there is room."
        )

    async def _pause(self, job_id: JobId, pause_s: float) -> None:
        """Wait a while, unless nobody waits for the job's end any more."""
        await asyncio.sleep(pause_s)
        story, job = await views.story_of(job_id), await load_job(job_id)
        if story is None or story.state.is_final:
            raise ConflictError("the job ended while it waited for room on the spool")
        limit_s = self._tools.policy.job_timeout_s
        if self._tools.clock.now() >= deadline_of(job.accepted_at, limit_s):
            raise timed_out(limit_s)

    def _say(self, trouble: str) -> None:
        """Log that jobs wait, or wait no more; once, however many do."""
        if trouble and not self._trouble:
            log.warning("spool_full", reason=trouble)
        if self._trouble and not trouble:
            log.info("spool_has_room")
        self._trouble = trouble


class _OnSpool(Protocol):
    _tools: JobTools
    _room: Room


S = TypeVar("S", bound=_OnSpool)
_Step = Callable[Concatenate[S, JobId, P], Awaitable[T]]


def on_spool(
    *, reads: tuple[str, ...] = (), writes: tuple[str, ...] = ()
) -> Callable[[_Step[S, P, T]], _Step[S, P, T]]:
    """Mark a step that works on folders of the job's spool: it waits for room, and what it leaves is there for others.

    Args:
        reads: folders that have to be on this machine.
        writes: folders that other executors have to find as the step leaves them, also when it fails.
    """

    def marked(step: _Step[S, P, T]) -> _Step[S, P, T]:
        @functools.wraps(step)
        async def wrapped(self: S, job_id: JobId, /, *args: P.args, **kwargs: P.kwargs) -> T:
            async def work() -> T:
                await self._tools.spool.fetch(job_id, *reads)
                try:
                    result = await step(self, job_id, *args, **kwargs)
                except ArchiveWorkerError:
                    await self._tools.spool.keep(job_id, *writes)
                    raise
                await self._tools.spool.keep(job_id, *writes)
                return result

            return await self._room.used(job_id, work)

        return wrapped

    return marked


@contextlib.contextmanager
def leaving_nothing_on_a_full_disk(folder: Path) -> Iterator[None]:
    """Give the disk its room back when the block fails because there is none: others wait for it too."""
    try:
        yield
    except Exception as exc:
        if _refusal_in(exc):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _refusal_in(error: BaseException) -> str:
    """Return a sentence when the cause of an error is that the spool cannot take or give anything now, or nothing."""
    for cause in _causes(error):
        if isinstance(cause, SpoolFullError | StoreUnavailableError):
            return str(cause)
        is_sqlite = isinstance(cause, sqlite3.OperationalError) and _SQLITE_FULL in str(cause)
        if is_sqlite or (isinstance(cause, OSError) and cause.errno in FULL_ERRNOS):
            return f"There is no room left on a disk of the worker ({cause}); jobs wait until there is."
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
