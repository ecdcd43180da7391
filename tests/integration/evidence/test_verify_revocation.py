"""``verify`` and VERIFY.txt on archives with revocation data and with stamps of two authorities."""

import re
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from archiveworker.demo.tsa import RevocationFaultKind, TsaFault
from archiveworker.demo.tsa_server import RunningTsa, TsaOptions, running_tsa
from archiveworker.domain.evidence import Timestamp, Verdict, VerificationReport
from archiveworker.domain.revocation import RevocationData
from archiveworker.evidence import layout
from archiveworker.evidence.revocation import judge
from archiveworker.evidence.revocation_fetch import RevocationFetcher
from archiveworker.evidence.timestamp import Rfc3161Timestamper, StampOptions
from archiveworker.evidence.timestamp_check import load_certificates
from archiveworker.evidence.verify import verify
from tests.unit.evidence import golden

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.openssl]

STEP = "manifest_timestamp"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tsas(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[RunningTsa]]:
    async with AsyncExitStack() as stack:
        forms = (TsaOptions(), TsaOptions(embeds_chain=False))
        yield [await stack.enter_async_context(running_tsa(tmp_path_factory.mktemp("tsa"), form)) for form in forms]


async def stamped(tsas: Sequence[RunningTsa], *, fetches: bool = True, trusted: bool = True) -> tuple[Timestamp, ...]:
    digest = layout.manifest_of(layout.with_sidecars(golden.inline())).sha256
    options = StampOptions(count=len(tsas), fetcher=RevocationFetcher() if fetches else None)
    pem = roots(tsas) if trusted else None
    async with aiohttp.ClientSession() as session:
        stamper = Rfc3161Timestamper([t.url for t in tsas], session=session, trusted_pem=pem, options=options)
        return (await stamper.stamp_each(digest)).stamps


def roots(tsas: Sequence[RunningTsa]) -> bytes:
    return b"".join(tsa.tsa.authority.root_pem.read_bytes() for tsa in tsas)


def packed(folder: Path, stamps: Sequence[Timestamp]) -> Path:
    contents = layout.with_sidecars(golden.inline())
    manifest = layout.manifest_of(contents)
    return golden.make(folder, [*contents, manifest, *layout.evidence_of(manifest, stamps, golden.RECORD)]).path


def of(report: VerificationReport, name: str) -> list[tuple[Verdict, str]]:
    return [(check.verdict, check.message) for check in report.checks if check.name == name]


async def revoked(stamp: Timestamp, tsa: RunningTsa) -> Timestamp:
    """The same with what the CAs would say had they revoked everything for a stolen key."""
    authority = tsa.tsa.authority
    crls = [authority.crl(issuer, revoked=True) for issuer in (authority.root, authority.ca)]
    chain = load_certificates(stamp.chain_pem)
    verdict = judge(chain, crls, (), stamp.proof.generated_at)
    return replace(stamp, revocation=RevocationData(crls, (), verdict))


async def test_what_is_kept_is_judged_and_named(tmp_path: Path, tsas: list[RunningTsa]) -> None:
    (made,) = await stamped(tsas[:1])
    path = packed(tmp_path, [made])
    report = verify(path, trusted_pem=roots(tsas))
    assert report.verdict is Verdict.GOOD, report.checks
    assert [verdict for verdict, _ in of(report, f"{STEP}.revocation")] == [Verdict.GOOD]
    # Nobody vouches: still nothing but that is open.
    report = verify(path)
    assert [c.name for c in report.checks if c.verdict is Verdict.UNKNOWN] == [f"{STEP}.trust"]


async def test_what_was_not_kept_is_not_known(tmp_path: Path, tsas: list[RunningTsa]) -> None:
    report = verify(packed(tmp_path, await stamped(tsas[:1], fetches=False)), trusted_pem=roots(tsas))
    assert report.verdict is Verdict.UNKNOWN
    ((verdict, message),) = of(report, f"{STEP}.revocation")
    assert verdict is Verdict.UNKNOWN
    assert "was not kept: CN=Demo Time-Stamp Authority" in message


async def test_a_revoked_certificate_is_bad(tmp_path: Path, tsas: list[RunningTsa]) -> None:
    (made,) = await stamped(tsas[:1])
    report = verify(packed(tmp_path, [await revoked(made, tsas[0])]), trusted_pem=roots(tsas))
    assert report.verdict is Verdict.BAD
    ((verdict, message),) = of(report, STEP)
    assert verdict is Verdict.BAD
    assert re.search("CN=Demo Time-Stamp Authority.*it was revoked on .*keyCompromise", message)


