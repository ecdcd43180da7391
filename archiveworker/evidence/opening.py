"""Opens archives and proofs of any packing for a pass over their files, with the strict readers of ``verify``."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from archiveworker.domain.errors import NotFoundError, VerificationError
from archiveworker.evidence import folder_reader, gzip_reader, layout, leaves, tar_reader, zip_reader
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.leaves import is_table
from archiveworker.evidence.reading import CHUNK_BYTES, Findings, Limits, Member, Scan, UnreadableError
from archiveworker.evidence.verify_bag import without_base

_KEPT_NAMES = frozenset(
    path.value
    for path in (lists.MANIFEST_NAME, leaves.NOTE_NAME, leaves.QUERY_NAME, leaves.REPLY_NAME, leaves.CHAIN_NAME)
)
_KEPT_FOLDERS = (f"{layout.EVIDENCE_FOLDER}crl/", f"{layout.EVIDENCE_FOLDER}ocsp/")


def members(archive: Path, limits: Limits, findings: Findings, scan: Scan | None = None) -> Iterator[Member]:
    """Yield every file; what is wrong with the container goes to ``findings``.

    Args:
        archive: a tar.gz or zip file, or a folder.
        limits: against archives made to exhaust the machine.
        findings: takes what is wrong.
        scan: takes the digest of a file, once all has been read.

    Raises:
        UnreadableError: the rest cannot be read.
        OSError: the archive cannot be read.
    """
    if archive.is_dir():
        yield from folder_reader.members(archive, limits, findings)
        return
    size_bytes, scan = archive.stat().st_size, scan or Scan()
    with archive.open("rb") as source:
        magic = source.read(2)
        source.seek(0)
        if magic == gzip_reader.MAGIC:
            stream = gzip_reader.GzipReader(source, size_bytes, limits, findings)
            yield from tar_reader.members(stream, limits, findings)
            scan.archive_digest = stream.finish()
        elif magic == zip_reader.MAGIC:
            reader = zip_reader.ZipReader(source, size_bytes, limits, findings)
            yield from reader.members()
            scan.archive_digest = reader.finish()
        else:
            raise UnreadableError("it is neither a tar.gz nor a zip archive")


def sound_members(archive: Path, limits: Limits | None = None) -> Iterator[Member]:
    """Yield every file of an archive that must be undamaged, under its name in the bag if it is one.

    Raises:
        NotFoundError: there is no such file or folder.
        VerificationError: the container is damaged; raised at the latest when the last file has been read.
        OSError: the archive cannot be read.
    """
    if not archive.exists():
        raise NotFoundError(f"there is no archive {str(archive)!r}; check the path")
    findings = Findings(archive.name or str(archive))
    try:
        found = members(archive, limits or Limits(), findings)
        for member in without_base(found, Scan(), findings):
            yield member
            for _ in member.chunks:
                pass  # what the caller did not want still has to be read
    except UnreadableError as exc:
        raise VerificationError(f"{archive} cannot be read: {exc}; archiveworker verify says more") from exc
    if findings.checks:
        first = findings.checks[0]
        raise VerificationError(
            f"{archive} is damaged: {first.subject}: {first.message}; archiveworker verify says more"
        )


def is_kept(name: str) -> bool:
    """Tell whether the contents of a file are needed for making records."""
    return name in _KEPT_NAMES or name.startswith(_KEPT_FOLDERS) or is_table(name)


def read_kept(
    archive: Path, limits: Limits | None = None, *, seen: Callable[[str, bytes], object] | None = None
) -> dict[str, bytes]:
    """Return the contents of the manifest, the tables, and what belongs to the hash tree.

    Args:
        archive: a tar.gz or zip file, or a folder.
        limits: against archives made to exhaust the machine.
        seen: is given every file on the way, by name and piece; an empty piece first.

    Raises:
        NotFoundError: there is no such file or folder.
        VerificationError: the container is damaged, or one of these files is too large to be held in memory.
        OSError: the archive cannot be read.
    """
    limits = limits or Limits()
    return _kept(sound_members(archive, limits), limits, seen)


def glance(archive: Path) -> dict[str, bytes]:
    """Return the same and leave the rest unread where the packing allows it: damage elsewhere is not seen.

    That is a zip. In a tar.gz nothing can be found without unpacking what comes before.

    Raises:
        NotFoundError, VerificationError, OSError: see ``read_kept``.
    """
    if archive.is_dir() or not zipfile.is_zipfile(archive):
        return read_kept(archive)
    limits, findings = Limits(), Findings(archive.name)
    try:
        with archive.open("rb") as source, zipfile.ZipFile(source) as container:
            found = (Member(info.filename, _pieces(container, info)) for info in container.infolist())
            return _kept(without_base(found, Scan(), findings), limits, None)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as exc:
        raise VerificationError(f"{archive} is damaged: {exc}; archiveworker verify says more") from exc


def _pieces(container: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with container.open(info) as file:
        while piece := file.read(CHUNK_BYTES):
            yield piece


def _kept(found: Iterator[Member], limits: Limits, seen: Callable[[str, bytes], object] | None) -> dict[str, bytes]:
    kept: dict[str, bytes] = {}
    for member in found:
        if seen is None and not is_kept(member.name):
            continue
        data = bytearray()
        for chunk in chain((b"",), member.chunks):
            if seen is not None:
                seen(member.name, chunk)
            if is_kept(member.name):
                data += chunk
            if len(data) > limits.max_list_bytes:
                raise VerificationError(f"{member.name} has more than {limits.max_list_bytes} bytes")
        if is_kept(member.name):
            kept[member.name] = bytes(data)
    return kept
