"""What of an archive has an evidence record of its own, and what the archive must hold to make these records later.

Every file of the manifest, the manifest itself, and every row of the table of attempts: a row is a leaf of its own, as
a table of its heading and itself, so that a student's row can be proved without those of the others. Its path is the
table's with ``/<first column>.csv`` behind it, which no file can have.

The tree is not stored: manifest and tables give the leaves, ``evidence/hash-tree.txt`` the rest. The seed in it blinds
the leaves (``hash_tree``). It is as confidential as the archive: who has it can make every record, and guess at files
of which a record shows the blinded digest.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.ids import ArchivePath
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.hash_tree import HashTree, blinder

NOTE_NAME = ArchivePath("evidence/hash-tree.txt")
QUERY_NAME = ArchivePath("evidence/hash-tree.tsq")
REPLY_NAME = ArchivePath("evidence/hash-tree.tsr")
CHAIN_NAME = ArchivePath("evidence/hash-tree.chain.pem")

SEED_BYTES = 32

_TABLE = re.compile(r"(data/)?[^/]+_metadata\.csv\Z")
_ID = re.compile(r"[0-9A-Za-z_-]{1,40}\Z")
_NOTE = re.compile(r"Format: 1\nDigest-Algorithm: sha256\nSeed: ([0-9a-f]{64})\n((?:Table: [^\n]+\n)*)\Z")


@dataclass(frozen=True, slots=True)
class TreeNote:
    """``evidence/hash-tree.txt``.

    Attributes:
        seed: for the blinders, 32 random bytes.
        tables: names of the tables whose rows are leaves, sorted.
    """

    seed: bytes = field(repr=False)
    tables: tuple[str, ...]

    def render(self) -> bytes:
        """Return the file."""
        head = f"Format: 1\nDigest-Algorithm: sha256\nSeed: {self.seed.hex()}\n"
        return (head + "".join(f"Table: {name}\n" for name in self.tables)).encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the file strictly.

        Raises:
            VerificationError: it is not what ``render`` writes.
        """
        found = _NOTE.match(data.decode(errors="replace"))
        note = found and cls(
            bytes.fromhex(found[1]), tuple(line.removeprefix("Table: ") for line in found[2].split("\n")[:-1])
        )
        if not note or note.render() != data or not all(is_table(name) for name in note.tables):
            raise VerificationError(f"{NOTE_NAME.value} is not the note on the hash tree that the worker writes")
        return note


class Leaves:
    """The leaves of one tree, in the order of their paths' bytes.

    Args:
        algorithm: of the digests.
        digests: by path.
    """

    def __init__(self, algorithm: HashAlgorithm, digests: Mapping[str, bytes]) -> None:
        self.algorithm = algorithm
        self.digests = dict(sorted(digests.items(), key=lambda leaf: leaf[0].encode()))
        self._index = {path: at for at, path in enumerate(self.digests)}

    def index(self, path: str) -> int:
        """Return where a leaf stands.

        Raises:
            VerificationError: there is none of this path.
        """
        try:
            return self._index[path]
        except KeyError as exc:
            raise VerificationError(f"the hash tree does not hold {path!r}") from exc

    def digest(self, path: str) -> bytes:
        """Return a leaf's digest.

        Raises:
            VerificationError: there is none of this path.
        """
        self.index(path)
        return self.digests[path]

    def tree(self, seed: bytes) -> HashTree:
        """Return the tree over them."""
        blinders = [blinder(self.algorithm, seed, path) for path in self.digests]
        return HashTree(self.algorithm, list(self.digests.values()), blinders)


def is_table(name: str) -> bool:
    """Tell whether a file of this name may be a table whose rows are leaves."""
    return _TABLE.match(name) is not None


def first_leaves(manifest: bytes, tables: Mapping[str, bytes]) -> Leaves:
    """Return the leaves of an archive's own tree.

    Args:
        manifest: ``manifest-sha256.txt``.
        tables: contents of the tables that the note names.

    Raises:
        VerificationError: the manifest is malformed, or a table is not the one that it lists.
    """
    listed = {path.value: digest.raw for path, digest in lists.parse(manifest).items()}
    for name, data in tables.items():
        if listed.get(name) != HashAlgorithm.SHA256.of(data):
            raise VerificationError(f"the manifest does not list {name!r} with the digest that it has")
    listed[lists.MANIFEST_NAME.value] = HashAlgorithm.SHA256.of(manifest)
    return Leaves(HashAlgorithm.SHA256, listed | _row_digests(HashAlgorithm.SHA256, tables))


def new_note(files: Mapping[str, bytes], seed: bytes) -> TreeNote:
    """Return the note on the tree of a new archive.

    Args:
        files: contents of what may be a table, by name.
        seed: 32 random bytes.
    """
    return TreeNote(seed, tuple(sorted(name for name, data in files.items() if is_table(name) and rows_of(name, data))))


def later_leaves(algorithm: HashAlgorithm, files: Mapping[str, bytes], tables: Mapping[str, bytes]) -> Leaves:
    """Return the leaves of a renewed tree, before they are joined with the records so far.

    Args:
        algorithm: the new one.
        files: new digests of all files of the manifest and of the manifest.
        tables: contents of the tables.
    """
    return Leaves(algorithm, dict(files) | _row_digests(algorithm, tables))


def rows_of(name: str, data: bytes) -> dict[str, bytes]:
    """Return what each row of a table is called and what it consists of: the table's first line and its own.

    Empty when the rows cannot be told apart by a first column that is a plain number or word.
    """
    head, *rows = data.splitlines(keepends=True) or [b""]
    found: dict[str, bytes] = {}
    for row in rows:
        key = row.split(b",", 1)[0].decode(errors="replace")
        path = f"{name}/{key}.csv"
        if not _ID.match(key) or path in found:
            return {}
        found[path] = head + row
    return found


def _row_digests(algorithm: HashAlgorithm, tables: Mapping[str, bytes]) -> dict[str, bytes]:
    rows: Iterable[tuple[str, bytes]] = (row for name, data in tables.items() for row in rows_of(name, data).items())
    return {path: algorithm.of(data) for path, data in rows}
