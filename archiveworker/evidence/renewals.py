"""Renewals as they lie beside an archive, which itself is never written again.

``exam.tar.gz`` has them in the folder ``exam.tar.gz.renewals``, one sub-folder each, ``0001`` first::

    renewal.txt               what it is
    timestamp.tsq .tsr        question and answer of the time-stamp authority
    chain.pem                 its certificates
    crl/*.crl ocsp/*.ors      what is known of revoked ones, if anything
    manifest-sha512.txt       only for a new hash tree: new digests of all files, as ``sha512sum -c`` reads them
    renewal-sha256.txt        SHA-256 of the files above; closes with its own digest

A sub-folder is complete or not there: it is written under another name and renamed.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from archiveworker.domain.digest import HashAlgorithm, Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.ids import ArchivePath
from archiveworker.evidence import manifest as lists

FOLDER_SUFFIX: Final = ".renewals"
NOTE_NAME: Final = "renewal.txt"
QUERY_NAME: Final = "timestamp.tsq"
REPLY_NAME: Final = "timestamp.tsr"
CHAIN_NAME: Final = "chain.pem"
LIST_NAME: Final = "renewal-sha256.txt"

_MAX_FILE_BYTES = 256 * 1024**2
_NUMBER = re.compile(r"[0-9]{4}\Z")
_NOTE = re.compile(
    r"Format: 1\nKind: (time-stamp|hash-tree)\nDigest-Algorithm: (sha256|sha384|sha512)\n"
    r"Manifest-SHA256: ([0-9a-f]{64})\n(?:Joined-With:((?: [0-9a-f]+)+)\n)?\Z"
)
_LINE = re.compile(r"([0-9a-f]+)  ([^\n]+)\Z")


@dataclass(frozen=True, slots=True)
class Renewal:
    """One renewal.

    Attributes:
        is_hash_tree: a new tree in ``algorithm`` (RFC 4998 5.3); otherwise a time-stamp over the last one (5.2).
        algorithm: of the digests and of the time-stamp.
        manifest: digest of the archive's manifest, so that it is not taken for another archive's.
        above: what the archive's digest was joined with, when several archives were renewed by one time-stamp.
        digests: new digests of all files, for a hash tree; else empty.
        files: the other files of its folder, by name, the list of digests left out.
    """

    is_hash_tree: bool
    algorithm: HashAlgorithm
    manifest: Sha256
    above: tuple[bytes, ...]
    digests: Mapping[str, bytes] = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def reply(self) -> bytes:
        """DER TimeStampResp; empty when it is missing."""
        return self.files.get(REPLY_NAME, b"")


def folder_of(archive: Path) -> Path:
    """Return where an archive's renewals lie."""
    archive = archive.absolute()
    return archive.with_name(archive.name + FOLDER_SUFFIX)


def write(archive: Path, renewal: Renewal) -> Path:
    """Store a renewal behind those that are there; return its folder.

    Raises:
        OSError: the disk refuses.
    """
    folder = folder_of(archive)
    folder.mkdir(exist_ok=True)
    target = folder / f"{len(_numbered(folder)) + 1:04d}"
    part = folder / f".{target.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    files = dict(renewal.files) | {NOTE_NAME: _note(renewal)}
    if renewal.is_hash_tree:
        files[_manifest_name(renewal.algorithm)] = _render(renewal.digests)
    digests = {ArchivePath(name): Sha256.of(data) for name, data in files.items()}
    for name, data in (files | {LIST_NAME: lists.render_sealed(digests)}).items():
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).write_bytes(data)
    part.rename(target)
    return target


def read_all(archive: Path) -> tuple[Renewal, ...]:
    """Return the renewals of an archive, oldest first; none when there is no folder.

    Raises:
        VerificationError: one is damaged, or a number is missing.
        OSError: the folder cannot be read.
    """
    folder = folder_of(archive)
    if not folder.is_dir():
        return ()
    found = _numbered(folder)
    strangers = {path.name for path in folder.iterdir() if not path.name.startswith(".")} - {p.name for p in found}
    if strangers or [path.name for path in found] != [f"{n:04d}" for n in range(1, len(found) + 1)]:
        raise VerificationError(f"{folder.name} must hold the folders 0001, 0002 and so on, and nothing else")
    return tuple(_read(path) for path in found)


def _numbered(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and _NUMBER.match(path.name))


def _read(folder: Path) -> Renewal:
    name = f"{folder.parent.name}/{folder.name}"
    files = {}
    for path in sorted(p for p in folder.rglob("*") if not p.is_dir() or p.is_symlink()):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_FILE_BYTES:
            raise VerificationError(f"{name}: {path.name} is no plain file, or too large")
        files[path.relative_to(folder).as_posix()] = path.read_bytes()
    try:
        listed = lists.parse_sealed(files.pop(LIST_NAME, b""))
        note = _NOTE.match(files.get(NOTE_NAME, b"").decode())
    except (VerificationError, UnicodeDecodeError) as exc:
        raise VerificationError(f"{name}/{LIST_NAME} or the note beside it is damaged: {exc}") from exc
    expected = {path.value: digest for path, digest in listed.items()}
    for file in sorted(set(expected) | set(files)):
        if file not in files or expected.get(file) != Sha256.of(files[file]):
            raise VerificationError(f"{name}/{file} is missing, was added, or was changed")
    if note is None:
        raise VerificationError(f"{name}/{NOTE_NAME} is not the note on a renewal that the worker writes")
    algorithm = HashAlgorithm(note[2])
    digests = _parse(files.pop(_manifest_name(algorithm), b""), algorithm) if note[1] == "hash-tree" else {}
    above = tuple(bytes.fromhex(word) for word in (note[4] or "").split())
    del files[NOTE_NAME]
    renewal = Renewal(note[1] == "hash-tree", algorithm, Sha256.from_hex(note[3]), above, digests, files)
    if any(len(digest) != algorithm.size_bytes for digest in (*above, *digests.values())) or _note(renewal) != (
        note[0].encode()
    ):
        raise VerificationError(f"{name}/{NOTE_NAME} is not the note on a renewal that the worker writes")
    return renewal


def _note(renewal: Renewal) -> bytes:
    lines = [
        "Format: 1",
        f"Kind: {'hash-tree' if renewal.is_hash_tree else 'time-stamp'}",
        f"Digest-Algorithm: {renewal.algorithm.value}",
        f"Manifest-SHA256: {renewal.manifest.hex}",
    ]
    if renewal.above:
        lines.append("Joined-With: " + " ".join(digest.hex() for digest in renewal.above))
    return "".join(f"{line}\n" for line in lines).encode()


def _manifest_name(algorithm: HashAlgorithm) -> str:
    return f"manifest-{algorithm.value}.txt"


def _render(digests: Mapping[str, bytes]) -> bytes:
    ordered = sorted(digests.items(), key=lambda entry: entry[0].encode())
    return "".join(f"{digest.hex()}  {name}\n" for name, digest in ordered).encode()


def _parse(data: bytes, algorithm: HashAlgorithm) -> dict[str, bytes]:
    digests: dict[str, bytes] = {}
    for line in data.decode(errors="replace").split("\n")[:-1]:
        found = _LINE.match(line)
        if not found or len(found[1]) != algorithm.size_bytes * 2:
            raise VerificationError(f"{_manifest_name(algorithm)} has a line that is not '<{algorithm.value}>  <name>'")
        digests[found[2]] = bytes.fromhex(found[1])
    if _render(digests) != data:
        raise VerificationError(f"{_manifest_name(algorithm)} is not sorted, or not UTF-8")
    return digests
