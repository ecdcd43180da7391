"""Whole jobs with things that go wrong, and what must hold after each of them, for the tests of faults."""

import asyncio
import contextlib
import hashlib
import sqlite3
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archiveworker.demo.contract import SECTIONS_11
from archiveworker.demo.server import DemoServer
from archiveworker.demo.state import Row
from tests.fakes.worker import WorkerProcess

REPORT = "quiz_archiver_generate_attempt_report"
METADATA = "quiz_archiver_get_attempts_metadata"
STATUS = "quiz_archiver_update_job_status"
BACKUP = "quiz_archiver_get_backup_status"
CONFIRM = "quiz_archiver_process_uploaded_artifact"
UPLOAD, FILE = "upload.php", "pluginfile.php"
SHORT_PAGES = tuple(name for name in SECTIONS_11 if name not in ("header", "attachments"))
"""Sections to leave out: the faults strike all the same, and a page is printed in half a second."""
SETTINGS = {
    "LOG_LEVEL": "DEBUG",
    "ITEM_ATTEMPTS_COUNT": "2",
    "ITEMS_IN_FLIGHT_COUNT": "2",
    "JOB_ROW_GRACE_S": "3",
    "LMS_RETRY_S": "1.5",
    "LMS_TIMEOUT_S": "3",
    "TSA_TIMEOUT_S": "1.2",
    "PDF_PROFILE": "off",
}


@contextlib.asynccontextmanager
async def started(lms: DemoServer, folder: Path, tsa_urls: str, **settings: str) -> AsyncIterator[WorkerProcess]:
    """Run a worker that gives up soon."""
    stamps = {"TSA_URLS": tsa_urls, "TSA_CA": str(lms.authority.root_pem)}
    async with WorkerProcess(folder, {**SETTINGS, **stamps, **settings}) as process:
        yield process


@dataclass(frozen=True)
class Outcome:
    """What came of a job, as the worker and as Moodle tell it."""

    view: dict[str, Any]
    row: Row
    told: str
    """Reason and failures: what an administrator has to go by."""

    @property
    def warnings(self) -> str:
        """What the worker noticed and went on."""
        return "; ".join(warning["message"] for warning in self.view["warnings"])


def attempt_ids(lms: DemoServer, count: int) -> list[int]:
    """Return attempts, the first of which have attached files."""
    attempts = sorted(lms.course.attempts, key=lambda attempt: -len(list(attempt.attachments)))
    return [attempt.attemptid for attempt in attempts][:count]


async def archived(lms: DemoServer, worker: WorkerProcess, count: int = 2, **form: Any) -> Outcome:
    """Submit a job of ``count`` attempts and wait for its end."""
    options = {"backups": False, "keep_html_files": False, "sections_off": SHORT_PAGES, **form}
    status, answer = await lms.submit(worker.url, lms.request(7, itemids=attempt_ids(lms, count), **options))
    assert status == 200, answer
    return await ended(lms, worker, answer["jobid"])


async def ended(lms: DemoServer, worker: WorkerProcess, job_id: str) -> Outcome:
    """Wait for the end of a job; whatever it is, the token must be gone."""
    view = await worker.ended(job_id, limit_s=60)
    row = next(row for row in lms.state.rows if row.jobid == job_id)
    await token_is_gone(worker, row.token)
    told = "; ".join([view["reason"], *(f"{failure['item']}: {failure['message']}" for failure in view["failures"])])
    return Outcome(view, row, told)


async def token_is_gone(worker: WorkerProcess, token: str) -> None:
    database = f"file:{worker.data / 'archiveworker.sqlite'}?mode=ro"
    async with asyncio.timeout(20):
        while True:
            with contextlib.closing(sqlite3.connect(database, uri=True)) as connection:
                if not connection.execute("SELECT count(*) FROM archiveworker_sealed_tokens").fetchone()[0]:
                    break
            await asyncio.sleep(0.05)
    assert token not in worker.log.read_text(encoding="utf-8")
    assert any(event["level"] == "debug" for event in worker.log_events())


def finished(lms: DemoServer, outcome: Outcome) -> None:
    """Check that the worker and Moodle agree on success, and that Moodle has the archive once."""
    assert outcome.view["state"] == "FINISHED", outcome.told
    assert outcome.view["failures"] == []
    mine = [delivery for delivery in lms.deliveries if delivery.jobid == outcome.view["id"]]
    assert len(mine) == 1, "delivered exactly once"
    assert mine[0].sha256 == outcome.view["archive"]["sha256"]
    assert outcome.row.status == "FINISHED"


def failed(lms: DemoServer, outcome: Outcome, *words: str, state: str = "FAILED") -> None:
    """Check that the worker and Moodle agree on failure, and that ``words`` say why."""
    assert outcome.view["state"] == state, outcome.told
    assert outcome.row.status == state, "Moodle must know"
    assert not [delivery for delivery in lms.deliveries if delivery.jobid == outcome.view["id"]]
    assert outcome.view["reason"]
    for word in words:
        assert word in outcome.told, outcome.told
    for trace in ("Traceback", "Internal error", "\n"):
        assert trace not in outcome.told


def is_kept(outcome: Outcome, worker: WorkerProcess) -> None:
    """Look where the reason says, and find the whole archive."""
    folder = worker.data / "jobs" / outcome.view["id"] / "package"
    assert f"{folder.resolve()}" in outcome.view["reason"]
    (archive,) = folder.glob("archive.*")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == outcome.view["archive"]["sha256"]
    with tarfile.open(archive) as tar:
        assert "manifest-sha256.txt" in tar.getnames()
