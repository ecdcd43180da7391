"""A child process that is kept and spoken with, for as long as its owner wants; ``process`` runs those that just end.

It gets a session, and so a process group, of its own: what it starts is killed with it. None of our files are open in
it but those that it is given, and of our environment it gets nothing. When both want the processor, it makes room for
us: a browser can wait, who asks the worker how it is should not.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from archiveworker.domain.errors import ToolError, ToolTimeoutError

_REAP_LIMIT_S = 5.0
_REAP_INTERVAL_S = 0.01
_ABOVE_ALL_WANTED = 10
_NICER = 5
_NICEST = 19
# What Python ignores or blocks for itself is not for its children.
_DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ)


class Child:
    """A running process. Made by ``start``.

    Attributes:
        pid: of the process, and of its group.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._is_reaped = False

    async def kill(self) -> None:
        """Kill the whole group, if anything of it is left, and take the process off the system's table.

        Raises:
            ToolTimeoutError: the system does not let it go.
        """
        if self._is_reaped:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for _ in range(round(_REAP_LIMIT_S / _REAP_INTERVAL_S)):
            if self._has_ended():
                return
            await asyncio.sleep(_REAP_INTERVAL_S)
        raise ToolTimeoutError(f"process {self.pid} was killed and is still there; look at what the machine waits for")

    def _has_ended(self) -> bool:
        try:
            self._is_reaped = os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            self._is_reaped = True
        return self._is_reaped


def start(argv: list[str], *, files: Mapping[int, int], stderr: Path, env: Mapping[str, str]) -> Child:
    """Start ``argv`` without waiting for anything.

    Args:
        argv: program (with its path) and arguments; never a shell string.
        files: file descriptors of ours, by the numbers that the child shall know them by.
        stderr: file to which its complaints are appended.
        env: the child's whole environment.

    Raises:
        ToolError: the program is not there or may not be run.
    """
    # Copies beyond the numbers that are wanted, so that none of them is overwritten before it was copied.
    copies = {wanted: fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, _ABOVE_ALL_WANTED) for wanted, ours in files.items()}
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, str(stderr), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        *((os.POSIX_SPAWN_CLOSE, inherited) for inherited in _inherited()),
        *((os.POSIX_SPAWN_DUP2, ours, wanted) for wanted, ours in copies.items()),
    ]
    try:
        pid = os.posix_spawn(
            argv[0], argv, env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=_DEFAULT_SIGNALS
        )
    except OSError as exc:
        raise ToolError(f"{argv[0]} cannot be run ({exc.strerror}); install it or correct its path") from exc
    finally:
        for copy in copies.values():
            os.close(copy)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended; it is another user's by now
        os.setpriority(os.PRIO_PROCESS, pid, min(_NICEST, os.getpriority(os.PRIO_PROCESS, 0) + _NICER))
    return Child(pid)


def _inherited() -> list[int]:
    """Return what whoever started us left open for us and our children; what Python opens is never for children."""
    found = []
    for descriptor in (int(file.name) for file in Path("/dev/fd").iterdir()):
        with contextlib.suppress(OSError):  # that of the listing itself is closed again
            if descriptor > 2 and os.get_inheritable(descriptor):
                found.append(descriptor)
    return found
