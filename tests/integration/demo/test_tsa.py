"""The demo TSA with the real openssl on both sides, and the whole demo server around it."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from archiveworker.demo.server import DemoOptions, DemoServer
from archiveworker.demo.tsa import TsaFault, TsaFaultKind, with_other_digest
from archiveworker.demo.tsa_server import TsaOptions
from archiveworker.runtime import process
from archiveworker.runtime.clock import SystemClock

pytestmark = [
    pytest.mark.openssl,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[DemoServer]:
    async with DemoServer(DemoOptions(workdir=tmp_path / "demo")) as server:
        yield server


async def _openssl(*arguments: str | Path) -> str:
    done = await process.run(["openssl", "ts", *map(str, arguments)], timeout_s=20)
    return (done.stdout + done.stderr).decode()


async def _stamp(demo: DemoServer, folder: Path, *, digest: str = "sha256", expect: int = 200) -> tuple[Path, bytes]:
    data, query = folder / "data", folder / "data.tsq"
    data.write_bytes(b"some archive")
    await _openssl("-query", "-data", data, f"-{digest}", "-cert", "-out", query)
    headers = {"Content-Type": "application/timestamp-query"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(demo.tsa_url, data=query.read_bytes(), headers=headers) as response,
    ):
        assert response.status == expect
        if expect == 200:
            assert response.content_type in ("application/timestamp-reply", "text/html")
        reply = await response.read()
    (folder / "data.tsr").write_bytes(reply)
    return data, reply


async def _verify(demo: DemoServer, folder: Path, *more: str) -> str:
    ca, chain = demo.authority.root_pem, demo.authority.tsa_pem
    reply, data = folder / "data.tsr", folder / "data"
    return await _openssl("-verify", "-in", reply, "-data", data, "-CAfile", ca, "-untrusted", chain, *more)


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
async def test_openssl_verifies_a_token(demo: DemoServer, tmp_path: Path, digest: str) -> None:
    data, _ = await _stamp(demo, tmp_path, digest=digest)
    assert "Verification: OK" in await _verify(demo, tmp_path)
    text = await _openssl("-reply", "-in", tmp_path / "data.tsr", "-text")
    assert "Policy OID: 1.3.6.1.4.1.13762.3" in text
    data.write_bytes(b"some archivE")
    assert "Verification: FAILED" in await _verify(demo, tmp_path)


async def test_tokens_asked_for_at_once_have_different_serial_numbers(demo: DemoServer, tmp_path: Path) -> None:
    folders = [tmp_path / str(i) for i in range(6)]
    for folder in folders:
        folder.mkdir()
    await asyncio.gather(*(_stamp(demo, folder) for folder in folders))
    texts = [await _openssl("-reply", "-in", folder / "data.tsr", "-text") for folder in folders]
    serials = {line for text in texts for line in text.splitlines() if line.startswith("Serial number:")}
    assert len(serials) == 6
    assert demo.tsa.replies == 6


async def test_sha1_is_rejected(demo: DemoServer, tmp_path: Path) -> None:
    await _stamp(demo, tmp_path, digest="sha1")
    assert "Status: Rejected." in await _openssl("-reply", "-in", tmp_path / "data.tsr", "-text")


async def test_rejection_on_order_once(demo: DemoServer, tmp_path: Path) -> None:
    demo.tsa.faults.append(TsaFault(TsaFaultKind.REJECTION, times=1))
    await _stamp(demo, tmp_path)
    assert "Status: Rejected." in await _openssl("-reply", "-in", tmp_path / "data.tsr", "-text")
    await _stamp(demo, tmp_path)
    assert "Verification: OK" in await _verify(demo, tmp_path)


async def test_a_stamp_over_other_bytes_fails(demo: DemoServer, tmp_path: Path) -> None:
    demo.tsa.faults.append(TsaFault(TsaFaultKind.WRONG_DIGEST, times=1))
    await _stamp(demo, tmp_path)
    answer = await _verify(demo, tmp_path)
    assert "Verification: FAILED" in answer
    assert "message imprint mismatch" in answer


async def test_other_faults(demo: DemoServer, tmp_path: Path) -> None:
    demo.tsa.faults += [TsaFault(TsaFaultKind.HTTP_500, times=1), TsaFault(TsaFaultKind.SLOW, times=1, seconds=0.01)]
    await _stamp(demo, tmp_path, expect=500)
    demo.tsa.faults += [TsaFault(TsaFaultKind.GARBAGE, times=1)]
    _, reply = await _stamp(demo, tmp_path)
    assert b"not a reply" in reply
    async with aiohttp.ClientSession() as session, session.post(demo.tsa_url, data=b"x") as response:
        assert response.status == 415


async def test_an_expired_certificate_holds_only_at_the_time_of_the_stamp(tmp_path: Path) -> None:
    now = SystemClock().now()
    past = DemoOptions(
        tsa=TsaOptions(valid_from=now - timedelta(days=30), valid_until=now - timedelta(days=1)),
        workdir=tmp_path / "demo",
    )
    async with DemoServer(past) as demo:
        await _stamp(demo, tmp_path)
        assert "certificate has expired" in await _verify(demo, tmp_path)
        at = str(int((now - timedelta(days=2)).timestamp()))
        assert "Verification: OK" in await _verify(demo, tmp_path, "-attime", at)


async def test_certificates_and_revocations_are_served(demo: DemoServer) -> None:
    async with aiohttp.ClientSession() as session:
        for name in ("root.pem", "tsa.pem", "chain.pem"):
            async with session.get(demo.tsa_url + name) as response:
                assert (await response.read()).startswith(b"-----BEGIN ")
        for name in ("root.crl", "ca.crl", "root.der", "ca.der"):
            async with session.get(demo.tsa_url + name) as response:
                assert (await response.read()).startswith(b"\x30\x82")
    assert demo.authority.key_pem.stat().st_mode & 0o077 == 0


async def test_everything_is_gone_afterwards() -> None:
    async with DemoServer() as demo:
        workdir = demo.workdir
        assert workdir.is_dir()
    assert not workdir.exists()
    with pytest.raises(RuntimeError, match="the demo server does not run"):
        _ = DemoServer(DemoOptions(workdir=workdir)).tsa


def test_only_a_query_has_a_digest() -> None:
    with pytest.raises(ValueError, match="no TimeStampReq"):
        with_other_digest(b"\x30")
    assert hashlib.sha256(b"").digest_size == 32
