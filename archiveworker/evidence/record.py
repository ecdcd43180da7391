"""Writes evidence records (RFC 4998): the DER around reduced hash trees and time-stamp tokens.

Just the encoding; what goes into a record is ``proofs``' business, and whether a record holds ``record_check`` says,
which shares no code with this module (DESIGN D8). Its few lines of DER are its own: no maintained library has these
types, and a renewal encodes one record for every file of an archive. DSS reads what is written here in the tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from asn1crypto import cms, tsp

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.errors import VerificationError
from archiveworker.evidence.hash_tree import Lists

_SEQUENCE, _OCTET_STRING, _ALGORITHM, _REDUCED = 0x30, 0x04, 0xA0, 0xA2
_VERSION_1 = b"\x02\x01\x01"


@dataclass(frozen=True, slots=True)
class ArchiveTimeStamp:
    """One time-stamp of a record. Source: RFC 4998 4.1.

    Attributes:
        algorithm: of the hash tree and of the token's message imprint.
        lists: the reduced hash tree; empty when the token is over the digest itself.
        token: DER ContentInfo, as ``token_of`` gives it.
    """

    algorithm: HashAlgorithm
    lists: Lists
    token: bytes


Chain = Sequence[ArchiveTimeStamp]
"""An ArchiveTimeStampChain: the first one, and those that renewed it, all with one digest algorithm."""


def encode_record(chains: Sequence[Chain]) -> bytes:
    """Return the DER EvidenceRecord of one file."""
    used = dict.fromkeys(stamp.algorithm for chain in chains for stamp in chain)
    named = _value(_SEQUENCE, *(_value(_SEQUENCE, algorithm.oid) for algorithm in used))
    return _value(_SEQUENCE, _VERSION_1, named, encode_sequence(chains))


def encode_sequence(chains: Sequence[Chain]) -> bytes:
    """Return the DER ArchiveTimeStampSequence; a renewal of the hash tree covers its digest."""
    return _value(_SEQUENCE, *(_value(_SEQUENCE, *map(_archive_time_stamp, chain)) for chain in chains))


def token_of(reply: bytes, chain: Sequence[bytes] = (), crls: Sequence[bytes] = ()) -> bytes:
    """Return the token of a TimeStampResp as records hold it: complete, and in DER's order.

    No signature covers a token's certificates and lists of revoked ones. So what is missing for judging it later is
    added (RFC 4998 4.1 wants it there), and all of it is put in SET order, whatever the authority's order was: a
    renewal covers the token's DER, and a reader that writes it anew must come to the same bytes. OCSP responses stay
    outside: RFC 5940 has a place for them, but OpenSSL cannot read a token that uses it.

    Args:
        reply: DER TimeStampResp.
        chain: DER certificates of the signer and of those above it.
        crls: DER CertificateLists.

    Raises:
        VerificationError: the reply holds no token, or one of the others cannot be read.
    """
    try:
        token = tsp.TimeStampResp.load(reply, strict=True)["time_stamp_token"]
        signed = token["content"]
        known = {certificate.dump() for certificate in signed["certificates"]} if signed["certificates"] else set()
        certificates = [cms.CertificateChoices.load(raw) for raw in sorted(known | set(chain))]
        signed["certificates"] = cms.CertificateSet(certificates)
        known = {crl.dump() for crl in signed["crls"]} if signed["crls"] else set()
        known |= set(crls)
        if known:
            lists = [cms.RevocationInfoChoice.load(raw) for raw in sorted(known)]
            signed["crls"] = cms.RevocationInfoChoices(lists)
        encoded: bytes = token.dump()
    except (ValueError, KeyError, TypeError) as exc:
        raise VerificationError(f"there is no time-stamp token in the reply: {exc}") from exc
    return encoded


def _archive_time_stamp(stamp: ArchiveTimeStamp) -> bytes:
    parts = [_value(_ALGORITHM, stamp.algorithm.oid)]
    if stamp.lists:
        lists = (_value(_SEQUENCE, *(_value(_OCTET_STRING, digest) for digest in group)) for group in stamp.lists)
        parts.append(_value(_REDUCED, *lists))
    return _value(_SEQUENCE, *parts, stamp.token)


def _value(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width, "big") + body
