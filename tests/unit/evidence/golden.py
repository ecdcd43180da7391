"""Makes small archives for the tests of packing and verifying; all people are made up."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.evidence import Timestamp
from archiveworker.domain.ids import ArchivePath, JobId
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence import layout
from archiveworker.evidence.container import PackedArchive, pack
from archiveworker.evidence.entries import Entry, InlineFile

MOMENT = datetime(2026, 1, 15, 9, 30, 0, tzinfo=UTC)
RECORD = layout.JobRecord(
    job_id=JobId("00000000-0000-4000-8000-000000000001"),
    archived_at=datetime(2026, 2, 1, 12, 0, 0, tzinfo=UTC),
    software="archiveworker 0.1.0",
    lms="https://lms.example",
)
METADATA = (
    "attemptid,userid,username,firstname,lastname,idnumber,timestart,timefinish,attempt,path,state\n"
    "33,7,zoe,Zoë,Ångström,,1768469400,1768471200,1,/zoe/33,finished\n"
)
CONTENTS: Mapping[str, bytes] = {
    "attempts/zoe/33/attempt.pdf": b"%PDF-1.7 made up",
    "attempts/zoe/33/attachments/2/Übung 1.txt": "Grüße".encode(),
    "attempts_metadata.csv": METADATA.encode(),
    "bag-info.txt": b"Source-Organization: Example\n",
    "index.html": b"<!doctype html><title>Archive</title>",
    "empty.txt": b"",
}


def inline(contents: Mapping[str, bytes] = CONTENTS) -> list[Entry]:
    """Return ``contents`` as entries."""
    return [InlineFile(ArchivePath(name), data, MOMENT) for name, data in contents.items()]


def spooled(spool: Path, contents: Mapping[str, bytes]) -> list[ArchiveFile]:
    """Write ``contents`` to ``spool`` and return them as files of an archive."""
    files = []
    for number, (name, data) in enumerate(contents.items()):
        (spool / f"{number}.bin").write_bytes(data)
        files.append(ArchiveFile(ArchivePath(name), f"{number}.bin", Sha256.of(data), len(data), MOMENT))
    return files


def all_entries(
    stamp: Timestamp | None = None,
    contents: Mapping[str, bytes] = CONTENTS,
    *,
    include_filehashes: bool = True,
    record: layout.JobRecord = RECORD,
) -> list[Entry]:
    """Return a whole archive's entries."""
    with_hashes = layout.with_sidecars(inline(contents), include_filehashes=include_filehashes)
    manifest = layout.manifest_of(with_hashes)
    return [*with_hashes, manifest, *layout.evidence_of(manifest, [stamp] if stamp else [], record)]


def make(folder: Path, entries: Sequence[Entry], container: ArchiveFormat = ArchiveFormat.TAR_GZ) -> PackedArchive:
    """Pack ``entries`` into ``folder``."""
    return pack(entries, spool=folder, target=folder / f"exam.{container.suffix}", container=container)


def overwrite(path: Path, data: bytes) -> None:
    """Give an existing file other contents in place: truncating it first, thousands of times, waits for the disk."""
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()
