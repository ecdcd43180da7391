"""The judge of evidence records (RFC 4998): takes a record and a file's digests and says what they prove, or raises.

Shares no code with ``record`` and ``hash_tree``, which make records (DESIGN D8): it reads DER with ``der``, climbs each
reduced hash tree by itself and has every time-stamp judged by ``timestamp_check``.

What holds is: the file's digest leads to the first time-stamp; each later time-stamp leads back to the one before it
(5.2) or, in a new chain, to the file and to all chains before (5.3); each is younger than the one before. A
time-stamp that was renewed only after its certificate had expired is told (``ProvedStamp.late``), not refused.

Stricter than the RFC, so that a record has one encoding: DER throughout, no attributes, no encryption, no crypto
infos, every list of digests of the right length, an explicit digest algorithm. Records of other makers may be sound
and be refused here; DSS is the tool for those. Only records for single files are known, not for groups.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.evidence import VerifiedTimestamp
from archiveworker.evidence import der

MAX_RECORD_BYTES = 4 * 1024**2
"""A larger record is refused unread; one of the worker has about 5 KB, and 5 KB more for each renewal."""

_CONTEXT_2 = 0xA2
_MAX_STAMPS = 64
_MAX_LEVELS = 64


@dataclass(frozen=True, slots=True)
class CheckedToken:
    """A time-stamp token that holds by itself.

    Attributes:
        stamp: what it says.
        expires_at: end of the validity of its certificates, the earliest one, UTC.
    """

    stamp: VerifiedTimestamp
    expires_at: datetime


TokenCheck = Callable[[bytes, HashAlgorithm, bytes], CheckedToken]
"""Takes token (DER ContentInfo), digest algorithm and digest; raises VerificationError when the token does not hold."""


@dataclass(frozen=True, slots=True)
class ProvedStamp:
    """One archive time-stamp of a record.

    Attributes:
        algorithm: of its hash tree.
        stamp: what its token says.
        expires_at: when its certificates do, UTC.
        late: it was renewed after that, so nobody could have noticed a stolen key in between.
    """

    algorithm: HashAlgorithm
    stamp: VerifiedTimestamp
    expires_at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class ProvedRecord:
    """What a record proves of a file.

    Attributes:
        stamps: oldest first, over all chains.
        chain_count: 1, and one more for each renewal of the hash tree.
    """

    stamps: tuple[ProvedStamp, ...]
    chain_count: int

    @property
    def proved_at(self) -> datetime:
        """The instant at which the file existed as it is."""
        return self.stamps[0].stamp.generated_at

    @property
    def expires_at(self) -> datetime:
        """When the newest time-stamp's certificates expire: it should be renewed before."""
        return self.stamps[-1].expires_at


@dataclass(frozen=True, slots=True)
class _ArchiveTimeStamp:
    algorithm: HashAlgorithm
    lists: tuple[tuple[bytes, ...], ...]
    token: bytes


@dataclass(frozen=True, slots=True)
class _Chain:
    raw: bytes
    stamps: tuple[_ArchiveTimeStamp, ...]


def tokens_of(record: bytes) -> tuple[bytes, ...]:
    """Return the time-stamp tokens of a record, oldest first.

    Raises:
        VerificationError: it is no evidence record.
    """
    return tuple(stamp.token for chain in _parsed(record) for stamp in chain.stamps)


def sequences_of(record: bytes) -> tuple[bytes, ...]:
    """Return what each renewal of the hash tree is over: the DER ArchiveTimeStampSequence of all chains before.

    Raises:
        VerificationError: it is no evidence record.
    """
    chains = _parsed(record)
    return tuple(_sequence(chains[:count]) for count in range(1, len(chains)))


def _sequence(chains: Sequence[_Chain]) -> bytes:
    return der.encode(der.SEQUENCE, *(chain.raw for chain in chains))


def check_record(record: bytes, digests: Mapping[HashAlgorithm, bytes], check_token: TokenCheck) -> ProvedRecord:
    """Check an EvidenceRecord against the digests of a file. Source: RFC 4998 4.3, 5.3.

    Args:
        record: DER EvidenceRecord (``.ers``).
        digests: of the file, in the algorithm of each of the record's hash trees.
        check_token: judges one time-stamp token.

    Raises:
        VerificationError: something does not hold; the sentence names the first thing that does not.
    """
    chains = _parsed(record)
    found: list[tuple[HashAlgorithm, CheckedToken]] = []
    for number, chain in enumerate(chains):
        algorithm = chain.stamps[0].algorithm
        if algorithm not in digests:
            raise VerificationError(f"the record needs the file's {algorithm.value}, which was not given")
        covered, what = digests[algorithm], "the file"
        if number:
            # The order is that of RFC 4998 5.2, step 4; figure 4, which sorts, is wrong (so BSI and DSS read it too).
            before = algorithm.of(_sequence(chains[:number]))
            covered, what = algorithm.of(covered, before), "the file with the chains before"
        for stamp in chain.stamps:
            root = _root(stamp, covered, f"time-stamp {len(found) + 1}", what)
            found.append((stamp.algorithm, _checked(stamp, root, check_token, len(found) + 1)))
            covered, what = algorithm.of(stamp.token), "the time-stamp before"
    return ProvedRecord(_in_time(found), len(chains))


def _checked(stamp: _ArchiveTimeStamp, root: bytes, check_token: TokenCheck, number: int) -> CheckedToken:
    try:
        return check_token(stamp.token, stamp.algorithm, root)
    except VerificationError as exc:
        raise VerificationError(f"time-stamp {number} of the record: {exc}") from exc


