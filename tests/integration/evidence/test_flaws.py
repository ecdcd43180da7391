"""The first thing that is wrong with a time-stamp is named, by a type and in words."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.errors import SettingsError, TimestampError, TimestampFlaw, TimestampRefusedError
from archiveworker.evidence.timestamp import Rfc3161Timestamper, StampOptions
from archiveworker.evidence.timestamp_check import check_query, check_reply, imprint_algorithm, load_certificates
from archiveworker.evidence.timestamp_post import AuthorityOptions
from archiveworker.runtime.http import ClientCertificate
from tests.integration.evidence.conftest import answering, serving
from tests.integration.evidence.tsa_kit import POLICY, Tsa, der, integer, make_tsa
from tests.unit.evidence.pki import make

pytestmark = pytest.mark.openssl

DIGEST = Sha256.of(b"made up")
OTHER = Sha256.of(b"other")
SHA512 = Digest(HashAlgorithm.SHA512, HashAlgorithm.SHA512.of(b"made up"))


def now() -> datetime:
    return datetime.now(UTC)


def refusal(bits: bytes) -> bytes:
    """A reply with a text and failInfo, as RFC 3161 2.4.2 has it."""
    return der(0x30, der(0x30, integer(2), der(0x30, der(0x0C, b"ask later")), der(0x03, bits)))


def flipped(reply: bytes) -> bytes:
    """The signature stands at the very end of the reply."""
    return reply[:-5] + bytes([reply[-5] ^ 1]) + reply[-4:]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Tsa]:
    folder = tmp_path_factory.mktemp("odd")
    return lambda name, **form: make_tsa(folder / name, **form)


CASES: dict[TimestampFlaw, tuple[Callable[[Tsa], bytes], str]] = {
    TimestampFlaw.UNREADABLE: (lambda _: b"junk", "not a time-stamp reply in DER"),
    TimestampFlaw.STATUS: (lambda _: refusal(b"\x00\x80"), r"rejection \(ask later; badAlg: the digest's algorithm"),
    TimestampFlaw.DIGEST: (lambda t: t.reply_at(OTHER.raw, now(), nonce=7), "another digest was stamped"),
    TimestampFlaw.NONCE: (lambda t: t.reply_at(DIGEST.raw, now(), nonce=8), "the nonce is not the one"),
    TimestampFlaw.SIGNER: (lambda t: t.reply_at(DIGEST.raw, now(), nonce=7, embed=False), "must embed it"),
    TimestampFlaw.SIGNATURE: (lambda t: flipped(t.reply_at(DIGEST.raw, now(), nonce=7)), "signature"),
    TimestampFlaw.VALIDITY: (lambda t: t.reply_at(DIGEST.raw, now() - timedelta(days=9), nonce=7), "was not yet valid"),
}


@pytest.mark.parametrize("flaw", list(CASES))
def test_each_flaw_is_named(tsa: Tsa, flaw: TimestampFlaw) -> None:
    made, words = CASES[flaw]
    with pytest.raises(TimestampRefusedError, match=words) as refused:
        check_reply(made(tsa), DIGEST, nonce=7, trusted=load_certificates(tsa.ca_pem))
    assert refused.value.flaw is flaw


@pytest.mark.parametrize(
    ("form", "flaw"),
    [({"purpose": False}, TimestampFlaw.PURPOSE), ({"critical": False}, TimestampFlaw.PURPOSE)],
)
def test_a_certificate_for_something_else(odd: Callable[..., Tsa], form: dict[str, bool], flaw: TimestampFlaw) -> None:
    tsa = odd("-".join(form), **form)
    with pytest.raises(TimestampRefusedError, match="not for time-stamping alone") as refused:
        check_reply(tsa.reply_at(DIGEST.raw, now(), nonce=None), DIGEST)
    assert refused.value.flaw is flaw


def test_policy_and_chain(tsa: Tsa) -> None:
    reply = tsa.reply_at(DIGEST.raw, now(), nonce=None)
    assert check_reply(reply, DIGEST, policy_oid=POLICY).policy_oid == POLICY
    with pytest.raises(TimestampRefusedError, match=f"under the policy {POLICY}, not 1.2.3") as refused:
        check_reply(reply, DIGEST, policy_oid="1.2.3")
    assert refused.value.flaw is TimestampFlaw.POLICY
    with pytest.raises(TimestampRefusedError, match="its chain ends at CN=Test TSA.* not a trusted") as refused:
        check_reply(reply, DIGEST, trusted=[make("Stranger", authority=True).certificate])
    assert refused.value.flaw is TimestampFlaw.CHAIN


def test_the_first_of_several_flaws_is_named(tsa: Tsa) -> None:
    """Wrong digest, nonce, policy, signature and time at once."""
    reply = flipped(tsa.reply_at(OTHER.raw, now() - timedelta(days=9), nonce=8))
    for digest, nonce, policy, flaw in (
        (DIGEST, 7, "1.2.3", TimestampFlaw.DIGEST),
        (OTHER, 7, "1.2.3", TimestampFlaw.NONCE),
        (OTHER, 8, "1.2.3", TimestampFlaw.POLICY),
        (OTHER, 8, POLICY, TimestampFlaw.SIGNATURE),
    ):
        with pytest.raises(TimestampRefusedError) as refused:
            check_reply(reply, digest, nonce=nonce, policy_oid=policy)
        assert refused.value.flaw is flaw


@pytest.mark.parametrize("algorithm", list(HashAlgorithm))
def test_the_algorithm_belongs_to_the_digest(tsa: Tsa, algorithm: HashAlgorithm) -> None:
    reply = tsa.reply_at(DIGEST.raw, now(), nonce=None)
    assert imprint_algorithm(reply) is HashAlgorithm.SHA256
    other = Digest(algorithm, algorithm.of(b"made up"))
    if algorithm is HashAlgorithm.SHA256:
        assert check_reply(reply, other).digest == other
        return
    with pytest.raises(TimestampRefusedError, match=f"of the algorithm sha256, expected {algorithm}"):
        check_reply(reply, other)


async def test_a_query_with_a_policy_is_the_one_that_is_answered(tsa: Tsa, session: aiohttp.ClientSession) -> None:
    queries: list[bytes] = []

    def answer(query: bytes, _: web.Request) -> web.Response:
        queries.append(query)
        return answering(tsa.reply(query))

    async with serving(answer) as url:
        asked = [AuthorityOptions(url, policy_oid=POLICY)]
        stamper = Rfc3161Timestamper(asked, session=session, trusted_pem=tsa.ca_pem)
        made = await stamper.stamp(SHA512)
        check_query(made.query, SHA512, made.reply)
        refused = [AuthorityOptions(url, policy_oid="1.2.3")]
        stamper = Rfc3161Timestamper(refused, session=session, trusted_pem=tsa.ca_pem)
        with pytest.raises(TimestampError, match=r"not granted: status rejection \(.*unacceptedPolicy"):
            await stamper.stamp(SHA512)
    assert bytes.fromhex("2b06010401868d1f01") in queries[0]
    with pytest.raises(TimestampRefusedError, match="not the one") as refused_query:
        check_query(queries[1], SHA512, made.reply)
    assert refused_query.value.flaw is TimestampFlaw.QUERY


async def test_as_many_authorities_as_are_asked_for(tsa: Tsa, session: aiohttp.ClientSession) -> None:
    async with (
        serving(lambda query, _: answering(tsa.reply(query))) as good,
        serving(lambda *_: web.Response(status=500)) as bad,
    ):

        def stamper(*urls: str) -> Rfc3161Timestamper:
            return Rfc3161Timestamper(urls, session=session, trusted_pem=None, options=StampOptions(count=2))

        both = await stamper(bad, good, good + "?2").stamp_each(DIGEST)
        assert ([stamp.tsa_url for stamp in both.stamps], both.shortfall) == ([good, good], "")
        one = await stamper(bad, good).stamp_each(DIGEST)
        assert [stamp.tsa_url for stamp in one.stamps] == [good]
        assert one.shortfall == f"1 of 2 time-stamps are missing ({bad}: HTTP 500)"
        with pytest.raises(TimestampError, match="no time-stamp authority gave a token"):
            await stamper(bad, bad).stamp_each(DIGEST)
    with pytest.raises(SettingsError, match="2 time-stamps are asked for, but only 1"):
        stamper("http://tsa.example")


async def test_settings_that_cannot_work(session: aiohttp.ClientSession, tsa: Tsa, tmp_path: Path) -> None:
    def check(options: AuthorityOptions) -> None:
        Rfc3161Timestamper([options], session=session, trusted_pem=None)

    for policy in ("", "x", "1", "3.1", "1.40", "1.-2"):
        with pytest.raises(SettingsError, match="policy of time-stamp authority number 1"):
            check(AuthorityOptions("http://tsa.example", policy_oid=policy))
    identity = ClientCertificate(tsa.folder / "tsa.crt", tmp_path / "none.key")
    with pytest.raises(SettingsError, match="must be https"):
        check(AuthorityOptions("http://tsa.example", identity=identity))
    with pytest.raises(SettingsError, match=r"client certificate .*tsa\.crt cannot be used"):
        check(AuthorityOptions("https://tsa.example", identity=identity))
    check(
        AuthorityOptions(
            "https://tsa.example", identity=ClientCertificate(tsa.folder / "tsa.crt", tsa.folder / "tsa.key")
        )
    )
