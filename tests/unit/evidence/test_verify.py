"""An unstamped archive is the subject here: the best verdict that it can have is UNKNOWN (its time is not proved)."""

import gzip
import io
import os
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import NotFoundError, VerificationError
from archiveworker.domain.evidence import Check, Verdict, VerificationReport
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence.entries import Entry, InlineFile
from archiveworker.evidence.gzip_writer import SealedGzipWriter
from archiveworker.evidence.reading import Limits
from archiveworker.evidence.ustar import shortened
from archiveworker.evidence.verify import STEPS, verify
from archiveworker.runtime.digests import HashingWriter
from tests.unit.evidence import golden, strategies

FORMATS = list(ArchiveFormat)


def bad(report: VerificationReport) -> list[Check]:
    return [check for check in report.checks if check.verdict is Verdict.BAD]


def sealed_gzip(folder: Path, tar: bytes) -> Path:
    """Compress ``tar`` as the worker does, whatever is in it."""
    path = folder / "made.tar.gz"
    target = io.BytesIO()
    writer = SealedGzipWriter(HashingWriter(target), level=1)
    writer.write(tar)
    writer.close()
    path.touch()
    golden.overwrite(path, target.getvalue())
    return path


def folder_of(folder: Path, entries: list[Entry]) -> Path:
    root = folder / "unpacked"
    for entry in entries:
        assert isinstance(entry, InlineFile)
        path = root / entry.path.value
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.data)
    return root


@pytest.mark.parametrize("container", FORMATS)
def test_an_intact_archive_lacks_nothing_but_a_time_stamp(tmp_path: Path, container: ArchiveFormat) -> None:
    report = verify(golden.make(tmp_path, golden.all_entries(), container).path)
    assert [c.name for c in report.checks if c.verdict is not Verdict.GOOD] == ["manifest_timestamp"]
    assert report.verdict is Verdict.UNKNOWN
    assert report.file_count == len(golden.all_entries())


@pytest.mark.parametrize("container", FORMATS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    handed_in=st.dictionaries(strategies.paths, st.binary(max_size=2000), max_size=5), include_filehashes=st.booleans()
)
def test_whatever_is_packed_is_intact(
    tmp_path: Path, container: ArchiveFormat, handed_in: dict[ArchivePath, bytes], include_filehashes: bool
) -> None:
    contents = dict(golden.CONTENTS)
    # A folder and a row each, so that no name clashes with another one.
    table = golden.METADATA
    for number, (path, data) in enumerate(handed_in.items()):
        contents[shortened(ArchivePath(f"attempts/{number}/{path}")).value] = data
        table += f"{number},7,zoe,Zoë,Ångström,,0,0,1,/attempts/{number}/,finished\n"
    contents["attempts_metadata.csv"] = table.encode()
    entries = golden.all_entries(contents=contents, include_filehashes=include_filehashes)
    assert not bad(verify(golden.make(tmp_path, entries, container).path))


def test_checks_come_in_a_fixed_order(tmp_path: Path) -> None:
    report = verify(golden.make(tmp_path, golden.all_entries()).path)
    steps = [STEPS.index(check.name.split(".")[0]) for check in report.checks]
    assert steps == sorted(steps)


def test_an_unpacked_folder_can_be_verified(tmp_path: Path) -> None:
    root = folder_of(tmp_path, golden.all_entries())
    assert verify(root).verdict is Verdict.UNKNOWN
    (root / "attempts/zoe/33/attempt.pdf").write_bytes(b"%PDF-1.7 made uq")
    assert [c.subject for c in bad(verify(root))] == ["attempts/zoe/33/attempt.pdf"]


def test_a_link_in_a_folder_is_refused(tmp_path: Path) -> None:
    root = folder_of(tmp_path, golden.all_entries())
    pdf = root / "attempts/zoe/33/attempt.pdf"
    pdf.rename(tmp_path / "elsewhere.pdf")
    pdf.symlink_to(tmp_path / "elsewhere.pdf")
    (root / "more").symlink_to(tmp_path)
    subjects = {c.subject for c in bad(verify(root)) if c.name == "container.kind"}
    assert subjects == {"attempts/zoe/33/attempt.pdf", "more"}


