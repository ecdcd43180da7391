"""The worker's own verification: what is bad is not delivered, and the report is there either way."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from archiveworker.domain.document import Renderer
from archiveworker.domain.errors import Retry, VerificationError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import FinishedArchive
from archiveworker.domain.ports import SecretStore
from archiveworker.jobs.finish import FinishSteps
from archiveworker.jobs.records import Json, archive_to_json
from archiveworker.jobs.room import Room
from archiveworker.jobs.tools import JobPolicy, JobTools, OpenJobs
from archiveworker.runtime.spool import LocalSpool
from tests.unit.evidence import golden

JOB = JobId("00000000-0000-4000-8000-000000000001")


class StandingClock:
    """It is always the same time."""

    def now(self) -> datetime:
        return datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return 0.0


def steps_and_archive(folder: Path) -> tuple[FinishSteps, Json, Path]:
    spool = LocalSpool(folder / "jobs")
    tools = JobTools(
        sources={},
        renderer=cast(Renderer, None),
        timestamper=None,
        secrets=cast(SecretStore, None),
        spool=spool,
        clock=StandingClock(),
        policy=JobPolicy(),
        software="archiveworker 1.2.3",
    )
    item = spool.item(JOB, "package")
    packed = golden.make(item.folder, golden.all_entries())
    archive = FinishedArchive("exam.tar.gz", item.relative(packed.path), packed.sha256.hex, packed.size_bytes)
    return FinishSteps(tools, cast(OpenJobs, None), Room(tools)), archive_to_json(archive), packed.path


async def test_a_sound_archive_goes_on_with_its_report(tmp_path: Path) -> None:
    steps, archive, _ = steps_and_archive(tmp_path)
    assert await steps.verify_archive(JOB, archive) == ["report.de.html", "report.html", "report.json"]
    again = await steps.verify_archive(JOB, archive)
    assert again == ["report.de.html", "report.html", "report.json"], "a step may be repeated after a crash"
    (report,) = tmp_path.rglob("report.json")
    found = json.loads(report.read_text())
    assert (found["archive"], found["verdict"], found["software"]) == ("exam.tar.gz", "unknown", "archiveworker 1.2.3")
    assert found["verified_at"] == "2031-05-04T03:02:01Z"
    assert found["archive_sha256"] == archive["sha256"]


async def test_a_damaged_archive_is_not_delivered(tmp_path: Path) -> None:
    steps, archive, path = steps_and_archive(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        VerificationError, match="does not pass its own verification: exam.tar.gz: .* was not delivered"
    ) as caught:
        await steps.verify_archive(JOB, archive)
    assert caught.value.retry is Retry.NEVER
    (report,) = tmp_path.rglob("report.html")
    assert "✗ BAD" in report.read_text(encoding="utf-8")


async def test_another_archive_that_is_sound_by_itself_is_not_delivered(tmp_path: Path) -> None:
    steps, archive, _ = steps_and_archive(tmp_path)
    with pytest.raises(VerificationError, match="changed on the spool after it was packed"):
        await steps.verify_archive(JOB, archive | {"sha256": "0" * 64})
