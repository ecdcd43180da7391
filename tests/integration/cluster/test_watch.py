"""The watch on a real PostgreSQL: who holds which name, who takes over, and who has to end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from archiveworker.domain.errors import SettingsError
from archiveworker.domain.ids import JobId
from archiveworker.domain.secret import Secret
from archiveworker.jobs.watch import Watch, WatchOptions, Work
from archiveworker.runtime.clock import SystemClock
from archiveworker.runtime.database import open_pool
from archiveworker.runtime.presence import Executor, Presence
from archiveworker.runtime.sealed import SealedTokens, load_or_create_keys
from archiveworker.runtime.shared_spool import claim_spool
from archiveworker.runtime.spool import LocalSpool
from tests.fakes.postgres import PostgresServer

OPTIONS = WatchOptions(takeover_s=2.0, start_s=5.0)
CALM = WatchOptions(takeover_s=20.0, start_s=20.0)


class Recovered:
    """Stands for the engine: ``gone`` has unfinished work until somebody recovers it."""

    def __init__(self, *gone: str) -> None:
        self.unfinished_ids = set(gone)
        self.by: list[tuple[str, str]] = []

    def work_of(self, who: str) -> Work:
        async def unfinished(version: str) -> frozenset[str]:
            return frozenset(self.unfinished_ids)

        async def recover(executor_id: str) -> int:
            self.by.append((who, executor_id))
            self.unfinished_ids.discard(executor_id)
            return 1

        return Work(unfinished, recover)

    async def by_somebody(self) -> None:
        async with asyncio.timeout(20):
            while not self.by:
                await asyncio.sleep(0.05)


@pytest.fixture
def url(postgres: PostgresServer, request: pytest.FixtureRequest) -> Secret:
    return Secret(postgres.create_database(f"watch-{request.node.name[:50]}"))


@contextlib.asynccontextmanager
async def watching(
    url: Secret, name: str, work: Work | None = None, version: str = "1", options: WatchOptions = OPTIONS
) -> AsyncIterator[Watch]:
    watch = Watch(Presence(url, Executor(name, version)), SystemClock(), options, work or Recovered().work_of(name))
    await watch.start()
    try:
        yield watch
    finally:
        await watch.stop()


@pytest.fixture
def cut(url: Secret) -> Iterator[Callable[[Executor], None]]:
    """Return what ends the session that holds an executor's name, as an administrator or a firewall may."""
    with psycopg.connect(url.reveal(), autocommit=True) as connection:

        def end_session(who: Executor) -> None:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
                "AND (classid::bigint << 32) | objid::bigint = %s",
                [who.lock_key],
            )

        yield end_session


async def test_a_name_belongs_to_one_process_of_a_version(url: Secret) -> None:
    async with watching(url, "a"):
        with pytest.raises(SettingsError, match="another worker of this database is called 'a'"):
            async with watching(url, "a"):
                pass
        async with watching(url, "a", version="2") as newer:
            await newer.check()
    async with watching(url, "a") as again:
        await again.check()


async def test_one_of_two_takes_over_from_one_that_is_gone(url: Secret) -> None:
    engine = Recovered("gone")
    async with watching(url, "a", engine.work_of("a")), watching(url, "b", engine.work_of("b")):
        await engine.by_somebody()
        await asyncio.sleep(2 * OPTIONS.takeover_s)  # nothing more may happen in this time
    assert [executor for _, executor in engine.by] == ["gone"], "recovered once"


async def test_a_living_one_is_left_alone(url: Secret) -> None:
    engine = Recovered("b")
    async with watching(url, "a", engine.work_of("a")) as watch, watching(url, "b"):
        await asyncio.sleep(2 * OPTIONS.takeover_s)  # nothing may happen in this time
        assert {who.executor_id for who in watch.living} == {"a", "b"}
    assert engine.by == []


async def test_a_lost_session_is_regained_before_anyone_takes_over(
    url: Secret, cut: Callable[[Executor], None]
) -> None:
    engine = Recovered("b")
    async with watching(url, "a", engine.work_of("a"), options=CALM), watching(url, "b", options=CALM) as watch:
        for _ in range(3):
            cut(Executor("b", "1"))
            async with asyncio.timeout(CALM.takeover_s):
                await watch.check()
        assert not watch.is_deposed
    assert engine.by == []


async def test_one_that_was_taken_over_does_nothing_any_more(url: Secret, cut: Callable[[Executor], None]) -> None:
    """Its session is cut off for longer than the takeover takes: another holds the name when it comes back."""
    async with watching(url, "a") as watch:
        usurper = Presence(url, Executor("b", "1"))
        await usurper.open()
        while not await usurper.take(Executor("a", "1")):
            cut(Executor("a", "1"))
        await usurper.end_life(Executor("a", "1"))
        checking = asyncio.create_task(watch.check())
        await asyncio.sleep(0.5)  # long enough to come back several times
        assert not checking.done(), "held back while another has the name"
        await usurper.close()
        async with asyncio.timeout(10):
            await watch.wait_deposed()
        assert not checking.done()
        checking.cancel()


async def test_a_spool_of_ones_own_is_refused(url: Secret, tmp_path: Path) -> None:
    pool = open_pool(url)
    for name in ("shared", "own"):
        (tmp_path / name).mkdir()
    claim_spool(pool, LocalSpool(tmp_path / "shared"))
    claim_spool(pool, LocalSpool(tmp_path / "shared"))
    with pytest.raises(SettingsError, match="is not the spool that the other workers of this database use"):
        claim_spool(pool, LocalSpool(tmp_path / "own"))
    assert list((tmp_path / "own").iterdir()) == []
    pool.dispose()


async def test_workers_that_start_together_make_the_tables_once(postgres: PostgresServer, tmp_path: Path) -> None:
    for number in range(5):
        url = Secret(postgres.create_database(f"together-{number}"))
        keys = load_or_create_keys(tmp_path / "key")
        pools = [open_pool(url) for _ in range(6)]
        stores = await asyncio.gather(*(asyncio.to_thread(SealedTokens, pool, keys) for pool in pools))
        await stores[0].put(JobId("job"), Secret("token"))
        assert [await store.job_ids() for store in stores] == [["job"]] * 6
        for pool in pools:
            pool.dispose()
