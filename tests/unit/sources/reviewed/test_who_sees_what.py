"""Copies that keep blindness, and archives under pseudonyms: nothing in any file, name or table tells who is who."""

import csv
import io
import json
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ArchiveOptions, FetchedItem, Plan
from archiveworker.domain.peer_review.base import Text
from archiveworker.domain.peer_review.kinds import FileArea
from archiveworker.domain.peer_review.model import Participant, PeerReview
from archiveworker.domain.secret import Secret
from archiveworker.jobs.records import plan_to_json
from archiveworker.runtime.spool import LocalSpool
from archiveworker.sources.reviewed.connection import ReviewedConnection
from archiveworker.sources.reviewed.request import ReviewedOptions
from tests.fakes import peer_review as fake
from tests.fakes.reviewed import MemoryReader

JOB = JobId("6f9619ff-8b86-4011-b42d-00c04fc964ff")
OTHER_JOB = JobId("6f9619ff-8b86-4011-b42d-00c04fc964fe")
COUNT = 8
NAMED = "Thanks to Chiara Yılmaz, stud0003 and chiara for the discussion."


def activity() -> PeerReview:
    """An activity with files that are named after people, and a review that names some."""
    record = fake.make(COUNT)
    work = replace(record.submissions[0], title="By Anna Müller")
    review = replace(record.reviews[0], overall_comment=Text(NAMED), file_ids=(record.files[7].id,))
    files = tuple(
        replace(one, sha256=None, filename=f"{fake.person_id(at)} {record.participants[at].display}.pdf")
        for at, one in enumerate(record.files)
    )
    files = (*files[:7], replace(files[7], area=FileArea.REVIEW_ATTACHMENT, filename="Review by Anna Müller.pdf"))
    last = replace(record.submissions[7], file_ids=())
    return replace(
        record,
        submissions=(work, *record.submissions[1:7], last),
        reviews=(review, *record.reviews[1:]),
        files=files,
    )


def contents(record: PeerReview) -> dict[str, bytes]:
    return {one.id: f"bytes {at}".encode() for at, one in enumerate(record.files)}


@pytest.fixture
def spool(tmp_path: Path) -> LocalSpool:
    return LocalSpool(tmp_path / "spool")


async def made(
    spool: LocalSpool, job: JobId = JOB, key: str | None = None, **choices: bool
) -> tuple[Plan, dict[str, FetchedItem]]:
    record = activity()
    options = ReviewedOptions(ArchiveOptions("review-17"), **choices)
    reader = MemoryReader(record, contents(record))  # type: ignore[arg-type]
    one = ReviewedConnection(reader, "https://lms.example.org", options, Secret(key) if key else None)
    plan = await one.plan(spool.shared(job))
    items = {item.key: await one.fetch_item(item, spool.item(job, f"items/{item.key}")) for item in plan.items}
    return plan, items


def everything(item: FetchedItem, spool: LocalSpool, job: JobId = JOB) -> str:
    """All that a reader of the item's folder could see, also names and the PDF's title."""
    shown = [item.document.html, item.document.title, item.folder.value, item.file_stem, repr(item.warnings)]
    for file in item.attachments:
        shown += [file.path.value, str(file.modified_at), spool.path_of(job, file.spooled).read_bytes().decode()]
    return "\n".join(shown)


def identifiers(person: Participant) -> set[str]:
    found = {person.id, person.display, person.username, person.email, person.external_id}
    return {one for one in found if one}


def assert_nobody(text: str, people: Iterable[Participant]) -> None:
    for person in people:
        for one in identifiers(person):
            assert one not in text, f"{one!r} tells who it is"


async def test_copies_name_nobody_but_their_reader(spool: LocalSpool) -> None:
    record = activity()
    plan, items = await made(spool, excerpts=True)
    readers = {item.key: item.facts["userid"] for item in plan.items if item.facts.get("userid")}
    assert len(readers) == 2 * COUNT
    for key, reader in readers.items():
        others = [one for one in record.participants if one.id != reader and one.id != fake.STAFF_ID]
        text = everything(items[key], spool)
        assert_nobody(text, others)
        assert "sub0" not in text or key.startswith("author"), "ids of others' works"
        assert reader in items[key].folder.value


