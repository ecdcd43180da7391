"""The time-stamps over an archive's hash trees in the order in which they were made, and the records they give.

An *era* is a tree and the time-stamps that keep it alive: its own, and renewals over the token before (RFC 4998 5.2).
A renewal of the hash tree begins a new era (5.3): its leaves are the files' digests in a new algorithm, each joined
with all that the file's record held so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.errors import VerificationError
from archiveworker.evidence.hash_tree import HashTree, Lists
from archiveworker.evidence.leaves import Leaves
from archiveworker.evidence.record import ArchiveTimeStamp, encode_record, encode_sequence


@dataclass(frozen=True, slots=True)
class Stamped:
    """One time-stamp.

    Attributes:
        token: DER ContentInfo, as ``record.token_of`` gives it.
        above: what leads from the era's root, or from the digest of the token before, to what was stamped; empty when
            no other archive was renewed with it.
    """

    token: bytes
    above: tuple[bytes, ...] = ()


@dataclass(slots=True)
class _Era:
    leaves: Leaves
    tree: HashTree
    stamps: list[Stamped]


class History:
    """Grows by ``begin`` and ``renew``; every file's record covers all of it.

    Args:
        seed: of the archive's blinders.
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._eras: list[_Era] = []

    @property
    def algorithm(self) -> HashAlgorithm:
        """Of the newest era."""
        return self._eras[-1].leaves.algorithm

    @property
    def era_count(self) -> int:
        """How many trees there are."""
        return len(self._eras)

    @property
    def tokens(self) -> tuple[bytes, ...]:
        """All tokens, oldest first."""
        return tuple(stamp.token for era in self._eras for stamp in era.stamps)

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything that has a record."""
        return tuple(self._eras[0].leaves.digests)

    def joined(self, leaves: Leaves) -> Leaves:
        """Return the leaves of a new era: each digest joined with the file's record so far.

        Args:
            leaves: the files' digests alone.

        Raises:
            VerificationError: they are not the leaves of the era before.
        """
        if not self._eras:
            return leaves
        if leaves.digests.keys() != set(self.paths):
            raise VerificationError("the new digests are not those of the files in the archive's manifest")
        return Leaves(leaves.algorithm, {path: self._joined(leaves, path) for path in self.paths})

    def tree_over(self, leaves: Leaves) -> HashTree:
        """Return the tree over leaves as ``joined`` gives them; its root is what is stamped."""
        return leaves.tree(self._seed)

    def begin(self, leaves: Leaves, stamp: Stamped) -> None:
        """Begin an era over leaves as ``joined`` gives them."""
        self._eras.append(_Era(leaves, self.tree_over(leaves), [stamp]))

    def leaf_digests(self, path: str) -> list[bytes]:
        """Return what the first time-stamp of each era is over, for one leaf."""
        return [era.leaves.digest(path) for era in self._eras]

    def next_digest(self) -> bytes:
        """Return what a renewal of the last time-stamp is over, in the era's own algorithm."""
        return self._eras[-1].leaves.algorithm.of(self.tokens[-1])

    def renew(self, stamp: Stamped) -> None:
        """Add a renewal of the last time-stamp."""
        self._eras[-1].stamps.append(stamp)

    def record_of(self, path: str) -> bytes:
        """Return the DER EvidenceRecord of a leaf.

        Raises:
            VerificationError: there is no such leaf.
        """
        return encode_record([self._chain(era, path) for era in self._eras])

    def sequence_before(self, path: str, era_count: int) -> bytes:
        """Return the DER ArchiveTimeStampSequence of a leaf's first eras, which the next era covers."""
        return encode_sequence([self._chain(era, path) for era in self._eras[:era_count]])

    def chains_of(self, path: str) -> list[list[ArchiveTimeStamp]]:
        """Return a leaf's chains, oldest first."""
        return [self._chain(era, path) for era in self._eras]

    def _joined(self, leaves: Leaves, path: str) -> bytes:
        """RFC 4998 5.2, hash-tree renewal, steps 3 and 4: first the file's digest, then the sequence's, not sorted."""
        before = leaves.algorithm.of(self.sequence_before(path, len(self._eras)))
        return leaves.algorithm.of(leaves.digest(path), before)

    def _chain(self, era: _Era, path: str) -> list[ArchiveTimeStamp]:
        algorithm = era.leaves.algorithm
        first, *renewals = era.stamps
        lists = era.tree.reduced(era.leaves.index(path), first.above)
        chain = [ArchiveTimeStamp(algorithm, lists, first.token)]
        for renewal in renewals:
            lists = over_digest(algorithm.of(chain[-1].token), renewal.above)
            chain.append(ArchiveTimeStamp(algorithm, lists, renewal.token))
        return chain


def over_digest(digest: bytes, above: Sequence[bytes]) -> Lists:
    """Return the reduced hash tree of a digest that is joined with ``above``, one after the other."""
    if not above:
        return ()
    return (tuple(sorted((digest, above[0]))), *((single,) for single in above[1:]))
