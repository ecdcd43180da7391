"""The commands of VERIFY.txt, as they stand, run by bash in an archive unpacked by tar or unzip."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archiveworker.domain.digest import Sha256
from archiveworker.domain.evidence import Timestamp
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence import layout, verify_text
from archiveworker.evidence.entries import InlineFile
from archiveworker.evidence.timestamp_check import chain_pem, check_reply, load_certificates
from tests.integration.evidence.conftest import Stamper
from tests.integration.evidence.tsa_kit import Tsa, der, integer, make_tsa
from tests.unit.evidence import golden

pytestmark = pytest.mark.openssl


def bash(command: str, cwd: Path) -> tuple[int, str]:
    done = subprocess.run(["bash", "-c", command], cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if re.match(r" {4}\S", line)]


def manifest_digest() -> Sha256:
    return layout.manifest_of(layout.with_sidecars(golden.inline())).sha256


def unpack(folder: Path, container: ArchiveFormat, stamp: Timestamp | None) -> Path:
    packed = golden.make(folder, golden.all_entries(stamp), container)
    root = folder / "unpacked"
    root.mkdir()
    tool = "tar --warning=no-timestamp -xzf" if container is ArchiveFormat.TAR_GZ else "unzip -q"
    assert bash(f"{tool} {packed.path}", root) == (0, "")
    return root


def run_all(root: Path, text: str) -> str:
    said = ""
    for command in commands(text):
        code, output = bash(command, root)
        assert code == 0, f"{command}\n{output}"
        if "ts -verify" in command:
            assert "Verification: OK" in output
        said += output
    return said


@pytest.mark.parametrize("container", list(ArchiveFormat))
@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("which", ["tsa", "long_tsa"])
async def test_every_command_says_what_the_text_promises(
    tmp_path: Path,
    container: ArchiveFormat,
    trusted: bool,
    which: str,
    stamp: Stamper,
    request: pytest.FixtureRequest,
) -> None:
    tsa: Tsa = request.getfixturevalue(which)
    made = await stamp(tsa, manifest_digest(), tsa.ca_pem if trusted else None)
    root = unpack(tmp_path, container, made)
    text = (root / "evidence/VERIFY.txt").read_text()
    said = run_all(root, text)
    assert len(commands(text)) == 7
    assert "all files are unchanged" in said
    assert "the evidence is undamaged" in said
    assert re.search(rf"^{2 * len(golden.CONTENTS)}$", said, re.MULTILINE)
    assert f"It must answer {2 * len(golden.CONTENTS)}." in text
    assert "Time stamp: " in said
    assert "CN = Test TSA" in said
    assert ("Nobody has vouched" in text) is not trusted


def old_stamp(tsa: Tsa, moment: datetime, *, trusted: bool) -> Timestamp:
    digest = manifest_digest()
    roots = load_certificates(tsa.ca_pem) if trusted else ()
    imprint = der(0x30, der(0x30, bytes.fromhex("0609608648016503040201")), der(0x04, digest.raw))
    query = der(0x30, integer(1), imprint, integer(5), b"\x01\x01\xff")
    reply = tsa.reply_at(digest.raw, moment, nonce=5)
    return Timestamp(query, reply, chain_pem(reply, roots), check_reply(reply, digest, trusted=roots), "http://tsa")


@pytest.mark.parametrize("trusted", [True, False])
def test_the_commands_still_work_when_the_certificate_has_expired(tmp_path: Path, trusted: bool) -> None:
    start = datetime.now(UTC) - timedelta(days=400)
    tsa = make_tsa(tmp_path / "tsa", valid=(start, start + timedelta(days=30)))
    root = unpack(tmp_path, ArchiveFormat.TAR_GZ, old_stamp(tsa, start + timedelta(days=3), trusted=trusted))
    text = (root / "evidence/VERIFY.txt").read_text()
    run_all(root, text)
    (verify, *_) = (c for c in commands(text) if "ts -verify" in c)
    code, output = bash(re.sub(r" -attime \d+", "", verify), root)
    assert code != 0
    assert "expired" in output


async def test_the_commands_name_what_was_changed(tmp_path: Path, tsa: Tsa, stamp: Stamper) -> None:
    root = unpack(tmp_path, ArchiveFormat.TAR_GZ, await stamp(tsa, manifest_digest(), tsa.ca_pem))
    files, _, evidence, data, query, *_ = commands((root / "evidence/VERIFY.txt").read_text())
    pdf = root / "attempts/zoe/33/attempt.pdf"
    pdf.write_bytes(pdf.read_bytes().replace(b"made", b"Made"))
    code, output = bash(files, root)
    assert code != 0
    assert "attempts/zoe/33/attempt.pdf: FAILED" in output
    manifest = root / "manifest-sha256.txt"
    manifest.write_bytes(manifest.read_bytes().replace(b"a", b"b", 1))
    for command in (data, evidence):
        code, output = bash(command, root)
        assert code != 0
        assert "FAILED" in output
    # The query was stamped, and it is still the same: only the data tell that the list was changed.
    assert bash(query, root)[0] == 0


async def test_sidecars_are_read_by_sha256sum(tmp_path: Path) -> None:
    root = unpack(tmp_path, ArchiveFormat.TAR_GZ, None)
    sidecars = [p for p in root.rglob("*.sha256") if "evidence" not in p.parts]
    assert len(sidecars) == 6
    for sidecar in sidecars:
        assert bash(f"sha256sum --strict -c '{sidecar.name}'", sidecar.parent)[0] == 0


def test_lists_are_read_by_sha256sum_without_a_warning(tmp_path: Path) -> None:
    root = unpack(tmp_path, ArchiveFormat.TAR_GZ, None)
    run_all(root, (root / "evidence/VERIFY.txt").read_text())
    for name in ("manifest-sha256.txt", "evidence/evidence-sha256.txt"):
        code, output = bash(f"sha256sum --strict --warn -c {name}", root)
        assert code == 0
        assert "WARNING" not in output
        assert "improperly" not in output


@pytest.mark.parametrize("name", ["exam.tar.gz", "Prüfung (1) #2.tar.gz", "-rf.tar.gz", "it's $HOME.zip", "a,b.zip"])
async def test_the_archives_own_stamp_can_be_checked(tmp_path: Path, tsa: Tsa, stamp: Stamper, name: str) -> None:
    archive = tmp_path / name
    archive.write_bytes(b"an archive")
    made = await stamp(tsa, Sha256.of(b"an archive"), tsa.ca_pem)
    for suffix, data in ((".tsq", made.query), (".tsr", made.reply), (".chain.pem", made.chain_pem)):
        (tmp_path / (name + suffix)).write_bytes(data)
    text = verify_text.beside_archive(name, [made]).decode()
    assert len(commands(text)) == 4
    run_all(tmp_path, text)
    archive.write_bytes(b"an Archive")
    code, output = bash(commands(text)[0], tmp_path)
    assert code != 0
    assert "Verification: FAILED" in output


def test_tools_list_the_archive_as_it_was_meant(tmp_path: Path) -> None:
    long_name = f"attempts/{'f' * 90}/{'n' * 90}.pdf"
    entries = [*golden.inline(), InlineFile(ArchivePath(long_name), b"long", golden.MOMENT)]
    packed = golden.make(tmp_path, entries)
    code, output = bash(f"zcat {packed.path} | file - && TZ=UTC tar --full-time -tvzf {packed.path}", tmp_path)
    assert code == 0
    assert "POSIX tar archive" in output
    assert f"-rw-r--r-- 0/0               4 2026-01-15 09:30:00 {long_name}" in output
    raw = subprocess.run(["zcat", str(packed.path)], capture_output=True, check=True).stdout
    assert raw[257:265] == b"ustar\x0000"
    assert bash(f"gzip -t {packed.path}", tmp_path) == (0, "")
    zipped = golden.make(tmp_path, entries, ArchiveFormat.ZIP)
    code, output = bash(f"unzip -t {zipped.path}", tmp_path)
    assert code == 0
    assert "No errors detected" in output
