"""``verify`` on archives with real time-stamps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from archiveworker.domain.digest import Sha256
from archiveworker.domain.evidence import Timestamp, Verdict, VerificationReport
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence import layout
from archiveworker.evidence.der import expected_queries
from archiveworker.evidence.entries import Entry, InlineFile
from archiveworker.evidence.manifest import render_sealed
from archiveworker.evidence.timestamp_check import chain_pem, check_reply, load_certificates
from archiveworker.evidence.verify import verify
from tests.integration.evidence.conftest import Stamper
from tests.integration.evidence.tsa_kit import Tsa, make_tsa
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


@pytest.mark.parametrize("container", list(ArchiveFormat))
@pytest.mark.parametrize("which", ["tsa", "long_tsa"])
async def test_a_stamped_archive_is_good(
    tmp_path: Path, container: ArchiveFormat, which: str, stamp: Stamper, request: pytest.FixtureRequest
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


def stamp_of(tsa: Tsa, entries_digest: Sha256, gen_time: datetime) -> Timestamp:
    """Return a time-stamp of long ago: ``reply_at`` signs whatever time it is told."""
    query, _ = expected_queries(entries_digest.algorithm.oid, entries_digest.raw, 7, [])
    reply = tsa.reply_at(entries_digest.raw, gen_time, nonce=7)
    trusted = load_certificates(tsa.ca_pem)
    proof = check_reply(reply, entries_digest, trusted=trusted)
    return Timestamp(query, reply, chain_pem(reply, trusted), proof, "https://tsa.example")


def test_a_stamp_outlives_the_certificate_of_its_authority(tmp_path: Path) -> None:
    """The certificate expired a year ago; the stamp is of a time when it was good."""
    now = datetime.now(UTC).replace(microsecond=0)
    year = timedelta(days=365)
    expired = make_tsa(tmp_path / "tsa", valid=(now - 3 * year, now - year), intermediate=True)
    digest = layout.manifest_of(layout.with_sidecars(golden.inline())).sha256
    made = stamp_of(expired, digest, now - 2 * year)
    packed = golden.make(tmp_path, golden.all_entries(made))
    detached = stamp_of(expired, packed.sha256, now - 2 * year)
    report = verify(packed.path, reply=detached.reply, trusted_pem=expired.ca_pem)
    assert report.verdict is Verdict.GOOD, report.checks
    assert [proof.stamp.generated_at for proof in report.proofs] == [now - 2 * year] * 2
    late = expired.reply_at(packed.sha256.raw, now - year / 2, nonce=None)
    report = verify(packed.path, reply=late, trusted_pem=expired.ca_pem)
    assert [check.name for check in report.checks if check.verdict is Verdict.BAD] == ["archive_timestamp"]
    assert any("expired" in check.message for check in report.checks), report.checks


def with_evidence(made: Timestamp | None, **changed: bytes | None) -> list[Entry]:
    """Return an archive's entries with evidence files exchanged, added or gone, and the list of them written anew."""
    entries = {e.path.value: e for e in golden.all_entries(made)}
    for name, data in changed.items():
        path = f"evidence/{name.replace('__', '.').replace('_', '-')}"
        entries.pop(path, None)
        if data is not None:
            entries[path] = InlineFile(ArchivePath(path), data, golden.MOMENT)
    listed = {
        e.path: e.sha256
        for e in entries.values()
        if (e.path.value.startswith("evidence/") and e.path != layout.EVIDENCE_LIST_NAME)
        or e.path.value == "manifest-sha256.txt"
    }
    renewed = InlineFile(layout.EVIDENCE_LIST_NAME, render_sealed(listed), golden.MOMENT)
    return [*(e for e in entries.values() if e.path != layout.EVIDENCE_LIST_NAME), renewed]


async def test_loose_evidence_must_not_contradict_the_token(
    tmp_path: Path, long_tsa: Tsa, tsa: Tsa, stamp: Stamper
) -> None:
    made = await stamped(long_tsa, stamp)
    job = next(e.data for e in golden.all_entries(made) if e.path == layout.JOB_NAME)  # type: ignore[union-attr]
    moment = f"{made.proof.generated_at:%Y-%m-%dT%H:%M:%SZ}".encode()
    rogue = {
        "an earlier time": {"job__txt": job.replace(moment, b"2001-01-01T00:00:00Z")},
        "another authority": {"job__txt": job.replace(b"CN=Test TSA", b"CN=Best TSA")},
        "no time-stamp": {"job__txt": job[: job.index(b"Time-Stamp:")] + b"Time-Stamp: none\n"},
        "a root more": {"chain__pem": made.chain_pem + tsa.ca_pem},
        "another root": {"chain__pem": tsa.ca_pem},
        "another order": {"chain__pem": made.chain_pem[made.chain_pem.index(b"-----BEGIN", 9) :]},
    }
    for what, changed in rogue.items():
        path = golden.make(tmp_path, with_evidence(made, **changed)).path
        report = verify(path, trusted_pem=long_tsa.ca_pem)
        assert report.verdict is Verdict.BAD, what
        assert {check.name for check in report.checks if check.verdict is Verdict.BAD} == {"cover"}, what
    assert verify(golden.make(tmp_path, with_evidence(made)).path, trusted_pem=long_tsa.ca_pem).verdict is Verdict.GOOD


async def test_a_kind_of_evidence_that_is_not_known_is_good_only_under_the_archives_own_stamp(
    tmp_path: Path, tsa: Tsa, stamp: Stamper
) -> None:
    made = await stamped(tsa, stamp)
    packed = golden.make(tmp_path, with_evidence(made, run_me__exe=b"MZ"))
    report = verify(packed.path, trusted_pem=tsa.ca_pem)
    assert report.verdict is Verdict.UNKNOWN
    assert subjects(report, Verdict.UNKNOWN) == {"evidence/run-me.exe"}
    detached = await stamp(tsa, packed.sha256, tsa.ca_pem)
    assert verify(packed.path, reply=detached.reply, trusted_pem=tsa.ca_pem).verdict is Verdict.GOOD


async def test_a_stamp_that_was_taken_away_is_told_by_what_is_left(tmp_path: Path, tsa: Tsa, stamp: Stamper) -> None:
    made = await stamped(tsa, stamp)
    gone: dict[str, bytes | None] = {"manifest_sha256__txt__tsr": None, "manifest_sha256__txt__tsq": None}
    report = verify(golden.make(tmp_path, with_evidence(made, **gone)).path, trusted_pem=tsa.ca_pem)
    assert [(check.name, check.subject) for check in report.checks if check.verdict is Verdict.BAD] == [
        ("cover", "evidence/job.txt")
    ]


async def test_a_token_that_holds_its_signer_twice_is_taken(tmp_path: Path, stamp: Stamper) -> None:
    """OpenSSL's authority puts its certificate in twice when it is in the list of certificates as well."""
    twice = make_tsa(tmp_path / "tsa", intermediate=True)
    bundle = twice.folder / "bundle.pem"
    bundle.write_bytes((twice.folder / "tsa.crt").read_bytes() + bundle.read_bytes())
    made = await stamped(twice, stamp)
    signer = load_certificates(made.chain_pem)[0].public_bytes(Encoding.DER)
    assert made.reply.count(signer) == 2
    packed = golden.make(tmp_path, golden.all_entries(made))
    assert verify(packed.path, trusted_pem=twice.ca_pem).verdict is Verdict.GOOD
