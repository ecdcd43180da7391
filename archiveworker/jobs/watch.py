"""The watch of several executors over each other: who is gone, and who goes on with the work (docs/adr/0016).

The engine recovers what the executor of a name had begun, but does not notice that it is dead. Here each executor holds
an advisory lock on its own name; when a name stays free for ``takeover_s``, one of the others locks it, strikes out the
life of that executor, and has the engine queue its work again. An executor whose session is lost does nothing new until
it has its lock back; one that was struck out meanwhile ends. Checkpoints of work that was taken over are refused by the
engine itself, which knows each execution by a token.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from dbos import DBOS

from archiveworker.domain.errors import SettingsError
from archiveworker.runtime.clock import Clock
from archiveworker.runtime.presence import Executor, Presence, PresenceLostError

BEAT_S: Final = 1.0
"""How often an executor makes sure that it still holds its lock."""
_RECONNECT_S: Final = 0.3

log = structlog.get_logger(__name__)


class Guard(Protocol):
    """Holds back what must not be done by an executor that others may believe dead."""

    async def check(self) -> None:
        """Return when this executor is known to be the only one of its name."""
        ...


class NoGuard:
    """For a single process, which is alone by its lock on the data folder."""

    async def check(self) -> None:
        """Return at once."""


async def unfinished_executors(version: str) -> frozenset[str]:
    """Return the ids of the executors whose workflows of ``version`` the engine holds as begun."""
    begun = await DBOS.list_workflows_async(status="PENDING", app_version=version, load_input=False, load_output=False)
    return frozenset(workflow.executor_id for workflow in begun if workflow.executor_id)


async def recover(executor_id: str) -> int:
    """Have the engine queue again what ``executor_id`` had begun; return how many workflows."""
    # The function has no public name; it is what the engine's own restart uses, and does nothing the second time.
    handles = await asyncio.to_thread(DBOS._recover_pending_workflows, [executor_id])
    return len(handles)


@dataclass(frozen=True, slots=True)
class Work:
    """What the watch asks of the engine.

    Attributes:
        unfinished: see ``unfinished_executors``.
        recover: see ``recover``.
    """

    unfinished: Callable[[str], Awaitable[frozenset[str]]] = unfinished_executors
    recover: Callable[[str], Awaitable[int]] = recover


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """Times of the watch.

    Attributes:
        takeover_s: how long a name is free before its work is taken over; several times ``BEAT_S``, so that an executor
            that lost its session gets its name back first.
        start_s: how long a start waits for its own name.
    """

    takeover_s: float = 15.0
    start_s: float = 60.0


class Watch:
    """Holds the own name, and looks after those of others.

    Args:
        presence: the session with the locks.
        clock: measures how long a name has been free.
        options: see WatchOptions.
        work: see Work.
    """

    def __init__(
        self, presence: Presence, clock: Clock, options: WatchOptions | None = None, work: Work | None = None
    ) -> None:
        self._presence = presence
        self._clock = clock
        self._options = options or WatchOptions()
        self._work = work or Work()
        self._held = asyncio.Event()
        self._deposed = asyncio.Event()
        self._free_since_s: dict[Executor, float] = {}
        self._living = frozenset({presence.me})
        self._task: asyncio.Task[None] | None = None

    @property
    def living(self) -> frozenset[Executor]:
        """The executors that were alive at the last look, this one among them."""
        return self._living | {self._presence.me}

    async def start(self) -> None:
        """Lock the own name; what an earlier life of it had begun may be recovered afterwards.

        Raises:
            SettingsError: another process has the name, or the database does not answer.
        """
        reason = "ARCHIVEWORKER_DATABASE_URL: the database does not answer"
        try:
            async with asyncio.timeout(self._options.start_s):
                while found := await self._try_to_hold():
                    reason = found
                    await asyncio.sleep(_RECONNECT_S)
        except TimeoutError as exc:
            await self._presence.close()
            raise SettingsError(reason) from exc
        await self._presence.begin_life()
        self._held.set()
        self._task = asyncio.create_task(self._watch_for_ever())

    async def stop(self) -> None:
        """Free the own name; what is unfinished goes to the others after ``takeover_s``, or to the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._presence.close()

    @property
    def is_deposed(self) -> bool:
        """True when another executor has taken over the work of this one."""
        return self._deposed.is_set()

    async def wait_deposed(self) -> None:
        """Return when another executor has taken over the work of this one, which must end."""
        await self._deposed.wait()

    async def check(self) -> None:
        """Return when the lock is known to be held: by a question to the server in the session that holds it."""
        while True:
            await self._held.wait()
            try:
                alive = await self._presence.is_alive()
            except PresenceLostError:
                self._held.clear()
                continue
            if alive:
                return
            self._depose()

    async def _try_to_hold(self) -> str:
        """Return nothing with the own name locked, or else why not."""
        name = self._presence.me.executor_id
        try:
            await self._presence.open()
            if await self._presence.take(self._presence.me):
                return ""
        except PresenceLostError as exc:
            return f"ARCHIVEWORKER_DATABASE_URL: the database does not answer: {exc}"
        return f"ARCHIVEWORKER_EXECUTOR_ID: another worker of this database is called {name!r}; give each its own"

    async def _watch_for_ever(self) -> None:
        while not self._deposed.is_set():
            try:
                if self._held.is_set():
                    await self._beat()
                else:
                    await self._come_back()
            except PresenceLostError as exc:
                self._held.clear()
                self._free_since_s.clear()
                log.warning("presence_lost", reason=str(exc).splitlines()[0])
            except Exception:  # the watch must outlive whatever the engine has to say
                log.exception("watch_failed")
            await asyncio.sleep(BEAT_S if self._held.is_set() else _RECONNECT_S)

    async def _beat(self) -> None:
        if not await self._presence.is_alive():
            self._depose()
            return
        self._living = await self._presence.living()
        await self._look_after_others()

    async def _come_back(self) -> None:
        """Take the own name again after the session was lost."""
        if await self._try_to_hold():
            return
        if await self._presence.is_alive():
            log.info("presence_regained")
            self._held.set()
        else:
            self._depose()

    def _depose(self) -> None:
        self._held.clear()
        if not self._deposed.is_set():
            log.error("deposed", advice="another worker has taken over; this one ends and may be started again")
        self._deposed.set()

    async def _look_after_others(self) -> None:
        me = self._presence.me
        begun = {Executor(name, me.version) for name in await self._work.unfinished(me.version)}
        missing = begun - self.living
        now_s = self._clock.monotonic_s()
        self._free_since_s = {who: self._free_since_s.get(who, now_s) for who in missing}
        for who, since_s in sorted(self._free_since_s.items()):
            if now_s - since_s >= self._options.takeover_s:
                await self._take_over(who)

    async def _take_over(self, who: Executor) -> None:
        if not await self._presence.take(who):
            return  # it came back, or another one was quicker
        try:
            await self._presence.end_life(who)
            count = await self._work.recover(who.executor_id)
            log.warning("taken_over", executor=who.executor_id, workflows=count)
        finally:
            await self._presence.give_up(who)
        self._free_since_s.pop(who, None)
