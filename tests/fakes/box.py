"""A place like a container, made by bubblewrap: what a container engine does, where there is none.

A user without rights, namespaces of its own (users, mounts, processes, network with loopback alone, IPC, host name), a
root folder that is read-only but for a data folder and /tmp, no capability, no new privileges, a filter of system
calls, limits of memory and processes. It is not Docker: neither the image nor an engine is tried.

When the tests run as root the box is made by an ordinary user, if such a one can read Python and the checkout; else its
user is root's own seen from outside.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from archiveworker.runtime.process import Completed, run
from tests.conftest import NAMESPACES_MISSING

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = Path("/tmp/data")
"""The folder that may be written, inside."""
USER_ID: Final = 10001
"""That of the image."""
MEMORY_BYTES: Final = 4 * 1024**3
"""What docker/compose.yaml allows; so are the processes."""
PROCESSES: Final = 2048
_ORDINARY: Final = ("setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups", "--no-new-privs", "--")
_CGROUPS: Final = Path("/sys/fs/cgroup")
_LIMIT_FILES: Final = ("memory.limit_in_bytes", "memory.max")
_PEAK_FILES: Final = ("memory.max_usage_in_bytes", "memory.peak")


@dataclass(frozen=True, slots=True)
class Box:
    """A box that programs can be run in. Made by ``open_box``.

    Attributes:
        data: the folder that may be written, outside.
        as_user: what turns a program of ours into an ordinary user's; empty when we are one.
        group: of processes whose memory is limited together; None where we may not make one, and each is limited.
    """

    data: Path
    as_user: tuple[str, ...]
    group: Path | None

    async def run(self, argv: Sequence[str], program: bytes, *, limit_s: float) -> Completed:
        """Run ``argv`` inside, with system calls filtered.

        Args:
            argv: program and arguments.
            program: BPF, see ``seccomp.compiled``.
            limit_s: then everything inside is killed.
        """
        system_calls = self.data.with_suffix(".bpf")
        system_calls.write_bytes(program)
        join = f"echo $$ > {self.group}/cgroup.procs; " if self.group is not None else ""
        memory = [] if self.group is not None else [f"--data={MEMORY_BYTES}"]
        limits = ["prlimit", f"--nproc={PROCESSES}", *memory, "--"]
        outer = ["sh", "-ec", f'{join}exec "$@" 9<{system_calls}', "sh"]
        try:
            return await run([*outer, *limits, *self.as_user, *self._walls(), *argv], timeout_s=limit_s)
        finally:
            system_calls.unlink()

    def peak_bytes(self) -> int | None:
        """Return the most memory that was held inside at a time; None when nobody counted."""
        found = [] if self.group is None else [self.group / name for name in _PEAK_FILES]
        return next((int(file.read_text()) for file in found if file.exists()), None)

    def _walls(self) -> list[str]:
        seen = [word for path in (ROOT, Path(sys.prefix)) for word in ("--ro-bind", str(path), str(path))]
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(DATA),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return [
            *("bwrap", "--die-with-parent", "--new-session", "--unshare-all", "--hostname", "box"),
            *("--uid", str(USER_ID), "--gid", str(USER_ID), "--cap-drop", "ALL", "--seccomp", "9"),
            *("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"),
            *(*seen, "--bind", str(self.data), str(DATA), "--chdir", str(ROOT), "--clearenv"),
            *(word for name, value in environment.items() for word in ("--setenv", name, value)),
            "--",
        ]


@contextlib.asynccontextmanager
async def open_box() -> AsyncIterator[Box]:
    """Make a box, and remove what is left of it; where the system allows no namespaces the test is skipped."""
    if shutil.which("bwrap") is None:
        pytest.fail("bwrap is missing; docker/install-system.sh --test installs it")
    as_user = await _maker()
    data = Path(tempfile.mkdtemp(prefix="archiveworker-box-", dir="/tmp"))
    if as_user:
        os.chown(data, USER_ID, USER_ID)
    group = _limited_group(data.name)
    try:
        yield Box(data, as_user, group)
    finally:
        shutil.rmtree(data, ignore_errors=True)
        if group is not None:
            await _remove(group)


async def _maker() -> tuple[str, ...]:
    """Return what stands before bubblewrap, found out by making a box in which Python starts."""
    look = [sys.executable, "-c", f"open({str(ROOT / 'pyproject.toml')!r})"]
    complaint = b""
    for prefix in (_ORDINARY, ()) if os.geteuid() == 0 else ((),):
        tried = await run([*prefix, "bwrap", "--unshare-all", "--ro-bind", "/", "/", "--", *look], timeout_s=60)
        if tried.returncode == 0:
            return prefix
        complaint = tried.stderr
    pytest.skip(f"{NAMESPACES_MISSING}, which this system does not allow: {complaint.decode(errors='replace').strip()}")


def _limited_group(name: str) -> Path | None:
    """Make a group below our own; None where we may not. Source: cgroups(7), both versions."""
    lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    for _, controllers, own in (line.split(":", 2) for line in lines):
        if controllers not in ("memory", ""):
            continue
        group = _CGROUPS / controllers / own.lstrip("/") / name
        try:
            group.mkdir()
        except OSError:
            continue
        limit = next((group / file for file in _LIMIT_FILES if (group / file).exists()), None)
        if limit is not None:
            limit.write_text(str(MEMORY_BYTES))
            return group
        group.rmdir()
    return None


async def _remove(group: Path) -> None:
    async with asyncio.timeout(10):
        while group.exists():
            with contextlib.suppress(OSError):  # the last process has ended, and the kernel has not noticed yet
                group.rmdir()
            await asyncio.sleep(0.05)
