"""Proofs for single files and for persons: they hold, they say nothing about others, and no change is accepted."""

import hashlib
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import NotFoundError, RequestError, VerificationError
from archiveworker.domain.evidence import Verdict
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence import layout, manifest
from archiveworker.evidence.container import PackedArchive
from archiveworker.evidence.entries import InlineFile
from archiveworker.evidence.extract import extract
from archiveworker.evidence.verify import verify
from tests.integration.evidence import records_kit
from tests.integration.evidence.conftest import Stamper
from tests.integration.evidence.tsa_kit import Tsa
from tests.unit.evidence import golden

pytestmark = [
    pytest.mark.openssl,
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),  # of changed certificates
]

ANSWER = "attempts/zoe/3/attachments/1/answer.txt"
HERS = {
    "attempts/zoe/3/attempt.pdf",
    "attempts/zoe/3/attempt.pdf.sha256",
    ANSWER,
    f"{ANSWER}.sha256",
    "attempts/zoe/34/attempt.pdf",
    "attempts/zoe/34/attempt.pdf.sha256",
    "attempts_metadata.csv/3.csv",
    "attempts_metadata.csv/34.csv",
}


@pytest.fixture
async def archive(tmp_path: Path, long_tsa: Tsa, stamp: Stamper) -> PackedArchive:
    return await records_kit.make(tmp_path, records_kit.at(long_tsa, stamp))


