"""The receiver of docs/howto/deliver-elsewhere.md, run as it stands there, and its commands."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from archiveworker.delivery.form import signature
from archiveworker.delivery.webhook import WebhookOptions, WebhookTarget
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import DeliveryError
from archiveworker.domain.secret import Secret
from tests.contract.delivery.conftest import JOB, OTHER_JOB, contents
from tests.fakes.receiver import SECRET
from tests.fakes.worker import free_port

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "deliver-elsewhere.md"


class YesterdaysClock:
    """A machine whose clock is a day late."""

    def now(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=1)

    def monotonic_s(self) -> float:
        return 0.0


def block(language: str) -> str:
    """Return the one block of code in this language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return str(found)


@pytest_asyncio.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    folder = tmp_path / "received"
    folder.mkdir()
    port = free_port()
    env = {**os.environ, "SECRET": SECRET, "FOLDER": str(folder), "PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", block("python"), env=env, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert b"Running on" in await process.stdout.readline()
    yield f"http://127.0.0.1:{port}/exams", folder
    process.terminate()
    await process.wait()


def with_digest(parcel: Parcel) -> Parcel:
    """Give the parcel the ``.sha256`` that real ones have."""
    line = f"{parcel.archive.sha256}  {parcel.archive.name}\n"
    parcel.companions[0].write_text(line, encoding="utf-8")
    return parcel


async def test_the_receiver_receives(receiver: tuple[str, Path], parcel: Parcel) -> None:
    url, folder = receiver
    target = WebhookTarget("records", WebhookOptions(Secret(url), Secret(SECRET), stall_limit_s=30))
    for job_id in (JOB, JOB, OTHER_JOB):
        await target.deliver(with_digest(parcel), job_id)
    keys = {f"{job_id}-{parcel.archive.sha256[:16]}" for job_id in (JOB, OTHER_JOB)}
    assert {one.name for one in folder.iterdir()} == keys, "one folder an archive and job, nothing half"
    whole = folder / f"{JOB}-{parcel.archive.sha256[:16]}"
    stored = {file.name: file.read_bytes() for file in whole.iterdir()}
    assert set(stored) - set(contents(parcel)) == {"parcel.json", "signed-at"}
    assert {name: stored[name] for name in contents(parcel)} == contents(parcel)


async def test_the_commands_check_what_was_received(receiver: tuple[str, Path], parcel: Parcel) -> None:
    """openssl comes to the signature that the worker makes."""
    url, folder = receiver
    options = WebhookOptions(Secret(url), Secret(SECRET), stall_limit_s=30)
    await WebhookTarget("records", options).deliver(with_digest(parcel), JOB)
    (whole,) = folder.iterdir()
    done = subprocess.run(
        ["sh", "-c", block("sh")],
        cwd=whole,
        env={**os.environ, "SECRET": SECRET},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    first, second = done.stdout.splitlines()
    at = int((whole / "signed-at").read_text())
    assert f"v1={first.split()[0]}" == signature(Secret(SECRET), at, (whole / "parcel.json").read_bytes())
    assert second == f"{parcel.archive.name}: OK"


async def test_the_receiver_refuses_another_secret_and_an_old_signature(
    receiver: tuple[str, Path], parcel: Parcel
) -> None:
    url, folder = receiver
    options = WebhookOptions(Secret(url), Secret(SECRET), stall_limit_s=30)
    with pytest.raises(DeliveryError, match=r"HTTP 403 \(the signature is wrong, or too old\)"):
        await WebhookTarget("records", replace(options, secret=Secret(SECRET + "x"))).deliver(parcel, JOB)
    with pytest.raises(DeliveryError, match=r"HTTP 403 \(the signature is wrong, or too old\)"):
        await WebhookTarget("records", options, YesterdaysClock()).deliver(parcel, JOB)
    assert list(folder.iterdir()) == []
