"""A job's working files on a local (or shared) folder: ``<root>/<job id>/<name>/``.

Not for evidence that must outlive the job: the caller says which folders to keep. Accepted risk: whoever can read the
data folder can read the exams in it while the job runs; folders are made with mode 0700.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archiveworker.domain.errors import NotFoundError
from archiveworker.domain.ids import JobId

_COLLECTED: Final = "collected"
_COMPANIONS: Final = "companions"


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
        return self.job_folder / _COLLECTED

    @property
    def companions(self) -> Path:
        """Folder with what goes beside the archive alone; see ``domain.ports.ItemSpool``."""
        return self.job_folder / _COMPANIONS

    def relative(self, file: Path) -> str:
        """Return how ``ArchiveFile.spooled`` calls ``file``, which lies in the job's folder."""
        return file.relative_to(self.job_folder).as_posix()


class LocalSpool:
    """Spool on a file system.

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
        folder = self._inside(job_id, _COLLECTED)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LocalItemSpool(folder, self.job_folder(job_id))

    def companions(self, job_id: JobId) -> tuple[Path, ...]:
        """Return the files that go beside the archive of a job, and nowhere else."""
        return tuple(sorted(self._inside(job_id, _COMPANIONS).glob("[!.]*")))

    def path_of(self, job_id: JobId, spooled: str) -> Path:
        """Return the place of a file that was spooled.

        Raises:
            NotFoundError: it is gone, or the name points outside of the job's folder.
        """
        path = self._inside(job_id, spooled)
        if not path.exists():
            raise NotFoundError(f"{spooled} is no longer on the spool of job {job_id}; retry the job to make it again")
        return path

    def jobs_with_files(self, *, besides: frozenset[str] = frozenset()) -> list[JobId]:
        """Return the jobs that have more on the spool than the folders named in ``besides``."""
        return [
            JobId(folder.name)
            for folder in sorted(self._root.iterdir())
            if folder.is_dir() and any(child.name not in besides for child in folder.iterdir())
        ]

    def free_bytes(self) -> int:
        """Return how much room is left."""
        return shutil.disk_usage(self._root).free

    def discard(self, job_id: JobId, *, keep: frozenset[str] = frozenset()) -> None:
        """Remove a job's folders except those named in ``keep``."""
        folder = self.job_folder(job_id)
        if not folder.is_dir():
            return
        for child in folder.iterdir():
            if child.name in keep:
                continue
            if child.is_dir():
                shutil.rmtree(child)
            else:
                child.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()

    def _inside(self, job_id: JobId, name: str) -> Path:
        base = self.job_folder(job_id).resolve()
        path = (base / name).resolve()
        if not path.is_relative_to(base):
            raise NotFoundError(f"{name!r} is not on the spool of job {job_id}")
        return path
