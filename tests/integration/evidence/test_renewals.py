"""Renewals, over the years, with real authorities; and DSS as the judge of what comes of them."""

import io
import random
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.evidence import Timestamp, Verdict
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence import renewals, timestamp_check
from archiveworker.evidence.due import survey
from archiveworker.evidence.extract import extract
from archiveworker.evidence.record import ArchiveTimeStamp, encode_record, token_of
from archiveworker.evidence.record_check import check_record
from archiveworker.evidence.renewal import renew
from archiveworker.evidence.token_check import token_check
from archiveworker.evidence.verify import verify
from tests.integration.evidence import dss, records_kit
from tests.integration.evidence.conftest import Stamper
from tests.integration.evidence.past_kit import Past
from tests.integration.evidence.tsa_kit import Tsa, make_tsa

pytestmark = [
    pytest.mark.openssl,
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),  # of changed certificates
]

ANSWER = "attempts/zoe/3/attachments/1/answer.txt"
NOW = datetime.now(UTC).replace(microsecond=0)
SHA512 = HashAlgorithm.SHA512


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], Tsa]:
    """Make authorities whose certificates were valid in the past: from so many days ago, to so many."""
    made: dict[tuple[int, int], Tsa] = {}

    def authority(start: int, end: int) -> Tsa:
        if (start, end) not in made:
            folder = tmp_path_factory.mktemp("old") / f"{start}-{end}"
            valid = (ago(start), ago(end))
            made[start, end] = make_tsa(
                folder, key_type="ec", valid=valid, listed_at=ago(max(end, 0) + 1), intermediate=True
            )
        return made[start, end]

    return authority


def both(*authorities: Tsa) -> bytes:
    return b"".join(authority.ca_pem for authority in authorities)


def unpacked(proof: Path, folder: Path) -> tuple[Path, Path]:
    """Unpack a proof; return the record and the file of the answer."""
    with zipfile.ZipFile(proof) as container:
        container.extractall(folder)
    return folder / "records" / f"{ANSWER}.ers", folder / "files" / ANSWER


async def test_a_time_stamp_that_expired_was_renewed_before(tmp_path: Path, old: Callable[[int, int], Tsa]) -> None:
    first, second = old(2000, 1500), old(1600, 100)
    packed = await records_kit.make(tmp_path, records_kit.At(first, past(ago(1900)), []))
    original = packed.path.read_bytes()
    (done,) = await renew([packed.path], Past(second, ago(1550)))
    assert (done.archive, done.folder) == (packed.path, tmp_path / "exam.tar.gz.renewals" / "0001")
    assert not done.is_hash_tree
    assert packed.path.read_bytes() == original, "an archive is never written again"
    report = verify(packed.path, trusted_pem=both(first, second))
    assert report.verdict is Verdict.GOOD, report.checks
    assert "renewals: 1, the last" in report.checks[-1].message
    proof = extract(packed.path, tmp_path / "proof.zip", paths=[ANSWER])
    assert proof.proved.proved_at == ago(1900)
    assert verify(proof.path, trusted_pem=both(first, second)).verdict is Verdict.GOOD
    assert verify(proof.path, trusted_pem=second.ca_pem).verdict is Verdict.BAD


def past(at: datetime) -> Stamper:
    async def ask(tsa: Tsa, digest: Sha256, trusted_pem: bytes | None) -> Timestamp:
        return await Past(tsa, at).stamp(digest)

    return ask


async def test_a_renewal_that_came_late_is_told(tmp_path: Path, old: Callable[[int, int], Tsa]) -> None:
    first, second = old(2000, 1500), old(1600, 100)
    packed = await records_kit.make(tmp_path, records_kit.At(first, past(ago(1900)), []))
    (done,) = await renew([packed.path], Past(second, ago(1400)))
    assert [stamp.late for stamp in done.proved.stamps] == [True, False]
    report = verify(packed.path, trusted_pem=both(first, second))
    assert report.verdict is Verdict.UNKNOWN
    assert [c.name for c in report.checks if c.verdict is Verdict.UNKNOWN] == ["records.late"]


