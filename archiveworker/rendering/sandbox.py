"""Whether Chromium locks its processes in, as whom it runs, and what to do where it cannot.

Pages are other people's HTML. Chromium parses them in processes that see no file, no network and no other process: in
user namespaces of their own and under a filter of system calls. Whether a system allows that is found out by trying,
never by a list of systems. Chromium refuses its sandbox to root, so a worker that runs as root starts it as a user who
owns nothing.

Only the administrator switches the sandbox off; nothing here falls back to that by itself.
Accepted risk: the browser's main process is no smaller than any program of its user's; what leaves a locked-in process
still has to get through that one.
"""

import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import structlog

from archiveworker.domain.errors import ToolError, ToolTimeoutError
from archiveworker.runtime import process

log = structlog.get_logger()

NOBODY_ID: Final = 65531
"""Of user and group; nobody's account: kept back by Debian's policy, 9.2.2."""

_LIMITS: Final = (
    ("core", resource.RLIMIT_CORE, 0),  # a core holds what was on the page
    ("nofile", resource.RLIMIT_NOFILE, 65536),
    ("fsize", resource.RLIMIT_FSIZE, 4 * 1024**3),  # what a page may have Chromium write into one file
)
"""For each process of a browser. Its memory is bounded elsewhere (``memory_limit``): Chromium reserves much of it."""

OFF: Final = (
    "or switch it off with ARCHIVEWORKER_CHROMIUM_SANDBOX=off, knowing that pages of students' making are then parsed "
    "without it (docs/howto/install.md#chromiums-sandbox)"
)
_TRY_LIMIT_S: Final = 10.0
# What Chromium does when it locks a process in: its own users, processes, network and root folder.
_TRY_ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}  # an ordinary user's has no chroot in it
_TRY: Final = ("unshare", "--user", "--map-root-user", "--pid", "--net", "--fork", "chroot", "/", "true")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How browsers are started here. Made by ``Sandbox.chosen``.

    Attributes:
        is_on: Chromium locks its processes in.
        prefix: what stands before the program: it sets limits, and another user if there has to be one.
        owner_id: who that is, user and group; None is ourselves.
    """

    is_on: bool
    prefix: tuple[str, ...] = ()
    owner_id: int | None = None

    @classmethod
    def chosen(cls, wanted: bool) -> Self:
        """Return what the administrator wants, in the way in which this process can have it.

        Args:
            wanted: False switches the sandbox off; root remains root then.

        Raises:
            ToolError: this is root, and no program can give its rights away.
        """
        if not wanted:
            log.warning("chromium_without_sandbox", reason="switched off by setting")
            return cls(False, _limited())
        if os.geteuid() != 0:
            return cls(True, _limited())
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise ToolError(
                f"Chromium's sandbox refuses root, and setpriv is missing; run the worker as an ordinary user, {OFF}"
            )
        rights = (f"--reuid={NOBODY_ID}", f"--regid={NOBODY_ID}", "--clear-groups", "--no-new-privs", "--inh-caps=-all")
        return cls(True, (*_limited(), setpriv, *rights, "--"), NOBODY_ID)

    def hand_over(self, folder: Path) -> None:
        """Make ``folder`` the browser's own.

        Raises:
            ToolError: this is root without the right to.
        """
        if self.owner_id is None:
            return
        try:
            os.chown(folder, self.owner_id, self.owner_id)
        except OSError as exc:
            raise ToolError(
                f"root may not give files away here ({exc.strerror}), so Chromium cannot run as another user; run the "
                f"worker as an ordinary user, {OFF}"
            ) from exc

    async def is_possible(self) -> bool:
        """Return whether this system lets a process lock itself in, found out by doing it; True while in doubt."""
        try:
            completed = await process.run([*self.prefix, *_TRY], timeout_s=_TRY_LIMIT_S, env=_TRY_ENVIRONMENT)
        except ToolTimeoutError:
            return True  # a busy machine, which forbids nothing by that
        except ToolError:
            return False
        return completed.returncode == 0


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What the system says of why a process may not lock itself in. Made by ``Obstacles.of``.

    Attributes:
        has_no_namespaces: there may be no user namespaces at all (``user.max_user_namespaces``).
        is_for_root_alone: Debian's older switch (``kernel.unprivileged_userns_clone``).
        is_for_profiles_alone: Ubuntu's, since 24.04 (``kernel.apparmor_restrict_unprivileged_userns``).
        has_filter: system calls are filtered here, as container engines and systemd do (proc_pid_status(5), Seccomp).
    """

    has_no_namespaces: bool
    is_for_root_alone: bool
    is_for_profiles_alone: bool
    has_filter: bool

    @classmethod
    def of(cls, proc: Path) -> Self:
        """Read them.

        Args:
            proc: where the kernel tells about itself, /proc.
        """
        return cls(
            has_no_namespaces=_value(proc / "sys/user/max_user_namespaces") == "0",
            is_for_root_alone=_value(proc / "sys/kernel/unprivileged_userns_clone") == "0",
            is_for_profiles_alone=_value(proc / "sys/kernel/apparmor_restrict_unprivileged_userns") == "1",
            has_filter="Seccomp:\t2" in _value(proc / "self/status"),
        )

    @property
    def advice(self) -> str:
        """What to do, as the beginning of a sentence that ends with how to switch the sandbox off."""
        if self.has_no_namespaces:
            return "the system allows no user namespaces: sysctl user.max_user_namespaces=15000,"
        if self.is_for_root_alone:
            return "the system keeps user namespaces for root: sysctl kernel.unprivileged_userns_clone=1,"
        if self.is_for_profiles_alone:
            return (
                "AppArmor keeps user namespaces for programs with a profile: give Chromium one, or "
                "sysctl kernel.apparmor_restrict_unprivileged_userns=0,"
            )
        if self.has_filter:
            return (
                "the container's (or unit's) filter of system calls forbids user namespaces: start it with "
                "--security-opt seccomp=docker/seccomp.json (systemd: without RestrictNamespaces),"
            )
        return "the system does not say why; look for 'user namespaces' in its documentation,"


def cannot_start() -> ToolError:
    """Return the error for a system on which nothing can lock itself in."""
    return ToolError(f"Chromium's sandbox cannot start: {Obstacles.of(Path('/proc')).advice} {OFF}")


def _limited() -> tuple[str, ...]:
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        log.warning("chromium_without_limits", reason="prlimit is missing; install util-linux")
        return ()
    return (prlimit, *(f"--{name}={_at_most(number, wanted)}" for name, number, wanted in _LIMITS), "--")


def _at_most(number: int, wanted: int) -> int:
    """Return a limit that may be set: an ordinary user's can only become less."""
    _, allowed = resource.getrlimit(number)
    return wanted if allowed == resource.RLIM_INFINITY else min(wanted, allowed)


def _value(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
