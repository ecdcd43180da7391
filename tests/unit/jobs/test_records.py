"""What is stored can be read again, and by the next version."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile, PdfFacts, PdfProfile
from archiveworker.domain.ids import ArchivePath, ItemKey, JobId
from archiveworker.domain.job import FinishedArchive, ItemRecord, JobState, Plan, PlannedBackup, PlannedItem
from archiveworker.jobs import records
from archiveworker.jobs.story import Story, story_from_json

AT = datetime(2026, 11, 21, 1, 27, 43, tzinfo=UTC)
GOLDEN = Path(__file__).parents[2] / "data" / "stored_records_v1.json"

JOB = records.StoredJob(JobId("j"), "quiz_archiver", {"api_version": 7, "cmid": 2}, "https://moodle.example.org", AT)
FILE = ArchiveFile(ArchivePath("attempts/a/ü.pdf"), "items/attempt-1/rendered/document.pdf", Sha256.of(b"x"), 1, AT)
PLAN = Plan(
    items=(PlannedItem(ItemKey("attempt-1"), 1, "Attempt 1", {"userid": "4"}),),
    backups=(PlannedBackup("b1", ArchivePath("backups/c.mbz")),),
    metadata_columns=("attemptid", "path"),
    metadata_name="attempts_metadata.csv",
)
RECORD = ItemRecord(ItemKey("attempt-1"), ArchivePath("attempts/a"), (FILE,), 3, ("late",), 1.5)
ARCHIVE = FinishedArchive("quiz.tar.gz", "package/archive.tar.gz", "00" * 32, 9)
STORY = Story().entered(JobState.RUNNING, AT).warned("job", "unstamped")


def _stored() -> dict[str, object]:
    return {
        "job": records.job_to_json(JOB),
        "plan": records.plan_to_json(PLAN),
        "record": records.record_to_json(RECORD),
        "archive": records.archive_to_json(ARCHIVE),
        "story": STORY.to_json(),
    }


def _read(data: dict[str, records.Json]) -> None:
    assert records.job_from_json(data["job"]) == JOB
    assert records.plan_from_json(data["plan"]) == PLAN
    assert records.record_from_json(data["record"]) == RECORD
    assert records.archive_from_json(data["archive"]) == ARCHIVE
    assert story_from_json(data["story"]) == STORY


def test_what_is_written_is_read_back() -> None:
    _read(json.loads(json.dumps(_stored())))


def test_what_was_found_in_a_pdf_is_read_back() -> None:
    facts = PdfFacts(3, 210.2, 297.0, 380, 379, 12, 1, 2, PdfProfile.PDF_A_3U, 123_456)
    record = replace(RECORD, pdf=facts)
    assert records.record_from_json(json.loads(json.dumps(records.record_to_json(record)))) == record


def test_what_release_0_1_wrote_is_read() -> None:
    _read(json.loads(GOLDEN.read_text(encoding="utf-8")))


def test_a_job_that_has_not_begun_has_a_story() -> None:
    assert story_from_json(None).state is JobState.AWAITING_PROCESSING
