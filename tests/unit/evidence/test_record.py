"""Hash trees and evidence records: whatever the size of the tree, each leaf's record holds, and for this leaf alone."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.errors import VerificationError
from archiveworker.evidence.hash_tree import HashTree, blinder
from archiveworker.evidence.record import ArchiveTimeStamp, Chain, encode_record, encode_sequence
from archiveworker.evidence.record_check import check_record
from tests.unit.evidence.tokens import START, VALID_FOR, check, token

SHA256, SHA384, SHA512 = HashAlgorithm
ALGORITHMS = st.sampled_from(HashAlgorithm)


def digests(data: bytes) -> dict[HashAlgorithm, bytes]:
    return {algorithm: hashlib.new(algorithm, data).digest() for algorithm in HashAlgorithm}


def tree_of(files: Sequence[bytes], algorithm: HashAlgorithm = SHA256, *, blinded: bool = True) -> HashTree:
    leaves = [hashlib.new(algorithm, data).digest() for data in files]
    blinders = [blinder(algorithm, b"seed", str(at)) for at in range(len(files))] if blinded else None
    return HashTree(algorithm, leaves, blinders)


def first(tree: HashTree, index: int, at: datetime = START) -> ArchiveTimeStamp:
    return ArchiveTimeStamp(tree.algorithm, tree.reduced(index), token(tree.algorithm, tree.root, at))


def renewed(chain: Chain, at: datetime) -> list[ArchiveTimeStamp]:
    """Add a time-stamp over the last one's token (RFC 4998 5.2)."""
    algorithm = chain[-1].algorithm
    over = hashlib.new(algorithm, chain[-1].token).digest()
    return [*chain, ArchiveTimeStamp(algorithm, (), token(algorithm, over, at))]


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40), st.data(), ALGORITHMS)
def test_every_file_of_any_tree_has_a_record(files: list[bytes], data: st.DataObject, algorithm: HashAlgorithm) -> None:
    tree = tree_of(files, algorithm)
    index = data.draw(st.integers(0, len(files) - 1))
    record = encode_record([[first(tree, index)]])
    assert check_record(record, digests(files[index]), check).proved_at == START
    other = data.draw(st.binary(max_size=5).filter(lambda d: d != files[index]))
    with pytest.raises(VerificationError, match="is not over the file"):
        check_record(record, digests(other), check)


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40, unique=True), st.data())
def test_so_it_is_without_blinders(files: list[bytes], data: st.DataObject) -> None:
    tree = tree_of(files, blinded=False)
    index = data.draw(st.integers(0, len(files) - 1))
    record = encode_record([[first(tree, index)]])
    assert check_record(record, digests(files[index]), check).proved_at == START
    other = data.draw(st.binary(max_size=5).filter(lambda d: d not in files))
    with pytest.raises(VerificationError, match="is not over the file|another digest was stamped"):
        check_record(record, digests(other), check)


@given(st.lists(st.tuples(st.booleans(), ALGORITHMS), max_size=5), st.integers(1, 9), st.data())
def test_any_row_of_renewals_holds(renewals: list[tuple[bool, HashAlgorithm]], count: int, data: st.DataObject) -> None:
    files = [bytes([n]) for n in range(count)]
    index = data.draw(st.integers(0, count - 1))
    chains: list[list[list[ArchiveTimeStamp]]] = [[[first(tree_of(files), n)]] for n in range(count)]
    at = START
    for whole_tree, algorithm in renewals:
        at += timedelta(days=300)
        if whole_tree:
            leaves = [
                algorithm.of(algorithm.of(file), algorithm.of(encode_sequence(chains[n])))
                for n, file in enumerate(files)
            ]
            tree = HashTree(algorithm, leaves, [blinder(algorithm, b"seed", str(n)) for n in range(count)])
            for n in range(count):
                chains[n].append([first(tree, n, at)])
        else:
            for n in range(count):
                chains[n][-1] = renewed(chains[n][-1], at)
    record = encode_record(chains[index])
    proved = check_record(record, digests(files[index]), check)
    assert proved.proved_at == START
    assert len(proved.stamps) == 1 + len(renewals)
    assert proved.chain_count == 1 + sum(whole for whole, _ in renewals)
    assert proved.expires_at == at + VALID_FOR
    assert not any(stamp.late for stamp in proved.stamps)


