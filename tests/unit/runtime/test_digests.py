import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.errors import LimitExceededError
from archiveworker.runtime.digests import HashingWriter, copy_hashed, digest_file, hashed_file


@given(st.lists(st.binary(max_size=200)))
def test_digests_do_not_depend_on_how_the_bytes_are_cut(chunks: list[bytes]) -> None:
    target = io.BytesIO()
    writer = HashingWriter(target, with_sha1=True)
    for chunk in chunks:
        writer.write(chunk)
    whole = b"".join(chunks)
    done = writer.finish()
    assert target.getvalue() == whole
    assert done.sha256.hex == hashlib.sha256(whole).hexdigest()
    assert done.sha1 is not None
    assert done.sha1.hex == hashlib.sha1(whole).hexdigest()
    assert done.size_bytes == len(whole)


def test_sha1_is_taken_only_on_request() -> None:
    assert copy_hashed(io.BytesIO(b"abc"), HashingWriter(io.BytesIO())).sha1 is None


def test_the_limit_is_refused_before_it_is_written() -> None:
    target = io.BytesIO()
    writer = HashingWriter(target, limit_bytes=4)
    writer.write(b"1234")
    with pytest.raises(LimitExceededError, match="limit of 4 bytes"):
        writer.write(b"5")
    assert target.getvalue() == b"1234"


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with hashed_file(path) as writer:
        writer.write(b"abc")
        assert not path.exists()
    assert path.read_bytes() == b"abc"
    assert digest_file(path).sha256 == writer.finish().sha256


def test_a_broken_download_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(LimitExceededError, match="limit"), hashed_file(path, limit_bytes=1) as writer:
        writer.write(b"abc")
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]
    assert path.read_bytes() == b"old"
