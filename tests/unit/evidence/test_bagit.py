"""Bags: judged by ``bagit.py`` and ``sha256sum``, then by ``verify``, which has to find whatever is changed."""

import random
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from archiveworker.domain.evidence import Check, VerificationReport
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence import layout
from archiveworker.evidence.bagit import BASE_MAX_BYTES, PayloadSize, bagged, base_folder
from archiveworker.evidence.entries import Entry, InlineFile
from archiveworker.evidence.verify import verify
from tests.unit.evidence import golden

CONTENTS = {name: data for name, data in golden.CONTENTS.items() if name != "bag-info.txt"} | {
    # What trips up readers of manifests: spaces, marks of other tools, letters of two forms.
    "attempts/zoe/33/attachments/1/two  spaces and .txt": b"a",
    "attempts/zoe/33/attachments/1/#1 [draft] {x} 'q' $HOME `ls` & co; ~.txt": b"b",
    "attempts/zoe/33/attachments/1/-rf.txt": b"c",
    "attempts/zoe/33/attachments/1/Núñez.txt": b"d",
    "attempts/zoe/33/attachments/1/試験🎓.txt": b"e",
    "attempts/zoe/33/attachments/1/bagit.txt": b"f",
}


def bag(contents: dict[str, bytes] | None = None, name: str = "exam") -> list[Entry]:
    """Return a whole bag's entries, unstamped."""
    files = layout.with_sidecars(golden.inline(CONTENTS if contents is None else contents))

    def info(size: PayloadSize) -> bytes:
        return f"Source-Organization: Example\nPayload-Oxum: {size.octet_count}.{size.stream_count}\n".encode()

    package = bagged(files, archive_name=name, at=golden.MOMENT, info=info)
    manifest = layout.manifest_of(package.listed)
    return list(package.completed(manifest, layout.evidence_of(manifest, (), golden.RECORD)))


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack with Python's own modules and return the bag's folder, the only thing there."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
    else:
        with tarfile.open(archive) as tar:
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(folder)
    (only,) = folder.iterdir()
    return only


def judge(folder: Path) -> None:
    """Let bagit.py and sha256sum look at a bag; they must be content."""
    for argv in (
        [sys.executable, "-m", "bagit", "--validate", "--quiet", str(folder)],
        ["sha256sum", "--quiet", "-c", "manifest-sha256.txt"],
        ["sha256sum", "--quiet", "-c", "tagmanifest-sha256.txt"],
        ["sha256sum", "--quiet", "-c", "data/tag-files-sha256.txt"],
    ):
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"


