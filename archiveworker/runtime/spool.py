"""A job's working files on a local (or shared) folder: ``<root>/<job id>/<name>/``.

Whoever else works on the job sees the same folder, so there is nothing to bring anywhere. Not for evidence that must
outlive the job: the caller says which folders to keep. Accepted risk: whoever can read the data folder can read the
exams in it while the job runs; folders are made with mode 0700.
"""

import contextlib
import errno
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.errors import NotFoundError, SettingsError
from archiveworker.domain.ids import JobId

COLLECTED: Final = "collected"
COMPANIONS: Final = "companions"
FULL_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Of errors that say that a disk, or somebody's share of it, is full."""
_MARK: Final = ".archiveworker-spool"


@dataclass(frozen=True, slots=True)
class LocalItemSpool:
    """One folder of a job's spool.

    Attributes:
        folder: exists, mode 0700.
        job_folder: what ``ArchiveFile.spooled`` is relative to.
    """

    folder: Path
    job_folder: Path

    @property
    def collected(self) -> Path:
        """Folder with what all items of the job share; see ``domain.ports.ItemSpool``."""
        return self.job_folder / COLLECTED

    @property
    def companions(self) -> Path:
        """Folder with what goes beside the archive alone; see ``domain.ports.ItemSpool``."""
        return self.job_folder / COMPANIONS

    def relative(self, file: Path) -> str:
        """Return how ``ArchiveFile.spooled`` calls ``file``, which lies in the job's folder."""
        return file.relative_to(self.job_folder).as_posix()


class LocalSpool:
    """Implements ``domain.ports.Spool`` on a file system.

    Args:
        root: folder for all jobs; made when missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def job_folder(self, job_id: JobId) -> Path:
        """Return the folder of a job; it may not exist yet."""
        return self._root / job_id

    def item(self, job_id: JobId, name: str) -> LocalItemSpool:
        """Make (or empty) the folder ``name`` of a job and return it."""
        folder = self._inside(job_id, name)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, mode=0o700)
        return LocalItemSpool(folder, self.job_folder(job_id))

    def shared(self, job_id: JobId) -> LocalItemSpool:
        """Make the folder ``collected`` of a job, unless it is there already with what it holds, and return it."""
        folder = self._inside(job_id, COLLECTED)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LocalItemSpool(folder, self.job_folder(job_id))

    def companions(self, job_id: JobId) -> tuple[Path, ...]:
        """Return the files that go beside the archive of a job, and nowhere else."""
        return tuple(sorted(self._inside(job_id, COMPANIONS).glob("[!.]*")))

    def path_of(self, job_id: JobId, spooled: str) -> Path:
        """Return the place of a file that was spooled.

        Raises:
            NotFoundError: it is gone, or the name points outside of the job's folder.
        """
        path = self._inside(job_id, spooled)
        if not path.exists():
            raise NotFoundError(f"{spooled} is no longer on the spool of job {job_id}; retry the job to make it again")
        return path

    def opened(self, job_id: JobId, spooled: str) -> BinaryIO:
        """Open a file that was spooled; see the port.

        Raises:
            FileNotFoundError: it is gone.
        """
        return (self.job_folder(job_id) / spooled).open("rb")

    def names(self, job_id: JobId, name: str) -> tuple[str, ...]:
        """Return the names of the files in a folder of a job."""
        return tuple(sorted(file.name for file in self._inside(job_id, name).glob("[!.]*")))

    def place(self, job_id: JobId, name: str) -> str:
        """Say where a folder of a job is."""
        return str(self._inside(job_id, name))

    def mark(self, job_id: JobId, name: str) -> bool:
        """Leave a mark; return True when it was there already."""
        with contextlib.suppress(FileExistsError):
            self._inside(job_id, name).touch(exist_ok=False)
            return False
        return True

    async def fetch(self, job_id: JobId, *names: str) -> None:
        """Do nothing: everybody sees these folders."""

    async def keep(self, job_id: JobId, *names: str) -> None:
        """Do nothing: everybody sees these folders."""

    async def keep_files(self, job_id: JobId, files: Sequence[ArchiveFile]) -> None:
        """Do nothing: everybody sees these files."""

    def idle_copies(self) -> list[JobId]:
        """Return nothing: there are no copies."""
        return []

    def drop_copy(self, job_id: JobId) -> None:
        """Do nothing: there are no copies."""

    def read_mark(self) -> str:
        """Return the mark by which workers know a spool that they share, or nothing."""
        mark = self._root / _MARK
        return mark.read_text(encoding="ascii", errors="replace") if mark.is_file() else ""

    def write_mark(self, text: str) -> None:
        """Leave that mark, unless there is one.

        Raises:
            SettingsError: the folder cannot be written.
        """
        try:
            with contextlib.suppress(FileExistsError), (self._root / _MARK).open("x", encoding="ascii") as file:
                file.write(text)
        except OSError as exc:
            raise SettingsError(f"ARCHIVEWORKER_SPOOL_DIR: {self._root} cannot be written ({exc.strerror})") from exc

    def __str__(self) -> str:
        return f"ARCHIVEWORKER_SPOOL_DIR: {self._root}"

    def jobs_with_files(self, *, besides: frozenset[str] = frozenset()) -> list[JobId]:
        """Return the jobs that have more on the spool than the folders named in ``besides``."""
        return [
            JobId(folder.name)
            for folder in sorted(self._root.iterdir())
            if any(name not in besides for name in _names(folder))
        ]

    def free_bytes(self) -> int:
        """Return how much room is left."""
        return shutil.disk_usage(self._root).free

    def discard(self, job_id: JobId, *, keep: frozenset[str] = frozenset()) -> None:
        """Remove a job's folders except those named in ``keep``."""
        folder = self.job_folder(job_id)
        for name in _names(folder) - keep:
            # Another process that shares the spool may be doing the same.
            with contextlib.suppress(FileNotFoundError):
                if (folder / name).is_dir():
                    shutil.rmtree(folder / name)
                else:
                    (folder / name).unlink()
        if not _names(folder):
            with contextlib.suppress(FileNotFoundError):
                folder.rmdir()

    def _inside(self, job_id: JobId, name: str) -> Path:
        base = self.job_folder(job_id).resolve()
        path = (base / name).resolve()
        if not path.is_relative_to(base):
            raise NotFoundError(f"{name!r} is not on the spool of job {job_id}")
        return path


def _names(folder: Path) -> frozenset[str]:
    """Return what is in a folder; nothing when it is gone, or is a file."""
    try:
        return frozenset(child.name for child in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
