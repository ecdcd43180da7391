"""Temporary folders that do not outlive their process for ever: whoever starts next removes those of the dead.

A process that is killed leaves its folders. Each of ours holds a file ``owner`` on which its process has a lock
(flock); the kernel gives it up when the process ends, however it ends, also in another container that shares the
folder. So a lock that can be had proves that nobody uses the folder any more; no process id is compared, as those are
given out again.

Not for files without such an owner: what another program, or an older release, has left is left alone.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

PREFIX: Final = "archiveworker-"
_OWNER: Final = "owner"


class OwnedFolder:
    """A folder in the system's temporary folder that belongs to this process; to be closed.

    Args:
        purpose: part of its name.

    Attributes:
        path: the folder; mode 0700.
    """

    def __init__(self, purpose: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-"))
        unnamed = self.path / f".{_OWNER}"
        self._lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Only now does it have its name: nobody ever finds it without its lock while this process lives.
        unnamed.rename(self.path / _OWNER)

    def close(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def __enter__(self) -> "OwnedFolder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def remove_leftovers() -> list[str]:
    """Remove the folders of processes of this user that are dead; return their names."""
    removed = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # What vanishes meanwhile, or belongs to somebody else, is nothing of ours.
        with contextlib.suppress(OSError):
            # The folder may have been given to the user whom Chromium runs as; the file that says whose it is, not.
            is_ours = (folder / _OWNER).lstat().st_uid == os.geteuid()
            if is_ours and not folder.is_symlink() and _remove_if_dead(folder):
                removed.append(folder.name)
    return removed


def _remove_if_dead(folder: Path) -> bool:
    descriptor = os.open(folder / _OWNER, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
    return not folder.exists()
