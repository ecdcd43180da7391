"""One changed byte, wherever it is, is never accepted, and the report names the file or the structure.

The bytes of each form of an archive are sorted into regions (``regions``): every field of tar, gzip and zip, every
file, every line of a list, every DER value of a time-stamp. Changes are spread evenly over them: 1,200 in the normal
run, 10,000 with --soak. The whole archive is there in four forms; in a fifth the tar is changed and sealed anew, as
somebody would do who wants the change to go unnoticed.
"""

import gzip
import io
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from archiveworker.domain.evidence import Verdict, VerificationReport
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence import layout
from archiveworker.evidence.entries import Entry, InlineFile
from archiveworker.evidence.gzip_writer import SealedGzipWriter
from archiveworker.evidence.tar_writer import TarGzWriter
from archiveworker.evidence.verify import verify
from archiveworker.evidence.zip_writer import ZipWriter
from archiveworker.runtime.digests import HashingWriter
from tests.integration.evidence import regions
from tests.integration.evidence.conftest import Stamper
from tests.integration.evidence.regions import Region
from tests.integration.evidence.tsa_kit import Tsa
from tests.unit.evidence import golden

pytestmark = [
    pytest.mark.openssl,
    # A changed certificate may have a serial number that cryptography is about to refuse.
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),
]

FORMS = ("tar.gz", "tar", "zip", "zip-stored", "folder")
NORMAL, SOAK = 240, 2000


@dataclass
class Subject:
    """One archive in one form, and how to change it.

    Attributes:
        path: what is verified.
        data: the bytes that are changed: of the archive, of the tar in it, or of each file of a folder.
        regions: of them.
    """

    path: Path
    data: dict[str, bytes]
    regions: list[tuple[str, Region]]
    write: Callable[[str, bytes], None]


async def stamped_entries(tsa: Tsa, stamp: Stamper) -> list[Entry]:
    digest = layout.manifest_of(layout.with_sidecars(golden.inline())).sha256
    return golden.all_entries(await stamp(tsa, digest, tsa.ca_pem))


def sealed(path: Path, tar: bytes) -> None:
    target = io.BytesIO()
    writer = SealedGzipWriter(HashingWriter(target), level=1)
    writer.write(tar)
    writer.close()
    golden.overwrite(path, target.getvalue())


def subject(form: str, folder: Path, entries: Sequence[Entry]) -> Subject:
    if form == "folder":
        root = folder / "exam"
        files = {e.path.value: e.data for e in entries if isinstance(e, InlineFile) and e.data}
        for entry in entries:
            assert isinstance(entry, InlineFile)
            (root / entry.path.value).parent.mkdir(parents=True, exist_ok=True)
            (root / entry.path.value).write_bytes(entry.data)
        found = [(name, region) for name, data in files.items() for region in regions.file_regions(name, data)]
        return Subject(root, files, found, lambda name, data: golden.overwrite(root / name, data))
    container = ArchiveFormat("tar.gz" if form == "tar" else form)
    path = golden.make(folder, entries, container).path
    data = path.read_bytes()
    if form == "tar":
        data = gzip.decompress(data)
        return Subject(path, {"": data}, [("", r) for r in regions.tar_regions(data)], lambda _, d: sealed(path, d))
    split = regions.gzip_regions if form == "tar.gz" else regions.zip_regions
    return Subject(path, {"": data}, [("", r) for r in split(data)], lambda _, d: golden.overwrite(path, d))


def bad_subjects(report: VerificationReport) -> set[str]:
    return {check.subject for check in report.checks if check.verdict is Verdict.BAD}


@pytest.mark.parametrize("form", FORMS)
async def test_no_changed_byte_is_accepted(
    tmp_path: Path, form: str, long_tsa: Tsa, stamp: Stamper, pytestconfig: pytest.Config
) -> None:
    one = subject(form, tmp_path, await stamped_entries(long_tsa, stamp))
    for name, data in one.data.items():
        assert regions.unknown([r for key, r in one.regions if key == name], len(data)) == [], "every byte has a region"
    assert verify(one.path, trusted_pem=long_tsa.ca_pem).verdict is Verdict.GOOD
    rnd = random.Random(f"mutation {form}")
    count = SOAK if pytestconfig.getoption("--soak") else NORMAL
    order = rnd.sample(one.regions, len(one.regions))
    kinds: Counter[str] = Counter()
    for number in range(count):
        name, region = order[number % len(order)]
        changed = bytearray(one.data[name])
        at = rnd.randrange(region.start, region.end)
        changed[at] ^= rnd.randrange(1, 256)
        one.write(name, bytes(changed))
        report = verify(one.path, trusted_pem=long_tsa.ca_pem)
        assert report.verdict is Verdict.BAD, (region, at, changed[at])
        # Where the structure itself is broken (all of gzip, lengths in a zip's directory), the archive is named.
        named = {region.file} if form in ("folder", "tar") and region.file else {region.file, one.path.name}
        assert named & bad_subjects(report), (region, at, report.checks)
        one.write(name, one.data[name])
        kinds[region.kind] += 1
    assert verify(one.path, trusted_pem=long_tsa.ca_pem).verdict is Verdict.GOOD, "what was changed was put back"
    assert sum(kinds.values()) == count
    if count >= len(order):
        assert set(kinds) == {region.kind for _, region in one.regions}


