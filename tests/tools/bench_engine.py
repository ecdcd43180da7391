"""What the engine costs an item: whole jobs of items that do nothing, on SQLite and on PostgreSQL, by 1 to 3 executors.

usage: python tests/tools/bench_engine.py [--items N] [--rounds N] [--folder DIR]

Each executor is a process with the real engine, its queues, checkpoints and watch; only the LMS and the browser are
left out. The time runs from the first item's entry into the queue to the end of the last one, over the number of items.
Figures depend on the machine and on what else it does.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from cryptography.fernet import Fernet
from dbos import DBOS

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.document import ArchiveFile, Document, PdfFacts, RenderedDocument, RenderOptions
from archiveworker.domain.ids import ArchivePath, ItemKey, JobId
from archiveworker.domain.job import (
    ArchiveOptions,
    ArchiveRequest,
    FetchedItem,
    JobState,
    Plan,
    PlannedBackup,
    PlannedItem,
)
from archiveworker.domain.ports import ItemSpool
from archiveworker.domain.secret import Secret
from archiveworker.jobs.engine import Engine, EngineConfig
from archiveworker.jobs.tools import JobPolicy, JobTools
from archiveworker.jobs.watch import Watch
from archiveworker.jobs.workflows import WORKFLOW_VERSION
from archiveworker.runtime.clock import SystemClock
from archiveworker.runtime.database import open_pool, open_sqlite
from archiveworker.runtime.presence import Executor, Presence
from archiveworker.runtime.sealed import SealedTokens
from archiveworker.runtime.spool import LocalSpool
from tests.fakes.postgres import running_postgres

Found = list[tuple[float, float]]
AT = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = JobPolicy(items_in_flight=16, lms_items_max=48, poll_interval_s=0.1, compression_level=0)


class Nothing:
    """An LMS that has what it is asked for at once, and takes whatever it is given."""

    name = "nothing"

    def parse(self, body: Mapping[str, object]) -> ArchiveRequest:
        return self.resume(body, Secret("token"))

    def resume(self, payload: Mapping[str, object], token: Secret) -> ArchiveRequest:
        return ArchiveRequest("nothing", payload, token, "http://lms.invalid", ArchiveOptions("archive"))

    @asynccontextmanager
    async def connect(self, request: ArchiveRequest, job_id: JobId | None) -> AsyncIterator["NoConnection"]:
        yield NoConnection(int(str(request.payload["items"])))

    def accepted_status(self) -> str:
        return "AWAITING_PROCESSING"


class NoConnection:
    """See ``Nothing``."""

    def __init__(self, item_count: int) -> None:
        self._item_count = item_count

    async def probe(self) -> None:
        pass

    async def plan(self, spool: ItemSpool) -> Plan:
        numbers = range(1, self._item_count + 1)
        return Plan(items=tuple(PlannedItem(ItemKey(f"item-{n}"), n, f"Item {n}") for n in numbers), backups=())

    async def fetch_item(self, item: PlannedItem, spool: ItemSpool) -> FetchedItem:
        return FetchedItem(Document("", "http://lms.invalid", item.title, AT), ArchivePath(item.key), "item")

    async def backup_is_ready(self, backup: PlannedBackup) -> bool:
        raise AssertionError("there is none")

    async def fetch_backup(self, backup: PlannedBackup, spool: ItemSpool) -> ArchiveFile:
        raise AssertionError("there is none")

    async def report(self, state: JobState, progress_percent: int | None = None) -> None:
        pass

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        return {}

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        return None


class NoRenderer:
    """Writes a file of a few bytes."""

    async def render(self, document: Document, options: RenderOptions, out_dir: Path) -> RenderedDocument:
        pdf = out_dir / "item.pdf"
        pdf.write_bytes(b"%PDF-1.7\n")
        facts = PdfFacts(1, 210, 297, 0, 0, 0, 0, 0, options.profile, pdf.stat().st_size)
        return RenderedDocument(pdf, None, None, facts)


@asynccontextmanager
async def _engine(url: Secret, name: str, folder: Path, key: str) -> AsyncIterator[Engine]:
    shared = url.reveal().startswith("postgresql")
    pool = open_pool(url) if shared else open_sqlite(Path(url.reveal().removeprefix("sqlite:///")))
    tools = JobTools(
        sources={"nothing": Nothing()},
        renderer=NoRenderer(),
        timestamper=None,
        secrets=SealedTokens(pool, (Secret(key),)),
        spool=LocalSpool(folder / "spool"),
        clock=SystemClock(),
        policy=POLICY,
        software="bench",
        executor_id=name if shared else "",
    )
    watch = Watch(Presence(url, Executor(name, WORKFLOW_VERSION)), SystemClock()) if shared else None
    engine = Engine(tools, EngineConfig(url, name, 7), watch)
    await engine.start()
    yield engine
    await engine.stop(0)


async def _work(url: Secret, name: str, folder: Path, key: str) -> None:
    """One more executor, until it is ended."""
    async with _engine(url, name, folder, key):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


async def _measured(url: Secret, folder: Path, key: str, executors: int, options: argparse.Namespace) -> Found:
    """Return the milliseconds an item of each round: that passed, and of the first executor's processor time."""
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(_engine(url, "bench-1", folder, key))
        for number in range(2, executors + 1):
            command = [sys.executable, __file__, "--worker", url.reveal(), f"bench-{number}", str(folder), key]
            helper = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            stack.callback(helper.kill)
            assert helper.stdout is not None
            assert await helper.stdout.readline() == b"ready\n"
        return [await _one_job(engine, options.items) for _ in range(options.rounds)]


