"""A whole job in a place like a container (tests/fakes/box.py says what is in it), with Chromium's sandbox on."""

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from archiveworker.runtime.process import run
from tests.fakes import box, seccomp
from tests.fakes.box import Box
from tests.tools.write_seccomp_profile import TARGET

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.chromium, pytest.mark.slow]

LIMIT_S = 1500


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walled() -> AsyncIterator[Box]:
    async with box.open_box() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(walled: Box) -> dict[str, Any]:
    """What happened in there."""
    program = seccomp.compiled(json.loads(TARGET.read_text(encoding="utf-8")))
    argv = [sys.executable, "-m", "tests.fakes.boxed_job", str(box.DATA)]
    done = await walled.run(argv, program, limit_s=LIMIT_S)
    log = walled.data / "worker" / "worker.log"
    assert done.returncode == 0, (done.stderr.decode()[-3000:], log.exists() and log.read_text()[-3000:])
    return dict(json.loads(done.stdout))


async def test_it_was_a_box(seen: dict[str, Any], walled: Box, capsys: pytest.CaptureFixture[str]) -> None:
    assert seen["user_id"] == box.USER_ID
    assert seen["written"] == []
    assert seen["interfaces"] == ["lo"]
    assert seen["processes"] < 100, "processes of the machine are seen"
    worker = seen["worker"]
    assert worker["capabilities"] == 0
    assert worker["is_bound"]
    assert worker["filters"] == 1
    peak = walled.peak_bytes()
    how = "each process (rlimit)" if walled.group is None else "all together (cgroup)"
    with capsys.disabled():
        sys.stdout.write(f"\nbox: memory of {how} limited to 4 GiB, at most {(peak or 0) / 1024**2:.0f} MiB held\n")
    assert peak is None or 100 * 1024**2 < peak <= box.MEMORY_BYTES


async def test_the_job_finished(seen: dict[str, Any]) -> None:
    assert seen["view"]["state"] == "FINISHED", seen["view"]


async def test_the_sandbox_was_on(seen: dict[str, Any]) -> None:
    worker = seen["worker"]
    assert seen["renderers"], "no page was ever seen to be parsed"
    for lock in seen["renderers"]:
        assert lock["namespace_depth"] > worker["namespace_depth"]
        assert lock["filters"] > worker["filters"]
        assert lock["capabilities"] == 0


async def test_nobody_looks_into_the_worker(seen: dict[str, Any]) -> None:
    assert seen["memory_is_shown"] is False
    assert seen["core_limit"] == "0"


async def test_the_archive_is_whole(seen: dict[str, Any], walled: Box) -> None:
    archive, root = walled.data / "archive.tar.gz", walled.data / "root.pem"
    verify = [sys.executable, "-m", "archiveworker", "verify", str(archive), "--ca", str(root)]
    done = await run(verify, timeout_s=120)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