async def test_a_new_hash_tree_covers_every_file_and_all_stamps_before(
    tmp_path: Path, old: Callable[[int, int], Tsa], tsa: Tsa, stamp: Stamper
) -> None:
    first, second = old(2000, 1500), old(1600, 100)
    packed = await records_kit.make(tmp_path, records_kit.At(first, past(ago(1900)), []))
    await renew([packed.path], Past(second, ago(1550)))
    (done,) = await renew([packed.path], Past(second, ago(1000)), algorithm=SHA512)
    assert done.is_hash_tree
    assert (done.folder / "manifest-sha512.txt").is_file()
    await renew([packed.path], Past(second, ago(200)), algorithm=SHA512)
    stamper = records_kit.at(tsa, stamp)
    (done,) = await renew([packed.path], stamper, algorithm=HashAlgorithm.SHA384)
    assert [digest.algorithm for digest in stamper.asked] == [HashAlgorithm.SHA384]
    assert (done.proved.chain_count, len(done.proved.stamps)) == (3, 5)
    trusted = both(first, second, tsa)
    report = verify(packed.path, trusted_pem=trusted)
    assert report.verdict is Verdict.UNKNOWN, "the second authority's certificate had expired when the last came"
    assert [c.name for c in report.checks if c.verdict is not Verdict.GOOD] == ["records.late"]
    proof = extract(packed.path, tmp_path / "proof.zip", person="zoe")
    assert proof.proved.proved_at == ago(1900)
    checks = verify(proof.path, trusted_pem=trusted).checks
    assert {c.name for c in checks if c.verdict is not Verdict.GOOD} == {"records.late"}
    with zipfile.ZipFile(proof.path) as container:
        container.extractall(tmp_path / "hers")
    text = (tmp_path / "hers" / "README.txt").read_text(encoding="utf-8")
    commands = [line.strip() for line in text.splitlines() if "; openssl ts -verify" in line]
    assert len(commands) == 3 * len(proof.names) + 2, "one for each tree and file, and for each renewal of a time-stamp"
    for command in commands:
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path / "hers", capture_output=True, check=False)
        assert b"Verification: OK" in done.stdout, (command, done)


async def test_many_archives_are_renewed_by_one_stamp(tmp_path: Path, tsa: Tsa, long_tsa: Tsa, stamp: Stamper) -> None:
    paths = []
    for number in range(5):
        contents = dict(records_kit.CONTENTS) | {"bag-info.txt": f"External-Description: {number}\n".encode()}
        (tmp_path / str(number)).mkdir()
        packed = await records_kit.make(tmp_path / str(number), records_kit.at(tsa, stamp), contents=contents)
        paths.append(packed.path)
    shutil.copy(paths[0], tmp_path / "copy.tar.gz")
    paths.append(tmp_path / "copy.tar.gz")
    for algorithm in (None, SHA512, None):
        stamper = records_kit.at(long_tsa, stamp)
        done = await renew(paths, stamper, algorithm=algorithm)
        assert len(done) == 6
        assert len(stamper.asked) == 1
    trusted = both(tsa, long_tsa)
    for number, path in enumerate(paths):
        assert verify(path, trusted_pem=trusted).verdict is Verdict.GOOD
        proof = extract(path, tmp_path / f"{number}.zip", paths=["bag-info.txt"]).path
        assert verify(proof, trusted_pem=trusted).verdict is Verdict.GOOD
    shutil.rmtree(renewals.folder_of(paths[1]))
    shutil.copytree(renewals.folder_of(paths[0]), renewals.folder_of(paths[1]))
    report = verify(paths[1], trusted_pem=trusted)
    assert [c.message for c in report.checks if c.verdict is Verdict.BAD] == ["renewal 1 is of another archive"]


class Counted(type(Path())):  # type: ignore[misc]
    """A path whose file counts what is read of it."""

    read_bytes_count = 0

    def open(self, mode: str = "r", *args: object, **options: object) -> object:
        if mode != "rb":
            return super().open(mode, *args, **options)

        class Counting(io.FileIO):
            def readinto(self, buffer: memoryview) -> int | None:
                count = super().readinto(buffer)
                Counted.read_bytes_count += count or 0
                return count

        return io.BufferedReader(Counting(str(self)))


@pytest.mark.parametrize("algorithm", [None, SHA512])
async def test_an_archive_is_read_twice(
    tmp_path: Path, tsa: Tsa, stamp: Stamper, algorithm: HashAlgorithm | None
) -> None:
    packed = await records_kit.make(tmp_path, records_kit.at(tsa, stamp))
    Counted.read_bytes_count = 0
    await renew([Counted(packed.path)], records_kit.at(tsa, stamp), algorithm=algorithm)
    size_bytes = packed.path.stat().st_size
    assert 2 * size_bytes <= Counted.read_bytes_count < 2.5 * size_bytes


@pytest.mark.parametrize("container", [ArchiveFormat.ZIP, ArchiveFormat.ZIP_STORED])
async def test_due_leaves_the_files_of_a_zip_unread(
    tmp_path: Path, tsa: Tsa, stamp: Stamper, container: ArchiveFormat
) -> None:
    contents = {**records_kit.CONTENTS, "attempts/zoe/3/film.mp4": random.Random(1).randbytes(3_000_000)}
    packed = await records_kit.make(tmp_path, records_kit.at(tsa, stamp), container, contents)
    Counted.read_bytes_count = 0
    (found,) = survey(Counted(packed.path), {})
    assert found.problem is None
    assert found.end is not None
    assert 0 < Counted.read_bytes_count < 300_000
    damaged = packed.path.read_bytes().replace(b"evidence/hash-tree.tsr", b"evidence/hash-tree.xsr")
    packed.path.write_bytes(damaged)
    (found,) = survey(packed.path, {})
    assert found.problem is not None
    assert "has no time-stamp over its hash tree" in found.problem


