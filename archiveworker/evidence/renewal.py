"""Renews archives: a new time-stamp before the old one ages (RFC 4998 5.2), or a new hash tree as well (5.3).

Archives are not touched; what is new lies beside them (``renewals``). Several archives are renewed by one time-stamp
over a small tree of their own: an authority may ask money for each. An archive is verified before, completely, and not
renewed when it is bad: a renewal would make damage look like evidence. What was made is judged before it is stored. An
archive is read twice: to be verified, and to be renewed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archiveworker.domain.digest import Digest, HashAlgorithm, Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.evidence import Timestamp, Timestamper, Verdict
from archiveworker.evidence import assembly, evidence_names, leaves, opening, renewals
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.archive_records import FileDigests
from archiveworker.evidence.hash_tree import HashTree
from archiveworker.evidence.history import History
from archiveworker.evidence.layout import revocation_files
from archiveworker.evidence.record_check import ProvedRecord, check_record
from archiveworker.evidence.renewals import Renewal
from archiveworker.evidence.token_check import token_check
from archiveworker.evidence.verify import verify

_MANIFEST = lists.MANIFEST_NAME.value


@dataclass(frozen=True, slots=True)
class Renewed:
    """An archive that was renewed.

    Attributes:
        archive: where it is.
        folder: where the renewal is.
        is_hash_tree: whether it got a new hash tree.
        proved: what its records prove now.
    """

    archive: Path
    folder: Path
    is_hash_tree: bool
    proved: ProvedRecord


@dataclass(slots=True)
class _Prepared:
    """An archive on its way: ``kept`` is what was read of it, ``digest`` what has to be stamped for it."""

    archive: Path
    kept: dict[str, bytes] = field(repr=False)
    algorithm: HashAlgorithm
    is_hash_tree: bool
    digest: bytes
    digests: dict[str, bytes] = field(default_factory=dict, repr=False)


async def renew(
    archives: Sequence[Path], timestamper: Timestamper, *, algorithm: HashAlgorithm | None = None
) -> tuple[Renewed, ...]:
    """Renew archives; one time-stamp for all that use the same digest.

    The time-stamps so far are judged by their own certificates: the authority that is trusted today need not be the
    one of that time, and a renewal does not make a stranger's time-stamp any better.

    Args:
        archives: tar.gz or zip files, or folders.
        timestamper: has digests stamped.
        algorithm: wanted from now on; an archive whose newest tree has another one gets a new tree. None keeps each.

    Raises:
        VerificationError: an archive is bad or has no hash tree; none is renewed then.
        TimestampError: no authority gave a time-stamp that holds.
        OSError: something cannot be read or written.
    """
    prepared = [await asyncio.to_thread(_prepare, archive, algorithm) for archive in archives]
    done = []
    for used in dict.fromkeys(one.algorithm for one in prepared):
        group = [one for one in prepared if one.algorithm is used]
        # A copy of an archive has the same digest; a list of a hash tree has each only once.
        nodes = sorted({one.digest for one in group})
        tree = HashTree(used, nodes)
        digest = Sha256(tree.root) if used is HashAlgorithm.SHA256 else Digest(used, tree.root)
        stamp = await timestamper.stamp(digest)
        for one in group:
            above = tree.neighbours(nodes.index(one.digest))
            done.append(await asyncio.to_thread(_store, one, stamp, above))
    return tuple(done)


def judged(history: History, manifest: bytes) -> ProvedRecord:
    """Return what the record of the manifest proves, and so those of all files.

    Raises:
        VerificationError: it does not hold.
    """
    digests = {algorithm: algorithm.of(manifest) for algorithm in HashAlgorithm}
    return check_record(history.record_of(_MANIFEST), digests, token_check(()))


def _prepare(archive: Path, algorithm: HashAlgorithm | None) -> _Prepared:
    report = verify(archive)
    if report.verdict is Verdict.BAD:
        first = next(check for check in report.checks if check.verdict is Verdict.BAD)
        raise VerificationError(
            f"{archive} is bad and was not renewed: {first.subject}: {first.message}; archiveworker verify says more"
        )
    # A large archive takes minutes to read: whatever is needed of it is taken on one way.
    seen = FileDigests(() if algorithm is None else (algorithm,))
    kept = opening.read_kept(archive, seen=seen.take)
    history = assembly.history_of(kept, renewals.read_all(archive))
    if algorithm in (None, history.algorithm):
        return _Prepared(archive, kept, history.algorithm, False, history.next_digest())
    digests = seen.of(algorithm)
    new = history.joined(leaves.later_leaves(algorithm, digests, assembly.tables_of(kept)))
    return _Prepared(archive, kept, algorithm, True, history.tree_over(new).root, digests)


def _store(one: _Prepared, stamp: Timestamp, above: tuple[bytes, ...]) -> Renewed:
    files = {
        renewals.QUERY_NAME: stamp.query,
        renewals.REPLY_NAME: stamp.reply,
        renewals.CHAIN_NAME: stamp.chain_pem,
        **{path.value.removeprefix(evidence_names.FOLDER): data for path, data in revocation_files(stamp).items()},
    }
    manifest = one.kept[_MANIFEST]
    renewal = Renewal(one.is_hash_tree, one.algorithm, Sha256.of(manifest), above, one.digests, files)
    history = assembly.history_of(one.kept, (*renewals.read_all(one.archive), renewal))
    proved = judged(history, manifest)
    return Renewed(one.archive, renewals.write(one.archive, renewal), one.is_hash_tree, proved)
