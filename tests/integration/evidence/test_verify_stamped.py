"""``verify`` on archives with real time-stamps."""

from dataclasses import replace
from pathlib import Path

import pytest

from archiveworker.domain.digest import Sha256
from archiveworker.domain.evidence import Timestamp, Verdict, VerificationReport
from archiveworker.evidence import layout
from archiveworker.evidence.container import ContainerFormat
from archiveworker.evidence.entries import InlineFile
from archiveworker.evidence.verify import verify
from tests.integration.evidence.conftest import Stamper
from tests.integration.evidence.tsa_kit import Tsa
from tests.unit.evidence import golden

pytestmark = [
    pytest.mark.openssl,
    # A changed certificate may have a serial number that cryptography is about to refuse.
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),
]

REPLY = "evidence/manifest-sha256.txt.tsr"


async def stamped(tsa: Tsa, stamp: Stamper, *, trusted: bool = True) -> Timestamp:
    digest = layout.manifest_of(layout.with_sidecars(golden.inline())).sha256
    return await stamp(tsa, digest, tsa.ca_pem if trusted else None)


def subjects(report: VerificationReport, verdict: Verdict = Verdict.BAD) -> set[str]:
    return {check.subject for check in report.checks if check.verdict is verdict}


@pytest.mark.parametrize("container", list(ContainerFormat))
@pytest.mark.parametrize("which", ["tsa", "long_tsa"])
async def test_a_stamped_archive_is_good(
    tmp_path: Path, container: ContainerFormat, which: str, stamp: Stamper, request: pytest.FixtureRequest
) -> None:
    tsa: Tsa = request.getfixturevalue(which)
    packed = golden.make(tmp_path, golden.all_entries(await stamped(tsa, stamp)), container)
    detached = await stamp(tsa, packed.sha256, tsa.ca_pem)
    report = verify(packed.path, reply=detached.reply, trusted_pem=tsa.ca_pem)
    assert report.verdict is Verdict.GOOD, report.checks
    names = [check.name for check in report.checks]
    assert names[-5:] == ["manifest_timestamp", "archive_timestamp", "metadata", "counts", "cover"]
    assert [(proof.step, proof.stamp.digest) for proof in report.proofs] == [
        ("manifest_timestamp", report.manifest_sha256),
        ("archive_timestamp", packed.sha256),
    ]


async def test_one_changed_byte_of_a_stamped_archive_is_bad(tmp_path: Path, tsa: Tsa, stamp: Stamper) -> None:
    packed = golden.make(tmp_path, golden.all_entries(await stamped(tsa, stamp)))
    original = packed.path.read_bytes()
    for at in range(0, len(original), 3):
        changed = bytearray(original)
        changed[at] ^= 1 << (at % 8)
        golden.overwrite(packed.path, bytes(changed))
        assert verify(packed.path, trusted_pem=tsa.ca_pem).verdict is Verdict.BAD, at


@pytest.mark.parametrize("name", [REPLY, REPLY.replace("tsr", "tsq"), "evidence/chain.pem", "manifest-sha256.txt"])
async def test_one_changed_byte_of_the_evidence_names_its_file(
    tmp_path: Path, tsa: Tsa, stamp: Stamper, name: str
) -> None:
    entries = {e.path.value: e for e in golden.all_entries(await stamped(tsa, stamp))}
    entry = entries[name]
    assert isinstance(entry, InlineFile)
    for at in range(0, len(entry.data), 5):
        changed = bytearray(entry.data)
        changed[at] ^= 1 << (at % 8)
        entries[name] = replace(entry, data=bytes(changed))
        packed = golden.make(tmp_path, list(entries.values()))
        assert subjects(verify(packed.path, trusted_pem=tsa.ca_pem)) == {name}, at


async def test_evidence_made_anew_for_changed_files_is_refused(tmp_path: Path, tsa: Tsa, stamp: Stamper) -> None:
    """A forger can write new lists of digests, but not a new time-stamp."""
    made = await stamped(tsa, stamp)
    forged = dict(golden.CONTENTS) | {"attempts/zoe/33/attempt.pdf": b"%PDF-1.7 better marks"}
    report = verify(golden.make(tmp_path, golden.all_entries(made, forged)).path, trusted_pem=tsa.ca_pem)
    assert subjects(report) == {REPLY}
    assert any("another digest was stamped" in check.message for check in report.checks)
    unstamped = verify(golden.make(tmp_path, golden.all_entries(None, forged)).path, trusted_pem=tsa.ca_pem)
    assert unstamped.verdict is Verdict.UNKNOWN


async def test_a_stamp_of_a_stranger_is_refused(tmp_path: Path, tsa: Tsa, long_tsa: Tsa, stamp: Stamper) -> None:
    made = await stamped(long_tsa, stamp, trusted=False)
    path = golden.make(tmp_path, golden.all_entries(made)).path
    assert subjects(verify(path, trusted_pem=tsa.ca_pem)) == {REPLY}
    report = verify(path)
    assert report.verdict is Verdict.UNKNOWN
    assert [c.name for c in report.checks if c.verdict is Verdict.UNKNOWN] == ["manifest_timestamp.trust"]


async def test_a_detached_stamp_of_another_archive_is_refused(tmp_path: Path, tsa: Tsa, stamp: Stamper) -> None:
    path = golden.make(tmp_path, golden.all_entries(await stamped(tsa, stamp))).path
    other = await stamp(tsa, Sha256.of(b"other"), tsa.ca_pem)
    report = verify(path, reply=other.reply, trusted_pem=tsa.ca_pem)
    assert [c.name for c in report.checks if c.verdict is Verdict.BAD] == ["archive_timestamp"]
    assert subjects(verify(path, reply=b"junk", trusted_pem=tsa.ca_pem)) == {"exam.tar.gz"}
    assert verify(tmp_path, reply=other.reply, trusted_pem=tsa.ca_pem).verdict is Verdict.BAD
