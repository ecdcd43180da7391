"""Where the items' files stand: nobody's files among another's."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.job import ItemRecord
from archiveworker.jobs.paths import metadata_path, placed, unique_folders

AT = datetime(2026, 1, 1, tzinfo=UTC)


def _record(number: int, folder: str, *names: str) -> ItemRecord:
    files = tuple(
        ArchiveFile(ArchivePath(f"{folder}/{name}"), "x", Sha256.of(b""), 0, AT)
        for name in names or (f"attempt-{number}.pdf",)
    )
    return ItemRecord(ItemKey(f"attempt-{number}"), ArchivePath(folder), files, 1)


def _moodle_export(records: tuple[ItemRecord, ...], wanted: ItemRecord, *, flatten: bool) -> set[str]:
    """Do what the plugin's GDPR export does: take every file whose path begins with the item's."""
    beginning = metadata_path(wanted, flatten=flatten).lstrip("/")
    return {f.path.value for r in records for f in r.files if f.path.value.startswith(beginning)}


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize(
    "folders",
    [
        ["attempts/3", "attempts/33"],
        ["attempts/all", "attempts/all"],
        ["attempts/all", "attempts/ALL"],
        ["attempts/a", "attempts/a/b", "attempts/a/b/c"],
        ["attempts/a/b", "attempts/a"],
        ["attempts/" + "x" * 150, "attempts/" + "x" * 151],
    ],
)
def test_an_export_of_one_person_never_holds_another(folders: list[str], flatten: bool) -> None:
    records = placed([_record(n, folder) for n, folder in enumerate(folders, 1)], flatten=flatten)
    for record in records:
        assert _moodle_export(records, record, flatten=flatten) == {f.path.value for f in record.files}


def test_a_folder_that_nobody_else_wants_stays() -> None:
    records = placed([_record(33, "attempts/student02/33", "a.pdf", "attachments/5/b.txt")], flatten=False)
    assert [f.path.value for f in records[0].files] == [
        "attempts/student02/33/a.pdf",
        "attempts/student02/33/attachments/5/b.txt",
    ]


def test_flattened_names_keep_item_and_slot() -> None:
    records = placed([_record(17, "attempts/x", "attempt-17-j.pdf", "attachments/0/essay.pdf")], flatten=True)
    assert [f.path.value for f in records[0].files] == [
        "attempt_17.attempt-17-j.pdf",
        "attempt_17.attempt-17-j.attachment.0.essay.pdf",
    ]


def test_two_files_of_one_name_both_stay() -> None:
    records = placed([_record(1, "attempts/x", "a.pdf", "attachments/0/b.txt", "attachments/0/B.txt")], flatten=False)
    names = [f.path.name for f in records[0].files]
    assert len({name.casefold() for name in names}) == 3


_FOLDER = st.lists(st.sampled_from(["a", "A", "b", "a-attempt-1", "c"]), min_size=1, max_size=3).map("/".join)


@given(st.lists(_FOLDER, min_size=1, max_size=8))
def test_no_folder_is_or_lies_in_anothers(wanted: list[str]) -> None:
    folders = unique_folders({ItemKey(f"attempt-{n}"): ArchivePath(f) for n, f in enumerate(wanted)})
    for key, folder in folders.items():
        for other, outer in folders.items():
            if key != other:
                assert not f"{folder}/".casefold().startswith(f"{outer}/".casefold())
