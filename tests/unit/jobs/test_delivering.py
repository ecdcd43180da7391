"""Whole jobs of an LMS that was made for these tests, through the real engine: where archives go, what is told."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from archiveworker.delivery.directory import DirectoryTarget
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile, Document, RenderedDocument, RenderOptions
from archiveworker.domain.errors import (
    ConflictError,
    DeliveryError,
    NotFoundError,
    RequestError,
    SourceError,
    TokenRefusedError,
)
from archiveworker.domain.ids import ArchivePath, JobId
from archiveworker.domain.job import (
    ArchiveOptions,
    ArchiveRequest,
    FetchedItem,
    JobState,
    OnError,
    Plan,
    PlannedBackup,
    PlannedItem,
)
from archiveworker.domain.ports import ItemSpool
from archiveworker.domain.secret import Secret
from archiveworker.jobs.engine import Engine
from archiveworker.jobs.tools import JobPolicy
from tests.fakes.engine import started, tools_on

REQUEST = ArchiveRequest("made_up", {}, Secret("token"), "https://lms.example.org", ArchiveOptions("exam"))


@dataclass
class MadeUpLms:
    """Source and connection in one: one file, no items.

    Attributes:
        told: states that the LMS was told.
        has: names of archives that it has.
        refuses: it takes no archive.
    """

    name: str = "made_up"
    told: list[JobState] = field(default_factory=list)
    has: list[str] = field(default_factory=list)
    refuses: bool = False

    def parse(self, body: Mapping[str, object]) -> ArchiveRequest:
        return REQUEST

    def resume(self, payload: Mapping[str, object], token: Secret) -> ArchiveRequest:
        return replace(REQUEST, token=token)

    def accepted_status(self) -> str:
        return "AWAITING_PROCESSING"

    @asynccontextmanager
    async def connect(self, request: ArchiveRequest, job_id: JobId | None) -> AsyncIterator["MadeUpLms"]:
        yield self

    async def probe(self) -> None: ...

    async def plan(self, spool: ItemSpool) -> Plan:
        file = spool.folder / "answers.jsonl"
        file.write_bytes(b"{}\n")
        at = datetime(2026, 1, 2, tzinfo=UTC)
        made = ArchiveFile(ArchivePath("raw/answers.jsonl"), spool.relative(file), Sha256.of(b"{}\n"), 3, at)
        return Plan(items=(), files=(made,))

    async def fetch_item(self, item: PlannedItem, spool: ItemSpool) -> FetchedItem:
        raise AssertionError("there are none")

    async def backup_is_ready(self, backup: PlannedBackup) -> bool:
        raise AssertionError("there are none")

    async def fetch_backup(self, backup: PlannedBackup, spool: ItemSpool) -> ArchiveFile:
        raise AssertionError("there are none")

    async def report(self, state: JobState, progress_percent: int | None = None) -> None:
        self.told.append(state)

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        if self.refuses:
            raise SourceError("the LMS has no room; make some")
        return {}

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        assert not begun_before
        self.has.append(parcel.archive.name)
        return None


class BrokenTarget:
    """A target with a bug."""

    name = "broken"

    async def deliver(self, parcel: Parcel, job_id: JobId) -> str | None:
        raise ZeroDivisionError

    async def check(self) -> tuple[str, str]:
        raise DeliveryError("it is broken")


class NoRenderer:
    """Nothing is rendered here."""

    async def render(self, document: Document, options: RenderOptions, out_dir: Path) -> RenderedDocument:
        raise AssertionError("nothing is rendered here")


@dataclass
class Bench:
    """An engine that runs.

    Attributes:
        engine: see there.
        lms: posts the jobs.
        folder: target ``directory``.
        targets: those of the engine; may be changed.
    """

    engine: Engine
    lms: MadeUpLms
    folder: Path
    targets: dict[str, Any]

    async def ended(self, job_id: JobId) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while not JobState((view := await self.engine.job_view(job_id))["state"]).is_final:
                await asyncio.sleep(0.02)
        return view

    async def archived(self, *targets: str) -> dict[str, Any]:
        return await self.ended(await self.engine.submit(replace(REQUEST, targets=targets)))

    def delivered(self) -> list[str]:
        return sorted(file.name for file in self.folder.rglob("exam.tar.gz"))


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    lms, folder = MadeUpLms(), tmp_path / "archives"
    folder.mkdir()
    targets: dict[str, Any] = {"directory": DirectoryTarget("directory", folder), "broken": BrokenTarget()}
    policy = JobPolicy(poll_interval_s=0.05, item_attempts=1, on_timestamp_error=OnError.REPORT, delivery_retry_s=0)
    parts = {"sources": {lms.name: lms}, "renderer": NoRenderer(), "targets": targets}
    async with tools_on(tmp_path, policy, **parts) as tools, started(tmp_path, tools) as engine:
        yield Bench(engine, lms, folder, targets)


async def test_a_job_without_the_lms_tells_it_the_end(bench: Bench) -> None:
    view = await bench.archived("directory")
    assert (view["state"], view["reason"]) == ("FINISHED", "")
    assert view["deliveries"] == [{"target": "directory", "state": "delivered", "message": ""}]
    assert bench.delivered() == ["exam.tar.gz"]
    assert bench.lms.has == []
    assert bench.lms.told[-1] is JobState.FINISHED


async def test_targets_are_tried_in_order_and_a_bug_stops_none(bench: Bench) -> None:
    with structlog.testing.capture_logs() as log:
        view = await bench.archived("broken", "directory", "lms")
    (failed,) = [event for event in log if event["event"] == "delivery_failed"]
    assert (failed["target"], type(failed["exc_info"])) == ("broken", ZeroDivisionError)
    assert [(d["target"], d["state"]) for d in view["deliveries"]] == [
        ("broken", "failed"),
        ("directory", "delivered"),
        ("lms", "delivered"),
    ]
    assert view["state"] == "FAILED"
    assert "broken: Internal error (ZeroDivisionError); the worker's log" in view["reason"]
    assert bench.delivered() == bench.lms.has == ["exam.tar.gz"]


async def test_a_target_that_is_gone_is_named(bench: Bench) -> None:
    """The settings were changed between the request and the delivery."""
    submitted = await bench.engine.submit(replace(REQUEST, targets=("directory",)))
    del bench.targets["directory"]
    view = await bench.ended(submitted)
    assert "directory: this worker has no such target any more; it has lms, broken" in view["reason"]


@pytest.mark.parametrize(("targets", "got"), [(("elsewhere",), "'elsewhere'"), ((), "nothing")])
async def test_an_unknown_target_is_refused_at_once(targets: tuple[str, ...], got: str, bench: Bench) -> None:
    with pytest.raises(RequestError, match=f"delivery.to must be .* one of lms, broken, directory, got {got}"):
        await bench.engine.submit(replace(REQUEST, targets=targets))
    assert await bench.engine.jobs(5) == []


async def test_what_is_kept_is_delivered_and_then_gone(bench: Bench) -> None:
    bench.lms.refuses = True
    view = await bench.archived("lms")
    job_id = JobId(view["id"])
    assert "lms: the LMS has no room" in view["reason"]
    assert "archiveworker jobs redeliver hands it over" in view["reason"]
    assert view["kept_until"] > view["history"][-1]["at"]
    _, archive = await bench.engine.archive_file(job_id)
    assert archive.name == "exam.tar.gz"
    with pytest.raises(TokenRefusedError, match="token was erased"):
        await bench.engine.redeliver(job_id)
    bench.lms.refuses = False
    await bench.engine.redeliver(job_id, token=Secret("another"))
    assert (await bench.ended(job_id))["state"] == "FINISHED"
    assert bench.lms.has == ["exam.tar.gz"]
    with pytest.raises(ConflictError, match="The job is FINISHED; only one that FAILED"):
        await bench.engine.redeliver(job_id, ["directory"])
    async with asyncio.timeout(20):
        while "package" in {folder.name for folder in (bench.folder.parent / "jobs" / job_id).iterdir()}:
            await asyncio.sleep(0.02)
    with pytest.raises(NotFoundError, match="no archive of this job on the worker"):
        await bench.engine.archive_file(job_id)
