"""Chains and revocation data over real HTTP, from the demo's authority, whose tokens openssl makes."""

import re
from collections.abc import AsyncIterator

import aiohttp
import aiohttp.web
import pytest
import pytest_asyncio
from cryptography import x509
from yarl import URL

from archiveworker.demo.tsa import RevocationFaultKind, TsaFault
from archiveworker.demo.tsa_server import RunningTsa, TsaOptions, listen, origin, running_tsa
from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.errors import TimestampError
from archiveworker.domain.evidence import Timestamp, Trust
from archiveworker.domain.job import OnError
from archiveworker.domain.revocation import RevocationState
from archiveworker.evidence.revocation import judge
from archiveworker.evidence.revocation_fetch import FetchLimits, RevocationFetcher
from archiveworker.evidence.timestamp import Rfc3161Timestamper, StampOptions
from archiveworker.evidence.timestamp_check import load_certificates
from tests.integration.evidence.conftest import serving
from tests.unit.evidence.pki import make

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.openssl]

DIGEST = Sha256.of(b"made up")
CRL_GONE, OCSP_GONE = RevocationFaultKind.CRL_MISSING, RevocationFaultKind.OCSP_MISSING


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningTsa]:
    async with running_tsa(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningTsa]:
    """An authority that embeds only the signer's certificate."""
    async with running_tsa(tmp_path_factory.mktemp("bare"), TsaOptions(embeds_chain=False)) as running:
        yield running


async def stamped(
    tsa: RunningTsa, *faults: RevocationFaultKind, trusted: bool = True, limits: FetchLimits | None = None,
    needed: OnError = OnError.REPORT, digest: Sha256 | Digest = DIGEST,
) -> Timestamp:  # fmt: skip
    tsa.tsa.faults = [TsaFault(kind) for kind in faults]
    options = StampOptions(fetcher=RevocationFetcher(limits), on_missing_revocation=needed)
    root = tsa.tsa.authority.root_pem.read_bytes() if trusted else None
    async with aiohttp.ClientSession() as session:
        stamper = Rfc3161Timestamper([tsa.url], session=session, trusted_pem=root, options=options)
        return await stamper.stamp(digest)


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("which", ["demo", "bare"])
async def test_chain_and_revocation_data_come_with_the_stamp(
    demo: RunningTsa, bare: RunningTsa, which: str, trusted: bool
) -> None:
    made = await stamped({"demo": demo, "bare": bare}[which], trusted=trusted)
    assert made.revocation is not None
    assert made.revocation.verdict.state is RevocationState.GOOD
    assert (len(made.revocation.crls), len(made.revocation.ocsps), made.revocation.problems) == (2, 2, ())
    chain = load_certificates(made.chain_pem)
    assert [c.subject for c in made.proof.chain] == [c.subject.rfc4514_string() for c in chain]
    assert [c.subject.split(",")[0] for c in made.proof.chain] == [
        "CN=Demo Time-Stamp Authority",
        "CN=Demo Time-Stamp CA",
        "CN=Demo Root CA",
    ]
    assert made.proof.trust is (Trust.CONFIGURED if trusted else Trust.EMBEDDED)
    # Each kind alone is enough, years later.
    at = made.proof.generated_at
    for crls, ocsps in ((made.revocation.crls, ()), ((), made.revocation.ocsps)):
        assert judge(chain, crls, ocsps, at).state is RevocationState.GOOD


@pytest.mark.parametrize("algorithm", list(HashAlgorithm))
async def test_every_digest(demo: RunningTsa, algorithm: HashAlgorithm) -> None:
    digest = Digest(algorithm, algorithm.of(b"made up"))
    made = await stamped(demo, digest=digest)
    assert made.proof.digest == digest
    assert made.proof.accuracy_s == 1


@pytest.mark.parametrize("needed", list(OnError))
async def test_a_revoked_certificate_is_refused_and_named(demo: RunningTsa, needed: OnError) -> None:
    for faults in ([RevocationFaultKind.REVOKED], [RevocationFaultKind.REVOKED, CRL_GONE]):
        with pytest.raises(TimestampError, match=r"CN=Demo Time-Stamp Authority,.*: it was revoked on .*keyCompromise"):
            await stamped(demo, *faults, needed=needed)


FAULTS = {
    "crl missing": ((CRL_GONE,), 0, 2, "CRL for CN=Demo Time-Stamp Authority,.*: HTTP 404"),
    "crl garbage": ((RevocationFaultKind.CRL_GARBAGE,), 0, 2, "CRL for .*: what came cannot be read"),
    "crl of another": ((RevocationFaultKind.CRL_OF_ANOTHER,), 2, 2, None),
    "ocsp missing": ((OCSP_GONE,), 2, 0, "OCSP response for CN=Demo Time-Stamp CA,.*: HTTP 404"),
    "ocsp garbage": ((RevocationFaultKind.OCSP_GARBAGE,), 2, 0, "OCSP response for .*: what came cannot be read"),
}


