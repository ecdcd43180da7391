"""Malformed evidence: no crash, no acceptance, and no input that takes long or much memory.

Real tokens, queries, chains, revocation lists and answers are changed at random (``tlv``): 3,000 inputs in the normal
run, 50,000 with --soak, spread over the targets. A judge may refuse an input with its own error, and nothing else: any
other exception fails the test, and so does a proof from an input that was changed.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.evidence import Verdict, VerifiedTimestamp
from archiveworker.evidence import layout, manifest
from archiveworker.evidence.reading import Findings, Scan
from archiveworker.evidence.timestamp_check import check_query, check_reply, load_certificates
from archiveworker.evidence.verify_checks import check_evidence_list, check_manifest
from archiveworker.evidence.verify_cover import check_cover
from tests.integration.evidence.conftest import Stamper
from tests.integration.evidence.tlv import MALFORMED, WELL_FORMED, Change
from tests.integration.evidence.tsa_kit import Tsa
from tests.unit.evidence import golden

pytestmark = [
    pytest.mark.openssl,
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),
]

NORMAL, SOAK = 600, 10_000
MAX_CPU_S = 1.0
MAX_GROWTH_BYTES = 64 * 1024**2
DIGEST = Sha256.of(b"what was stamped")

Judge = Callable[[bytes], object]
"""Takes one input; returns what it proves, or raises VerificationError."""


@dataclass
class Tally:
    """What came of the inputs of one target."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    accepted: list[tuple[str, bytes, object]] = field(default_factory=list)