def _root(stamp: _ArchiveTimeStamp, covered: bytes, name: str, what: str) -> bytes:
    """Climb the reduced hash tree; return what the time-stamp must be over. Source: RFC 4998 4.3."""
    if not stamp.lists:
        return covered
    if covered not in stamp.lists[0]:
        raise VerificationError(f"{name} of the record is not over {what}: its digest is not in the hash tree")
    value = stamp.algorithm.of(*sorted(stamp.lists[0]))
    for others in stamp.lists[1:]:
        value = stamp.algorithm.of(*sorted((*others, value)))
    return value


def _in_time(found: Sequence[tuple[HashAlgorithm, CheckedToken]]) -> tuple[ProvedStamp, ...]:
    """Each time-stamp must be younger than the one before it. Source: RFC 4998 5.3."""
    stamps = []
    for at, (algorithm, token) in enumerate(found):
        late = False
        if at + 1 < len(found):
            renewed_at = found[at + 1][1].stamp.generated_at
            if renewed_at < token.stamp.generated_at:
                raise VerificationError(f"time-stamp {at + 2} of the record is older than the one that it renews")
            late = renewed_at > token.expires_at
        stamps.append(ProvedStamp(algorithm, token.stamp, token.expires_at, late))
    return tuple(stamps)


def _parsed(record: bytes) -> tuple[_Chain, ...]:
    if len(record) > MAX_RECORD_BYTES:
        raise VerificationError(f"the record is larger than {MAX_RECORD_BYTES} bytes")
    try:
        return _chains(record)
    except (ValueError, IndexError, RecursionError) as exc:
        raise VerificationError(f"this is no evidence record of the kind that the worker writes: {exc}") from exc


def _chains(record: bytes) -> tuple[_Chain, ...]:
    whole = der.read_one(record)
    version, named, sequence = _exactly(der.read_all(whole.body), 3, "the record")
    if whole.tag != der.SEQUENCE or version.raw != der.unsigned(1) or sequence.tag != der.SEQUENCE:
        raise ValueError("it is no EvidenceRecord of version 1")
    chains = tuple(_chain(value) for value in der.read_all(sequence.body))
    if not chains or sum(len(chain.stamps) for chain in chains) > _MAX_STAMPS:
        raise ValueError("it has no time-stamp, or too many")
    used = [stamp.algorithm for chain in chains for stamp in chain.stamps]
    expected = der.encode(der.SEQUENCE, *(_identifier(algorithm) for algorithm in dict.fromkeys(used)))
    if named.raw != expected:
        raise ValueError("the digest algorithms that it names are not those that it uses")
    if der.encode(der.SEQUENCE, version.raw, expected, _sequence(chains)) != record:
        raise ValueError("it is not DER")
    return chains


def _chain(value: der.Value) -> _Chain:
    if value.tag != der.SEQUENCE:
        raise ValueError("a chain of time-stamps is no SEQUENCE")
    stamps = tuple(_archive_time_stamp(inner) for inner in der.read_all(value.body))
    if not stamps or len({stamp.algorithm for stamp in stamps}) != 1:
        raise ValueError("a chain of time-stamps is empty or uses more than one digest algorithm")
    return _Chain(value.raw, stamps)


def _archive_time_stamp(value: der.Value) -> _ArchiveTimeStamp:
    algorithm, *reduced, token = der.read_all(value.body)
    if value.tag != der.SEQUENCE or algorithm.tag != der.CONTEXT_0 or token.tag != der.SEQUENCE or len(reduced) > 1:
        raise ValueError("an archive time-stamp has other fields than digest algorithm, hash tree and token")
    # [0] is IMPLICIT: the same contents as the SEQUENCE that it stands for.
    known = {der.encode(der.CONTEXT_0, der.read_one(_identifier(a)).body): a for a in HashAlgorithm}
    if algorithm.raw not in known:
        raise ValueError("an archive time-stamp has an unknown digest algorithm")
    lists = _lists(reduced[0], known[algorithm.raw]) if reduced else ()
    return _ArchiveTimeStamp(known[algorithm.raw], lists, token.raw)


def _lists(reduced: der.Value, algorithm: HashAlgorithm) -> tuple[tuple[bytes, ...], ...]:
    if reduced.tag != _CONTEXT_2:
        raise ValueError("an archive time-stamp has attributes or an unknown field")
    lists = []
    for partial in der.read_all(reduced.body):
        values = der.read_all(partial.body)
        if partial.tag != der.SEQUENCE or not values:
            raise ValueError("a list of the hash tree is empty or no SEQUENCE")
        if any(v.tag != der.OCTET_STRING or len(v.body) != algorithm.size_bytes for v in values):
            raise ValueError(f"a value of the hash tree is no {algorithm.value}")
        lists.append(tuple(v.body for v in values))
        if list(lists[-1]) != sorted(set(lists[-1])):
            raise ValueError("a list of the hash tree is not in binary ascending order")
    if not lists or len(lists) > _MAX_LEVELS or len(lists[0]) < 2:
        raise ValueError("the hash tree has no level, too many, or a first one with a single digest")
    return tuple(lists)


def _identifier(algorithm: HashAlgorithm) -> bytes:
    """AlgorithmIdentifier without parameters (RFC 5754 2)."""
    return der.encode(der.SEQUENCE, algorithm.oid)


def _exactly(values: list[der.Value], count: int, what: str) -> list[der.Value]:
    if len(values) != count:
        raise ValueError(f"{what} has {len(values)} fields, expected {count}")
    return values
