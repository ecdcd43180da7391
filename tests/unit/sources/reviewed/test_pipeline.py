"""From a reader to the items on the spool: what is collected, what is asked for again, what each page holds."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from archiveworker.domain.errors import IntegrityError, LimitExceededError, SourceError, TokenRefusedError
from archiveworker.domain.ids import ArchivePath, JobId
from archiveworker.domain.job import ArchiveOptions, FetchedItem, OnError
from archiveworker.domain.peer_review.base import FileId, SubmissionId
from archiveworker.domain.peer_review.kinds import FileStatus, Phase
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.runtime.spool import LocalSpool
from archiveworker.sources.reviewed.connection import ReviewedConnection
from archiveworker.sources.reviewed.request import ReviewedOptions
from tests.fakes import peer_review as fake
from tests.fakes.reviewed import MemoryReader

JOB = JobId("6f9619ff-8b86-4011-b42d-00c04fc964ff")
COUNT = 8


def activity(**changes: object) -> PeerReview:
    record = fake.make(COUNT)
    files = tuple(replace(one, sha256=None) for one in record.files)
    return replace(record, files=files, activity=replace(record.activity, **changes))  # type: ignore[arg-type]


def reader(record: PeerReview | None = None) -> MemoryReader:
    record = record or activity()
    return MemoryReader(record, {one.id: f"bytes of {one.id}".encode() for one in record.files})


@pytest.fixture
def spool(tmp_path: Path) -> LocalSpool:
    return LocalSpool(tmp_path / "spool")


Open = Callable[..., ReviewedConnection]


def connection(source: MemoryReader, **choices: object) -> ReviewedConnection:
    on_error = choices.pop("on_item_error", OnError.FAIL)
    options = ReviewedOptions(ArchiveOptions("peer-review-17", on_item_error=on_error), **choices)  # type: ignore[arg-type]
    return ReviewedConnection(source, "https://lms.example.org", options)


async def all_items(source: MemoryReader, spool: LocalSpool, **choices: object) -> dict[str, FetchedItem]:
    one = connection(source, **choices)
    plan = await one.plan(spool.shared(JOB))
    return {item.key: await one.fetch_item(item, spool.item(JOB, f"items/{item.key}")) for item in plan.items}


def texts(items: dict[str, FetchedItem], spool: LocalSpool) -> dict[str, bytes]:
    """Return every file of every item by its place in the archive."""
    return {
        file.path.value: spool.path_of(JOB, file.spooled).read_bytes()
        for item in items.values()
        for file in item.attachments
    }


async def test_every_work_is_an_item_with_its_files(spool: LocalSpool) -> None:
    items = await all_items(reader(), spool)
    assert list(items) == ["overview", *(f"work-{n:05d}" for n in range(1, COUNT + 1))]
    first = items["work-00001"]
    assert first.folder == ArchivePath("submissions/sub00000 Anna Müller")
    assert [file.path.name for file in first.attachments] == ["essay.pdf", "submission.html"]
    there = texts(items, spool)
    page = there["submissions/sub00000 Anna Müller/submission.html"].decode()
    assert 'href="files/work/essay.pdf"' in page
    assert "Why streets change together (1)" in page
    assert "essay.pdf" in first.document.html, "named on paper,"
    assert 'href="files' not in first.document.html, "but no link: a PDF would take it for an address of the LMS"
    assert there["submissions/sub00000 Anna Müller/files/work/essay.pdf"] == b"bytes of file00000"


async def test_the_overview_has_all_tables_and_the_data(spool: LocalSpool) -> None:
    items = await all_items(reader(), spool)
    names = {file.path.name for file in items["overview"].attachments}
    assert names == {
        *("allocation_matrix.csv", "allocations.csv", "answers.csv", "completeness.csv", "grades.csv", "findings.csv"),
        *("names_in_texts.csv", "findings.json", "peer_review.json", "overview.html"),
    }


async def test_raw_answers_go_into_the_archive(spool: LocalSpool) -> None:
    plan = await connection(reader()).plan(spool.shared(JOB))
    assert [file.path.value for file in plan.files] == ["raw/whole.jsonl"]
    line = spool.path_of(JOB, plan.files[0].spooled).read_bytes()
    assert line.startswith(b'{"answer":{"activity"')
    assert line.endswith(b'"request":{"activity":"17"}}\n')


async def test_nothing_is_asked_for_twice_after_a_crash(spool: LocalSpool) -> None:
    source = reader()
    source.faults["file00003"] = TokenRefusedError("the token has expired")
    with pytest.raises(TokenRefusedError, match="expired"):
        await connection(source).plan(spool.shared(JOB))
    before = list(source.asked)
    await connection(source).plan(spool.shared(JOB))
    again = source.asked[len(before) :]
    assert "whole" not in again, "the answer was kept"
    assert not set(again) & (set(before) - {"file00003", "file00000", "file00001", "file00002"}), "files too"
    await connection(source).plan(spool.shared(JOB))
    assert source.asked[len(before) :] == again, "everything is there: the LMS is not asked at all"


async def test_a_refusal_is_asked_again_when_the_job_is_retried(spool: LocalSpool) -> None:
    source = reader()
    source.faults[""] = SourceError("no capability")
    with pytest.raises(SourceError, match="no capability"):
        await connection(source).plan(spool.shared(JOB))
    await connection(source).plan(spool.shared(JOB))
    assert source.asked.count("whole") == 2


async def test_an_open_activity_is_refused_unless_allowed(spool: LocalSpool) -> None:
    source = reader(activity(phase=Phase.ASSESSMENT))
    with pytest.raises(SourceError, match="still in its assessment phase.*allow_open"):
        await connection(source).plan(spool.shared(JOB))
    items = await all_items(source, spool, allow_open=True)
    assert "still in its assessment phase" in items["overview"].warnings[0]
    assert "still in its assessment phase" in items["overview"].document.html


async def test_a_file_that_is_gone_is_a_finding(spool: LocalSpool) -> None:
    source = reader()
    source.contents = {k: v for k, v in source.contents.items() if k != "file00002"}
    items = await all_items(source, spool)
    assert b"file-missing,error,found" in texts(items, spool)["overview/findings.csv"]
    assert [file.path.name for file in items["work-00003"].attachments] == ["submission.html"]


@pytest.mark.parametrize("fault", [LimitExceededError("too large"), IntegrityError("other content")])
async def test_a_file_that_cannot_be_had_is_a_finding_if_the_job_says_so(spool: LocalSpool, fault: Exception) -> None:
    source = reader()
    source.faults["file00002"] = fault
    items = await all_items(source, spool, on_item_error=OnError.REPORT)
    assert b"file-refused,warning,found" in texts(items, spool)["overview/findings.csv"]


async def test_a_damaged_file_fails_the_job_otherwise(spool: LocalSpool) -> None:
    source = reader()
    source.faults["file00002"] = IntegrityError("other content")
    with pytest.raises(IntegrityError, match="other content"):
        await connection(source).plan(spool.shared(JOB))


async def test_a_full_disk_is_never_a_finding(spool: LocalSpool) -> None:
    source = reader()
    full = LimitExceededError("make room on the disk")
    full.__cause__ = OSError(28, "No space left on device")
    source.faults["file00002"] = full
    with pytest.raises(LimitExceededError, match="make room"):
        await connection(source, on_item_error=OnError.REPORT).plan(spool.shared(JOB))


async def test_reviews_of_a_work_that_is_gone_have_a_page(spool: LocalSpool) -> None:
    record = activity()
    gone = record.submissions[0].id
    items = await all_items(reader(replace(record, submissions=record.submissions[1:])), spool)
    page = next(item.document.html for item in items.values() if f"Work {gone}, which is gone" in item.document.title)
    assert page.count('<article class="review"') == 3


async def test_files_that_no_record_names_stand_with_the_overview(spool: LocalSpool) -> None:
    record = activity()
    works = (replace(record.submissions[0], file_ids=()), *record.submissions[1:])
    items = await all_items(reader(replace(record, submissions=works)), spool)
    assert "overview/files/essay.pdf" in texts(items, spool)


async def test_two_files_of_one_name_stand_beside_each_other(spool: LocalSpool) -> None:
    record = activity()
    works = (
        replace(record.submissions[0], file_ids=(FileId("file00000"), FileId("file00003"))),
        *record.submissions[1:],
    )
    files = tuple(replace(one, filename="ESSAY.pdf") if one.id == "file00003" else one for one in record.files)
    items = await all_items(reader(replace(record, submissions=works, files=files)), spool)
    names = sorted(file.path.name for file in items["work-00001"].attachments)
    assert names == ["2_ESSAY.pdf", "essay.pdf", "submission.html"]


async def test_announced_missing_files_are_not_asked_for(spool: LocalSpool) -> None:
    record = activity()
    files = tuple(replace(one, status=FileStatus.MISSING) for one in record.files)
    source = reader(replace(record, files=files))
    await connection(source).plan(spool.shared(JOB))
    assert source.asked == ["whole"]


async def test_a_resumed_job_makes_the_same_pages_from_the_spool_alone(spool: LocalSpool) -> None:
    source = reader()
    first = connection(source)
    plan = await first.plan(spool.shared(JOB))
    item = plan.items[3]
    page = await first.fetch_item(item, spool.item(JOB, "items/a"))
    other = connection(MemoryReader(activity(), {}))
    assert (await other.fetch_item(item, spool.item(JOB, "items/b"))).document == page.document
    assert SubmissionId("sub00002") in page.document.html
