"""The same as ``test_fuzz`` for revocation data and evidence records, where the worker has judges for them."""

import hashlib

import pytest

from archiveworker.domain.digest import HashAlgorithm, Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.revocation import RevocationState
from archiveworker.evidence.hash_tree import HashTree
from archiveworker.evidence.record import ArchiveTimeStamp, encode_record, token_of
from archiveworker.evidence.record_check import check_record
from archiveworker.evidence.revocation import judge as judge_revocation
from archiveworker.evidence.timestamp_check import load_certificates
from archiveworker.evidence.token_check import token_check
from tests.integration.evidence.conftest import Stamper
from tests.integration.evidence.test_fuzz import NORMAL, SOAK, fuzz, report
from tests.integration.evidence.tlv import MALFORMED, WELL_FORMED
from tests.integration.evidence.tsa_kit import Tsa
from tests.unit.evidence import pki

pytestmark = [
    pytest.mark.openssl,
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),
]


@pytest.fixture
def count(pytestconfig: pytest.Config) -> int:
    return SOAK if pytestconfig.getoption("--soak") else NORMAL


@pytest.mark.parametrize("kind", ["crl", "ocsp"])
def test_no_malformed_revocation_data_say_that_a_certificate_was_good(kind: str, count: int) -> None:
    tree = pki.Tree()
    lists = [tree.root.crl(), tree.middle.crl()]
    answers = [tree.root.ocsp(tree.middle.certificate), tree.middle.ocsp(tree.signer.certificate)]

    def judge(data: bytes) -> object:
        given = ([lists[0], data], []) if kind == "crl" else ([], [answers[0], data])
        verdict = judge_revocation(tree.chain, *given, pki.AT)
        if verdict.state is not RevocationState.GOOD:
            raise VerificationError(verdict.reason)
        return verdict

    seed = lists[1] if kind == "crl" else answers[1]
    judge(seed)
    tally = fuzz(kind, seed, judge, MALFORMED + WELL_FORMED, count)
    report(kind, tally)
    assert [(change, data.hex()) for change, data, _ in tally.accepted] == []


@pytest.mark.parametrize("which", ["tsa", "long_tsa"])
async def test_no_malformed_evidence_record_is_accepted(
    which: str, request: pytest.FixtureRequest, stamp: Stamper, count: int
) -> None:
    authority: Tsa = request.getfixturevalue(which)
    files = [bytes([number]) * 9 for number in range(11)]
    algorithm = HashAlgorithm.SHA256
    tree = HashTree(algorithm, [hashlib.sha256(data).digest() for data in files])
    made = await stamp(authority, Sha256(tree.root), authority.ca_pem)
    token = token_of(made.reply)
    record = encode_record([[ArchiveTimeStamp(algorithm, tree.reduced(3), token)]])
    check = token_check(load_certificates(authority.ca_pem))
    digests = {one: hashlib.new(one.value, files[3]).digest() for one in HashAlgorithm}
    proof = check_record(record, digests, check)
    tally = fuzz("record", record, lambda data: check_record(data, digests, check), MALFORMED, count)
    report("record", tally)
    assert tally.accepted == []
    tally = fuzz("well-formed record", record, lambda data: check_record(data, digests, check), WELL_FORMED, count)
    report("well-formed record", tally)
    # What is accepted is the same proof: a token's own leeway, see ``test_fuzz``.
    assert all(proved == proof for _, _, proved in tally.accepted)
