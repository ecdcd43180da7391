"""A webhook and a receiver that does what it should not."""

import asyncio
import hashlib
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from archiveworker.delivery.webhook import WebhookOptions, WebhookTarget
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import DeliveryError, DeliveryUnavailableError, Retry
from archiveworker.domain.job import FinishedArchive
from archiveworker.domain.secret import Secret
from tests.contract.delivery.conftest import JOB, contents
from tests.fakes.receiver import PATH, SECRET, Fault, receiving
from tests.integration.delivery.conftest import webhook

LATER = {
    Fault.ERROR_500: r"answered with HTTP 500 \(the database is locked\); look at the receiver's error log",
    Fault.BUSY_429: "answered with HTTP 429; look at",
    Fault.CUT: "did not take the archive: the connection broke; check that it is up",
    Fault.STANDS_STILL: "did not take the archive: it took too long",
    Fault.SILENT: "did not take the archive: it took too long",
}
NEVER = {
    Fault.FORBIDDEN_403: r"answered with HTTP 403 \(the database is locked\); .* compare the secrets and the clocks",
    Fault.TOO_LARGE_413: "answered with HTTP 413; the archive is larger than the receiver takes; raise its limit",
    Fault.REDIRECT: "answered with HTTP 307; redirects are not followed",
    Fault.EARLY_200: "answered with HTTP 200 before it had the whole archive",
    Fault.HUGE_ANSWER: r"answered with HTTP 400 \(x{200}\); look at",
    Fault.ECHO: r"answered with HTTP 400 \(not with \*\*\* \[31mhttp://127.0.0.1:\d+/in/",
}


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
async def test_what_a_receiver_does_wrong_is_told(fault: Fault, parcel: Parcel) -> None:
    async with receiving() as receiver:
        receiver.faults = [fault]
        target = webhook(receiver, stall_limit_s=1 if fault in (Fault.STANDS_STILL, Fault.SILENT) else 20)
        with pytest.raises(DeliveryError, match=(LATER | NEVER)[fault]) as caught:
            await target.deliver(parcel, JOB)
        assert caught.value.retry is (Retry.LATER if fault in LATER else Retry.NEVER)
        assert receiver.asked == [PATH], "asked once, and nobody else"
        assert receiver.stored == {}
        if isinstance(caught.value, DeliveryUnavailableError):
            assert caught.value.retry_after_s == (1 if fault is Fault.BUSY_429 else None)
        assert SECRET not in str(caught.value)
        await webhook(receiver).deliver(parcel, JOB)
        assert list(receiver.stored.values()) == [contents(parcel)], "the next try gets through"


async def test_a_slow_receiver_that_moves_is_waited_for(tmp_path: Path) -> None:
    """All in all it takes longer than the limit on standing still; what the kernel buffers at the end does not."""
    size_bytes, limit_s = 40_000_000, 4
    file = tmp_path / "archive.tar.gz"
    file.write_bytes(bytes(size_bytes))
    digest = hashlib.sha256(bytes(size_bytes)).hexdigest()
    async with await asyncio.start_server(_slowly, "127.0.0.1", 0) as server:
        url = Secret(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        target = WebhookTarget("slow", WebhookOptions(url, Secret(SECRET), stall_limit_s=limit_s))
        began_s = asyncio.get_running_loop().time()
        await target.deliver(Parcel(FinishedArchive("exam.tar.gz", file.name, digest, size_bytes), file), JOB)
        assert asyncio.get_running_loop().time() - began_s > limit_s


async def _slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a request in bites."""
    head = await reader.readuntil(b"\r\n\r\n")
    left = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1])
    while left:
        left -= len(await reader.readexactly(min(left, 2_000_000)))
        await asyncio.sleep(0.25)  # the server is what is slow here
    writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


async def test_another_secret_is_refused_before_anything_is_read(parcel: Parcel) -> None:
    async with receiving() as receiver:
        target = WebhookTarget("records", WebhookOptions(Secret(receiver.url), Secret(SECRET + "x"), None, 5))
        with pytest.raises(DeliveryError, match=r"HTTP 403 \(the signature is wrong\); the receiver does not accept"):
            await target.deliver(parcel, JOB)
        assert receiver.refused == ["the signature is wrong"]


async def test_tls_is_checked_and_a_ca_can_be_named(parcel: Parcel, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=receiver", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    make = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *subject]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with receiving(tls=context) as receiver:
        with pytest.raises(
            DeliveryError, match="TLS certificate is not trusted; set ARCHIVEWORKER_CA_BUNDLE"
        ) as caught:
            await webhook(receiver).deliver(parcel, JOB)
        assert caught.value.retry is Retry.NEVER
        assert receiver.asked == []
        target = webhook(receiver, ca_bundle=certificate)
        await target.deliver(parcel, JOB)
        assert list(receiver.stored.values()) == [contents(parcel)]
        assert await target.check() == (receiver.url.removesuffix(PATH) + " answers", "")


async def test_doctor_s_look(parcel: Parcel) -> None:
    async with receiving() as receiver:
        wrong = WebhookOptions(Secret(receiver.url.replace("/in/", "/out/")), Secret(SECRET))
        with pytest.raises(DeliveryError, match="answers with HTTP 404; there is nothing at this address"):
            await WebhookTarget("records", wrong).check()
        redirecting = replace(wrong, url=Secret(receiver.url.replace(PATH, "/elsewhere")))
        assert (await WebhookTarget("records", redirecting).check())[0].endswith("answers")
        assert receiver.asked == ["/elsewhere"]


async def test_every_try_is_signed_anew_under_one_key(parcel: Parcel) -> None:
    """Headers of two tries: the same key; the signature says when."""
    seen: list[dict[str, str]] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.append(dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line))
        writer.write(b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        while await reader.read(64 * 1024):
            pass
        writer.close()

    async with await asyncio.start_server(note, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        target = WebhookTarget("records", WebhookOptions(Secret(url), Secret(SECRET), stall_limit_s=5))
        for _ in range(2):
            with pytest.raises(DeliveryUnavailableError, match="HTTP 503"):
                await target.deliver(parcel, JOB)
    first, second = seen
    assert first["Idempotency-Key"] == second["Idempotency-Key"] == f"{JOB}-{parcel.archive.sha256[:16]}"
    assert first["Archiveworker-Signature"].startswith("v1=")
    assert abs(int(first["Archiveworker-Timestamp"]) - int(second["Archiveworker-Timestamp"])) < 60
    assert int(first["Content-Length"]) > parcel.archive.size_bytes
