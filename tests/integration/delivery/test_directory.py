"""A folder that is full, or was left in the middle; what is written, and with which rights."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from archiveworker.delivery.directory import DirectoryTarget, directories
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import DeliveryError, DeliveryUnavailableError, Retry, SettingsError
from tests.contract.delivery.conftest import JOB, contents

_ON_A_SMALL_DISK = """
import asyncio, sys
from pathlib import Path
from archiveworker.delivery.directory import DirectoryTarget
from archiveworker.domain.errors import DeliveryUnavailableError
from tests.contract.delivery.conftest import JOB, make_parcel
folder, parcel = Path(sys.argv[1]), make_parcel(Path(sys.argv[2]))
try:
    asyncio.run(DirectoryTarget("directory", folder).deliver(parcel, JOB))
except DeliveryUnavailableError as exc:
    print(exc, "left:", list(folder.iterdir()))
"""


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """Have the kernel refuse larger files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_no_room_is_said_and_given_back(parcel: Parcel, tmp_path: Path) -> None:
    folder = tmp_path / "archives"
    folder.mkdir()
    target = DirectoryTarget("directory", folder)
    with (
        largest_file(1_000_000),
        pytest.raises(DeliveryUnavailableError, match=r"cannot be written \(File too large\); make room") as caught,
    ):
        await target.deliver(parcel, JOB)
    assert caught.value.retry is Retry.LATER
    assert list(folder.iterdir()) == [], "what was written is removed"
    await target.deliver(parcel, JOB)
    assert len(list(folder.iterdir())) == 1


def test_a_full_disk(tmp_path: Path) -> None:
    """A file system of one megabyte, in a mount namespace of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=1m tmpfs "$0" && exec "{sys.executable}" -c "$1" "$0" "$2"'
    run = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script]
    done = subprocess.run(
        [*run, str(disk), _ON_A_SMALL_DISK, str(tmp_path / "spool")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    if "unshare failed" in done.stderr or "mount:" in done.stderr:
        # A system that forbids namespaces: the limit on the size of files has been tried instead.
        return
    assert (
        done.stdout
        == f"{disk} cannot be written (No space left on device); make room there, or look at its disk left: []\n"
    )


_STOPPED = """
import asyncio, os, signal, sys
from pathlib import Path
from archiveworker.delivery import directory
from tests.contract.delivery.conftest import JOB, make_parcel
copy = directory.DirectoryTarget._copy
def killed(*given):
    copy(*given)
    os.kill(os.getpid(), signal.SIGKILL)
directory.DirectoryTarget._copy = killed
asyncio.run(directory.DirectoryTarget("directory", Path(sys.argv[1])).deliver(make_parcel(Path(sys.argv[2])), JOB))
"""


async def test_a_crash_in_the_middle_leaves_nothing_that_looks_whole(parcel: Parcel, tmp_path: Path) -> None:
    folder = tmp_path / "archives"
    folder.mkdir()
    child = subprocess.run(
        [sys.executable, "-c", _STOPPED, str(folder), str(tmp_path / "other")],
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.returncode == -signal.SIGKILL
    (left,) = folder.iterdir()
    assert left.name.startswith(".")
    assert left.name.endswith(".part")
    await DirectoryTarget("directory", folder).deliver(parcel, JOB)
    (whole,) = folder.iterdir()
    assert {file.name: file.read_bytes() for file in whole.iterdir()} == contents(parcel)


@pytest.mark.parametrize(("mode", "file_mode", "folder_mode"), [("0640", 0o640, 0o750), ("444", 0o444, 0o755)])
async def test_rights(mode: str, file_mode: int, folder_mode: int, parcel: Parcel, tmp_path: Path) -> None:
    (target,) = directories([str(tmp_path)], mode)
    before = os.umask(0o077)
    try:
        await target.deliver(parcel, JOB)
    finally:
        os.umask(before)
    whole = tmp_path / f"Prüfung 1 (a;b)-{JOB}-{parcel.archive.sha256[:8]}"
    assert whole.stat().st_mode & 0o7777 == folder_mode
    assert {file.stat().st_mode & 0o7777 for file in whole.iterdir()} == {file_mode}


async def test_something_else_under_its_name_stays(parcel: Parcel, tmp_path: Path) -> None:
    target = DirectoryTarget("directory", tmp_path)
    whole = tmp_path / f"Prüfung 1 (a;b)-{JOB}-{parcel.archive.sha256[:8]}"
    whole.mkdir()
    (whole / parcel.archive.name).write_bytes(b"something else")
    with pytest.raises(DeliveryError, match="holds something else than this archive; look at it and move it away"):
        await target.deliver(parcel, JOB)
    assert (whole / parcel.archive.name).read_bytes() == b"something else"


def test_a_folder_that_cannot_be_one_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="'archives' must be a path from the root"):
        directories(["archives"], "0640")
    for mode in ("0240", "rw-r-----", "99", "07777"):
        with pytest.raises(SettingsError, match="must be octal and let the owner read"):
            directories(["/srv"], mode)
