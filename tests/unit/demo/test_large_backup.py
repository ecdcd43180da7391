"""Backups that are made while they are sent: real ones, of the size that was announced."""

import gzip
import hashlib
import io
import tarfile

import pytest

from archiveworker.demo import large_backup

MIB = 1024**2


@pytest.mark.parametrize("mib", [1, 3, 64])
def test_it_is_a_gzipped_tar_of_the_announced_size(mib: int) -> None:
    data = b"".join(large_backup.blocks("a.mbz", mib * MIB))
    assert len(data) == large_backup.size_bytes(mib * MIB)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar:
        (member,) = tar.getmembers()
        file = tar.extractfile(member)
        assert file is not None
        content = file.read()
    assert len(content) == mib * MIB
    assert len({content[at : at + MIB] for at in range(0, len(content), MIB)}) == mib, "no two blocks are the same"


def test_the_size_of_many_members() -> None:
    """Each takes a gibibyte at most: its size has to fit into a USTAR header."""
    total, members = 5 * 1024 * MIB, 5
    tar_bytes = total + 512 * members + 1024
    assert large_backup.size_bytes(total) == 10 + tar_bytes + 5 * (tar_bytes // 0xFFFF + 1) + 8


def test_the_same_name_gives_the_same_bytes() -> None:
    first, again, other = (
        hashlib.sha256(b"".join(large_backup.blocks(name, MIB))).digest() for name in ("a.mbz", "a.mbz", "b.mbz")
    )
    assert first == again != other
