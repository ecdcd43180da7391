"""Names and headers of POSIX USTAR (IEEE 1003.1, pax, "ustar Interchange Format"), as the packer writes them.

Plain USTAR only, never pax or GNU extensions: Moodle's own tgz reader knows nothing else. Its header is built here
and not by ``tarfile``, whose bytes differ between Python's versions. ``verify`` has its own reader (DESIGN D8).
"""

import hashlib
import re

from archiveworker.domain.errors import LimitExceededError
from archiveworker.domain.ids import ArchivePath

BLOCK_BYTES = 512
MAX_FILE_BYTES = 8 * 1024**3 - 1
"""Eleven octal digits; larger files need zip."""
MAX_TIME_S = 8**11 - 1
SIDECAR_BYTES = len(".sha256")

_NAME_BYTES, _PREFIX_BYTES = 100, 155
_DIGEST_DIGITS = 16
FOLDER_MAX_BYTES = 110
"""Of an item's folder, so that sub-folders and names still fit below."""
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}\Z")


def split(path: ArchivePath) -> tuple[bytes, bytes] | None:
    """Return the header's prefix and name fields for ``path``, or None when it does not fit.

    The prefix is as short as it can be.
    """
    raw = path.value.encode()
    if len(raw) <= _NAME_BYTES:
        return b"", raw
    at = raw.find(b"/", max(0, len(raw) - _NAME_BYTES - 1))
    if at < 1 or at > _PREFIX_BYTES:
        return None
    return raw[:at], raw[at + 1 :]


def fits_ustar(path: ArchivePath, *, reserve_bytes: int = SIDECAR_BYTES) -> bool:
    """Tell whether ``path`` fits into a USTAR header with ``reserve_bytes`` more at its end (for its ``.sha256``)."""
    return split(path) is not None and split(path.with_suffix_added("x" * reserve_bytes)) is not None


def shortened(path: ArchivePath, *, reserve_bytes: int = SIDECAR_BYTES) -> ArchivePath:
    """Return ``path``, or a shorter one that fits into USTAR: same input same output, other input other output.

    Too long a name keeps its beginning and its ending and gets a digest of the whole path; too long a folder as
    well (see ``shortened_folder``). Give folders of one attempt to ``shortened_folder`` first, so that all that
    belongs together stays together.
    """
    if fits_ustar(path, reserve_bytes=reserve_bytes):
        return path
    folder = path.parent
    if len(folder.encode()) > _PREFIX_BYTES:
        folder = shortened_folder(ArchivePath(folder)).value
    room = _NAME_BYTES - reserve_bytes
    name = path.name if len(path.name.encode()) <= room else _cut(path.name, room, path.value)
    return ArchivePath(f"{folder}/{name}" if folder else name)


def shortened_folder(folder: ArchivePath, *, limit_bytes: int = FOLDER_MAX_BYTES) -> ArchivePath:
    """Return ``folder``, or a shorter one of at most ``limit_bytes``, so that sub-folders and names still fit below.

    Leading parts are kept as long as they fit; the rest becomes one part with a digest of the whole.
    """
    if len(folder.value.encode()) <= limit_bytes:
        return folder
    kept, parts = "", folder.value.split("/")
    least = _DIGEST_DIGITS + 12
    while len(f"{kept}{parts[0]}/".encode()) + least <= limit_bytes:
        kept += f"{parts.pop(0)}/"
    room = limit_bytes - len(kept.encode())
    return ArchivePath(kept + _cut("_".join(parts), room, folder.value, keep_ending=False))


def _cut(text: str, room_bytes: int, whole: str, *, keep_ending: bool = True) -> str:
    ending = _ENDING.search(text) if keep_ending else None
    tail = "~" + hashlib.sha256(whole.encode()).hexdigest()[:_DIGEST_DIGITS] + (ending[0] if ending else "")
    return text.encode()[: room_bytes - len(tail)].decode(errors="ignore") + tail


def header(path: ArchivePath, size_bytes: int, modified_s: int) -> bytes:
    """Return the 512 bytes that precede a regular file: mode 0644, owner 0 without a name.

    Args:
        path: name in the archive.
        size_bytes: of the file, up to ``MAX_FILE_BYTES``.
        modified_s: seconds since 1970, 0 to ``MAX_TIME_S``.

    Raises:
        LimitExceededError: the name or the size does not fit.
    """
    fields = split(path)
    if fields is None:
        raise LimitExceededError(
            f"the name {path.value!r} is too long for a USTAR archive (100 bytes, or 155 + 100 split at a slash); "
            "shorten the folder and file name patterns"
        )
    if size_bytes > MAX_FILE_BYTES:
        raise LimitExceededError(
            f"{path.value!r} has {size_bytes} bytes; a file in a tar.gz may have up to {MAX_FILE_BYTES}: choose zip"
        )
    prefix, name = fields
    raw = b"".join(
        (
            name.ljust(100, b"\0"),
            b"0000644\x000000000\x000000000\x00",
            b"%011o\x00%011o\x00" % (size_bytes, modified_s),
            b" " * 8,
            b"0" + bytes(100),
            b"ustar\x0000" + bytes(64),
            b"0000000\x000000000\x00",
            prefix.ljust(155, b"\0") + bytes(12),
        )
    )
    return raw[:148] + b"%06o\x00 " % sum(raw) + raw[156:]


def padding(size_bytes: int) -> bytes:
    """Return the zeros that fill up the last block of a file."""
    return bytes(-size_bytes % BLOCK_BYTES)


def trailer(written_bytes: int) -> bytes:
    """Return the end of an archive after ``written_bytes``: two empty blocks, filled up to a record of 20."""
    record = 20 * BLOCK_BYTES
    return bytes(2 * BLOCK_BYTES + -(written_bytes + 2 * BLOCK_BYTES) % record)
