"""Who gets the sandbox, and what is said where it cannot start."""

import os
import resource
from pathlib import Path

import pytest

from archiveworker.domain.errors import ToolError
from archiveworker.rendering import sandbox
from archiveworker.rendering.sandbox import NOBODY_ID, Obstacles, Sandbox
from archiveworker.runtime import process

MAX, CLONE = "sys/user/max_user_namespaces", "sys/kernel/unprivileged_userns_clone"
APPARMOR = "sys/kernel/apparmor_restrict_unprivileged_userns"


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({MAX: "0\n", CLONE: "0"}, "user.max_user_namespaces="),
        ({MAX: "1000\n", CLONE: "0\n"}, "kernel.unprivileged_userns_clone=1"),
        ({MAX: "1000\n", CLONE: "1\n", APPARMOR: "1\n"}, "AppArmor"),
        ({MAX: "1000\n", APPARMOR: "0\n", "self/status": "Name:\tx\nSeccomp:\t2\n"}, "docker/seccomp.json"),
        ({MAX: "1000\n", "self/status": "Name:\tx\nSeccomp:\t0\n"}, "does not say why"),
        ({}, "does not say why"),
    ],
)
def test_the_advice_names_what_the_system_says(tmp_path: Path, files: dict[str, str], part: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert part in Obstacles.of(tmp_path).advice


def test_the_error_says_how_to_switch_it_off() -> None:
    assert "ARCHIVEWORKER_CHROMIUM_SANDBOX=off" in str(sandbox.cannot_start())


async def user_of(chosen: Sandbox) -> str:
    """Return as whom a program runs that is started that way."""
    return (await process.run([*chosen.prefix, "id", "-u"], timeout_s=10)).stdout.decode().strip()


async def test_root_hands_the_browser_to_somebody_else() -> None:
    chosen = Sandbox.chosen(wanted=True)
    wanted = str(NOBODY_ID) if os.geteuid() == 0 else str(os.geteuid())
    assert chosen.is_on
    assert await user_of(chosen) == wanted


async def test_off_is_off() -> None:
    chosen = Sandbox.chosen(wanted=False)
    assert not chosen.is_on
    assert await user_of(chosen) == str(os.geteuid())


async def test_a_browser_writes_no_cores_and_no_endless_files() -> None:
    shown = await process.run([*Sandbox.chosen(wanted=True).prefix, "cat", "/proc/self/limits"], timeout_s=10)
    limits = {line[:25].strip(): line[25:].split()[:2] for line in shown.stdout.decode().splitlines()}
    assert limits["Max core file size"] == ["0", "0"]
    assert limits["Max file size"][1] == str(4 * 1024**3)
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert limits["Max open files"][1] == str(65536 if allowed == resource.RLIM_INFINITY else min(65536, allowed))


def test_without_its_programs_root_is_told_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    if os.geteuid() == 0:
        with pytest.raises(ToolError, match="setpriv is missing; run the worker as an ordinary user"):
            Sandbox.chosen(wanted=True)
    else:
        assert Sandbox.chosen(wanted=True) == Sandbox(is_on=True)