async def test_an_author_reads_the_own_work_and_its_reviews(spool: LocalSpool) -> None:
    _, items = await made(spool, excerpts=True)
    copy = next(item for key, item in items.items() if item.folder.value.endswith("uid5000 Anna Müller"))
    assert "By Anna Müller" in copy.document.html
    assert copy.document.html.count('<article class="review"') == 3
    assert {f"R{n}" for n in (1, 2, 3)} <= set(copy.document.html.replace("<", " ").replace(">", " ").split())
    assert "Author&#39;s copy" in copy.document.html


async def test_copies_to_be_looked_at_are_listed_for_staff(spool: LocalSpool) -> None:
    _, items = await made(spool, excerpts=True)
    overview = items["overview"]
    file = next(file for file in overview.attachments if file.path.name == "copies_to_look_at.csv")
    rows = list(csv.DictReader(io.StringIO(spool.path_of(JOB, file.spooled).read_text())))
    assert {row["treatment"] for row in rows} >= {"replaced", "flagged", "not_looked_into"}
    assert any("need a look before they are handed out" in one for one in overview.warnings)


async def test_under_pseudonyms_nothing_names_anybody(spool: LocalSpool) -> None:
    record = activity()
    plan, items = await made(spool, pseudonyms=True, excerpts=True)
    assert plan.files == (), "raw answers name people"
    text = "\n".join(everything(item, spool) for item in items.values()) + json.dumps(plan_to_json(plan))
    assert_nobody(text, (one for one in record.participants if one.id != fake.STAFF_ID))
    for kind in ("sub0", "rev0", "alloc0", "file0"):
        assert kind not in text, f"ids of the LMS: {kind}"
    assert "person-" in text
    assert "not in this archive: they name people" in items["overview"].document.html
    table = next(one for one in items["overview"].attachments if one.path.name == "names_in_texts.csv")
    rows = list(csv.DictReader(io.StringIO(spool.path_of(JOB, table.spooled).read_text())))
    assert {row["participant_id"][:7] for row in rows} == {"person-"}
    assert {row["treatment"] for row in rows} >= {"replaced", "flagged"}


async def test_key_and_list_stand_apart_and_stay_the_same(spool: LocalSpool) -> None:
    plan, items = await made(spool, pseudonyms=True)
    files = {one.name: one for one in spool.companions(JOB)}
    assert set(files) == {"review-17.pseudonym-key.txt", "review-17.pseudonyms.csv"}
    assert {stat.S_IMODE(one.stat().st_mode) for one in files.values()} == {0o600}
    key = files["review-17.pseudonym-key.txt"].read_text().strip()
    assert len(bytes.fromhex(key)) == 32
    text = "\n".join(everything(item, spool) for item in items.values()) + json.dumps(plan_to_json(plan))
    assert key not in text
    rows = list(csv.DictReader(io.StringIO(files["review-17.pseudonyms.csv"].read_text())))
    anna = next(row for row in rows if row["name"] == "Anna Müller")
    assert anna["pseudonym"] in text
    again, _ = await made(spool, pseudonyms=True)
    assert again == plan, "a crash, or a retry, draws no other key"


async def test_a_key_of_the_worker_joins_archives_and_is_not_delivered(spool: LocalSpool) -> None:
    key = "0123456789abcdef0123"
    first, _ = await made(spool, JOB, key, pseudonyms=True)
    second, _ = await made(spool, OTHER_JOB, key, pseudonyms=True)
    assert first == second
    assert [one.name for one in spool.companions(JOB)] == ["review-17.pseudonyms.csv"]
    other, _ = await made(LocalSpool(spool.job_folder(JOB) / "elsewhere"), pseudonyms=True)
    assert other != first


async def test_without_pseudonyms_there_is_nothing_apart(spool: LocalSpool) -> None:
    await made(spool)
    assert spool.companions(JOB) == ()
