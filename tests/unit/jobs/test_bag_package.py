"""A job's archive as a bag: names that a bag cannot hold, names that are too long, what its tag files say."""

import csv
import io
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import bagit
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile, PdfProfile
from archiveworker.domain.errors import ConflictError
from archiveworker.domain.ids import ArchivePath, ItemKey, JobId
from archiveworker.domain.job import ArchiveLayout, ArchiveOptions, ArchiveRequest, ItemRecord, Plan, PlannedItem
from archiveworker.domain.retention import RetentionRule
from archiveworker.domain.secret import Secret
from archiveworker.evidence import layout
from archiveworker.evidence.container import pack
from archiveworker.evidence.entries import InlineFile
from archiveworker.evidence.verify import verify
from archiveworker.jobs.finish import check_described
from archiveworker.jobs.package import PackageInput, make_package
from archiveworker.jobs.results import ItemResults

AT = datetime(2026, 2, 28, 9, 50, 15, tzinfo=UTC)
UNKNOWN = datetime(1980, 1, 1, tzinfo=UTC)
COLUMNS = ("attemptid", "userid", "username", "firstname", "lastname", "idnumber", "timestart", "timefinish", "attempt",
           "path", "state")  # fmt: skip
NAMES = {
    1: (
        "attempts/50% off/1",
        ["a.pdf", "attachments/2/100%.txt", "attachments/2/100_.txt", "attachments/2/%0A%25.txt"],
    ),
    2: ("attempts/50_ off/1", ["a.pdf"]),
    3: (f"attempts/{'ü' * 60}/{'x' * 90}", [f"{'n' * 180}.pdf", f"attachments/12/deep/{'m' * 190}.txt"]),
}


def _given(spool: Path, *, at: datetime = AT, name: str = "exam 100 %", **changes: object) -> PackageInput:
    (spool / "x").write_bytes(b"x")
    records = {}
    for number, (folder, files) in NAMES.items():
        key = ItemKey(f"attempt-{number}")
        made = tuple(ArchiveFile(ArchivePath(f"{folder}/{file}"), "x", Sha256.of(b"x"), 1, at) for file in files)
        records[key] = ItemRecord(key, ArchivePath(folder), made, 3)
    items = tuple(PlannedItem(ItemKey(f"attempt-{n}"), n, f"Attempt {n}", {"attemptid": str(n)}) for n in NAMES)
    given = PackageInput(
        request=ArchiveRequest(
            source="quiz_archiver",
            payload={"courseid": 2, "cmid": 5, "quizid": 3},
            token=Secret("hush"),
            lms_base_url="https://moodle.example.org",
            options=ArchiveOptions(archive_name=name),
        ),
        plan=Plan(items, metadata_columns=COLUMNS, metadata_name="attempts_metadata.csv"),
        results=ItemResults(records, {}),
        backups=tuple(
            ArchiveFile(ArchivePath(f"backups/{file}"), "x", Sha256.of(b"x"), 1, AT) for file in ("5%.mbz", "5_.mbz")
        ),
        software="archiveworker 0",
        profile=PdfProfile.PDF_A_3A,
        layout=ArchiveLayout.BAGIT,
        retention=RetentionRule(keep_years=5, legal_basis="§ 12", deletion_class="P-5"),
        organization="Example University",
    )
    return replace(given, **changes)  # type: ignore[arg-type]


def _tree(given: PackageInput, folder: Path) -> Path:
    package = make_package(given)
    manifest = layout.manifest_of(package.listed)
    record = layout.JobRecord(JobId("1"), AT, given.software, given.request.lms_base_url)
    entries = package.completed(manifest, layout.evidence_of(manifest, (), record))
    archive = pack(entries, spool=folder, target=folder / "a.tar.gz").path
    assert [c for c in verify(archive).checks if c.verdict.value == "bad"] == []
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(folder / "tree")
    (only,) = (folder / "tree").iterdir()
    return only


def _made(given: PackageInput, name: str) -> str:
    package = make_package(given)
    return next(e.data.decode() for e in (*package.listed, *package.tags)
                if e.path.value == name and isinstance(e, InlineFile))  # fmt: skip


