import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.ids import ArchivePath
from archiveworker.evidence import manifest
from tests.unit.evidence import strategies

lists = st.dictionaries(strategies.paths, strategies.digests.map(Sha256), max_size=8)
DIGEST = Sha256.of(b"a")


@given(lists)
def test_what_is_written_is_read_again(entries: dict[ArchivePath, Sha256]) -> None:
    data = manifest.render(entries)
    assert manifest.parse(data) == entries
    assert manifest.parse_sealed(manifest.render_sealed(entries)) == entries


@given(lists)
def test_lines_are_sorted_by_bytes(entries: dict[ArchivePath, Sha256]) -> None:
    names = [line[66:] for line in manifest.render(entries).split(b"\n")[:-1]]
    assert names == sorted(names)


@given(lists, st.data())
def test_a_flipped_bit_never_reads_as_the_same_list(entries: dict[ArchivePath, Sha256], data: st.DataObject) -> None:
    raw = bytearray(manifest.render_sealed(entries))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(VerificationError, match=r"list|line"):
        manifest.parse_sealed(bytes(raw))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"abc", "line 1"),
        (DIGEST.hex.encode() + b"  a.txt", "line 1"),
        (DIGEST.hex.encode() + b" *a.txt\n", "line 1"),
        (DIGEST.hex.upper().encode() + b"  a.txt\n", "line 1"),
        (b"\\" + DIGEST.hex.encode() + b"  a\\nb\n", "line 1"),
        (DIGEST.hex.encode() + b"  ../a\n", "line 1.*not a safe relative path"),
        (DIGEST.hex.encode() + b"  /etc/passwd\n", "line 1"),
        (DIGEST.hex.encode() + b"  a\r\n", "line 1"),
        (DIGEST.hex.encode() + b"  b\n" + DIGEST.hex.encode() + b"  a\n", "line 2.*out of order"),
        (DIGEST.hex.encode() + b"  a\n" + DIGEST.hex.encode() + b"  a\n", "line 2.*out of order or twice"),
        (DIGEST.hex.encode() + b"  a\n\n", "line 2"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_list_is_read_strictly(raw: bytes, why: str) -> None:
    with pytest.raises(VerificationError, match=why):
        manifest.parse(raw)


def test_a_sidecar_holds_digest_and_name() -> None:
    data = manifest.sidecar("Übung 1.pdf", DIGEST)
    assert data == f"{DIGEST.hex}  Übung 1.pdf\n".encode()
    assert manifest.parse_sidecar(data) == ("Übung 1.pdf", DIGEST)


@pytest.mark.parametrize("raw", [b"", DIGEST.hex.encode(), DIGEST.hex.encode() + b"  a\nx", b"\xff\xff"])
def test_a_sidecar_is_read_strictly(raw: bytes) -> None:
    with pytest.raises(VerificationError, match=r"not one line|UTF-8"):
        manifest.parse_sidecar(raw)


def test_a_list_without_its_own_digest_is_refused() -> None:
    with pytest.raises(VerificationError, match="does not close with its own digest"):
        manifest.parse_sealed(manifest.render({ArchivePath("a"): DIGEST}))