Entries = list[tuple[ArchivePath, bytes]]


def packed(container: str, path: Path, entries: Entries) -> Path:
    """Pack in the order given, with a valid seal: what somebody with the worker's own code could make."""
    with path.open("wb") as target:
        output = HashingWriter(target)
        writer = TarGzWriter(output, level=1) if container == "tar.gz" else ZipWriter(output, level=1)
        for name, data in entries:
            writer.add(name, len(data), 1768469400, [data])
        writer.close()
    return path


def removed(entries: Entries, at: int) -> Entries:
    return entries[:at] + entries[at + 1 :]


def renamed(entries: Entries, at: int) -> Entries:
    name, data = entries[at]
    return sorted([*removed(entries, at), (ArchivePath(f"{name}x"), data)], key=lambda e: e[0].value.encode())


def duplicated(entries: Entries, at: int) -> Entries:
    return [*entries[: at + 1], *entries[at:]]


def added(entries: Entries, at: int) -> Entries:
    return [*entries[: at + 1], (ArchivePath(f"{entries[at][0]}-2"), b"more"), *entries[at + 1 :]]


def reordered(entries: Entries, at: int) -> Entries:
    after = (at + 1) % len(entries)
    moved = list(entries)
    moved[at], moved[after] = moved[after], moved[at]
    return moved


def exchanged(entries: Entries, at: int) -> Entries:
    """Two files have each other's contents."""
    after = (at + 1) % len(entries)
    moved = list(entries)
    moved[at], moved[after] = (entries[at][0], entries[after][1]), (entries[after][0], entries[at][1])
    return moved


@pytest.mark.parametrize("container", ["tar.gz", "zip"])
@pytest.mark.parametrize("change", [removed, renamed, duplicated, added, reordered, exchanged])
async def test_no_entry_is_removed_added_renamed_duplicated_moved_or_exchanged_unnoticed(
    tmp_path: Path, container: str, change: Callable[[Entries, int], Entries], tsa: Tsa, stamp: Stamper
) -> None:
    made = await stamped_entries(tsa, stamp)
    entries = sorted(
        ((e.path, e.data) for e in made if isinstance(e, InlineFile)), key=lambda entry: entry[0].value.encode()
    )
    path = packed(container, tmp_path / "exam", entries)
    assert verify(path, trusted_pem=tsa.ca_pem).verdict is Verdict.GOOD, "the packing itself is accepted"
    for at in range(len(entries)):
        report = verify(packed(container, path, change(entries, at)), trusted_pem=tsa.ca_pem)
        assert report.verdict is Verdict.BAD, (change.__name__, entries[at][0])
        touched = {e[0].value for e in change(entries, at)} ^ {e[0].value for e in entries}
        touched |= {entries[at][0].value, entries[(at + 1) % len(entries)][0].value}
        assert bad_subjects(report) & touched, (change.__name__, entries[at][0], report.checks)


@pytest.mark.parametrize("kept", ["everything", "no query", "no time-stamp"])
async def test_evidence_that_a_forger_writes_anew_is_never_good(
    tmp_path: Path, tsa: Tsa, stamp: Stamper, kept: str
) -> None:
    """With new lists and seals, whatever the forger can make, one file changed, added or taken away is told."""
    made = await stamp(tsa, layout.manifest_of(layout.with_sidecars(golden.inline())).sha256, tsa.ca_pem)
    for victim in golden.CONTENTS:
        for forged in (b"forged", None):
            contents = {name: data for name, data in golden.CONTENTS.items() if name != victim}
            if forged is not None:
                contents[victim] = forged
            entries = golden.all_entries(made, contents)
            if kept != "everything":
                gone = (".tsq",) if kept == "no query" else (".tsq", ".tsr")
                loose = {
                    e.path: e.sha256
                    for e in entries
                    if e.path.value.startswith("evidence/") and not e.path.value.endswith((*gone, "sha256.txt"))
                } | {e.path: e.sha256 for e in entries if e.path.value == "manifest-sha256.txt"}
                listed = InlineFile(layout.EVIDENCE_LIST_NAME, layout.lists.render_sealed(loose), golden.MOMENT)
                entries = [
                    e for e in entries if not e.path.value.endswith(gone) and e.path != layout.EVIDENCE_LIST_NAME
                ] + [listed]
            report = verify(golden.make(tmp_path, entries).path, trusted_pem=tsa.ca_pem)
            assert report.verdict is Verdict.BAD, (victim, kept)
