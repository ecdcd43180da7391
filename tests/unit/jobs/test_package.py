"""What stands in an archive beside the rendered items."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile, PdfProfile
from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.job import ArchiveOptions, ArchiveRequest, ItemRecord, Plan, PlannedItem
from archiveworker.domain.secret import Secret
from archiveworker.evidence.entries import InlineFile
from archiveworker.jobs.package import PackageInput, make_package
from archiveworker.jobs.results import ItemFailure, ItemResults

AT = datetime(2026, 2, 28, 9, 50, 15, tzinfo=UTC)
COLUMNS = ("attemptid", "userid", "username", "firstname", "lastname", "idnumber", "timestart", "timefinish", "attempt",
           "path", "state")  # fmt: skip


def _file(path: str) -> ArchiveFile:
    return ArchiveFile(ArchivePath(path), "x", Sha256.of(b"x"), 1, AT)


def _item(number: int) -> PlannedItem:
    facts = {"attemptid": str(number), "firstname": "Zoë", "lastname": "Ångström", "timestart": "1772271015"}
    return PlannedItem(ItemKey(f"attempt-{number}"), number, f"Attempt {number}", facts)


def _given(*failures: ItemFailure) -> PackageInput:
    record = ItemRecord(ItemKey("attempt-1"), ArchivePath("attempts/a"), (_file("attempts/a/a.pdf"),), 3)
    return PackageInput(
        request=ArchiveRequest(
            source="quiz_archiver",
            payload={"courseid": 2, "cmid": 5, "quizid": 3},
            token=Secret("hush"),
            lms_base_url="https://moodle.example.org",
            options=ArchiveOptions(archive_name="quiz", file_hashes=False),
        ),
        plan=Plan((_item(1), _item(2)), metadata_columns=COLUMNS, metadata_name="attempts_metadata.csv"),
        results=ItemResults({record.key: record}, {f.key: f for f in failures}),
        backups=(_file("backups/course.mbz"),),
        software="archiveworker 0",
        profile=PdfProfile.PDF_A_3A,
    )


def _made(given: PackageInput) -> dict[str, bytes]:
    return {e.path.value: e.data for e in make_package(given).listed if isinstance(e, InlineFile)}


def test_the_table_has_path_at_index_9_and_only_what_is_there() -> None:
    rows = list(csv.reader(io.StringIO(_made(_given())["attempts_metadata.csv"].decode())))
    assert rows[0][9] == "path"
    assert [row[0] for row in rows[1:]] == ["1"]
    assert rows[1][9] == "/attempts/a/"


def test_without_metadata_there_is_no_table() -> None:
    given = _given()
    assert "attempts_metadata.csv" not in _made(replace(given, plan=replace(given.plan, metadata_columns=())))


def test_what_is_missing_is_said_three_times() -> None:
    made = _made(_given(ItemFailure(ItemKey("attempt-2"), "source", "The LMS does not have it.")))
    assert made["errors.csv"] == b"item,code,message\nattempt-2,source,The LMS does not have it.\n"
    assert b"Failed-Item-Count: 1\n" in made["bag-info.txt"]
    assert b"The LMS does not have it." in made["index.html"]


def test_a_whole_archive_has_no_errors_file() -> None:
    assert "errors.csv" not in _made(_given())


def test_names_and_times_come_from_the_data() -> None:
    entries = make_package(_given()).listed
    assert {entry.modified_at for entry in entries} == {AT}
    made = _made(_given())
    assert "Zoë Ångström".encode() in made["index.html"]
    assert b"2026-02-28 09:30:15 UTC" in made["index.html"]
    assert b"External-Identifier-quizid: 3\n" in made["bag-info.txt"]
    assert not any(b"hush" in data for data in made.values())


def test_flattened_everything_is_at_the_top() -> None:
    given = _given()
    flat = replace(given, request=replace(given.request, options=replace(given.request.options, flatten=True)))
    paths = [entry.path.value for entry in make_package(flat).listed]
    assert all("/" not in path for path in paths)
    assert "attempt_1.a.pdf" in paths
    assert "backup.course.mbz" in paths