@pytest.mark.parametrize("flatten", [False, True])
def test_whatever_the_names_are_the_judges_take_it(tmp_path: Path, flatten: bool) -> None:
    given = _given(tmp_path)
    request = replace(given.request, options=replace(given.request.options, flatten=flatten))
    tree = _tree(replace(given, request=request), tmp_path)
    assert tree.name == "exam 100 _"
    files = [path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()]
    assert not any("%" in name for name in files)
    assert sum(name.endswith(".sha256") for name in files) == 7 + 2 + 3, "nothing was lost"
    for argv in (
        [sys.executable, "-m", "bagit", "--validate", "--quiet", str(tree)],
        ["sha256sum", "--quiet", "-c", "manifest-sha256.txt"],
    ):
        done = subprocess.run(argv, cwd=tree, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@given(
    st.lists(st.text(st.characters(), min_size=1, max_size=70), min_size=1, max_size=6),
    st.text(st.characters(), min_size=1, max_size=70),
    st.text(st.characters(), min_size=1, max_size=70),
)
@settings(max_examples=40)
@example(["a\x85b", "a\u2028b", "%25", "*x", "a%0Ab"], "100%", "\u202e%")
def test_whatever_students_and_teachers_call_things_bagit_takes_it(names: list[str], folder: str, archive: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        spool = Path(scratch)
        exam = _given(spool, name=ArchivePath.sanitised(archive.replace("/", "_")).value)
        at = ArchivePath.sanitised("attempts", folder)
        files = tuple(
            ArchiveFile(ArchivePath.sanitised(at.value, "attachments", str(n), name), "x", Sha256.of(b"x"), 1, AT)
            for n, name in enumerate(names)
        )
        pdf = ArchiveFile(at / "a.pdf", "x", Sha256.of(b"x"), 1, AT)
        record = ItemRecord(ItemKey("attempt-1"), at, (pdf, *files), 1)
        tree = _tree(replace(exam, results=ItemResults({record.key: record}, {})), spool)
        bagit.Bag(str(tree)).validate()


def test_an_archive_that_is_not_what_was_stamped_is_not_packed(tmp_path: Path) -> None:
    given = _given(tmp_path)
    manifest = layout.manifest_of(make_package(given).listed)
    stamped = tmp_path / "manifest-sha256.txt"
    stamped.write_bytes(manifest.data)
    check_described(stamped, manifest)
    changed = replace(given, retention=RetentionRule(keep_years=6))
    with pytest.raises(ConflictError, match="settings changed after the list of files was time-stamped"):
        check_described(stamped, layout.manifest_of(make_package(changed).listed))


def test_the_table_leads_to_the_files_from_its_own_folder(tmp_path: Path) -> None:
    tree = _tree(_given(tmp_path, name="n" * 150), tmp_path)
    rows = list(csv.reader(io.StringIO((tree / "data/attempts_metadata.csv").read_text())))
    paths = [row[9] for row in rows[1:]]
    assert len({path.casefold() for path in paths}) == len(NAMES)
    for path in paths:
        assert list((tree / "data" / path.strip("/")).glob("*.pdf")), path


def test_bag_info_has_the_reserved_names_and_the_retention(tmp_path: Path) -> None:
    given = _given(tmp_path)
    info = _made(given, "bag-info.txt")
    listed = make_package(given).listed
    assert f"Payload-Oxum: {sum(e.size_bytes for e in listed)}.{len(listed)}\n" in info
    for line in (
        "Source-Organization: Example University",
        "Bagging-Date: 2026-02-28",
        "External-Description: exam 100 %",
        "Keep-Until: 2031-02-28",
        "Keep-Years: 5",
        "Legal-Basis: § 12",
        "Deletion-Class: P-5",
    ):
        assert f"\n{line}\n" in f"\n{info}", line
    labels = [line.split(":")[0] for line in info.splitlines() if not line.startswith(" ")]
    assert len(labels) == len(set(labels))


def test_the_plugins_layout_has_the_retention_too(tmp_path: Path) -> None:
    given = _given(tmp_path, layout=ArchiveLayout.PLUGIN)
    info = _made(given, "bag-info.txt")
    assert "Keep-Until: 2031-02-28\n" in info
    assert "Payload-Oxum" not in info
    assert "<dt>Keep Until</dt><dd>2031-02-28</dd>" in _made(given, "index.html")


def test_years_count_from_the_items_not_from_backups_and_not_from_nothing(tmp_path: Path) -> None:
    assert _given(tmp_path).applied_retention.keep_until == date(2031, 2, 28)
    later = replace(_given(tmp_path).backups[0], modified_at=datetime(2030, 1, 1, tzinfo=UTC))
    assert _given(tmp_path, backups=(later,)).applied_retention.keep_until == date(2031, 2, 28)
    unknown = _given(tmp_path, at=UNKNOWN)
    assert unknown.applied_retention.keep_until is None
    assert "Keep-Years: 5\n" in _made(unknown, "bag-info.txt")
    assert "Keep-Until" not in _made(unknown, "bag-info.txt")


def test_the_crate_tells_no_more_of_people_than_the_names_of_the_files(tmp_path: Path) -> None:
    given = _given(tmp_path)
    facts = {"firstname": "Zoë", "lastname": "Ångström", "idnumber": "M-1234567", "username": "zoe"}
    items = tuple(replace(item, facts={**item.facts, **facts}) for item in given.plan.items)
    crate = _made(replace(given, plan=replace(given.plan, items=items)), "data/ro-crate-metadata.json")
    assert "Attempt 1" in crate
    assert not [value for value in facts.values() if value in crate]
