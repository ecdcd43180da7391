"""An LMS with faults, one job after the other: what comes of each is judged, and its archive is taken apart."""

import asyncio
import contextlib
import csv
import hashlib
import io
import re
import shutil
import sqlite3
import tarfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from archiveworker.demo.faults import Fault
from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.state import Delivery, LmsOptions
from archiveworker.domain.evidence import Verdict
from archiveworker.evidence.verify import verify
from tests.acceptance.faults.oracle import LMS_PATIENCE_S, REFUSED, STAMP, TSA_PATIENCE_S, Case, complaint
from tests.acceptance.faults.trouble import attempt_ids
from tests.fakes.worker import FINAL, WorkerProcess

ATTEMPTS = 2
JOB_TIMEOUT_S = 300.0
HANGS_S = 2 * JOB_TIMEOUT_S
"""A job has ended long before; on a machine that does other things too."""
SETTINGS = {
    "LOG_LEVEL": "DEBUG",
    "JOBS_MAX_COUNT": "16",
    "QUEUE_MAX_COUNT": "64",
    "ITEM_ATTEMPTS_COUNT": "2",
    "JOB_ROW_GRACE_S": "8",
    "JOB_TIMEOUT_S": f"{JOB_TIMEOUT_S}",
    "LMS_RETRY_S": "2",
    "LMS_OUTAGE_S": "3",
    "LMS_TIMEOUT_S": f"{LMS_PATIENCE_S}",
    "TSA_TIMEOUT_S": f"{TSA_PATIENCE_S}",
    "PDF_PROFILE": "off",
    "POSTS_PER_MINUTE": "0",
    "READY_TIMEOUT_S": "60",
}
_LOOK_S = 0.3
_PDF = re.compile(r"attempts/[^/]+/(\d+)-[^/]+/[^/]+\.pdf\Z")


@dataclass(slots=True)
class Tally:
    """What came of all runs.

    Attributes:
        ends: how many ended so.
        wrong: a sentence for each run that did not end as it may.
        longest_s: of a run.
        tokens: of all jobs.
        archives: that were delivered and taken apart.
    """

    ends: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    tokens: set[str] = field(default_factory=set)
    archives: int = 0

    def add(self, cases: tuple[Case, ...], end: str, complaints: list[str], took_s: float) -> None:
        """Count a run."""
        self.ends[end] = self.ends.get(end, 0) + 1
        self.longest_s = max(self.longest_s, took_s)
        names = " + ".join(case.name for case in cases)
        self.wrong += [f"{names}: {complaint}" for complaint in complaints if complaint]