@pytest.mark.parametrize("name", sorted(e.path.value for e in golden.all_entries() if e.size_bytes))
def test_one_changed_byte_names_exactly_that_file(tmp_path: Path, name: str) -> None:
    entries = golden.all_entries()
    root = folder_of(tmp_path, entries)
    original = (root / name).read_bytes()
    for at in range(len(original)):
        changed = bytearray(original)
        changed[at] ^= (0x01, 0x20, 0xFF)[at % 3]
        golden.overwrite(root / name, bytes(changed))
        report = verify(root)
        assert report.verdict is Verdict.BAD, at
        assert {c.subject for c in bad(report)} == {name}, (at, bad(report))


@pytest.mark.parametrize("container", FORMATS)
def test_one_changed_byte_anywhere_in_the_archive_is_found(tmp_path: Path, container: ArchiveFormat) -> None:
    original = golden.make(tmp_path, golden.all_entries(), container).path.read_bytes()
    path = tmp_path / "changed"
    path.touch()
    for at in range(0, len(original), 2):
        changed = bytearray(original)
        changed[at] ^= 0xFF if at % 9 == 8 else 1 << (at % 9)
        golden.overwrite(path, bytes(changed))
        report = verify(path)
        assert report.verdict is Verdict.BAD, at
        assert all(check.subject for check in bad(report))


