"""Where each item's files stand in the archive: no two items share a folder, none is longer than USTAR can name.

The folder comes from a pattern that a teacher wrote, so two items may ask for the same one, or for one inside
another's. Moodle's GDPR export takes every file whose path begins with an item's path (quiz_archiver,
classes/FileManager.php): a shared or nested folder would hand one student's work to another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.job import ItemRecord
from archiveworker.evidence.ustar import FOLDER_MAX_BYTES, shortened, shortened_folder


def placed(records: Iterable[ItemRecord], *, flatten: bool, below: str = "") -> tuple[ItemRecord, ...]:
    """Return the records with the final paths of their files, sorted by folder.

    Args:
        records: in any order.
        flatten: put every file at the top, with the item's key before its name.
        below: folder, with a slash at its end, that the paths will be put into; they leave room for it.
    """
    ordered = sorted(records, key=lambda r: r.key)
    if flatten:
        return tuple(_flattened(record, below) for record in ordered)
    limit_bytes = FOLDER_MAX_BYTES - len(below.encode())
    folders = unique_folders(
        {record.key: shortened_folder(record.folder, limit_bytes=limit_bytes) for record in ordered}
    )
    moved = (_moved(record, folders[record.key], below) for record in ordered)
    return tuple(sorted(moved, key=lambda r: r.folder))


def without_percent(record: ItemRecord) -> ItemRecord:
    """Return the record with ``_`` for each percent sign in its paths: a bag may not hold any (``evidence.bagit``)."""
    files = tuple(replace(file, path=bag_path(file.path)) for file in record.files)
    return replace(record, folder=bag_path(record.folder), files=files)


def bag_path(path: ArchivePath) -> ArchivePath:
    """Return the path with ``_`` for each percent sign."""
    return ArchivePath(path.value.replace("%", "_"))


def unique_paths(files: Iterable[ArchiveFile]) -> tuple[ArchiveFile, ...]:
    """Return the files, with a number in the names of those whose path an earlier one has."""
    taken: set[str] = set()
    return tuple(replace(file, path=_free(file.path, taken)) for file in files)


def metadata_path(record: ItemRecord, *, flatten: bool) -> str:
    """Return how the paths of a placed record's files begin, and those of no other item.

    It ends with a slash (or, flattened, with a dot), because Moodle compares beginnings: ``/attempts/3`` would also
    take ``/attempts/33/...``.
    """
    return f"/{_flat_prefix(record.key)}" if flatten else f"/{record.folder}/"


def unique_folders(wanted: Mapping[ItemKey, ArchivePath]) -> dict[ItemKey, ArchivePath]:
    """Return a folder for each item so that none is, or lies in, another's; names are compared without case."""
    folders = dict(wanted)
    clashing = _clashing(folders)
    while clashing:
        for key in clashing:
            folders[key] = ArchivePath(f"{folders[key]}-{key}")
        clashing = _clashing(folders)
    return folders


def _clashing(folders: Mapping[ItemKey, ArchivePath]) -> set[ItemKey]:
    """Find the items whose folder is also another's, or lies in another's."""
    owners: dict[str, list[ItemKey]] = {}
    for key, folder in folders.items():
        owners.setdefault(folder.value.casefold(), []).append(key)
    clashing = {key for keys in owners.values() if len(keys) > 1 for key in keys}
    for key, folder in folders.items():
        parts = folder.value.casefold().split("/")
        for depth in range(1, len(parts)):
            # The outer one moves aside: then neither holds the other.
            clashing.update(k for k in owners.get("/".join(parts[:depth]), []) if k != key)
    return clashing


def _moved(record: ItemRecord, folder: ArchivePath, below: str) -> ItemRecord:
    taken: set[str] = set()
    files = []
    for file in record.files:
        rest = file.path.value.removeprefix(f"{record.folder}/")
        files.append(replace(file, path=_free(_short(f"{folder}/{rest}", below), taken)))
    return replace(record, folder=folder, files=tuple(files))


def _short(path: str, below: str) -> ArchivePath:
    return ArchivePath(shortened(ArchivePath(f"{below}{path}")).value.removeprefix(below))


def _flattened(record: ItemRecord, below: str) -> ItemRecord:
    taken: set[str] = set()
    stem = record.files[0].path.name.removesuffix(".pdf")
    files: list[ArchiveFile] = []
    for file in record.files:
        parts = file.path.value.removeprefix(f"{record.folder}/").split("/")
        name = ".".join([stem, "attachment", *parts[1:]]) if parts[0] == "attachments" else ".".join(parts)
        path = ArchivePath.sanitised(f"{_flat_prefix(record.key)}{name}")
        files.append(replace(file, path=_free(_short(path.value, below), taken)))
    return replace(record, files=tuple(files))


def _flat_prefix(key: ItemKey) -> str:
    return f"{key.replace('-', '_')}."


def _free(path: ArchivePath, taken: set[str]) -> ArchivePath:
    """Return ``path``, with a number before its ending when an earlier file of the item has the name already."""
    free, number = path, 1
    while free.value.casefold() in taken:
        number += 1
        stem, dot, ending = path.name.rpartition(".")
        name = f"{stem}-{number}{dot}{ending}" if stem else f"{ending}-{number}"
        free = ArchivePath(f"{path.parent}/{name}" if path.parent else name)
    taken.add(free.value.casefold())
    return free