@dataclass(frozen=True, slots=True)
class Lane:
    """One LMS and the worker that it posts to; jobs run one after the other, so that faults meet the right one."""

    lms: DemoServer
    worker: WorkerProcess
    root_pem: bytes

    async def run(self, cases: tuple[Case, ...], tally: Tally) -> None:
        """Order the faults, run a whole job, and judge what came of it."""
        self._order(cases)
        began_s = time.monotonic()
        ids = attempt_ids(self.lms, ATTEMPTS)
        sections_off = max((case.sections_off for case in cases), key=len)
        request = self.lms.request(7, itemids=ids, sections_off=sections_off, keep_html_files=False)
        tally.tokens.add(request["wstoken"])
        status, answer = await self.lms.submit(self.worker.url, request)
        if status != 200:
            said = [complaint(cases, REFUSED, str(answer))] + ([f"HTTP {status}"] if status != 400 else [])
            tally.add(cases, REFUSED, said, time.monotonic() - began_s)
            return
        job_id = answer["jobid"]
        try:
            view = await self._ended(job_id)
        except TimeoutError:
            tally.add(cases, "HANGS", [f"job {job_id} hangs"], time.monotonic() - began_s)
            return
        told = "; ".join([view["reason"], *(f"{one['item']}: {one['message']}" for one in view["failures"])])
        complaints = [complaint(cases, view["state"], told)]
        complaints += await self._about_deliveries(cases, job_id, view["state"], ids)
        tally.archives += view["state"] == "FINISHED"
        tally.add(
            cases, view["state"], [f"{one} (job {job_id})" for one in complaints if one], time.monotonic() - began_s
        )

    def _order(self, cases: tuple[Case, ...]) -> None:
        self.lms.faults.clear()
        self.lms.tsa.faults.clear()
        for case in cases:
            if isinstance(case.order, Fault):
                self.lms.faults.order(case.order)
            else:
                self.lms.tsa.faults.append(case.order)

    async def _ended(self, job_id: str) -> dict[str, Any]:
        """Return the view of the job when it has ended and its token is erased."""
        async with asyncio.timeout(HANGS_S):
            while await self.worker.state(job_id) not in FINAL:
                await asyncio.sleep(_LOOK_S)
            while self._has_token(job_id):
                await asyncio.sleep(_LOOK_S)
        return await self.worker.job(job_id)

    def _has_token(self, job_id: str) -> bool:
        database = f"file:{self.worker.data / 'archiveworker.sqlite'}?mode=ro"
        query = "SELECT count(*) FROM archiveworker_sealed_tokens WHERE job_id = ?"
        with contextlib.closing(sqlite3.connect(database, uri=True, timeout=30)) as connection:
            return bool(connection.execute(query, (job_id,)).fetchone()[0])

    async def _about_deliveries(self, cases: tuple[Case, ...], job_id: str, end: str, ids: list[int]) -> list[str]:
        mine = [one for one in self.lms.deliveries if one.jobid == job_id]
        if end == "FINISHED" and len(mine) != 1:
            return [f"FINISHED, and delivered {len(mine)} times"]
        # A lost answer to what stores the archive leaves the worker without the knowledge that it was stored.
        if end != "FINISHED" and mine and not any(case.phase == "confirm" for case in cases):
            return [f"{end}, and delivered all the same"]
        found = [await asyncio.to_thread(self._about_archive, one, ids) for one in mine]
        for one in mine:
            await asyncio.to_thread(shutil.rmtree, one.path.parent)
        return [sentence for sentence in found if sentence]

    def _about_archive(self, delivery: Delivery, ids: list[int]) -> str:
        """Return what is wrong with an archive that the LMS has stored."""
        report = verify(delivery.path, trusted_pem=self.root_pem)
        if report.verdict is not Verdict.GOOD:
            return f"the delivered archive is {report.verdict.value}: {report.checks}"
        with tarfile.open(delivery.path) as tar:
            digests = {
                m.name: _sha256(tar, m) for m in tar if m.name.startswith("backups/") and m.name.endswith(".mbz")
            }
            pdfs = sorted(int(found[1]) for name in tar.getnames() if (found := _PDF.match(name)))
            table = io.TextIOWrapper(_open(tar, "attempts_metadata.csv"), encoding="utf-8", newline="")
            rows = sorted(int(row["attemptid"]) for row in csv.DictReader(table))
        if not pdfs == rows == sorted(ids):
            return f"the delivered archive has the attempts {pdfs} and lists {rows} instead of {sorted(ids)}"
        kept = (self.lms.workdir / "backups").iterdir()
        if sorted(digests.values()) != sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in kept):
            return "the delivered archive has other backups than the LMS"
        return ""


def _open(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    member = tar.extractfile(name)
    assert member is not None
    return member


def _sha256(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    return hashlib.sha256(_open(tar, member.name).read()).hexdigest()


@contextlib.asynccontextmanager
async def lanes(folder: Path, count: int, *, faulty_stamps: bool = False) -> AsyncIterator[list[Lane]]:
    """Run one worker and ``count`` LMSs; all stamps are of the first one's TSA, so only a lone one may fail there."""
    assert not faulty_stamps or count == 1
    moodle = LmsOptions(row_delay_s=0.0, backup_bytes=20_000)
    async with contextlib.AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(
                DemoServer(DemoOptions(seed=20 + n, attempts=6, workdir=folder / f"lms-{n}", lms=moodle))
            )
            for n in range(count)
        ]
        root = servers[0].authority.root_pem
        settings = {**SETTINGS, "TSA_URLS": servers[0].tsa_url, "TSA_CA": str(root)}
        worker = WorkerProcess(folder / "worker", settings)
        await worker.start()
        stack.push_async_callback(worker.stop)
        yield [Lane(server, worker, root.read_bytes()) for server in servers]


def has_stamps(cases: tuple[Case, ...]) -> bool:
    """Return whether the TSA has a part in it."""
    return any(case.door == STAMP for case in cases)