def owners(tar: bytes) -> list[str | None]:
    """For each 512-byte block of ``tar``: the file that it belongs to, None for the trailer."""
    owner: list[str | None] = [None] * (len(tar) // 512)
    with tarfile.open(fileobj=io.BytesIO(tar)) as reader:
        for member in reader:
            end = member.offset_data + member.size + -member.size % 512
            owner[member.offset // 512 : end // 512] = [member.name] * ((end - member.offset) // 512)
    return owner


def test_one_changed_byte_in_the_tar_names_the_file_it_belongs_to(tmp_path: Path) -> None:
    tar = gzip.decompress(golden.make(tmp_path, golden.all_entries()).path.read_bytes())
    owner = owners(tar)
    for at in range(0, len(tar), 13):
        changed = bytearray(tar)
        changed[at] ^= 1 << (at % 8)
        report = verify(sealed_gzip(tmp_path, bytes(changed)))
        name = owner[at // 512]
        found = {check.subject for check in bad(report)}
        assert found, at
        assert (name or "made.tar.gz") in found, (at, name, bad(report))


@pytest.mark.parametrize("container", FORMATS)
def test_every_truncation_is_found(tmp_path: Path, container: ArchiveFormat) -> None:
    original = golden.make(tmp_path, golden.all_entries(), container).path.read_bytes()
    path = tmp_path / "cut"
    path.touch()
    for size in range(0, len(original), 7):
        golden.overwrite(path, original[:size])
        assert verify(path).verdict is Verdict.BAD, size
    path.write_bytes(original + b"\0")
    assert verify(path).verdict is Verdict.BAD


@pytest.mark.parametrize("container", FORMATS)
def test_noise_never_raises(tmp_path: Path, container: ArchiveFormat) -> None:
    original = golden.make(tmp_path, golden.all_entries(), container).path.read_bytes()
    path = tmp_path / "noise"
    path.touch()
    noise = random.Random(1)
    for _ in range(400):
        changed = bytearray(original)
        start = noise.randrange(len(changed))
        changed[start : start + noise.randrange(1, 80)] = noise.randbytes(noise.randrange(0, 80))
        golden.overwrite(path, bytes(changed))
        if bytes(changed) != original:
            assert verify(path).verdict is Verdict.BAD


def without(name: str) -> Callable[[list[Entry]], list[Entry]]:
    return lambda entries: [e for e in entries if e.path.value != name]


def adding(name: str, data: bytes = b"x") -> Callable[[list[Entry]], list[Entry]]:
    return lambda entries: [*entries, InlineFile(ArchivePath(name), data, golden.MOMENT)]


def replacing(name: str, data: bytes) -> Callable[[list[Entry]], list[Entry]]:
    return lambda entries: adding(name, data)(without(name)(entries))


@pytest.mark.parametrize("container", FORMATS)
@pytest.mark.parametrize(
    ("change", "subject", "message"),
    [
        (without("index.html"), "index.html", "missing"),
        (adding("attempts/more.pdf"), "attempts/more.pdf", "does not list it"),
        (adding("evidence/more.txt"), "evidence/more.txt", "does not hold it"),
        (without("manifest-sha256.txt"), "manifest-sha256.txt", "missing"),
        (without("evidence/evidence-sha256.txt"), "evidence/evidence-sha256.txt", "missing"),
        (without("evidence/VERIFY.txt"), "evidence/VERIFY.txt", "missing"),
        (replacing("manifest-sha256.txt", b""), "manifest-sha256.txt", "changed"),
        (replacing("evidence/evidence-sha256.txt", b""), "evidence/evidence-sha256.txt", "does not close"),
        (replacing("index.html", b"other"), "index.html", "changed"),
    ],
)
def test_what_was_added_removed_or_replaced_is_named(
    tmp_path: Path,
    container: ArchiveFormat,
    change: Callable[[list[Entry]], list[Entry]],
    subject: str,
    message: str,
) -> None:
    report = verify(golden.make(tmp_path, change(golden.all_entries()), container).path)
    assert report.verdict is Verdict.BAD
    assert any(c.subject == subject and message in c.message for c in bad(report)), report.checks


def test_a_sidecar_that_does_not_agree_is_named_even_when_the_manifest_lists_it(tmp_path: Path) -> None:
    contents = dict(golden.CONTENTS)
    pdf = "attempts/zoe/33/attempt.pdf"
    other = f"{Sha256.of(b'other').hex}  attempt.pdf\n".encode()
    for name in list(contents):
        good = f"{Sha256.of(contents[name]).hex}  {name.rsplit('/', 1)[-1]}\n".encode()
        contents[name + ".sha256"] = other if name == pdf else good
    report = verify(golden.make(tmp_path, golden.all_entries(contents=contents, include_filehashes=False)).path)
    assert [c.subject for c in bad(report)] == [pdf + ".sha256"]


def test_a_handed_in_file_named_like_a_sidecar_is_no_damage(tmp_path: Path) -> None:
    contents = dict(golden.CONTENTS) | {"attempts/zoe/33/attempt.pdf.sha256": b"I like hashes"}
    assert not bad(verify(golden.make(tmp_path, golden.all_entries(contents=contents)).path))
    (tmp_path / "2").mkdir()
    entries = golden.all_entries(contents=contents, include_filehashes=False)
    assert not bad(verify(golden.make(tmp_path / "2", entries).path))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("attemptid,path\n33,/zoe/33\n", "tenth path"),
        (golden.METADATA.replace("/zoe/33", "/zoe/34"), "folder of attempt '33'"),
        (golden.METADATA.replace(",finished", ""), "columns"),
        ("", "tenth path"),
        (golden.METADATA + '"', "not a table"),
    ],
)
def test_a_table_that_the_plugin_cannot_use_is_named(tmp_path: Path, table: str, message: str) -> None:
    contents = dict(golden.CONTENTS) | {"attempts_metadata.csv": table.encode()}
    report = verify(golden.make(tmp_path, golden.all_entries(contents=contents)).path)
    found = [c for c in bad(report) if c.subject == "attempts_metadata.csv"]
    assert {c.name for c in bad(report)} == {"metadata"}
    assert message in found[0].message


@pytest.mark.parametrize("path", ["/zoe/33", "zoe/33/", "attempts/zoe/33", "/attempts/zoe/33/"])
@pytest.mark.parametrize("flat", ["/attempt_34.", "attempts/attempt_34."])
def test_paths_in_the_table_may_begin_at_the_root_or_at_attempts(tmp_path: Path, path: str, flat: str) -> None:
    table = golden.METADATA.replace("/zoe/33", path) + golden.METADATA.splitlines()[1].replace("/zoe/33", flat)
    table = table.replace("\n33,", "\n34,").replace("\n34,", "\n33,", 1)
    contents = dict(golden.CONTENTS) | {
        "attempts_metadata.csv": table.encode(),
        f"{flat.strip('/')}zoe.pdf": b"flat",
    }
    assert not bad(verify(golden.make(tmp_path, golden.all_entries(contents=contents)).path))


@pytest.mark.parametrize("path", ["", "/", "/attempts/zoe/3", "/attempts/zoe/3/", "/attempt_3.", "/elsewhere/33"])
def test_paths_in_the_table_that_lead_nowhere_are_named(tmp_path: Path, path: str) -> None:
    table = golden.METADATA.replace("/zoe/33", path).encode()
    contents = dict(golden.CONTENTS) | {"attempts_metadata.csv": table, "attempts/attempt_33.zoe.pdf": b"flat"}
    assert bad(verify(golden.make(tmp_path, golden.all_entries(contents=contents)).path))


def foreign_tar(folder: Path, *members: tarfile.TarInfo, tar_format: int = tarfile.USTAR_FORMAT) -> Path:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tar_format) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return sealed_gzip(folder, raw.getvalue())


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (info("link", tarfile.SYMTYPE, "/etc/passwd"), "symbolic link"),
        (info("link", tarfile.LNKTYPE, "index.html"), "hard link"),
        (info("device", tarfile.CHRTYPE), "device"),
        (info("pipe", tarfile.FIFOTYPE), "pipe"),
        (info("folder", tarfile.DIRTYPE), "folder entry"),
        (info("../escape"), "not safe"),
        (info("/etc/cron.d/x"), "not safe"),
        (info("a/./b"), "not safe"),
        (info("CON"), "not safe"),
    ],
)
def test_dangerous_members_are_named(tmp_path: Path, member: tarfile.TarInfo, message: str) -> None:
    report = verify(foreign_tar(tmp_path, member))
    assert any(c.subject.rstrip("/") == member.name and message in c.message for c in bad(report)), report.checks


