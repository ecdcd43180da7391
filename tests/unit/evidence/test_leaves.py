"""Leaves, renewals on disk, people and ageing: what of an archive can be proved alone, for whom, and how long."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.digest import HashAlgorithm, Sha256
from archiveworker.domain.errors import NotFoundError, RequestError, VerificationError
from archiveworker.domain.ids import ArchivePath
from archiveworker.evidence import leaves, manifest, renewals
from archiveworker.evidence.ageing import end_of
from archiveworker.evidence.history import History, Stamped
from archiveworker.evidence.leaves import TreeNote
from archiveworker.evidence.people import belongings_of
from archiveworker.evidence.record_check import check_record
from archiveworker.evidence.renewals import Renewal
from tests.unit.evidence import strategies
from tests.unit.evidence.tokens import START, check, token

SHA256, SHA384, SHA512 = HashAlgorithm
TABLE = b"attemptid,userid,username,idnumber,path\n3,7,zoe,M-1,/attempts/zoe/3/\n33,8,max,7,/attempts/max/33/\n"
NAME = "attempts_metadata.csv"
EXPIRY = datetime(2040, 1, 1, tzinfo=UTC)


def test_each_row_is_a_table_of_its_own() -> None:
    head, first, second = TABLE.splitlines(keepends=True)
    assert leaves.rows_of(NAME, TABLE) == {f"{NAME}/3.csv": head + first, f"{NAME}/33.csv": head + second}
    assert leaves.rows_of(NAME, b"") == leaves.rows_of(NAME, head) == {}
    assert leaves.rows_of(NAME, TABLE + first) == {}, "two rows with one id cannot be told apart"
    assert leaves.rows_of(NAME, TABLE + b"../3,x\n") == {}


@pytest.mark.parametrize(
    ("name", "is_table"),
    [(NAME, True), ("data/submissions_metadata.csv", True), ("attempts/1/x_metadata.csv", False), ("bag.csv", False)],
)
def test_only_tables_at_the_top_have_leaves_for_their_rows(name: str, is_table: bool) -> None:
    assert leaves.is_table(name) is is_table


def test_the_note_on_the_tree_is_read_strictly() -> None:
    note = TreeNote(b"s" * 32, (NAME,))
    assert TreeNote.parse(note.render()) == note
    assert "73" not in repr(note), "the seed is as confidential as the archive"
    rendered = note.render()
    for at in range(len(rendered)):
        changed = bytearray(rendered)
        changed[at] ^= 4
        try:
            assert TreeNote.parse(bytes(changed)) != note
        except VerificationError:
            continue
    for other in (
        b"",
        rendered + b"\n",
        rendered.replace(b"Table: a", b"Table: b/a"),
        rendered.replace(b"\n", b"\r\n"),
    ):
        with pytest.raises(VerificationError):
            TreeNote.parse(other)


def manifest_of(names: Mapping[str, bytes]) -> bytes:
    return manifest.render({ArchivePath(name): Sha256.of(data) for name, data in names.items()})


def test_a_table_must_be_the_one_in_the_manifest() -> None:
    listed = manifest_of({NAME: TABLE, "index.html": b""})
    assert set(leaves.first_leaves(listed, {NAME: TABLE}).digests) == {
        NAME, f"{NAME}/3.csv", f"{NAME}/33.csv", "index.html", "manifest-sha256.txt",
    }  # fmt: skip
    with pytest.raises(VerificationError, match="does not list"):
        leaves.first_leaves(listed, {NAME: TABLE + b"4,9,eve,,/attempts/eve/4/\n"})


@given(st.dictionaries(strategies.paths, st.binary(max_size=3), max_size=12), st.data(), st.binary(min_size=32))
def test_any_subset_of_any_archive_has_records(
    contents: dict[ArchivePath, bytes], data: st.DataObject, seed: bytes
) -> None:
    listed = manifest.render({path: Sha256.of(body) for path, body in contents.items()})
    files = {path.value: body for path, body in contents.items()} | {"manifest-sha256.txt": listed}
    history = History(seed)
    first = history.joined(leaves.first_leaves(listed, {}))
    history.begin(first, Stamped(token(SHA256, history.tree_over(first).root, START)))
    later = START + timedelta(days=1)
    history.renew(Stamped(token(SHA256, history.next_digest(), later)))
    new = history.joined(leaves.later_leaves(SHA512, {name: SHA512.of(body) for name, body in files.items()}, {}))
    history.begin(new, Stamped(token(SHA512, history.tree_over(new).root, later)))
    assert set(history.paths) == set(files)
    for name in data.draw(st.sets(st.sampled_from(sorted(files)))):
        digests = {algorithm: algorithm.of(files[name]) for algorithm in HashAlgorithm}
        proved = check_record(history.record_of(name), digests, check)
        assert (proved.proved_at, proved.chain_count, len(proved.stamps)) == (START, 2, 3)
        assert history.leaf_digests(name)[0] == SHA256.of(files[name])


def test_a_new_tree_needs_the_same_files() -> None:
    history = History(b"s" * 32)
    history.begin(leaves.first_leaves(manifest_of({"a": b"", "b": b""}), {}), Stamped(b"\x30\x00"))
    with pytest.raises(VerificationError, match="not those of the files"):
        history.joined(leaves.later_leaves(SHA512, {"a": b"1" * 64, "manifest-sha256.txt": b"1" * 64}, {}))
    with pytest.raises(VerificationError, match="does not hold 'c'"):
        history.record_of("c")


def renewal(*, is_hash_tree: bool = True, above: tuple[bytes, ...] = ()) -> Renewal:
    digests = {"a b.pdf": b"\x01" * 64, "ü.pdf": b"\x02" * 64} if is_hash_tree else {}
    files = {renewals.QUERY_NAME: b"q", renewals.REPLY_NAME: b"r", "crl/1.crl": b"c"}
    return Renewal(is_hash_tree, SHA512, Sha256.of(b"manifest"), above, digests, files)


def test_renewals_come_back_as_they_were_written(tmp_path: Path) -> None:
    archive = tmp_path / "exam.tar.gz"
    assert renewals.read_all(archive) == ()
    written = (renewal(), renewal(is_hash_tree=False, above=(b"\x03" * 64, b"\x04" * 64)))
    for number, one in enumerate(written, start=1):
        assert renewals.write(archive, one) == tmp_path / "exam.tar.gz.renewals" / f"000{number}"
    assert renewals.read_all(archive) == written
    text = (tmp_path / "exam.tar.gz.renewals/0001/manifest-sha512.txt").read_text(encoding="utf-8")
    assert text == f"{'01' * 64}  a b.pdf\n{'02' * 64}  ü.pdf\n"


def test_an_unfinished_renewal_is_no_renewal(tmp_path: Path) -> None:
    archive = tmp_path / "exam.tar.gz"
    (tmp_path / "exam.tar.gz.renewals/.0001.part").mkdir(parents=True)
    (tmp_path / "exam.tar.gz.renewals/.0001.part/timestamp.tsr").write_bytes(b"half")
    assert renewals.read_all(archive) == ()
    renewals.write(archive, renewal())
    assert renewals.read_all(archive) == (renewal(),)


@pytest.mark.parametrize("name", ["0002", "1", "notes.txt"])
def test_a_number_that_is_missing_or_a_stranger_is_an_error(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "exam.tar.gz"
    renewals.write(archive, renewal())
    (tmp_path / "exam.tar.gz.renewals/0001").rename(tmp_path / "exam.tar.gz.renewals" / name)
    with pytest.raises(VerificationError, match="must hold the folders 0001, 0002"):
        renewals.read_all(archive)


def test_a_person_is_found_by_any_id_and_only_whole() -> None:
    for person in ("zoe", "M-1", "userid=7", "username=zoe", "idnumber=M-1"):
        found = belongings_of(person, {NAME: TABLE})
        assert found.rows == (f"{NAME}/3.csv",)
        assert found.holds("attempts/zoe/3/attempt.pdf")
        assert found.holds("data/attempts/zoe/3/attempt.pdf")
        assert not found.holds("attempts/max/33/attempt.pdf")
    with pytest.raises(RequestError, match="--person userid=7 or --person idnumber=7"):
        belongings_of("7", {NAME: TABLE})
    with pytest.raises(NotFoundError):
        belongings_of("M", {NAME: TABLE})
    with pytest.raises(VerificationError, match="is not a table"):
        belongings_of("zoe", {NAME: b"\xff"})


@pytest.mark.parametrize(
    ("path", "hers", "others"),
    [
        ("/attempts/3", "attempts/3/a.pdf", "attempts/33/a.pdf"),
        ("/attempts/3/", "attempts/3/a.pdf", "attempts/33/a.pdf"),
        ("/attempt_3.", "attempt_3.a.pdf", "attempt_33.a.pdf"),
        ("/exam/data/attempts/3/", "data/attempts/3/a.pdf", "data/attempts/33/a.pdf"),
        ("/zoe/3", "attempts/zoe/3/a.pdf", "attempts/zoe/33/a.pdf"),
        ("/", "nothing", "attempts/33/a.pdf"),
        ("", "nothing", "attempts/33/a.pdf"),
    ],
)
def test_a_path_takes_nobody_else_along(path: str, hers: str, others: str) -> None:
    table = f"attemptid,userid,username,idnumber,path\n3,7,zoe,,{path}\n".encode()
    found = belongings_of("zoe", {NAME: table})
    assert found.holds(hers) is (hers != "nothing")
    assert not found.holds(others)


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "TSA")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(START).not_valid_after(EXPIRY)
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def test_what_ages_first_decides() -> None:
    curve = certificate(ec.generate_private_key(ec.SECP256R1()))
    assert end_of([curve], SHA256, {}).at == EXPIRY
    assert end_of([certificate(ed25519.Ed25519PrivateKey.generate())], SHA256, {}).at == EXPIRY
    assert end_of([certificate(ec.generate_private_key(ec.SECP224R1()))], SHA256, {}).at.year == 2021
    for bits, year in ((1024, 2019), (2048, 2029), (3072, 2029)):
        found = end_of([curve, certificate(rsa.generate_private_key(65537, bits))], SHA512, {})
        assert (found.at.year, f"RSA with {bits} bits" in found.why) == (year, True)
    sooner = datetime(2027, 1, 1, tzinfo=UTC)
    assert end_of([curve], SHA256, {SHA256: sooner}).at == sooner
    assert end_of([curve], SHA512, {SHA256: sooner}).at == EXPIRY