def files_in(proof: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(proof) as container:
        return {name: container.read(name) for name in container.namelist()}


@pytest.mark.parametrize("container", list(ArchiveFormat))
async def test_a_file_is_proved_alone(tmp_path: Path, long_tsa: Tsa, stamp: Stamper, container: ArchiveFormat) -> None:
    packed = await records_kit.make(tmp_path, records_kit.at(long_tsa, stamp), container)
    done = extract(packed.path, tmp_path / "proof.zip", paths=[ANSWER])
    assert done.names == (ANSWER,)
    assert set(files_in(done.path)) == {
        f"files/{ANSWER}",
        f"records/{ANSWER}.ers",
        "evidence/1.tst",
        "evidence/1.chain.pem",
        "README.txt",
        "proof-sha256.txt",
    }
    report = verify(done.path, trusted_pem=long_tsa.ca_pem)
    assert report.verdict is Verdict.GOOD, report.checks
    assert verify(done.path).verdict is Verdict.UNKNOWN, "nobody has vouched for the authority"


async def test_an_archive_is_good_with_its_records(archive: PackedArchive, long_tsa: Tsa, tsa: Tsa) -> None:
    report = verify(archive.path, trusted_pem=long_tsa.ca_pem)
    assert report.verdict is Verdict.GOOD, report.checks
    assert report.checks[-1].name == "records"
    assert "stamped" in report.checks[-1].message
    assert verify(archive.path, trusted_pem=tsa.ca_pem).verdict is Verdict.BAD


async def test_a_person_gets_all_of_hers_and_nothing_of_others(
    tmp_path: Path, archive: PackedArchive, long_tsa: Tsa
) -> None:
    done = extract(archive.path, tmp_path / "proof.zip", person="zoe")
    assert set(done.names) == HERS
    assert verify(done.path, trusted_pem=long_tsa.ca_pem).verdict is Verdict.GOOD
    found = files_in(done.path)
    row = found["files/attempts_metadata.csv/34.csv"].decode().splitlines()
    assert row == [records_kit.METADATA.splitlines()[0], records_kit.METADATA.splitlines()[3]]
    with zipfile.ZipFile(done.path) as container:
        listing = "\n".join(container.namelist())
    everything = b"\n".join(found.values()) + listing.encode()
    for word in ("Max", "Muster", "max", "zoe2", "Zweite", "M-11", "index.html", "bag-info", "manifest-sha256", "/33"):
        assert word.encode() not in everything, word


async def test_no_digest_of_another_file_is_in_a_proof(tmp_path: Path, archive: PackedArchive) -> None:
    """Not even where it is the direct neighbour in the tree: low-entropy files could be guessed from it."""
    contents = {e.path.value: e.sha256.raw for e in layout.with_sidecars(golden.inline(records_kit.CONTENTS))}
    listed = layout.manifest_of(layout.with_sidecars(golden.inline(records_kit.CONTENTS)))
    contents[listed.path.value] = listed.sha256.raw
    row = "\n".join(records_kit.METADATA.splitlines()[::2][:2]) + "\n"
    contents["row of Max"] = hashlib.sha256(row.encode()).digest()
    done = extract(archive.path, tmp_path / "proof.zip", person="userid=7")
    everything = b"\n".join(files_in(done.path).values())
    others = {digest for name, digest in contents.items() if name not in done.names}
    assert len(others) > 10
    assert not any(digest in everything or digest.hex().encode() in everything for digest in others)


async def test_who_is_meant_must_be_clear(tmp_path: Path, archive: PackedArchive) -> None:
    target = tmp_path / "proof.zip"
    with pytest.raises(
        RequestError, match="more than one person's; say which: --person userid=7 or --person idnumber=7"
    ):
        extract(archive.path, target, person="7")
    assert set(extract(archive.path, target, person="userid=7").names) == HERS
    assert all("max" in n or n.endswith("/33.csv") for n in extract(archive.path, target, person="idnumber=7").names)
    for person in ("zo", "M-", "nobody", "username=7"):
        with pytest.raises(NotFoundError, match="nobody in the archive has"):
            extract(archive.path, target, person=person)
    for person in ("firstname=Max", "userid=", ""):
        with pytest.raises(RequestError, match="--person is an id"):
            extract(archive.path, target, person=person)


async def test_folders_and_rows_can_be_named(tmp_path: Path, archive: PackedArchive) -> None:
    target = tmp_path / "proof.zip"
    assert len(extract(archive.path, target, paths=["attempts/zoe/3"]).names) == 4
    assert extract(archive.path, target, paths=["attempts_metadata.csv/"]).names[0] == "attempts_metadata.csv/3.csv"
    assert extract(archive.path, target, paths=["attempts_metadata.csv"]).names == ("attempts_metadata.csv",)
    with pytest.raises(NotFoundError, match="no file or folder 'attempts/zo'"):
        extract(archive.path, target, paths=["attempts/zo"])
    with pytest.raises(NotFoundError, match="nothing was chosen"):
        extract(archive.path, target)


async def test_the_same_proof_twice_is_the_same_bytes(tmp_path: Path, archive: PackedArchive) -> None:
    one = extract(archive.path, tmp_path / "1.zip", person="zoe").path.read_bytes()
    assert extract(archive.path, tmp_path / "2.zip", person="zoe").path.read_bytes() == one
    assert not list(tmp_path.glob(".proof-*"))


async def test_no_change_of_a_proof_is_accepted(tmp_path: Path, archive: PackedArchive, long_tsa: Tsa) -> None:
    proof = extract(archive.path, tmp_path / "proof.zip", paths=[ANSWER]).path
    original = proof.read_bytes()
    for at in range(0, len(original), 31):
        changed = bytearray(original)
        changed[at] ^= 1 << (at % 8)
        proof.write_bytes(changed)
        assert verify(proof, trusted_pem=long_tsa.ca_pem).verdict is Verdict.BAD, at


async def test_a_proof_that_was_sealed_anew_is_refused(tmp_path: Path, archive: PackedArchive, long_tsa: Tsa) -> None:
    """Who changes a proof on purpose can write a new list, too; the records do not follow."""
    proof = extract(archive.path, tmp_path / "proof.zip", person="zoe").path
    tree = tmp_path / "tree"
    original = files_in(proof)
    for name in sorted(set(original) - {"README.txt", "proof-sha256.txt"}):
        for data in (original[name][:-1] + bytes([original[name][-1] ^ 1]), original[name] + b"\0", None):
            shutil.rmtree(tree, ignore_errors=True)
            files = dict(original) | ({name: data} if data is not None else {})
            if data is None:
                del files[name]
            del files["proof-sha256.txt"]
            digests = {ArchivePath(n): Sha256.of(d) for n, d in files.items()}
            for one, body in (files | {"proof-sha256.txt": manifest.render_sealed(digests)}).items():
                (tree / one).parent.mkdir(parents=True, exist_ok=True)
                (tree / one).write_bytes(body)
            report = verify(tree, trusted_pem=long_tsa.ca_pem)
            assert report.verdict is Verdict.BAD, name
            assert {check.name for check in report.checks if check.verdict is Verdict.BAD} == {"records"}


async def test_the_commands_of_the_readme_work_as_they_stand(tmp_path: Path, archive: PackedArchive) -> None:
    proof = extract(archive.path, tmp_path / "proof.zip", paths=[ANSWER, "attempts_metadata.csv/3.csv"]).path
    tree = tmp_path / "tree"
    with zipfile.ZipFile(proof) as container:
        container.extractall(tree)
    text = (tree / "README.txt").read_text(encoding="utf-8")
    commands = [line[4:] for line in text.splitlines() if line.startswith("    ") and line[4] != " "]
    commands = [command for command in commands if not command.startswith(("archiveworker", "20"))]
    assert sum("openssl ts -verify" in command for command in commands) == 2
    for command in commands:
        done = subprocess.run(["bash", "-c", command], cwd=tree, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Verification: OK" in done.stdout or "nothing was damaged" in done.stdout
    (tree / "files" / ANSWER).write_bytes(b"no")
    ended = [subprocess.run(["bash", "-c", c], cwd=tree, capture_output=True, check=False).returncode for c in commands]
    assert [code == 0 for code in ended].count(True) == 1, "the row is still proved, the answer is not"


async def test_no_proof_is_given_for_what_was_changed(
    tmp_path: Path, long_tsa: Tsa, stamp: Stamper, archive: PackedArchive
) -> None:
    tree = tmp_path / "tree"
    shutil.unpack_archive(archive.path, tree, filter="data")
    assert extract(tree, tmp_path / "proof.zip", paths=[ANSWER]).names == (ANSWER,)
    (tree / ANSWER).write_bytes(b"no!")
    (tmp_path / "proof.zip").unlink()
    with pytest.raises(VerificationError, match=r"no proof can be given for .*answer\.txt"):
        extract(tree, tmp_path / "proof.zip", paths=[ANSWER])
    (tree / ANSWER).unlink()
    with pytest.raises(VerificationError, match="is missing in the archive"):
        extract(tree, tmp_path / "proof.zip", paths=[ANSWER])
    assert not (tmp_path / "proof.zip").exists()
    unstamped = golden.make(tmp_path, golden.all_entries()).path
    with pytest.raises(VerificationError, match="no time-stamp over its hash tree"):
        extract(unstamped, tmp_path / "proof.zip", paths=["index.html"])


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [("txt", 0, None), ("tsr", 0, 200), ("tsr", -60, None), ("tsq", 0, None), ("chain.pem", 0, None)],
)
async def test_a_forged_hash_tree_is_named(
    tmp_path: Path, long_tsa: Tsa, stamp: Stamper, name: str, start: int, end: int | None
) -> None:
    """With a new list of the evidence; of the reply those parts that mean something: what is stamped, the signature."""
    entries = await records_kit.stamped_entries(records_kit.at(long_tsa, stamp))
    path = ArchivePath(f"evidence/hash-tree.{name}")
    data = records_kit.data_of(entries)[path.value]
    for at in list(range(len(data)))[start:end][:: max(4, len(data) // 80)]:
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        made = [e for e in entries if e.path not in (path, layout.EVIDENCE_LIST_NAME)]
        made.append(InlineFile(path, bytes(changed), golden.MOMENT))
        listed = {e.path: e.sha256 for e in made if e.path.value.startswith(("evidence/", "manifest"))}
        made.append(InlineFile(layout.EVIDENCE_LIST_NAME, manifest.render_sealed(listed), golden.MOMENT))
        report = verify(golden.make(tmp_path, made).path, trusted_pem=long_tsa.ca_pem)
        assert {c.name for c in report.checks if c.verdict is Verdict.BAD} == {"records"}, at