async def test_a_bad_archive_is_not_renewed(tmp_path: Path, tsa: Tsa, stamp: Stamper) -> None:
    packed = await records_kit.make(tmp_path, records_kit.at(tsa, stamp))
    tree = tmp_path / "tree"
    shutil.unpack_archive(packed.path, tree, filter="data")
    (tree / ANSWER).write_bytes(b"no!")
    stamper = records_kit.at(tsa, stamp)
    with pytest.raises(VerificationError, match=r"is bad and was not renewed: .*answer\.txt"):
        await renew([packed.path, tree], stamper)
    assert not stamper.asked
    assert not renewals.folder_of(packed.path).exists()


async def test_a_change_that_only_the_new_digest_sees_is_found(tmp_path: Path, tsa: Tsa, stamp: Stamper) -> None:
    """The day SHA-256 breaks: another file has the same old digest, but not the new one."""
    packed = await records_kit.make(tmp_path, records_kit.at(tsa, stamp))
    await renew([packed.path], records_kit.at(tsa, stamp), algorithm=SHA512)
    folder = renewals.folder_of(packed.path) / "0001"
    text = (folder / "manifest-sha512.txt").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.endswith(ANSWER))
    forged = text.replace(line, f"{SHA512.of(b'forged').hex()}  {ANSWER}")
    renewal = renewals.read_all(packed.path)[0]
    assert renewal.digests[ANSWER] == SHA512.of(b"yes")
    (folder / "manifest-sha512.txt").write_text(forged, encoding="utf-8")
    report = verify(packed.path, trusted_pem=tsa.ca_pem)
    assert [c.name for c in report.checks if c.verdict is Verdict.BAD] == ["records"]
    shutil.rmtree(folder)
    digests = dict(renewal.digests) | {ANSWER: SHA512.of(b"forged")}
    forged_renewal = renewals.Renewal(True, SHA512, renewal.manifest, (), digests, renewal.files)
    renewals.write(packed.path, forged_renewal)
    report = verify(packed.path, trusted_pem=tsa.ca_pem)
    assert [c.name for c in report.checks if c.verdict is Verdict.BAD] == ["records"]


