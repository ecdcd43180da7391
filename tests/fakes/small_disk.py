"""A real small file system (tmpfs), filled and freed as a test wants it. Mounting one takes root."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

MISSING = "needs a small file system, which root alone may mount"


class SmallDisk:
    """A file system of its own.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, leave_bytes: int) -> None:
        """Take all room but so much."""
        free = os.statvfs(self.path)
        with (self.path / "ballast").open("ab") as file:
            size_bytes = file.tell() + free.f_bavail * free.f_frsize - leave_bytes
            os.posix_fallocate(file.fileno(), 0, size_bytes)

    def clear(self) -> None:
        """Give the room back."""
        (self.path / "ballast").unlink()

    def grow(self, size_bytes: int) -> None:
        """Make it larger."""
        subprocess.run(["mount", "-o", f"remount,size={size_bytes}", self.path], check=True)


@contextlib.contextmanager
def small_disk(path: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """Mount one at ``path``; skip where that cannot be done, unless it is CI's root, who has to be able to."""
    if os.geteuid() != 0:
        pytest.skip(MISSING)
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "archiveworker-test", path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 and not os.environ.get("CI"):
        pytest.skip(f"{MISSING}: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    try:
        yield SmallDisk(path)
    finally:
        # Lazily: a worker that is just ending may still have a file open there.
        subprocess.run(["umount", "--lazy", path], check=True)
