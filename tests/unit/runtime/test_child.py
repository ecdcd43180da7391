"""Kept child processes: what they get of us, and that nothing of them stays."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from archiveworker.domain.errors import ToolError
from archiveworker.runtime import child

SH = "/bin/sh"


async def said(script: str, folder: Path, told: bytes = b"") -> str:
    """What a shell script writes to its file 4, and to nothing else, until it ends."""
    ours, theirs = socket.socketpair()
    with theirs:
        started = child.start(
            [SH, "-c", script], files={3: theirs.fileno(), 4: theirs.fileno()}, stderr=folder / "err", env={"A": "b"}
        )
    with ours:
        ours.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        if told:
            writer.write(told)
        try:
            return (await asyncio.wait_for(reader.read(), 10)).decode()
        finally:
            writer.close()
            await started.kill()


async def test_files_have_the_numbers_that_were_asked_for(tmp_path: Path) -> None:
    assert await said("read line <&3; echo $line back >&4", tmp_path, b"hello\n") == "hello back\n"


async def test_it_makes_room_for_us(tmp_path: Path) -> None:
    """It says how nice it is when a line tells it to, which is after its start."""
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert await said("read line <&3; nice >&4", tmp_path, b"go\n") == f"{min(19, ours + 5)}\n"


async def test_nothing_else_of_ours_is_open_in_it(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        names = await said('listing=$(/bin/ls -l /proc/$$/fd); echo "$listing" >&4', tmp_path)
    opened = [line.rpartition("> ")[2].partition(":")[0] for line in names.splitlines()[1:]]
    # The shell has one end or both of a pipe open for the listing.
    assert [one for one in opened if one != "pipe"] == [
        "/dev/null",
        "/dev/null",
        str(tmp_path / "err"),
        "socket",
        "socket",
    ]


async def test_of_our_environment_it_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVEWORKER_SECRET_KEY", "hidden")
    names = await said("/usr/bin/env >&4", tmp_path)
    assert "A=b" in names
    assert "ARCHIVEWORKER" not in names


async def test_its_complaints_go_to_the_file(tmp_path: Path) -> None:
    await said("echo broken >&2", tmp_path)
    assert (tmp_path / "err").read_text() == "broken\n"


async def test_its_own_children_are_killed_with_it(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # The grandchild holds the fifo open for writing until it is gone.
    started = child.start(
        [SH, "-c", f"(sleep 600) >{fifo} & wait"], files={}, stderr=tmp_path / "err", env={"PATH": "/usr/bin:/bin"}
    )
    with await asyncio.to_thread(fifo.open, "rb") as held:
        await started.kill()
        assert await asyncio.wait_for(asyncio.to_thread(held.read), 10) == b""
    await started.kill()
    with pytest.raises(ChildProcessError):
        os.waitpid(started.pid, os.WNOHANG)


def test_a_program_that_is_none_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"none cannot be run \(No such file or directory\)"):
        child.start([str(tmp_path / "none")], files={}, stderr=tmp_path / "err", env={})