async def test_every_changed_byte_of_a_renewal_is_refused(
    tmp_path: Path, tsa: Tsa, long_tsa: Tsa, stamp: Stamper
) -> None:
    packed = await records_kit.make(tmp_path, records_kit.at(tsa, stamp))
    await renew([packed.path], records_kit.at(long_tsa, stamp))
    await renew([packed.path], records_kit.at(long_tsa, stamp), algorithm=SHA512)
    trusted = both(tsa, long_tsa)
    for file in sorted(path for path in renewals.folder_of(packed.path).rglob("*") if path.is_file()):
        original = file.read_bytes()
        for at in range(0, len(original), max(1, len(original) // 15)):
            changed = bytearray(original)
            changed[at] ^= 1 << (at % 8)
            file.write_bytes(changed)
            assert verify(packed.path, trusted_pem=trusted).verdict is Verdict.BAD, (file, at)
        file.unlink()
        assert verify(packed.path, trusted_pem=trusted).verdict is Verdict.BAD, file
        file.write_bytes(original)
    assert verify(packed.path, trusted_pem=trusted).verdict is Verdict.GOOD
    (renewals.folder_of(packed.path) / "0001" / "more.txt").write_bytes(b"")
    assert verify(packed.path, trusted_pem=trusted).verdict is Verdict.BAD
    shutil.rmtree(renewals.folder_of(packed.path) / "0001")
    assert verify(packed.path, trusted_pem=trusted).verdict is Verdict.BAD, "the second one needs the first"


async def test_due_tells_what_ages_and_why(
    tmp_path: Path, old: Callable[[int, int], Tsa], tsa: Tsa, stamp: Stamper
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    rsa = await records_kit.make(tmp_path / "a", records_kit.at(tsa, stamp))
    expired = await records_kit.make(tmp_path / "b", records_kit.At(old(2000, 1500), past(ago(1900)), []))
    extract(rsa.path, tmp_path / "a" / "some.proof.zip", paths=["bag-info.txt"])
    (tmp_path / "notes.zip").write_bytes(b"junk")
    found = {one.archive.relative_to(tmp_path).as_posix(): one for one in survey(tmp_path, {})}
    assert list(found) == ["a/exam.tar.gz", "b/exam.tar.gz", "notes.zip"]
    first = found["a/exam.tar.gz"]
    assert first.end is not None
    assert "CN=Test TSA" in first.end.why
    assert not first.is_due(NOW + timedelta(days=300))
    assert first.is_due(NOW + timedelta(days=366))
    assert found["b/exam.tar.gz"].is_due(NOW)
    assert found["notes.zip"].is_due(NOW), "what cannot be judged has to be looked at"
    (sooner,) = survey(rsa.path, {HashAlgorithm.SHA256: NOW})
    assert sooner.end is not None
    assert (sooner.end.at, sooner.end.why) == (NOW, "sha256 is no longer relied on")
    await renew([expired.path], records_kit.at(tsa, stamp))
    (after,) = survey(expired.path, {})
    assert not after.is_due(NOW + timedelta(days=300))


async def test_dss_accepts_records_from_the_first_to_the_last_renewal(
    tmp_path: Path, old: Callable[[int, int], Tsa], tsa: Tsa, stamp: Stamper
) -> None:
    dss.need_dss()
    first, second = old(2000, 1500), old(1600, -400)
    packed = await records_kit.make(tmp_path, records_kit.At(first, past(ago(1900)), []))
    (tmp_path / "fresh").mkdir()
    fresh = await records_kit.make(tmp_path / "fresh", records_kit.at(tsa, stamp))
    pairs = [unpacked(extract(fresh.path, tmp_path / "0.zip", paths=[ANSWER]).path, tmp_path / "0")]
    stampers = [(Past(second, ago(1550)), None), (Past(second, ago(3)), SHA512), (records_kit.at(tsa, stamp), None)]
    for number, (stamper, algorithm) in enumerate(stampers, start=1):
        await renew([packed.path], stamper, algorithm=algorithm)
        proof = extract(packed.path, tmp_path / f"{number}.zip", paths=[ANSWER]).path
        pairs.append(unpacked(proof, tmp_path / str(number)))
    changed = tmp_path / "changed.txt"
    changed.write_bytes(b"no")
    pairs += [(record, changed) for record, _ in pairs]
    folders = [authority.folder for authority in (first, second, tsa)]
    crls = [crl for folder in folders for crl in sorted(folder.glob("*.crl"))]
    verdicts = await dss.judge(pairs, [folder / "ca.pem" for folder in folders], crls)
    assert [v.is_accepted for v in verdicts] == [True] * 4 + [False] * 4, verdicts
    assert [v.count for v in verdicts[:4]] == [1, 2, 3, 4]
    assert {v.stamped_at for v in verdicts[1:4]} == {f"{ago(1900):%Y-%m-%dT%H:%M:%SZ}"}
    assert {v.sub_indication for v in verdicts[4:]} == {"SIGNED_DATA_NOT_FOUND"}


async def test_a_token_of_a_revoked_certificate_proves_nothing(tmp_path: Path) -> None:
    valid = (ago(200), ago(-200))
    thief = make_tsa(tmp_path / "tsa", key_type="ec", valid=valid, revoked_at=ago(50), intermediate=True)
    crls = [crl.read_bytes() for crl in thief.folder.glob("*.crl")]
    file, trusted = SHA512.of(b"file"), timestamp_check.load_certificates(thief.ca_pem)
    reply = (await Past(thief, ago(10)).stamp(Digest(SHA512, file))).reply
    record = encode_record([[ArchiveTimeStamp(SHA512, (), token_of(reply))]])
    assert check_record(record, {SHA512: file}, token_check(trusted)).proved_at == ago(10)
    record = encode_record([[ArchiveTimeStamp(SHA512, (), token_of(reply, crls=crls))]])
    with pytest.raises(VerificationError, match="a certificate of its chain had been revoked"):
        check_record(record, {SHA512: file}, token_check(trusted))


@pytest.mark.parametrize(
    "text",
    ["", "PASSED\tnull\t1\t1\t2026\t\nPASSED\tnull\t1\t1\t2026\t", "PASSED\tnull\t1\t1\t2026", "null\tnull\t0\t0\t\t"],
)
def test_whatever_is_missing_in_the_report_of_dss_is_an_error(text: str) -> None:
    assert dss.read_report("PASSED\tnull\t1\t1\t2026\t", 1)[0].is_accepted
    assert not dss.read_report("PASSED\tnull\t1\t2\t2026\t", 1)[0].is_accepted
    assert not dss.read_report("PASSED\tnull\t0\t0\t\t", 1)[0].is_accepted
    with pytest.raises(dss.ReportError):
        dss.read_report(text, 1)