async def test_a_chain_that_only_the_archive_holds_is_used_but_not_believed(
    tmp_path: Path, tsas: list[RunningTsa]
) -> None:
    (made,) = await stamped(tsas[1:])
    path = packed(tmp_path, [made])
    assert verify(path, trusted_pem=roots(tsas[1:])).verdict is Verdict.GOOD
    assert verify(path, trusted_pem=roots(tsas[:1])).verdict is Verdict.BAD


async def test_one_of_two_stamps_is_enough(tmp_path: Path, tsas: list[RunningTsa]) -> None:
    first, second = await stamped(tsas)
    path = packed(tmp_path, [first, second])
    assert len(verify(path, trusted_pem=roots(tsas)).proofs) == 2
    for lone in (tsas[:1], tsas[1:]):
        report = verify(path, trusted_pem=roots(lone))
        assert report.verdict is Verdict.GOOD, report.checks
        ((verdict, message),) = of(report, f"{STEP}.other")
        assert verdict is Verdict.GOOD
        assert "not a trusted certificate; another one holds" in message
    with_revoked = packed(tmp_path, [await revoked(first, tsas[0]), second])
    report = verify(with_revoked, trusted_pem=roots(tsas))
    assert report.verdict is Verdict.GOOD, report.checks
    assert "it was revoked" in of(report, f"{STEP}.other")[0][1]
    assert verify(with_revoked, trusted_pem=roots(tsas[:1])).verdict is Verdict.BAD


async def test_a_broken_second_stamp_is_bad_although_the_first_holds(tmp_path: Path, tsas: list[RunningTsa]) -> None:
    first, second = await stamped(tsas)
    broken = second.reply[:-5] + bytes([second.reply[-5] ^ 1]) + second.reply[-4:]
    report = verify(packed(tmp_path, [first, replace(second, reply=broken)]), trusted_pem=roots(tsas))
    assert report.verdict is Verdict.BAD
    assert {c.subject for c in report.checks if c.verdict is Verdict.BAD} == {"evidence/manifest-sha256.txt.2.tsr"}


async def test_loose_revocation_data_are_held_against_the_stamps(tmp_path: Path, tsas: list[RunningTsa]) -> None:
    (made,) = await stamped(tsas[:1])
    assert made.revocation is not None
    foreign = tsas[1].tsa.authority
    data = replace(made.revocation, crls=(*made.revocation.crls, foreign.crl(foreign.ca)))
    report = verify(packed(tmp_path, [replace(made, revocation=data)]), trusted_pem=roots(tsas))
    assert report.verdict is Verdict.UNKNOWN
    ((verdict, message),) = of(report, "cover")
    assert verdict is Verdict.UNKNOWN
    assert "says nothing of the certificates" in message


async def test_the_commands_of_verify_txt_find_a_revoked_certificate(tmp_path: Path, tsas: list[RunningTsa]) -> None:
    """The text is of before; the lists are exchanged for those of an authority whose key was stolen."""
    (made,) = await stamped(tsas[:1])
    root = tmp_path / "unpacked"
    root.mkdir()
    subprocess.run(["tar", "-xzf", packed(tmp_path, [made]), "-C", root], check=True)
    text = (root / "evidence/VERIFY.txt").read_text()
    (command,) = [line.strip() for line in text.splitlines() if "crl_check" in line and line.startswith("    ")]

    def said() -> str:
        done = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert "Verification: OK" in said()
    bad = (await revoked(made, tsas[0])).revocation
    assert bad is not None
    for file, crl in zip(sorted((root / "evidence/crl").iterdir()), bad.crls, strict=True):
        file.write_bytes(crl)
    assert "Verification: FAILED" in said()
    assert "certificate revoked" in said()


async def test_a_text_without_revocation_data_says_so(tmp_path: Path, tsas: list[RunningTsa]) -> None:
    gone = [TsaFault(kind) for kind in (RevocationFaultKind.CRL_MISSING, RevocationFaultKind.OCSP_MISSING)]
    tsas[0].tsa.faults = gone
    try:
        (made,) = await stamped(tsas[:1])
    finally:
        tsas[0].tsa.faults = []
    files = layout.evidence_of(layout.manifest_of([]), [made], golden.RECORD)
    (text,) = [file for file in files if file.path.name == "VERIFY.txt"]
    assert b"there are no revocation data for it" in text.data
    assert b"-crl_check" not in text.data
    assert b"openssl ocsp" not in text.data
