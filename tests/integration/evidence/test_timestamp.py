"""Asking for time-stamps: every way in which an authority can be wrong, over real HTTP with real tokens."""

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from rfc3161_client import decode_timestamp_response
from structlog.testing import capture_logs

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import SettingsError, TimestampError, VerificationError
from archiveworker.domain.evidence import Timestamp, Trust
from archiveworker.domain.secret import Secret
from archiveworker.evidence import cms
from archiveworker.evidence.timestamp import Rfc3161Timestamper, StampOptions
from archiveworker.evidence.timestamp_check import chain_pem, check_query, check_reply, load_certificates
from tests.integration.evidence.conftest import Stamper, answering, serving
from tests.integration.evidence.tsa_kit import POLICY, Tsa, der, integer, make_tsa, openssl

pytestmark = pytest.mark.openssl

DIGEST = Sha256.of(b"made up")
REFUSED = der(0x30, der(0x30, integer(2), der(0x30, der(0x0C, b"no such policy"))))


async def test_a_token_is_proved_on_receipt(tsa: Tsa, stamp: Stamper) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    made = await stamp(tsa, DIGEST, tsa.ca_pem)
    assert made.proof.digest == DIGEST
    assert before <= made.proof.generated_at <= datetime.now(UTC)
    assert made.proof.policy_oid == POLICY
    assert made.proof.tsa_name == "CN=Test TSA,O=Example"
    assert made.proof.trust is Trust.CONFIGURED
    assert made.proof.serial_number >= 1


async def test_openssl_agrees(tsa: Tsa, stamp: Stamper, tmp_path: Path) -> None:
    made = await stamp(tsa, DIGEST, tsa.ca_pem)
    write(tmp_path, made)
    (tmp_path / "data").write_bytes(b"made up")
    checked = ["ts", "-verify", "-in", "x.tsr", "-CAfile", "chain.pem", "-untrusted", "chain.pem"]
    assert "Verification: OK" in openssl(*checked, "-queryfile", "x.tsq", cwd=tmp_path)
    assert "Verification: OK" in openssl(*checked, "-data", "data", cwd=tmp_path)
    text = openssl("ts", "-query", "-in", "x.tsq", "-text", cwd=tmp_path)
    assert "Hash Algorithm: sha256" in text
    assert "Certificate required: yes" in text
    assert "Nonce: 0x" in text


@pytest.mark.parametrize("key_type", ["rsa", "ec"])
@pytest.mark.parametrize("intermediate", [False, True])
@pytest.mark.parametrize("embed_root", [False, True])
async def test_every_form_of_chain(
    tmp_path: Path, stamp: Stamper, key_type: str, intermediate: bool, embed_root: bool
) -> None:
    tsa = make_tsa(tmp_path / "tsa", key_type=key_type, intermediate=intermediate, embed_root=embed_root)
    trusted = await stamp(tsa, DIGEST, tsa.ca_pem)
    subjects = [c.subject.rfc4514_string() for c in x509.load_pem_x509_certificates(trusted.chain_pem)]
    middle = ["CN=Test Intermediate,O=Example"] if intermediate else []
    assert subjects == ["CN=Test TSA,O=Example", *middle, "CN=Test Root,O=Example"]

    alone = await stamp(tsa, DIGEST, None)
    assert alone.proof.trust is Trust.EMBEDDED
    count = len(x509.load_pem_x509_certificates(alone.chain_pem))
    assert count == 1 + intermediate + embed_root


@pytest.mark.parametrize("certificate_id", ["sha1", "sha256", "sha384", "sha512"])
async def test_every_way_to_name_the_signer(tmp_path: Path, stamp: Stamper, certificate_id: str) -> None:
    tsa = make_tsa(tmp_path / "tsa", certificate_id=certificate_id)
    assert (await stamp(tsa, DIGEST, tsa.ca_pem)).proof.trust is Trust.CONFIGURED


def test_a_token_that_names_another_signer_is_refused(tmp_path: Path, tsa: Tsa) -> None:
    """Same name, serial number and key, another certificate: only the digest in the token tells them apart."""
    reply = tsa.reply_at(DIGEST.raw, now(), nonce=None)
    signer = x509.load_pem_x509_certificate((tsa.folder / "tsa.crt").read_bytes())
    twin = tsa.twin_of_signer()
    assert (twin.serial_number, twin.issuer, twin.public_key()) == (
        signer.serial_number,
        signer.issuer,
        signer.public_key(),
    )
    token = cms.parse_token(decode_timestamp_response(reply).time_stamp_token())
    cms.check_certificate_id(token, signer)
    cms.check_signature(token, twin)
    with pytest.raises(ValueError, match="names another signing certificate"):
        cms.check_certificate_id(token, twin)


async def test_an_embedded_root_of_a_stranger_is_not_believed(tsa: Tsa, long_tsa: Tsa, stamp: Stamper) -> None:
    with pytest.raises(TimestampError, match=r"certificate"):
        await stamp(long_tsa, DIGEST, tsa.ca_pem)