def bad(report: VerificationReport) -> list[Check]:
    return [check for check in report.checks if check.verdict.value == "bad"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bag")
    return unpacked(golden.make(folder, bag()).path, folder / "tree")


@pytest.mark.parametrize("container", list(ArchiveFormat))
def test_the_judges_take_it_from_every_container(tmp_path: Path, container: ArchiveFormat) -> None:
    archive = golden.make(tmp_path, bag(), container).path
    folder = unpacked(archive, tmp_path / "tree")
    assert folder.name == "exam"
    judge(folder)
    assert (folder / "bagit.txt").read_bytes() == b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    for looked_at in (archive, folder, folder.parent):
        report = verify(looked_at)
        assert bad(report) == []
        assert report.checks[-1].name == "bag"
        assert report.checks[-1].verdict.value == "good"
        assert report.file_count == len(bag())


def test_the_judges_find_a_changed_file(tree: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tree, tmp_path / "exam")
    (copy / "data/index.html").write_bytes(b"x")
    with pytest.raises(AssertionError, match="bagit"):
        judge(copy)


def test_an_empty_job_gives_a_bag_too(tmp_path: Path) -> None:
    archive = golden.make(tmp_path, bag({})).path
    judge(unpacked(archive, tmp_path / "tree"))
    assert bad(verify(archive)) == []


@pytest.mark.parametrize(
    "name", ["exam", "100 % ü", "x" * 200, "試験" * 60, "a.tar", "CON", "quiz-archive-(1) #2", "e\u0301t\u00e9"]
)
def test_the_folder_has_the_archives_name_as_far_as_it_may(name: str) -> None:
    base = base_folder(name)
    assert len(base.encode()) <= BASE_MAX_BYTES
    assert "/" not in base
    assert "%" not in base
    assert ArchivePath(base).value == base
    assert base_folder("exam") == "exam"


def _places(tree: Path) -> Iterator[str]:
    for path in sorted(tree.rglob("*")):
        if path.is_file():
            yield path.relative_to(tree).as_posix()


def test_every_changed_removed_and_added_file_is_named(tree: Path, tmp_path: Path) -> None:
    for name in _places(tree):
        copy = shutil.copytree(tree, tmp_path / "exam")
        file = copy / name
        data = file.read_bytes()
        for at in {0, len(data) // 2, max(len(data) - 2, 0)} if data else set():
            file.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            found = [check.subject for check in bad(verify(copy))]
            assert any(subject in (name, name.removeprefix("data/")) for subject in found), (name, at, found)
        file.write_bytes(data + b"\n")
        assert any(c.subject in (name, name.removeprefix("data/")) for c in bad(verify(copy))), name
        file.unlink()
        found = [f"{check.subject} {check.message}" for check in bad(verify(copy))]
        assert any(name in text for text in found), (name, found)
        shutil.rmtree(copy)


@pytest.mark.parametrize("container", list(ArchiveFormat))
def test_one_changed_byte_of_the_container_is_found(tmp_path: Path, container: ArchiveFormat) -> None:
    archive = golden.make(tmp_path, bag(), container).path
    data, chosen = archive.read_bytes(), random.Random(8493)
    # Names of the bag's folder are here as well: they are in every header.
    for at in [*range(64), *chosen.sample(range(len(data)), 150)]:
        archive.write_bytes(data[:at] + bytes([data[at] ^ (1 << chosen.randrange(8))]) + data[at + 1 :])
        assert bad(verify(archive)), at


@pytest.mark.parametrize("name", ["more.txt", "data/more.txt", "evidence/more.txt", "fetch.txt", "manifest-md5.txt"])
def test_an_added_file_is_named(tree: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(tree, tmp_path / "exam")
    (copy / name).write_bytes(b"x")
    assert {check.subject for check in bad(verify(copy))} == {name}


def test_what_lies_beside_the_bag_is_named(tmp_path: Path) -> None:
    beside = InlineFile(ArchivePath("zzz.txt"), b"x", golden.MOMENT)
    report = verify(golden.make(tmp_path, [*bag(), beside]).path)
    assert "zzz.txt" in {check.subject for check in bad(report) if "outside of the bag" in check.message}


def test_a_bag_at_the_root_of_a_container_is_refused(tmp_path: Path) -> None:
    flat = [replace(entry, path=ArchivePath(entry.path.value.removeprefix("exam/"))) for entry in bag()]
    assert "below one folder" in bad(verify(golden.make(tmp_path, flat).path))[0].message


def test_an_archive_of_the_other_layout_cannot_be_passed_off_as_a_bag(tmp_path: Path) -> None:
    declaration = InlineFile(ArchivePath("bagit.txt"), b"BagIt-Version: 1.0\n", golden.MOMENT)
    found = {check.subject for check in bad(verify(golden.make(tmp_path, [*golden.all_entries(), declaration]).path))}
    assert {"bagit.txt", "tagmanifest-sha256.txt"} <= found


def test_a_damaged_tag_manifest_does_not_accuse_others(tree: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tree, tmp_path / "exam")
    file = copy / "tagmanifest-sha256.txt"
    lines = file.read_text().splitlines()
    for number, line in enumerate(lines):
        wrong = [*lines[:number], ("0" if line[0] != "0" else "1") + line[1:], *lines[number + 1 :]]
        file.write_text("\n".join(wrong) + "\n")
        subjects = {check.subject for check in bad(verify(copy))}
        assert subjects <= {"tagmanifest-sha256.txt"}, line
        assert subjects