@pytest.mark.parametrize("case", list(FAULTS))
async def test_one_kind_of_data_is_enough_and_what_is_missing_is_told(demo: RunningTsa, case: str) -> None:
    faults, crls, ocsps, problem = FAULTS[case]
    data = (await stamped(demo, *faults, needed=OnError.FAIL)).revocation
    assert data is not None
    assert (len(data.crls), len(data.ocsps), data.verdict.state) == (crls, ocsps, RevocationState.GOOD)
    assert not data.problems if problem is None else any(re.match(problem, said) for said in data.problems)


async def test_nothing_known_is_a_warning_or_by_choice_an_error(demo: RunningTsa) -> None:
    data = (await stamped(demo, CRL_GONE, OCSP_GONE)).revocation
    assert data is not None
    assert data.verdict.state is RevocationState.UNKNOWN
    assert len(data.problems) == 4
    with pytest.raises(TimestampError, match=r"not known to be good .*there are no revocation data.*HTTP 404"):
        await stamped(demo, CRL_GONE, OCSP_GONE, needed=OnError.FAIL)


async def test_a_list_that_is_too_large_is_left(demo: RunningTsa) -> None:
    data = (await stamped(demo, limits=FetchLimits(max_crl_bytes=100))).revocation
    assert data is not None
    assert data.crls == ()
    assert any("it is larger than 100 bytes" in said for said in data.problems)


async def test_a_chain_that_cannot_be_completed(bare: RunningTsa) -> None:
    gone = RevocationFaultKind.ISSUERS_MISSING
    with pytest.raises(TimestampError, match="its chain ends at CN=Demo Time-Stamp Authority"):
        await stamped(bare, gone)
    data = (await stamped(bare, gone, trusted=False)).revocation
    assert data is not None
    assert data.verdict.state is RevocationState.UNKNOWN
    assert "its issuer is not known" in data.verdict.reason


# Addresses that others wrote.


def pointing_at(address: str) -> list[x509.Certificate]:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(address)], None, None, None)
    root = make("Root", authority=True)
    return [make("Signer", root, extensions=[x509.CRLDistributionPoints([point])]).certificate, root.certificate]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:{port}/x.crl", "not public"),
        ("http://localhost:{port}/x.crl", "not public"),
        ("http://2130706433:{port}/x.crl", "not a plain http"),
        ("http://[::ffff:127.0.0.1]:{port}/x.crl", "not public"),
        ("http://169.254.169.254/latest/meta-data", "not public"),
        ("http://user:word@127.0.0.1:{port}/x.crl", "not a plain http"),
        ("http://[bad/x.crl", "not a plain http"),
    ],
)
async def test_private_addresses_are_not_asked(address: str, reason: str) -> None:
    asked: list[str] = []
    async with serving(lambda _, request: asked.append(request.path) or _never()) as url:
        port = URL(url).port
        fetched = await RevocationFetcher().fetch(pointing_at(address.format(port=port)), URL("http://tsa.example/"))
    assert asked == []
    assert fetched.crls == ()
    (problem,) = fetched.problems
    assert re.search(reason, problem), problem


@pytest.mark.parametrize("address", ["https://127.0.0.1/x.crl", "ldap://127.0.0.1/x", "file:///etc/passwd"])
async def test_only_http_is_asked(address: str) -> None:
    fetched = await RevocationFetcher().fetch(pointing_at(address), URL("http://127.0.0.1/"))
    assert (fetched.crls, fetched.problems) == ((), ())


def _never() -> aiohttp.web.Response:
    return aiohttp.web.Response(status=500)


async def test_a_named_host_and_the_authority_itself_may_be_private(demo: RunningTsa) -> None:
    chain = load_certificates(demo.tsa.authority.chain_pem.read_bytes())
    elsewhere, here = URL("https://tsa.example/"), URL(demo.url)
    demo.tsa.faults = []
    assert (await RevocationFetcher().fetch(chain, elsewhere)).crls == ()
    named = FetchLimits(private_hosts=frozenset({"127.0.0.1"}))
    assert len((await RevocationFetcher(named).fetch(chain, elsewhere)).crls) == 2
    assert len((await RevocationFetcher().fetch(chain, here)).crls) == 2


async def test_redirects_are_not_followed() -> None:
    async def redirect(_: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(status=302, headers={"Location": "http://127.0.0.1:1/x.crl"})

    app = aiohttp.web.Application()
    app.router.add_get("/x.crl", redirect)
    listener = listen("127.0.0.1", 0)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.SockSite(runner, listener).start()
    here = origin(listener)
    fetched = await RevocationFetcher().fetch(pointing_at(f"{here}/x.crl"), URL(here))
    await runner.cleanup()
    assert fetched.problems == ("CRL for CN=Signer: HTTP 302",)