async def _one_job(engine: Engine, items: int) -> tuple[float, float]:
    before_s = time.process_time()
    job_id = await engine.submit(Nothing().parse({"items": items}))
    began_s = time.monotonic()
    while (story := await engine.story(job_id)) is None or not story.state.is_final:
        await asyncio.sleep(0.2)
    assert story.state is JobState.FINISHED, story.reason
    assert time.monotonic() - began_s < 600
    children = await DBOS.list_workflows_async(workflow_id_prefix=f"{job_id}/item/", load_input=False)
    assert len(children) == items
    first = min(child.created_at or 0 for child in children)
    cpu_ms = 1000 * (time.process_time() - before_s) / items
    return (max(child.updated_at or 0 for child in children) - first) / items, cpu_ms


def _print(database: str, executors: int, found: Found) -> None:
    passed_ms = statistics.median(passed for passed, _ in found)
    cpu_ms = statistics.median(cpu for _, cpu in found)
    each = ", ".join(f"{passed:.1f}" for passed, _ in found)
    sys.stdout.write(
        f"{database:<11} {executors} executor(s): {passed_ms:5.1f} ms an item ({each}), "
        f"of the first one's processor time {cpu_ms:.1f} ms\n"
    )
    sys.stdout.flush()


async def _run(database: str, count: int, url: str, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        sqlite = f"sqlite:///{folder}/bench.sqlite"
        key = Fernet.generate_key().decode()
        found = await _measured(Secret(url or sqlite), Path(folder), key, count, options)
    _print(database, count, found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where SQLite and the spool are; the tests' PostgreSQL writes without fsync")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        url, name, folder, key = options.worker
        asyncio.run(_work(Secret(url), name, Path(folder), key))
        return
    if options.measure:
        database, count, url = options.measure
        asyncio.run(_run(database, int(count), url, options))
        return
    _measure_apart("SQLite", 1, "", options)
    with running_postgres() as server:
        for count in (1, 2, 3):
            _measure_apart("PostgreSQL", count, server.create_database(f"bench{count}"), options)


def _measure_apart(database: str, count: int, url: str, options: argparse.Namespace) -> None:
    """Measure in a process of its own: there is one engine a process."""
    command = [sys.executable, __file__, "--items", str(options.items), "--rounds", str(options.rounds)]
    command += ["--folder", options.folder] if options.folder else []
    subprocess.run([*command, "--measure", database, str(count), url], check=True)


if __name__ == "__main__":
    main()
