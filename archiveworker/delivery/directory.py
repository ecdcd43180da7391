"""Archives on a folder: a disk of the worker's machine, or one that is mounted there.

Each archive gets a folder of its own, ``<name>-<job id>-<8 digits of its SHA-256>``, with its companions beside it. So
no two archives ever share a name, and a delivery that is repeated finds what it left. The folder is filled under a name
with a dot in front, brought to the disk (fsync), read back, and renamed as a whole: all of it is there, or nothing.

Not for mounting anything: a folder that is not there is an error, because a share that is not mounted would otherwise
be replaced by a folder on the system's disk. Accepted risk: what the system still has cached is read back from its
memory where the file system knows no ``POSIX_FADV_DONTNEED``.
"""

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from archiveworker.delivery.names import folder_name, named_places
from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import DeliveryError, DeliveryUnavailableError, SettingsError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import FinishedArchive
from archiveworker.reports.index import human_size

BLOCK_BYTES: Final = 1024 * 1024
_MODE: Final = re.compile(r"0?[4-7][0-7]{2}\Z")
_PRIVATE_MODE: Final = 0o600


def directories(entries: Sequence[str], file_mode: str) -> list["DirectoryTarget"]:
    """Return the folders that the settings name.

    Args:
        entries: ``NAME=PATH``, or a path alone.
        file_mode: octal.

    Raises:
        SettingsError: a name, a path or the mode cannot be used.
    """
    if not _MODE.match(file_mode):
        raise SettingsError(
            f"ARCHIVEWORKER_DELIVERY_DIR_MODE must be octal and let the owner read, e.g. 0640, got {file_mode!r}"
        )
    found = named_places(entries, "directory", "ARCHIVEWORKER_DELIVERY_DIRS")
    for _, path in found:
        if not Path(path).is_absolute():
            raise SettingsError(
                f"ARCHIVEWORKER_DELIVERY_DIRS: {path!r} must be a path from the root, e.g. /srv/archives"
            )
    return [DirectoryTarget(name, Path(path), int(file_mode, 8)) for name, path in found]


class DirectoryTarget:
    """Implements ``domain.ports.DeliveryTarget``.

    Args:
        name: how jobs call it.
        folder: must exist; the worker never makes it.
        file_mode: of every file; folders get the same and ``x`` where there is ``r``.
    """

    def __init__(self, name: str, folder: Path, file_mode: int = 0o640) -> None:
        self._name = name
        self._folder = folder
        self._file_mode = file_mode

    @property
    def name(self) -> str:
        """How jobs call it."""
        return self._name

    async def deliver(self, parcel: Parcel, job_id: JobId) -> None:
        """Copy the archive and its companions there; see the port.

        Raises:
            DeliveryUnavailableError: the disk is full, not mounted or has an error.
            DeliveryError: the worker may not write there, something else has the name, or the archive was damaged.
        """
        await asyncio.to_thread(self._deliver, parcel, job_id)

    async def check(self) -> tuple[str, str]:
        """Write a small file and remove it; see the port.

        Raises:
            DeliveryError: it cannot be written.
        """
        return await asyncio.to_thread(self._check), ""

    def _check(self) -> str:
        with self._translated():
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".archiveworker-") as file:
                file.write(b"archiveworker\n")
                file.flush()
                os.fsync(file.fileno())
            return f"{self._folder} can be written, {human_size(shutil.disk_usage(self._folder).free)} free"

    def _deliver(self, parcel: Parcel, job_id: JobId) -> None:
        final = self._folder / folder_name(parcel.archive, job_id)
        part = self._folder / f".{final.name}.part"
        with self._translated():
            if final.exists():
                self._recognise(final, parcel.archive)
                return
            _remove(part)  # left by a crash
            part.mkdir(mode=0o700)
            try:
                self._fill(part, parcel)
                part.rename(final)
            except BaseException:
                with contextlib.suppress(OSError):
                    _remove(part)  # a full disk needs its room back
                raise
            _bring_to_disk(self._folder)

    def _fill(self, part: Path, parcel: Parcel) -> None:
        """Write everything, and look whether it is the archive that was packed."""
        self._copy(parcel.file, part / parcel.archive.name, self._file_mode)
        for companion in parcel.companions:
            mode = _PRIVATE_MODE if companion in parcel.private else self._file_mode
            self._copy(companion, part / companion.name, mode)
        if _sha256(part / parcel.archive.name) != parcel.archive.sha256:
            raise DeliveryError(
                f"what arrived in {self._folder} is not the archive that was packed (its SHA-256 differs); look at the "
                "worker's disk and at this one, then retry the job"
            )
        part.chmod(0o700 | self._file_mode | (self._file_mode & 0o444) >> 2)
        _bring_to_disk(part)

    def _copy(self, source: Path, target: Path, mode: int) -> None:
        with source.open("rb") as reader, target.open("xb") as writer:
            shutil.copyfileobj(reader, writer, BLOCK_BYTES)
            writer.flush()
            os.fchmod(writer.fileno(), mode)
            os.fsync(writer.fileno())
            _forget_cached(writer)

    def _recognise(self, final: Path, archive: FinishedArchive) -> None:
        """Look at what was delivered before.

        Raises:
            DeliveryError: it is something else.
        """
        file = final / archive.name
        if not file.is_file() or _sha256(file) != archive.sha256:
            raise DeliveryError(f"{final} holds something else than this archive; look at it and move it away")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        if not self._folder.is_dir():
            raise DeliveryUnavailableError(
                f"{self._folder} is no folder that is there; if it is on a share, look whether that is mounted"
            )
        try:
            yield
        except PermissionError as exc:
            raise DeliveryError(
                f"{self._folder} cannot be written ({exc.strerror}); give the worker's user the right to"
            ) from exc
        except OSError as exc:
            raise DeliveryUnavailableError(
                f"{self._folder} cannot be written ({exc.strerror}); make room there, or look at its disk"
            ) from exc


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _sha256(file: Path) -> str:
    with file.open("rb") as reader:
        return hashlib.file_digest(reader, "sha256").hexdigest()


def _bring_to_disk(folder: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _forget_cached(file: BinaryIO) -> None:
    """Have the file read from the disk next time, not from memory."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
