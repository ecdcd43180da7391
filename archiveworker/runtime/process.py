"""The one runner of child processes: argv only, a time limit, killed and reaped whatever happens.

A child gets its own process group, so that its own children are killed with it. Output is held in memory:
use it for tools that print little.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archiveworker.domain.errors import ToolError, ToolTimeoutError


@dataclass(frozen=True, slots=True)
class Completed:
    """A child that ended by itself.

    Attributes:
        returncode: its exit status.
        stdout: what it printed.
        stderr: what it complained about.
    """

    returncode: int
    stdout: bytes
    stderr: bytes


async def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Run ``argv`` and return what came of it.

    Args:
        argv: program and arguments; never a shell string.
        timeout_s: then the whole process group is killed.
        stdin: bytes for the child's standard input; None closes it.
        cwd: working folder of the child.
        env: the child's whole environment; None inherits ours.

    Raises:
        ToolError: the program is not there or may not be run.
        ToolTimeoutError: it ran longer than ``timeout_s``.
    """
    try:
        process = await asyncio.create_subprocess_exec(  # noqa: TID251 - this is the one runner
            *argv,
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
    except OSError as exc:
        raise ToolError(f"{argv[0]} cannot be run ({exc.strerror}); install it or correct its path") from exc
    try:
        async with asyncio.timeout(timeout_s):
            stdout, stderr = await process.communicate(stdin)
    except TimeoutError as exc:
        raise ToolTimeoutError(f"{argv[0]} took longer than {timeout_s:g} s and was killed") from exc
    finally:
        await _end(process)
    return Completed(process.returncode or 0, stdout, stderr)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        # A grandchild may hold the pipes open; the child itself is gone after SIGKILL, so this ends.
        await process.wait()