async def test_nonces_are_minimal_and_new(tsa: Tsa, session: aiohttp.ClientSession) -> None:
    queries: list[bytes] = []

    def answer(query: bytes, _: web.Request) -> web.Response:
        queries.append(query)
        return answering(b"", "text/plain")

    async with serving(answer) as url:
        stamper = Rfc3161Timestamper([url], session=session, trusted_pem=None, options=StampOptions(timeout_s=5))
        for _ in range(600):
            with pytest.raises(TimestampError, match="text/plain"):
                await stamper.stamp(DIGEST)
    nonces = [q[q.index(DIGEST.raw) + 32 :] for q in queries]
    assert len(set(nonces)) == 600
    for nonce in nonces:
        assert nonce[0] == 0x02
        assert nonce[2] < 0x80
        assert nonce[2] != 0 or nonce[3] >= 0x80
    assert tsa.reply(queries[0])


FAULTS: dict[str, tuple[Callable[[Tsa, bytes], web.Response], str]] = {
    "another digest": (lambda t, _: answering(t.reply_at(b"x" * 32, now(), nonce=1)), "another digest was stamped"),
    "another nonce": (lambda t, _: answering(t.reply_at(DIGEST.raw, now(), nonce=1)), "the nonce is not the one"),
    "no nonce": (lambda t, _: answering(t.reply_at(DIGEST.raw, now(), nonce=None)), "the nonce is not the one"),
    "no certificate": (lambda t, _: answering(t.reply_at(DIGEST.raw, now(), nonce=None, embed=False)), "does not hold"),
    "refused": (lambda *_: answering(REFUSED), r"not granted: status rejection \(no such policy\)"),
    "granted, but empty": (lambda *_: answering(der(0x30, der(0x30, integer(0)))), "holds none"),
    "junk": (lambda *_: answering(b"junk"), "not a time-stamp reply in DER"),
    "empty": (lambda *_: answering(b""), "not a time-stamp reply in DER"),
    "junk behind": (lambda t, q: answering(t.reply(q) + b"x"), "not a time-stamp reply in DER"),
    "cut off": (lambda t, q: answering(t.reply(q)[:-9]), "not a time-stamp reply in DER"),
    "signature": (lambda t, q: answering(flipped(t.reply(q))), "does not hold"),
    "a web page": (lambda t, q: answering(t.reply(q), "text/html"), "answered 'text/html' instead of"),
    "500": (lambda *_: web.Response(status=500), "HTTP 500"),
    "401": (lambda *_: web.Response(status=401), "HTTP 401; check the user name and password"),
    "a redirect": (lambda *_: web.Response(status=302, headers={"Location": "/other"}), "redirect"),
    "too large": (lambda *_: answering(bytes(1024**2 + 1)), "larger than 1048576 bytes"),
}  # fmt: skip


def now() -> datetime:
    return datetime.now(UTC)


def flipped(reply: bytes) -> bytes:
    """The signature stands at the very end of the reply."""
    return reply[:-5] + bytes([reply[-5] ^ 1]) + reply[-4:]


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_the_next_authority_is_asked(tsa: Tsa, session: aiohttp.ClientSession, fault: str) -> None:
    answer, reason = FAULTS[fault]
    async with (
        serving(lambda query, _: answer(tsa, query)) as wrong,
        serving(lambda query, _: answering(tsa.reply(query))) as right,
    ):
        both = Rfc3161Timestamper(
            [wrong, right], session=session, trusted_pem=tsa.ca_pem, options=StampOptions(timeout_s=30)
        )
        assert (await both.stamp(DIGEST)).tsa_url == right
        alone = Rfc3161Timestamper([wrong], session=session, trusted_pem=tsa.ca_pem, options=StampOptions(timeout_s=30))
        with pytest.raises(TimestampError, match=reason):
            await alone.stamp(DIGEST)


