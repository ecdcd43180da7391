"""A hash tree over many digests, and for each of them the few others that lead from it to the root (RFC 4998 4.2).

Binary: neighbours are paired, sorted, joined and hashed; one without a neighbour moves up as it is. A tree is a
function of its leaves in their order, nothing else. It is held as lists of digests: 100,000 leaves take some 20 MB.

A leaf may be *blinded*: its digest is first joined with a number that nobody else knows. The neighbours that a record
shows are then no digests of files, so that nobody can guess a short text of somebody else from them (ADR 0007).
"""

import hmac
from collections.abc import Sequence

from archiveworker.domain.digest import HashAlgorithm

Lists = tuple[tuple[bytes, ...], ...]
"""A reduced hash tree: lists of digests, the one with the leaf first, each in binary ascending order."""


class HashTree:
    """A tree.

    Args:
        algorithm: of all its digests.
        leaves: at least one.
        blinders: one for each leaf, or None.

    Raises:
        ValueError: there is no leaf, or not a blinder for each.
    """

    def __init__(
        self, algorithm: HashAlgorithm, leaves: Sequence[bytes], blinders: Sequence[bytes] | None = None
    ) -> None:
        if not leaves or (blinders is not None and len(blinders) != len(leaves)):
            raise ValueError("a hash tree needs leaves, and a blinder for each or none at all")
        self._algorithm = algorithm
        self._leaves = tuple(leaves)
        self._blinders = None if blinders is None else tuple(blinders)
        if self._blinders is None:
            level = list(self._leaves)
        else:
            level = [self._join(*pair) for pair in zip(self._leaves, self._blinders, strict=True)]
        self._levels = [level]
        while len(level) > 1:
            pairs = [self._join(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
            level = pairs + level[len(pairs) * 2 :]
            self._levels.append(level)

    @property
    def algorithm(self) -> HashAlgorithm:
        """Of all its digests."""
        return self._algorithm

    @property
    def root(self) -> bytes:
        """What is stamped; of a single leaf that is not blinded, the leaf itself."""
        return self._levels[-1][0]

    def reduced(self, index: int, above: Sequence[bytes] = ()) -> Lists:
        """Return the reduced hash tree of a leaf; empty when the leaf itself is what is stamped.

        Args:
            index: of the leaf.
            above: what this tree's root is joined with, one after the other, when it is a leaf of another tree.
        """
        singles = [*self.neighbours(index), *above]
        if self._blinders is not None:
            own = [self._leaves[index], self._blinders[index]]
        elif singles:
            own = [self._leaves[index], singles.pop(0)]
        else:
            return ()
        return (tuple(sorted(own)), *((single,) for single in singles))

    def neighbours(self, index: int) -> tuple[bytes, ...]:
        """Return what the leaf is joined with on its way up, one digest a level, the blinder left out."""
        found = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                found.append(level[index ^ 1])
            index //= 2
        return tuple(found)

    def _join(self, *digests: bytes) -> bytes:
        return self._algorithm.of(*sorted(digests))


def blinder(algorithm: HashAlgorithm, seed: bytes, path: str) -> bytes:
    """Return the number that blinds a leaf: it tells nothing of the seed and nothing of other leaves.

    Args:
        algorithm: gives its length; HMAC (RFC 2104) with this digest.
        seed: known to those who have the whole archive.
        path: of the leaf.
    """
    return hmac.digest(seed, path.encode(), algorithm.value)