def rich_record() -> tuple[bytes, bytes]:
    """Return a file and its record with both kinds of renewal."""
    files = [b"a", b"b", b"c", b"d", b"e"]
    chain = renewed([first(tree_of(files), 2)], START + timedelta(days=300))
    sequence = encode_sequence([chain])
    leaf = SHA512.of(SHA512.of(b"c"), SHA512.of(sequence))
    tree = HashTree(SHA512, [SHA512.of(b"x"), leaf], [b"1" * 64, b"2" * 64])
    return b"c", encode_record([chain, [first(tree, 1, START + timedelta(days=600))]])


def test_every_changed_byte_of_a_record_is_refused() -> None:
    file, record = rich_record()
    assert check_record(record, digests(file), check).chain_count == 2
    for at in range(len(record)):
        for bit in range(8):
            changed = bytearray(record)
            changed[at] ^= 1 << bit
            with pytest.raises(VerificationError):
                check_record(bytes(changed), digests(file), check)


@given(st.binary(max_size=300))
def test_no_other_bytes_are_a_record(junk: bytes) -> None:
    with pytest.raises(VerificationError, match="no evidence record"):
        check_record(junk, digests(b""), check)


@given(st.data())
def test_a_cut_or_longer_record_is_refused(data: st.DataObject) -> None:
    file, record = rich_record()
    cut = data.draw(st.integers(0, len(record) - 1))
    for changed in (record[:cut], record + b"\0", record[:cut] + data.draw(st.binary(min_size=1)) + record[cut:]):
        with pytest.raises(VerificationError):
            check_record(changed, digests(file), check)


def test_stamps_out_of_order_are_refused_and_late_ones_are_told() -> None:
    tree = tree_of([b"a", b"b"])
    early = encode_record([renewed([first(tree, 0)], START - timedelta(days=1))])
    with pytest.raises(VerificationError, match="time-stamp 2 of the record is older"):
        check_record(early, digests(b"a"), check)
    late = check_record(encode_record([renewed([first(tree, 0)], START + VALID_FOR * 2)]), digests(b"a"), check)
    assert [stamp.late for stamp in late.stamps] == [True, False]


def test_a_chain_keeps_its_algorithm_and_the_right_digest_is_needed() -> None:
    tree = tree_of([b"a", b"b"])
    over = SHA512.of(first(tree, 0).token)
    mixed = [first(tree, 0), ArchiveTimeStamp(SHA512, (), token(SHA512, over, START))]
    with pytest.raises(VerificationError, match="more than one digest algorithm"):
        check_record(encode_record([mixed]), digests(b"a"), check)
    with pytest.raises(VerificationError, match="needs the file's sha256"):
        check_record(encode_record([[first(tree, 0)]]), {}, check)


def test_the_neighbours_in_a_record_are_no_digests_of_files() -> None:
    files = [b"yes", b"no", b"maybe", b"1", b"2"]
    tree = tree_of(files)
    for at in range(len(files)):
        shown = {digest for group in tree.reduced(at) for digest in group}
        assert shown & {SHA256.of(file) for file in files} == {SHA256.of(files[at])}


def test_a_tree_is_a_function_of_its_leaves_in_their_order() -> None:
    assert tree_of([b"a", b"b", b"c"]).root == tree_of([b"a", b"b", b"c"]).root
    assert tree_of([b"a", b"b", b"c"]).root != tree_of([b"a", b"c", b"b"]).root
    with pytest.raises(ValueError, match="needs leaves"):
        HashTree(SHA256, [])
    with pytest.raises(ValueError, match="a blinder for each"):
        HashTree(SHA256, [SHA256.of(b"")], [])


def test_the_root_by_hand() -> None:
    """Figure by figure, without the tree's code (RFC 4998 4.2)."""
    leaves = [hashlib.sha256(data).digest() for data in (b"a", b"b", b"c")]
    blinders = [blinder(SHA256, b"seed", str(at)) for at in range(3)]

    def join(*parts: bytes) -> bytes:
        return hashlib.sha256(b"".join(sorted(parts))).digest()

    nodes = [join(*pair) for pair in zip(leaves, blinders, strict=True)]
    assert tree_of([b"a", b"b", b"c"]).root == join(join(nodes[0], nodes[1]), nodes[2])