@pytest.mark.parametrize("tar_format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_extensions_of_tar_are_refused(tmp_path: Path, tar_format: int) -> None:
    report = verify(foreign_tar(tmp_path, info("x" * 150), tar_format=tar_format))
    assert report.verdict is Verdict.BAD
    assert any(c.name.startswith("container") for c in bad(report))


def test_names_that_differ_in_case_only_or_stand_twice_are_named(tmp_path: Path) -> None:
    report = verify(foreign_tar(tmp_path, info("a.txt"), info("A.txt"), info("b"), info("b"), info("b/c")))
    assert {c.subject for c in bad(report) if c.name == "names"} == {"A.txt", "b", "b/c"}


def test_a_zip_with_bytes_in_front_or_of_another_maker_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
    assert verify(path).verdict is Verdict.BAD
    whole = golden.make(tmp_path, golden.all_entries(), ArchiveFormat.ZIP).path.read_bytes()
    path.write_bytes(b"PK\0\0" + whole)
    assert verify(path).verdict is Verdict.BAD


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(max_total_bytes=5000), "more than 5000 bytes together"),
        (Limits(max_member_count=3), "more than 3 files"),
    ],
)
@pytest.mark.parametrize("container", FORMATS)
def test_limits_hold(tmp_path: Path, container: ArchiveFormat, limits: Limits, message: str) -> None:
    contents = dict(golden.CONTENTS) | {"a.bin": bytes(6000)}
    path = golden.make(tmp_path, golden.all_entries(contents=contents), container).path
    assert message in bad(verify(path, limits=limits))[0].message
    root = folder_of(tmp_path, golden.all_entries(contents=contents))
    assert message in bad(verify(root, limits=limits))[0].message


@pytest.mark.parametrize("container", [ArchiveFormat.TAR_GZ, ArchiveFormat.ZIP])
def test_a_bomb_is_not_unpacked(tmp_path: Path, container: ArchiveFormat) -> None:
    contents = {"a.bin": bytes(80 * 1024**2)}
    path = golden.make(tmp_path, golden.all_entries(contents=contents), container).path
    assert path.stat().st_size < 1024**2
    report = verify(path, limits=Limits(max_ratio=10))
    assert "more than 10 times its size" in bad(report)[0].message


def test_a_list_too_large_for_memory_is_refused(tmp_path: Path) -> None:
    path = golden.make(tmp_path, golden.all_entries()).path
    report = verify(path, limits=Limits(max_list_bytes=10))
    assert {c.subject for c in bad(report) if "too large to be read" in c.message} == {
        "manifest-sha256.txt",
        "evidence/evidence-sha256.txt",
        "attempts_metadata.csv",
        "bag-info.txt",
    }


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f\x8b", b"PK", b"PK\x05\x06" + bytes(18), os.urandom(3000)])
def test_what_is_no_archive_is_bad(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "no-archive"
    path.write_bytes(data)
    report = verify(path)
    assert report.verdict is Verdict.BAD
    assert bad(report)[0].subject == "no-archive"


def test_an_archive_that_was_compressed_anew_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    path = golden.make(tmp_path, golden.all_entries()).path
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), mtime=0))
    assert verify(path).verdict is Verdict.BAD


def test_a_missing_archive_and_bad_certificates_are_errors(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="check the path"):
        verify(tmp_path / "nothing.tar.gz")
    with pytest.raises(VerificationError, match="must be PEM"):
        verify(tmp_path, trusted_pem=b"junk")


def test_hostile_names_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    report = verify(foreign_tar(tmp_path, info("\x1b[2J\u202etxt")))
    assert all("\x1b" not in c.subject + c.message and "\u202e" not in c.subject + c.message for c in report.checks)
