"""The LMS's upload folder: what lies in it under a name that the database gives, and nothing else on the machine.

A name is a path below the folder. One that leads out of it, by ``..``, as an absolute path or through a symbolic link,
is refused, as is everything that is no plain file. The file is opened by the real path, component by component and
without following links, so that nobody can put a link there between looking and opening (CWE-22, CWE-367).
"""

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from archiveworker.domain.errors import AccessDeniedError, NotFoundError, SettingsError
from archiveworker.domain.peer_review.kinds import FileStatus


@dataclass(frozen=True, slots=True)
class Found:
    """What lies under a name.

    Attributes:
        status: whether it can be had.
        size_bytes: of the file; None when it cannot.
    """

    status: FileStatus
    size_bytes: int | None = None


class UploadFolder:
    """The folder with the files that people handed in.

    Args:
        root: of the folder; None when the system has no files.

    Raises:
        SettingsError: it is no folder that can be read.
    """

    def __init__(self, root: Path | None) -> None:
        if root is not None and not (root.is_dir() and os.access(root, os.R_OK | os.X_OK)):
            raise SettingsError(
                f"ARCHIVEWORKER_BRIDGE_UPLOAD_DIR must be the LMS's upload folder, readable; {root} is not"
            )
        self.root = None if root is None else root.resolve()

    def look(self, name: str | None) -> Found:
        """Say what lies under ``name``."""
        try:
            with self.open(name) as file:
                return Found(FileStatus.OK, os.fstat(file.fileno()).st_size)
        except NotFoundError:
            return Found(FileStatus.MISSING)
        except AccessDeniedError:
            return Found(FileStatus.REFUSED)

    def open(self, name: str | None) -> BinaryIO:
        """Open the file under ``name``; to be closed by the caller.

        Raises:
            NotFoundError: there is none.
            AccessDeniedError: it is outside of the folder, no plain file, or not readable.
        """
        if self.root is None or not name:
            raise NotFoundError("the file is gone: the database names none, or there is no upload folder")
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\x00" in name:
            raise AccessDeniedError("the file's name leads out of the upload folder")
        try:
            real = (self.root / path).resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise NotFoundError("the file is gone") from exc
        except (OSError, RuntimeError) as exc:
            raise AccessDeniedError("the file's name leads nowhere") from exc
        if not real.is_relative_to(self.root):
            raise AccessDeniedError("the file's name leads out of the upload folder")
        return self._open_real(real.relative_to(self.root).parts)

    def _open_real(self, parts: tuple[str, ...]) -> BinaryIO:
        with contextlib.ExitStack() as stack:
            try:
                folder = os.open(self.root or "", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                stack.callback(os.close, folder)
                for part in parts[:-1]:
                    folder = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                    stack.callback(os.close, folder)
                # Without O_NONBLOCK a named pipe would wait for somebody to write to it.
                number = os.open(
                    parts[-1] if parts else ".", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
                    dir_fd=folder,
                )  # fmt: skip
            except FileNotFoundError as exc:
                raise NotFoundError("the file is gone") from exc
            except OSError as exc:
                raise AccessDeniedError("the file cannot be read by the bridge's user") from exc
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise AccessDeniedError("the name is of something that is no file")
        return os.fdopen(number, "rb")
