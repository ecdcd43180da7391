"""The source against what a real Moodle 4.5 answered: everything that was there is in the record, and it all agrees."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from archiveworker.domain.ids import JobId
from archiveworker.domain.peer_review.checks.finding import Outcome
from archiveworker.domain.peer_review.checks.table import check_all
from archiveworker.domain.peer_review.codec import decode
from archiveworker.domain.peer_review.exchange import PeerReviewFile
from archiveworker.domain.peer_review.kinds import AllocationState, Strategy
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.runtime.spool import LocalSpool
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.workshop import WorkshopSource
from tests.fakes.recorded_workshop import TOKEN, RecordedMoodle, recorded_moodle, recorded_request

JOB = JobId("6f9619ff-8b86-4011-b42d-00c04fc964ff")
ACTIVITIES = [
    pytest.param(1, 3, (Strategy.ACCUMULATIVE, 11, 33, 31, 37), id="accumulative"),
    pytest.param(2, 4, (Strategy.RUBRIC, 5, 15, 14, 17), id="rubric"),
]


async def collected(moodle: RecordedMoodle, cmid: int, folder: Path) -> tuple[PeerReview, Path]:
    """Plan a job and return the activity that it left on the spool."""
    source = WorkshopSource(MoodleConfig())
    spool = LocalSpool(folder).shared(JOB)
    async with source.connect(source.parse(recorded_request(moodle, cmid)), JOB) as connection:
        await connection.probe()
        await connection.plan(spool)
    record = decode((spool.folder / "peer_review.json").read_bytes(), PeerReviewFile).peer_review
    return record, spool.folder


def answer(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["answer"]


@pytest.mark.parametrize(("number", "cmid", "expected"), ACTIVITIES)
async def test_the_recorded_activity_comes_out_complete(
    recordings: Path, tmp_path: Path, number: int, cmid: int, expected: tuple[Strategy, int, int, int, int]
):
    folder = recordings / "moodle_workshop" / "all"
    async with recorded_moodle(folder) as moodle:
        record, spool = await collected(moodle, cmid, tmp_path)
    [form] = record.forms
    counts = (len(record.submissions), len(record.allocations), len(record.reviews), len(record.files))

    assert (form.strategy, *counts) == expected
    submissions = answer(folder, f"w{number}_get_submissions")
    assert submissions["totalcount"] == len(record.submissions) == record.announced.submission_count
    assert sum(one.size_bytes or 0 for one in record.files if "submission_" in one.id) == submissions["totalfilesize"]
    grades = answer(folder, f"w{number}_get_grades_report")["report"]["grades"]
    reported = {(str(r["userid"]), str(r["submissionid"])) for row in grades for r in row["reviewedby"]}
    assert {(one.reviewer_id, one.submission_id) for one in record.allocations} == reported
    assert not {one.code for result in check_all(record) for one in result.findings if one.severity == "error"}
    outcomes = {result.code: result.outcome for result in check_all(record)}
    assert outcomes["totalcount-mismatch"] is outcomes["matrix-mismatch"] is Outcome.PASSED
    assert record.activity.redactions == ()
    assert all(len(review.answers) == len(form.criteria) for review in record.reviews)
    pending = {review["assessmentid"] for row in grades for review in row["reviewedby"] if review["grade"] is None}
    assert {int(one.id) for one in record.allocations if one.state is AllocationState.PENDING} == pending
    for path in spool.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(("number", "cmid", "expected"), ACTIVITIES)
async def test_every_grade_and_comment_is_the_recorded_one(
    recordings: Path, tmp_path: Path, number: int, cmid: int, expected: tuple[Any, ...]
):
    folder = recordings / "moodle_workshop" / "all"
    async with recorded_moodle(folder) as moodle:
        record, _ = await collected(moodle, cmid, tmp_path)
    reviews = {int(one.id): one for one in record.reviews}
    works = {int(one.id): one for one in record.submissions}

    for told in answer(folder, f"w{number}_get_submissions")["submissions"]:
        grade = works[told["id"]].grade
        assert (grade.raw, grade.over) == (told["grade"], told["gradeover"])
        assert works[told["id"]].title == told["title"]
    for file in sorted(folder.glob(f"w{number}_assessments_of_*.json")):
        for told in answer(folder, file.stem)["assessments"]:
            if told["grade"] is None:
                assert told["id"] not in reviews
                continue
            review = reviews[told["id"]]
            assert (review.suggested_grade, review.review_grade.raw) == (told["grade"], told["gradinggrade"])
            assert review.review_grade.over == told["gradinggradeover"]
            assert (review.overall_comment and review.overall_comment.body) == told["feedbackauthor"]
            form = answer(folder, f"w{number}_form_of_{told['id']}")
            current = {pair["name"]: pair["value"] for pair in form["current"]}
            key = "grade" if "grade__idx_0" in current else "chosenlevelid"
            assert [one.raw for one in review.answers] == [current[f"{key}__idx_{index}"] for index in range(3)]


async def test_every_recorded_file_arrives_byte_by_byte(recordings: Path, tmp_path: Path):
    async with recorded_moodle(recordings / "moodle_workshop" / "all") as moodle:
        found = {}
        for cmid in (3, 4):
            record, _ = await collected(moodle, cmid, tmp_path / str(cmid))
            found |= {one.id: one.sha256 for one in record.files}
        wanted = {hashlib.sha256(content).hexdigest() for content in moodle.files.values()}

        assert len(found) == len(moodle.files) == 54
        assert set(found.values()) == wanted


async def test_only_reading_functions_are_called(recordings: Path, tmp_path: Path):
    async with recorded_moodle(recordings / "moodle_workshop" / "all") as moodle:
        await collected(moodle, 3, tmp_path)

    assert {name.split("_get_")[0] for name in moodle.calls} == {
        *("core_webservice", "core_course", "core_enrol", "mod_workshop")
    }
    # One question each, and no second one: 11 works, 31 reviews.
    assert moodle.calls.count("mod_workshop_get_submission_assessments") == 11
    assert moodle.calls.count("mod_workshop_get_assessment_form_definition") == 31
    assert moodle.calls.count("mod_workshop_get_submissions") == 1