def _peak_bytes() -> int:
    """Return the largest resident set of this process since it was last forgotten (Linux, proc(5))."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Fail when the process grew by more than allowed, however briefly."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak: an earlier test's would hide this one's
    before = _peak_bytes()
    yield
    growth = _peak_bytes() - before
    assert growth < MAX_GROWTH_BYTES, f"{growth / 1024**2:.0f} MiB more at the peak"


def test_the_bound_on_memory_can_fail() -> None:
    with pytest.raises(AssertionError, match="MiB more at the peak"), bounded_memory():
        bytearray(b"x") * (MAX_GROWTH_BYTES + 2**26)


def fuzz(name: str, seed: bytes, judge: Judge, changes: tuple[Change, ...], count: int) -> Tally:
    """Judge ``count`` changed inputs, at least one of each kind of change."""
    rnd = random.Random(f"fuzz {name}")
    tally = Tally()
    with bounded_memory():
        for number in range(count):
            change = changes[number % len(changes)]
            data = change(seed, rnd)
            if data == seed:
                continue
            began = time.process_time()
            try:
                proved = judge(data)
            except VerificationError:
                tally.outcomes["refused"] += 1
            else:
                tally.outcomes["accepted"] += 1
                tally.accepted.append((change.__name__, data, proved))
            took_s = time.process_time() - began
            tally.slowest_s = max(tally.slowest_s, took_s)
            assert took_s < MAX_CPU_S, (change.__name__, took_s, data[:200].hex())
    return tally


@pytest.fixture
def count(pytestconfig: pytest.Config) -> int:
    return SOAK if pytestconfig.getoption("--soak") else NORMAL


@pytest.fixture(params=["tsa", "long_tsa"])
def authority(request: pytest.FixtureRequest) -> Tsa:
    found: Tsa = request.getfixturevalue(request.param)
    return found


def report(name: str, tally: Tally) -> None:
    sys.stdout.write(f"{name}: {dict(tally.outcomes)}, slowest {tally.slowest_s * 1000:.0f} ms of CPU\n")


async def test_no_malformed_reply_is_accepted(authority: Tsa, stamp: Stamper, count: int) -> None:
    made = await stamp(authority, DIGEST, authority.ca_pem)
    trusted = load_certificates(authority.ca_pem)
    tally = fuzz("reply", made.reply, lambda data: check_reply(data, DIGEST, trusted=trusted), MALFORMED, count)
    report("reply", tally)
    assert tally.accepted == []


async def test_a_well_formed_change_of_a_reply_proves_nothing_else(authority: Tsa, stamp: Stamper, count: int) -> None:
    """A few things about a token have more than one right form, and its signature covers none of them.

    The signature algorithm may name its parameters or leave them out (RFC 5754, 3.2), may name the digest as well or
    not; a certificate that the chain does not need may be there or not, and one may be there twice (OpenSSL's own
    authority does that). What is proved stays the same.
    """
    made = await stamp(authority, DIGEST, authority.ca_pem)
    trusted = load_certificates(authority.ca_pem)

    def judge(data: bytes) -> VerifiedTimestamp:
        return check_reply(data, DIGEST, trusted=trusted)

    tally = fuzz("well-formed reply", made.reply, judge, WELL_FORMED, count)
    report("well-formed reply", tally)
    proof = judge(made.reply)
    for change, data, proved in tally.accepted:
        assert proved == proof, (change, data.hex())
    assert len(tally.accepted) <= 0.02 * count


async def test_without_trust_no_malformed_reply_crashes_or_proves_another_thing(
    authority: Tsa, stamp: Stamper, count: int
) -> None:
    """What a token proves without a trusted certificate is called UNKNOWN; even so it is what was signed."""
    made = await stamp(authority, DIGEST, None)
    tally = fuzz("reply without trust", made.reply, lambda data: check_reply(data, DIGEST), MALFORMED, count)
    report("reply without trust", tally)
    proof = check_reply(made.reply, DIGEST)
    assert all(proved == proof for _, _, proved in tally.accepted)


async def test_no_malformed_query_is_accepted(authority: Tsa, stamp: Stamper, count: int) -> None:
    made = await stamp(authority, DIGEST, authority.ca_pem)
    judge: Judge = lambda data: check_query(data, DIGEST, made.reply)  # noqa: E731
    tally = fuzz("query", made.query, judge, MALFORMED + WELL_FORMED, count)
    report("query", tally)
    assert tally.accepted == []


def _refusing(findings: Findings) -> None:
    for check in findings.checks:
        if check.verdict is Verdict.BAD:
            raise VerificationError(check.message)


async def test_no_malformed_chain_is_accepted(authority: Tsa, stamp: Stamper, count: int) -> None:
    made = await stamp(authority, DIGEST, authority.ca_pem)
    trusted = load_certificates(authority.ca_pem)
    proof = check_reply(made.reply, DIGEST, trusted=trusted)

    def judge(data: bytes) -> None:
        findings = Findings("exam")
        findings.proved("manifest_timestamp", proof)
        kept = {layout.CHAIN_NAME.value: data, layout.REPLY_NAME.value: made.reply}
        check_cover(Scan(kept=kept), trusted, findings)
        _refusing(findings)

    judge(made.chain_pem)
    plain = tuple(change for change in MALFORMED if change.__name__ not in ("_claim", "_deep"))  # PEM is no DER
    tally = fuzz("chain", made.chain_pem, judge, plain, count)
    report("chain", tally)
    assert tally.accepted == []


def test_no_malformed_list_is_accepted(count: int) -> None:
    """The list of the evidence has a seal of its own; a manifest's changes are told by it and by the time-stamp."""
    entries = golden.all_entries()
    listed = {e.path: e.sha256 for e in entries}
    sealed = manifest.render_sealed(listed)
    digests = {path.value: digest for path, digest in listed.items()}

    def judge_sealed(data: bytes) -> None:
        findings = Findings("exam")
        check_evidence_list(Scan(kept={layout.EVIDENCE_LIST_NAME.value: data}, digests=digests), findings)
        _refusing(findings)

    plain = tuple(change for change in MALFORMED if change.__name__ not in ("_claim", "_deep"))
    tally = fuzz("list of the evidence", sealed, judge_sealed, plain, count)
    report("list of the evidence", tally)
    assert tally.accepted == []
    whole = manifest.render(listed)

    def judge_manifest(data: bytes) -> None:
        findings = Findings("exam")
        read = check_manifest(Scan(kept={manifest.MANIFEST_NAME.value: data}), frozenset(), findings)
        _refusing(findings)
        assert manifest.render(manifest.parse(data)) == data, "one list has one spelling"
        assert read is not None

    report("manifest", fuzz("manifest", whole, judge_manifest, plain, count))
