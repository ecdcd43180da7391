import tarfile

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archiveworker.domain.errors import LimitExceededError
from archiveworker.domain.ids import ArchivePath
from archiveworker.evidence import ustar
from tests.unit.evidence import strategies


@given(strategies.paths, st.integers(0, ustar.MAX_FILE_BYTES), st.integers(0, ustar.MAX_TIME_S))
def test_python_reads_the_header_as_it_was_meant(path: ArchivePath, size_bytes: int, modified_s: int) -> None:
    assume(ustar.split(path) is not None)
    raw = ustar.header(path, size_bytes, modified_s)
    info = tarfile.TarInfo.frombuf(raw, "utf-8", "strict")
    assert len(raw) == 512
    assert (info.name, info.size, info.mtime) == (path.value, size_bytes, modified_s)
    assert (info.mode, info.uid, info.gid, info.uname, info.gname) == (0o644, 0, 0, "", "")
    assert info.isreg()
    assert raw[257:265] == b"ustar\x0000"


@given(strategies.paths)
def test_shortened_names_fit_with_their_sidecars(path: ArchivePath) -> None:
    short = ustar.shortened(path)
    assert ustar.fits_ustar(short)
    assert ustar.split(short.with_suffix_added(".sha256")) is not None
    assert short == ustar.shortened(path)
    assert ustar.shortened(short) == short
    if ustar.fits_ustar(path):
        assert short == path


@given(st.sets(st.text("ab", min_size=1, max_size=8), min_size=2), st.integers(100, 180))
def test_shortened_names_stay_different(ends: set[str], length: int) -> None:
    paths = {ArchivePath(f"attempts/{'x' * length}/{'y' * length}{end}.pdf") for end in ends}
    assert len({ustar.shortened(path).value.casefold() for path in paths}) == len(paths)


def test_a_shortened_name_keeps_beginning_and_ending() -> None:
    short = ustar.shortened(ArchivePath(f"attempts/{'n' * 150}.pdf"))
    assert short.value.startswith("attempts/nnn")
    assert short.value.endswith(".pdf")


@given(strategies.paths)
def test_a_shortened_folder_leaves_room_below(folder: ArchivePath) -> None:
    short = ustar.shortened_folder(folder)
    assert len(short.value.encode()) <= 110
    assert ustar.fits_ustar(short / "attachments" / "12" / f"{'f' * 80}.pdf")
    assert ustar.shortened(short / "attachments" / "12" / f"{'f' * 150}.pdf").value.startswith(
        f"{short}/attachments/12/"
    )


def test_folders_that_differ_at_their_end_stay_different() -> None:
    one, two = (ustar.shortened_folder(ArchivePath(f"attempts/{'a' * 150}/{n}")) for n in (1, 2))
    assert one != two
    assert one.value.startswith("attempts/aaa")


def test_what_does_not_fit_is_said_so() -> None:
    with pytest.raises(LimitExceededError, match="too long for a USTAR archive"):
        ustar.header(ArchivePath("x" * 101), 1, 1)
    with pytest.raises(LimitExceededError, match="choose zip"):
        ustar.header(ArchivePath("backup.mbz"), 8 * 1024**3, 1)


@pytest.mark.parametrize("written", [0, 512, 512 * 18, 512 * 19, 10240])
def test_the_trailer_fills_a_record(written: int) -> None:
    assert (written + len(ustar.trailer(written))) % 10240 == 0
    assert len(ustar.trailer(written)) >= 1024