async def test_a_slow_authority_is_given_up(session: aiohttp.ClientSession) -> None:
    async def answer(_: bytes, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/timestamp-reply"})
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    async with serving(answer) as url:
        stamper = Rfc3161Timestamper([url], session=session, trusted_pem=None, options=StampOptions(timeout_s=0.3))
        with pytest.raises(TimestampError, match=r"no answer within 0\.3 s"):
            await stamper.stamp(DIGEST)


async def test_an_authority_that_is_down_is_named(session: aiohttp.ClientSession) -> None:
    stamper = Rfc3161Timestamper(
        ["http://127.0.0.1:9/tsa"], session=session, trusted_pem=None, options=StampOptions(timeout_s=5)
    )
    with pytest.raises(TimestampError, match=r"http://127\.0\.0\.1:9/tsa: the request failed \(Connect"):
        await stamper.stamp(DIGEST)


async def test_credentials_are_sent_and_never_shown(tsa: Tsa, session: aiohttp.ClientSession) -> None:
    seen: list[str | None] = []

    def answer(query: bytes, request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=500) if len(seen) == 1 else answering(tsa.reply(query))

    async with serving(answer) as url:
        secret = url.replace("http://", "http://zoe:p%40ss-word@") + "?key=api-key"
        stamper = Rfc3161Timestamper(
            [Secret(secret)], session=session, trusted_pem=None, options=StampOptions(timeout_s=30)
        )
        with capture_logs() as logs, pytest.raises(TimestampError, match="HTTP 500") as failure:
            await stamper.stamp(DIGEST)
        made = await stamper.stamp(DIGEST)
    assert seen == ["Basic " + base64.b64encode(b"zoe:p@ss-word").decode()] * 2
    assert made.tsa_url == url
    for shown in (str(failure.value), repr(logs), repr(made), repr(stamper._authorities)):
        assert not any(word in shown for word in ("zoe", "ss-word", "api-key"))


@pytest.mark.parametrize("url", ["", "tsa.example", "ftp://tsa.example", "http://", "http://zoe:secret@[bad"])
async def test_a_bad_url_is_an_error_of_the_settings(session: aiohttp.ClientSession, url: str) -> None:
    with pytest.raises(SettingsError, match="authority number 2 must be") as failure:
        Rfc3161Timestamper(
            ["http://tsa.example", url], session=session, trusted_pem=None, options=StampOptions(timeout_s=5)
        )
    assert "secret" not in str(failure.value)


async def test_settings_without_authority_or_with_bad_certificates(session: aiohttp.ClientSession) -> None:
    with pytest.raises(SettingsError, match="at least one"):
        Rfc3161Timestamper([], session=session, trusted_pem=None, options=StampOptions(timeout_s=5))
    with pytest.raises(SettingsError, match="must be PEM"):
        Rfc3161Timestamper(
            ["http://tsa.example"], session=session, trusted_pem=b"junk", options=StampOptions(timeout_s=5)
        )


@pytest.mark.parametrize("embed_root", [False, True])
@pytest.mark.parametrize("trusted", [False, True])
def test_a_token_outlives_its_certificate(tmp_path: Path, embed_root: bool, trusted: bool) -> None:
    start = now() - timedelta(days=30)
    tsa = make_tsa(tmp_path / "old", valid=(start, start + timedelta(days=10)), embed_root=embed_root)
    roots = load_certificates(tsa.ca_pem) if trusted else ()
    moment = (start + timedelta(days=5)).replace(microsecond=0)
    reply = tsa.reply_at(DIGEST.raw, moment, nonce=None)
    assert check_reply(reply, DIGEST, trusted=roots).generated_at == moment
    late = tsa.reply_at(DIGEST.raw, now(), nonce=None)
    with pytest.raises(VerificationError, match=r"expired|not valid at the time"):
        check_reply(late, DIGEST, trusted=roots)


@pytest.mark.parametrize("embed_root", [False, True])
@pytest.mark.parametrize("flaw", ["purpose", "critical"])
def test_a_certificate_for_something_else_is_refused(tmp_path: Path, embed_root: bool, flaw: str) -> None:
    tsa = make_tsa(tmp_path / "odd", embed_root=embed_root, purpose=flaw != "purpose", critical=flaw != "critical")
    reply = tsa.reply_at(DIGEST.raw, now(), nonce=None)
    for roots in ((), load_certificates(tsa.ca_pem)):
        with pytest.raises(VerificationError, match="does not hold"):
            check_reply(reply, DIGEST, trusted=roots)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
async def test_damage_to_a_reply_never_passes_for_another_stamp(long_tsa: Tsa, stamp: Stamper) -> None:
    """What may change unnoticed (the order of certificates, text beside the status) must not change what is proved."""
    made = await stamp(long_tsa, DIGEST, long_tsa.ca_pem)
    roots = load_certificates(long_tsa.ca_pem)
    refused = 0
    for at in range(len(made.reply)):
        for mask in (0x01, 0x80, 0xFF):
            changed = bytearray(made.reply)
            changed[at] ^= mask
            try:
                assert check_reply(bytes(changed), DIGEST, trusted=roots) == made.proof
            except VerificationError:
                refused += 1
    assert refused > len(made.reply)


async def test_a_query_of_another_stamp_is_refused(tsa: Tsa, stamp: Stamper) -> None:
    first, second = await stamp(tsa, DIGEST, None), await stamp(tsa, DIGEST, None)
    check_query(first.query, DIGEST, first.reply)
    with pytest.raises(VerificationError, match="not the one"):
        check_query(first.query, DIGEST, second.reply)


async def test_a_query_made_by_openssl_is_accepted(tsa: Tsa, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"made up")
    openssl("ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "q.tsq", cwd=tmp_path)
    query = (tmp_path / "q.tsq").read_bytes()
    check_query(query, DIGEST, tsa.reply(query))


def test_certificates_of_a_refusal_cannot_be_read() -> None:
    with pytest.raises(VerificationError, match="not granted"):
        chain_pem(REFUSED)


def write(folder: Path, made: Timestamp) -> None:
    (folder / "x.tsq").write_bytes(made.query)
    (folder / "x.tsr").write_bytes(made.reply)
    (folder / "chain.pem").write_bytes(made.chain_pem)
