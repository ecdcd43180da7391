"""Cutting an archive into parts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from archiveworker.sources.moodle.upload import parts_of


@given(size=st.integers(1, 10**10), limit=st.integers(10**8, 10**10))
def test_parts_cover_the_file_once_and_fit(size, limit):
    parts = parts_of("a.tar.gz", size, limit)

    assert parts[0].start == 0
    assert all(part.start + part.length == following.start for part, following in pairwise(parts))
    assert parts[-1].start + parts[-1].length == size
    assert all(0 < part.length <= limit for part in parts)


@given(size=st.integers(1, 100_000), limit=st.integers(1, 100_000))
def test_small_limits_are_kept_as_well(size, limit):
    parts = parts_of("a.tar.gz", size, max(limit, size // 50))

    assert all(0 < part.length <= max(limit, size // 50) for part in parts)
    assert sum(part.length for part in parts) == size


def test_parts_are_numbered_from_nought_with_nine_digits():
    assert [part.name for part in parts_of("ü.zip", 3, 2)] == ["ü.zip.chunk000000000.bin", "ü.zip.chunk000000001.bin"]


def test_one_piece_keeps_its_name():
    for limit in (None, 0, -1, 10**9):
        assert [part.name for part in parts_of("ü.zip", 10**6, limit)] == ["ü.zip"]
