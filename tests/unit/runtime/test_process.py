"""The one runner of child processes."""

import asyncio
import sys
from pathlib import Path

import pytest

from archiveworker.domain.errors import ToolError, ToolTimeoutError
from archiveworker.runtime import process


async def test_output_and_exit_status_come_back() -> None:
    done = await process.run(
        [sys.executable, "-c", "import sys; print(sys.stdin.read()); sys.exit(3)"], timeout_s=30, stdin=b"hi"
    )
    assert (done.returncode, done.stdout.strip()) == (3, b"hi")


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_child_that_takes_too_long_is_gone_with_its_own_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = "import os,sys,time\nos.fork()\nopen(sys.argv[1],'a').write(f'{os.getpid()}\\n')\ntime.sleep(600)"
    with pytest.raises(ToolTimeoutError, match="took longer than 2 s and was killed"):
        await process.run([sys.executable, "-c", script, str(pids)], timeout_s=2)
    family = [int(line) for line in pids.read_text().split()]
    assert len(family) == 2
    async with asyncio.timeout(10):
        while any(_lives(pid) for pid in family):
            await asyncio.sleep(0.01)


async def test_a_missing_program_is_named() -> None:
    with pytest.raises(ToolError, match="no-such-program cannot be run"):
        await process.run(["no-such-program"], timeout_s=1)
