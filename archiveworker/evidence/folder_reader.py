"""Reads an unpacked archive from a folder; whatever is no regular file is a finding, links are not followed."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from archiveworker.evidence.reading import CHUNK_BYTES, Findings, Limits, Member, UnreadableError


def members(folder: Path, limits: Limits, findings: Findings) -> Iterator[Member]:
    """Yield the files below ``folder``, sorted by name within each folder.

    Raises:
        UnreadableError: a limit is exceeded.
        OSError: something may not be read.
    """
    total_bytes = 0
    for count, path in enumerate(_files(folder), start=1):
        name = path.relative_to(folder).as_posix()
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            findings.bad("container.kind", "it is not a regular file but a link, a device or the like", name)
            continue
        total_bytes += status.st_size
        if count > limits.max_member_count:
            raise UnreadableError(f"the folder has more than {limits.max_member_count} files")
        if excess := limits.excess(total_bytes, None):
            raise UnreadableError(excess)
        yield Member(name, _chunks(path))


def _files(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=refuse, followlinks=False):
        folders.sort()
        here = Path(parent)
        yield from (here / name for name in sorted(files))
        yield from (here / name for name in folders if (here / name).is_symlink())


def _chunks(path: Path) -> Iterator[bytes]:
    # Whatever stands there now: a link or a pipe that has taken the file's place is neither followed nor waited for.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            yield chunk
