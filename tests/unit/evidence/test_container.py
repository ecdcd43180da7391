import gzip
import io
import os
import tarfile
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import LimitExceededError, VerificationError
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence.container import pack
from archiveworker.evidence.entries import Entry, InlineFile
from archiveworker.evidence.tar_writer import TarGzWriter
from archiveworker.evidence.ustar import shortened
from archiveworker.evidence.verify import verify
from archiveworker.evidence.zip_writer import ZipWriter
from archiveworker.runtime.digests import HashingWriter
from tests.unit.evidence import golden, strategies

FORMATS = list(ArchiveFormat)


def unpacked(path: Path) -> dict[str, bytes]:
    """Read an archive with Python's own modules."""
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path, "r:gz", errorlevel=2) as tar:
        members = tar.getmembers()
        assert all(member.isreg() for member in members)
        return {member.name: (tar.extractfile(member) or io.BytesIO()).read() for member in members}


def distinct(contents: dict[ArchivePath, bytes]) -> list[Entry]:
    """Drop names that clash, keep what can stand together."""
    entries: list[Entry] = []
    taken: set[str] = set()
    for path, data in contents.items():
        short = shortened(path).value
        parts = short.casefold().split("/")
        names = {"/".join(parts[:count]) for count in range(1, len(parts) + 1)}
        if not names & taken and not any(t.startswith(short.casefold() + "/") for t in taken):
            taken.add(short.casefold())
            entries.append(InlineFile(ArchivePath(short), data, golden.MOMENT))
    return entries


@pytest.mark.parametrize("container", FORMATS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(contents=st.dictionaries(strategies.paths, st.binary(max_size=3000), max_size=6))
def test_python_unpacks_what_was_packed(
    tmp_path: Path, container: ArchiveFormat, contents: dict[ArchivePath, bytes]
) -> None:
    entries = distinct(contents)
    packed = golden.make(tmp_path, entries, container)
    data = packed.path.read_bytes()
    assert unpacked(packed.path) == {e.path.value: e.data for e in entries if isinstance(e, InlineFile)}
    assert packed.sha256 == Sha256.of(data)
    assert packed.size_bytes == len(data)


@pytest.mark.parametrize("container", FORMATS)
def test_same_input_same_bytes_in_any_order(tmp_path: Path, container: ArchiveFormat) -> None:
    contents = dict(golden.CONTENTS) | {"attempts/big.bin": os.urandom(700_000) + b"text " * 200_000}
    files = golden.spooled(tmp_path, contents)
    first = pack(files, spool=tmp_path, target=tmp_path / "1", container=container)
    second = pack(files[::-1], spool=tmp_path, target=tmp_path / "2", container=container)
    inline = pack(golden.inline(contents), spool=tmp_path, target=tmp_path / "3", container=container)
    assert first.sha256 == second.sha256 == inline.sha256


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("container", [ArchiveFormat.TAR_GZ, ArchiveFormat.ZIP])
def test_every_level_unpacks(tmp_path: Path, container: ArchiveFormat, level: int) -> None:
    data = os.urandom(300_000) + b"abc" * 300_000
    entry = InlineFile(ArchivePath("a.bin"), data, golden.MOMENT)
    packed = pack([entry], spool=tmp_path, target=tmp_path / f"a.{container.suffix}", container=container, level=level)
    assert unpacked(packed.path) == {"a.bin": data}


def test_the_gzip_header_has_neither_time_nor_name(tmp_path: Path) -> None:
    packed = golden.make(tmp_path, golden.inline())
    assert packed.path.read_bytes()[:10].hex() == "1f8b08000000000000ff"
    assert len(gzip.decompress(packed.path.read_bytes())) % 10240 == 0


@pytest.mark.parametrize("container", FORMATS)
def test_entries_are_sorted_and_dated_by_the_data(tmp_path: Path, container: ArchiveFormat) -> None:
    packed = golden.make(tmp_path, golden.inline(), container)
    names = list(unpacked(packed.path))
    assert names == sorted(names, key=str.encode)
    if container is ArchiveFormat.TAR_GZ:
        with tarfile.open(packed.path) as tar:
            assert {member.mtime for member in tar} == {golden.MOMENT.timestamp()}
    else:
        with zipfile.ZipFile(packed.path) as archive:
            assert {info.date_time for info in archive.infolist()} == {(2026, 1, 15, 9, 30, 0)}


@pytest.mark.parametrize("year", [1601, 1970, 2200, 9999])
@pytest.mark.parametrize("container", FORMATS)
def test_odd_times_are_brought_into_range(tmp_path: Path, container: ArchiveFormat, year: int) -> None:
    entry = InlineFile(ArchivePath("a"), b"a", datetime(year, 6, 1, tzinfo=UTC))
    assert unpacked(golden.make(tmp_path, [entry], container).path) == {"a": b"a"}


@pytest.mark.parametrize("container", FORMATS)
@pytest.mark.parametrize("change", [b"other contents!!", b"short", b"%PDF-1.7 made up and longer", None])
def test_a_spooled_file_that_changed_is_refused(tmp_path: Path, container: ArchiveFormat, change: bytes | None) -> None:
    files = golden.spooled(tmp_path, golden.CONTENTS)
    target = tmp_path / "exam"
    spooled = tmp_path / files[0].spooled
    spooled.unlink()
    if change is not None:
        spooled.write_bytes(change)
    with pytest.raises(VerificationError, match=r"attempts/zoe/33/attempt\.pdf"):
        pack(files, spool=tmp_path, target=target, container=container)
    assert not target.exists()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a", "A"], "same name: 'a' and 'A'|same name: 'A' and 'a'"),
        (["a", "a/b"], "both a file and the folder"),
        (["a", "a"], "same name"),
        (["straße", "STRASSE"], "same name"),
    ],
)
def test_names_that_clash_are_refused(tmp_path: Path, names: list[str], why: str) -> None:
    entries: list[Entry] = [InlineFile(ArchivePath(name), b"x", golden.MOMENT) for name in names]
    with pytest.raises(VerificationError, match=why):
        golden.make(tmp_path, entries)


