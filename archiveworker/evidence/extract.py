"""Takes files out of an archive with proof of their time, and with nothing about anyone else (contract, "Beyond" 1).

The archive is read twice, never held in memory: once for its manifest and evidence, once for the files. Every record is
judged before it is handed out. What is left out on purpose: the manifest, its time-stamp and whatever else has names or
digests of other files. Accepted: the depth of a record tells roughly how many files the archive has.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from archiveworker.domain.digest import HashAlgorithm, Sha256
from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.errors import NotFoundError, VerificationError
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveFormat
from archiveworker.evidence import assembly, leaves, opening, proof, renewals, timestamp_check
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.container import pack
from archiveworker.evidence.entries import Entry, InlineFile
from archiveworker.evidence.history import History
from archiveworker.evidence.people import belongings_of
from archiveworker.evidence.proof_text import Told, readme
from archiveworker.evidence.reading import Member
from archiveworker.evidence.record_check import ProvedRecord, check_record
from archiveworker.evidence.token_check import reply_of, token_check


@dataclass(frozen=True, slots=True)
class Extracted:
    """A proof that was made.

    Attributes:
        path: the zip.
        names: what it proves, as the archive calls it.
        proved: by the time-stamps.
    """

    path: Path
    names: tuple[str, ...]
    proved: ProvedRecord


@dataclass(frozen=True, slots=True)
class _Taken:
    """A file on its way into a proof."""

    path: str
    spooled: Path
    size_bytes: int
    digests: dict[HashAlgorithm, bytes]


def extract(archive: Path, target: Path, *, paths: Sequence[str] = (), person: str | None = None) -> Extracted:
    """Write a proof.

    Args:
        archive: a tar.gz or zip file, or a folder; its renewals are looked for beside it.
        target: the zip; an existing one is replaced.
        paths: files, folders, or rows of tables as ``leaves`` calls them.
        person: take everything of this person: see ``people.belongings_of``.

    Raises:
        NotFoundError: there is no such archive, file or person.
        RequestError: more than one person has this id.
        VerificationError: the archive is damaged or has no hash tree; nothing is written.
        OSError: something cannot be read or written.
    """
    kept = opening.read_kept(archive)
    renewed = renewals.read_all(archive)
    history = assembly.history_of(kept, renewed)
    tables = assembly.tables_of(kept)
    names = _chosen(history, paths)
    if person is not None:
        found = belongings_of(person, {n: data for n, data in kept.items() if leaves.is_table(n)})
        hers = {name for name in history.paths if found.holds(name)}
        names = sorted({*names, *hers, *(row for row in found.rows if row in set(history.paths))})
    if not names:
        raise NotFoundError("nothing was chosen; name a file, a folder or a person")
    with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".proof-") as folder:
        rows = {path: row for name, data in tables.items() for path, row in leaves.rows_of(name, data).items()}
        taken = _take(archive, names, rows, Path(folder))
        entries, proved = _entries(history, taken)
        pack(entries, spool=Path(folder), target=target, container=ArchiveFormat.ZIP)
    return Extracted(target, tuple(names), proved)


def _chosen(history: History, paths: Sequence[str]) -> list[str]:
    known, found = history.paths, set()
    for path in paths:
        beginning = path.rstrip("/") + "/"
        # A table is a file and the folder of its rows; the name without a slash is the file.
        some = [path] if path in set(known) else [name for name in known if name.startswith(beginning)]
        if not some:
            raise NotFoundError(f"the archive has no file or folder {path!r}; its manifest-sha256.txt lists all")
        found.update(some)
    return sorted(found)


def _take(archive: Path, names: Sequence[str], rows: dict[str, bytes], folder: Path) -> list[_Taken]:
    """Copy what is wanted to ``folder``, hashing on the way."""
    wanted = set(names)
    taken: dict[str, _Taken] = {}
    for member in opening.sound_members(archive):
        if member.name in wanted and member.name not in rows:
            taken[member.name] = _spooled(member, folder / f"{len(taken)}.bin")
    for path in wanted & set(rows):
        taken[path] = _spooled(Member(path, iter([rows[path]])), folder / f"{len(taken)}.bin")
    missing = sorted(wanted - set(taken))
    if missing:
        raise VerificationError(f"{missing[0]!r} is missing in the archive although its manifest lists it")
    return [taken[name] for name in names]


def _spooled(member: Member, spooled: Path) -> _Taken:
    running = {algorithm: hashlib.new(algorithm.value) for algorithm in HashAlgorithm}
    size_bytes = 0
    with spooled.open("wb") as target:
        for chunk in member.chunks:
            target.write(chunk)
            size_bytes += len(chunk)
            for one in running.values():
                one.update(chunk)
    return _Taken(member.name, spooled, size_bytes, {a: one.digest() for a, one in running.items()})


def _entries(history: History, taken: Sequence[_Taken]) -> tuple[list[Entry], ProvedRecord]:
    files: dict[str, bytes] = {}
    proofs = []
    for one in taken:
        record = history.record_of(one.path)
        proofs.append(_judged(one, record))
        files[proof.record_name(one.path)] = record
        for era in range(2, history.era_count + 1):
            files[proof.sequence_name(one.path, era)] = history.sequence_before(one.path, era - 1)
    told = Told(
        {one.path: history.chains_of(one.path) for one in taken},
        {one.path: history.leaf_digests(one.path) for one in taken},
        proofs[0],
        [timestamp_check.chain_pem(reply_of(token)) for token in history.tokens],
    )
    for number, token in enumerate(history.tokens, start=1):
        files[proof.token_name(number)] = token
        files[proof.chain_name(number)] = told.certificates[number - 1]
    files[proof.README_NAME.value] = readme(told)
    return _listed(files, taken, told.proved.proved_at), told.proved


def _judged(one: _Taken, record: bytes) -> ProvedRecord:
    try:
        return check_record(record, one.digests, token_check(()))
    except VerificationError as exc:
        raise VerificationError(f"no proof can be given for {one.path!r}: {exc}") from exc


def _listed(files: dict[str, bytes], taken: Sequence[_Taken], at: datetime) -> list[Entry]:
    entries: list[Entry] = [InlineFile(ArchivePath(name), data, at) for name, data in files.items()]
    for one in taken:
        path = ArchivePath(proof.file_name(one.path))
        sha256 = Sha256(one.digests[HashAlgorithm.SHA256])
        entries.append(ArchiveFile(path, one.spooled.name, sha256, one.size_bytes, at))
    data = lists.render_sealed({entry.path: entry.sha256 for entry in entries})
    return [*entries, InlineFile(proof.LIST_NAME, data, at)]
