"""What of an activity goes into its archive: everything as it was read, or everything under pseudonyms.

The pseudonyms' key, and the list of who is who, are delivered beside the archive and never in it (``companions``).
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from archiveworker.domain.digest import Sha256
from archiveworker.domain.peer_review.base import FileId
from archiveworker.domain.peer_review.checks.finding import Subject, SubjectKind
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.peer_review.pseudonyms import pseudonymised
from archiveworker.domain.peer_review.redaction import IdentityFlag, scan
from archiveworker.domain.pseudonyms import Pseudonyms
from archiveworker.reports.tables import render_csv
from archiveworker.sources.reviewed.collect import Collected
from archiveworker.sources.reviewed.reader import OPEN_PHASES

_KEY_BYTES: Final = 32
_PREFIXES: Final[dict[StrEnum, str]] = {
    SubjectKind.PARTICIPANT: "person",
    SubjectKind.SUBMISSION: "work",
    SubjectKind.ALLOCATION: "allocation",
    SubjectKind.REVIEW: "review",
    SubjectKind.FILE: "file",
    SubjectKind.LOCK: "lock",
}
"""How ``pseudonyms`` calls each kind of record; forms, criteria and the activity keep their ids."""
_NO_RAW: Final = "The LMS's answers as they came are not in this archive: they name people."


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of a file that the LMS gave.

    Attributes:
        path: on the spool.
        sha256: their digest.
        size_bytes: their number.
    """

    path: Path
    sha256: Sha256
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What may stand in the archive.

    Attributes:
        record: the activity.
        blobs: bytes of the files of ``record``.
        flags: where free text names somebody, with the ids of ``record``.
        notes: sentences for the overview.
        raw: the LMS's answers, to be archived as they are.
    """

    record: PeerReview
    blobs: Mapping[FileId, Blob]
    flags: tuple[IdentityFlag, ...]
    notes: tuple[str, ...]
    raw: tuple[Path, ...]


def shown(collected: Collected, key: bytes | None) -> Shown:
    """Return what goes into the archive.

    Args:
        collected: what was read.
        key: of the pseudonyms; None for an archive that names people.
    """
    record, notes = collected.record, _notes(collected.record)
    files = {one.id: one for one in record.files}
    blobs = {
        file_id: Blob(path, Sha256.from_hex(files[file_id].sha256 or ""), files[file_id].size_bytes or 0)
        for file_id, path in collected.blobs.items()
    }
    if key is None:
        return Shown(record, blobs, scan(record), notes, collected.raw)
    made, copy = Pseudonyms(key), pseudonymised(record, key)
    renamed = {new: blobs[old] for new, old in copy.files.items() if old in blobs}
    flags = tuple(_under_pseudonyms(flag, made) for flag in copy.flags)
    return Shown(copy.peer_review, renamed, flags, (*notes, _NO_RAW), ())


def _notes(record: PeerReview) -> tuple[str, ...]:
    if record.activity.phase not in OPEN_PHASES:
        return ()
    return (
        f"This was archived while the activity was still in its {record.activity.phase} phase: works, reviews and "
        "grades may have changed since.",
    )


def _under_pseudonyms(flag: IdentityFlag, made: Pseudonyms) -> IdentityFlag:
    subject = flag.place.subject
    prefix = _PREFIXES.get(subject.kind)
    named = subject if prefix is None else Subject(subject.kind, made.of(prefix, subject.id))
    return replace(flag, place=replace(flag.place, subject=named), person=made.person(flag.person))


def key_of(folder: Path, archive_name: str) -> bytes:
    """Return the key of a job's pseudonyms, drawn when it is asked for first.

    Args:
        folder: of the job's companions; the key stays there, readable for the worker alone, in hexadecimal.
        archive_name: begins the file's name.
    """
    file = folder / f"{archive_name}.pseudonym-key.txt"
    if not file.exists():
        write_private(file, f"{secrets.token_hex(_KEY_BYTES)}\n".encode())
    return bytes.fromhex(file.read_text().strip())


def list_pseudonyms(record: PeerReview, key: bytes) -> bytes:
    """Return the table of who is who.

    Args:
        record: as it was read.
        key: of the pseudonyms.
    """
    made = Pseudonyms(key)
    rows = [
        {
            "pseudonym": made.person(one.id),
            "kind": "person",
            "id": one.id,
            "name": one.display or "",
            "username": one.username or "",
            "email": one.email or "",
            "external_id": one.external_id or "",
        }
        for one in record.participants
    ]
    others: dict[str, list[str]] = {
        "work": [one.id for one in record.submissions],
        "allocation": [one.id for one in record.allocations],
        "review": [one.id for one in record.reviews],
    }
    for kind, ids in others.items():
        rows += [{"pseudonym": made.of(kind, one), "kind": kind, "id": one} for one in ids]
    rows += [
        {"pseudonym": made.of("file", one.id), "kind": "file", "id": one.id, "name": one.filename}
        for one in record.files
    ]
    return render_csv(("pseudonym", "kind", "id", "name", "username", "email", "external_id"), rows)


def write_private(file: Path, data: bytes) -> None:
    """Write a file that only the worker can read, as a whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(data)
    part.replace(file)