def test_a_name_too_long_for_ustar_is_refused_in_tar_only(tmp_path: Path) -> None:
    entry = InlineFile(ArchivePath("x" * 150), b"x", golden.MOMENT)
    with pytest.raises(LimitExceededError, match="too long for a USTAR"):
        golden.make(tmp_path, [entry])
    assert unpacked(golden.make(tmp_path, [entry], ArchiveFormat.ZIP).path) == {"x" * 150: b"x"}


def test_a_file_too_large_for_ustar_is_refused(tmp_path: Path) -> None:
    file = replace(golden.spooled(tmp_path, {"backups/course.mbz": b"x"})[0], size_bytes=8 * 1024**3)
    with pytest.raises(LimitExceededError, match="choose zip"):
        pack([file], spool=tmp_path, target=tmp_path / "exam")


@pytest.mark.parametrize("level", [None, 1])
@pytest.mark.parametrize("threshold", [1, 10, 200])
def test_zip64_is_read_by_python_and_by_verify(tmp_path: Path, level: int | None, threshold: int) -> None:
    path = tmp_path / "wide.zip"
    entries = [e for e in golden.all_entries() if isinstance(e, InlineFile)]
    with path.open("wb") as target:
        writer = ZipWriter(HashingWriter(target), level=level, zip64_from_bytes=threshold)
        for entry in sorted(entries, key=lambda e: e.path.value.encode()):
            writer.add(entry.path, entry.size_bytes, int(entry.modified_at.timestamp()), [entry.data])
        writer.close()
    assert unpacked(path) == {e.path.value: e.data for e in entries}
    assert verify(path).verdict.value == "unknown"  # it bears no time-stamp; all else is good


def test_tar_bytes_do_not_depend_on_how_the_files_are_cut() -> None:
    data = os.urandom(400_000) + b"x" * 400_000

    def tar(step: int) -> bytes:
        target = io.BytesIO()
        writer = TarGzWriter(HashingWriter(target), level=1)
        writer.add(ArchivePath("a"), len(data), 0, (data[at : at + step] for at in range(0, len(data), step)))
        writer.close()
        return target.getvalue()

    assert tar(1000) == tar(262_144) == tar(len(data))
