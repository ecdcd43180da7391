"""A few DER (X.690) values, read and written by hand: just enough to look into a time-stamp reply and a query.

Not a general ASN.1 library: definite lengths, one-byte tags. It exists because ``rfc3161-client`` insists that the
certificates in a token stand in DER's SET order, while OpenSSL's TSA (and so many a real one) writes them in chain
order. That set is not covered by the signature, so it may be put in order before the judge sees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SEQUENCE, SET, INTEGER, OCTET_STRING, BOOLEAN, CONTEXT_0 = 0x30, 0x31, 0x02, 0x04, 0x01, 0xA0
BIT_STRING, OBJECT_IDENTIFIER = 0x03, 0x06
_NULL = b"\x05\x00"
_MAX_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class Value:
    """One tag-length-value.

    Attributes:
        tag: the identifier byte.
        body: contents.
        raw: the whole encoding.
    """

    tag: int
    body: bytes
    raw: bytes


def read_one(data: bytes) -> Value:
    """Read the single value that ``data`` holds.

    Raises:
        ValueError: it is malformed, or something follows it.
    """
    values = read_all(data)
    if len(values) != 1:
        raise ValueError("the DER data hold more or less than one value")
    return values[0]


def tagged(value: Value, tag: int) -> Value:
    """Return ``value`` if it is of the kind ``tag``.

    Raises:
        ValueError: it is of another one.
    """
    if value.tag != tag:
        raise ValueError(f"the DER data hold a value of kind {value.tag:#04x} where {tag:#04x} must be")
    return value


def read_all(data: bytes) -> list[Value]:
    """Read the values that stand one after the other in ``data``.

    Raises:
        ValueError: one of them is malformed or runs over the end.
    """
    values: list[Value] = []
    at = 0
    while at < len(data):
        if len(values) == _MAX_VALUES:
            raise ValueError(f"the DER data hold more than {_MAX_VALUES} values in one place")
        start, body_at, end = at, *_span(data, at)
        values.append(Value(data[start], data[body_at:end], data[start:end]))
        at = end
    return values


def _span(data: bytes, at: int) -> tuple[int, int]:
    if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
        raise ValueError("the DER data are cut off or use a long tag")
    first = data[at + 1]
    body_at, size = at + 2, first
    if first >= 0x80:
        count = first & 0x7F
        body_at += count
        if not 1 <= count <= 4 or body_at > len(data):
            raise ValueError("the DER data have an indefinite or oversized length")
        size = int.from_bytes(data[at + 2 : body_at], "big")
        if size < 0x80 or size >> (8 * (count - 1)) == 0:
            raise ValueError("the DER data have a length that is not minimal")
    if body_at + size > len(data):
        raise ValueError("the DER data are cut off")
    return body_at, body_at + size


def encode(tag: int, *parts: bytes) -> bytes:
    """Return one value with ``parts`` joined as its contents."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def unsigned(value: int) -> bytes:
    """Return a minimal INTEGER for ``value`` >= 0."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def signed(value: int) -> bytes:
    """Return a minimal INTEGER for any ``value``."""
    bits = value.bit_length() if value >= 0 else (value + 1).bit_length()
    return encode(INTEGER, value.to_bytes(bits // 8 + 1, "big", signed=True))


def in_set_order(reply: bytes, extra: Sequence[bytes] = ()) -> bytes:
    """Return the TimeStampResp with the token's certificates in DER's SET order; all else is as it was.

    Source: RFC 3161 2.4.2 (TimeStampResp), RFC 5652 5.1 (SignedData), X.690 11.6.

    Args:
        reply: DER TimeStampResp.
        extra: DER certificates to put among those of the token, for building its chain; the signature does not cover
            that set.

    Raises:
        ValueError: the reply is not a DER TimeStampResp.
    """
    response = tagged(read_one(reply), SEQUENCE)
    status, *token = read_all(response.body)
    if not token:
        return reply
    if len(token) > 1:
        raise ValueError("something follows the token")
    content_type, content = read_all(tagged(token[0], SEQUENCE).body)
    signed = tagged(read_one(tagged(content, CONTEXT_0).body), SEQUENCE)
    # SignedData: version, digestAlgorithms, encapContentInfo, certificates [0], crls [1], signerInfos.
    parts = read_all(signed.body)
    found = [part for part in parts if part.tag == CONTEXT_0]
    rest = [part.raw for part in parts if part.tag != CONTEXT_0]
    members = [value.raw for part in found for value in read_all(part.body)]
    if len(found) > 1:
        raise ValueError("the token has two sets of certificates")
    certificates = [_set_of({*members, *extra})] if found or extra else []
    inner = encode(SEQUENCE, *rest[:3], *certificates, *rest[3:])
    return encode(response.tag, status.raw, encode(SEQUENCE, content_type.raw, encode(CONTEXT_0, inner)))


def _set_of(members: set[bytes]) -> bytes:
    # X.690 11.6 compares with the shorter one padded by zeros; no DER value is a prefix of another, so bytes do.
    return encode(CONTEXT_0, *sorted(members))


def failure_bits(reply: bytes) -> tuple[int, ...]:
    """Return the numbers of the bits that are set in a TimeStampResp's failInfo (RFC 3161 2.4.2), often none.

    Raises:
        ValueError: the reply is not a DER TimeStampResp.
    """
    status = read_all(read_one(reply).body)[0]
    for value in read_all(status.body):
        if value.tag == BIT_STRING:
            bits = value.body[1:]
            return tuple(n for n in range(8 * len(bits)) if bits[n // 8] >> (7 - n % 8) & 1)
    return ()


def expected_queries(
    algorithm_oid: bytes, digest: bytes, nonce: int | None, policies: Sequence[bytes]
) -> tuple[bytes, ...]:
    """Return the only encodings of the TimeStampReq that the worker may have sent for a reply.

    They have NULL parameters of the digest or none, and ask for a policy or for none. Source: RFC 3161 2.4.1; certReq
    is TRUE, no extensions.

    Args:
        algorithm_oid: DER OBJECT IDENTIFIER of the digest's algorithm.
        digest: what was stamped.
        nonce: of the reply.
        policies: DER OBJECT IDENTIFIERs, any of which may have been asked for.
    """
    number = b"" if nonce is None else unsigned(nonce)
    queries = []
    for parameters in (b"", _NULL):
        imprint = encode(SEQUENCE, encode(SEQUENCE, algorithm_oid, parameters), encode(OCTET_STRING, digest))
        for policy in (b"", *policies):
            queries.append(encode(SEQUENCE, unsigned(1), imprint, policy, number, encode(BOOLEAN, b"\xff")))
    return tuple(queries)


def object_identifier(dotted: str) -> bytes:
    """Return the DER OBJECT IDENTIFIER of ``dotted``, e.g. ``1.3.6.1.4.1.13762.3``. Source: X.690 8.19.

    Raises:
        ValueError: it is none.
    """
    words = dotted.split(".")
    if len(words) < 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise ValueError(f"{dotted!r} is no object identifier; one looks like 1.3.6.1.4.1.13762.3")
    first, second, *rest = (int(word) for word in words)
    if first > 2 or (first < 2 and second > 39):
        raise ValueError(f"{dotted!r} is no object identifier; its first numbers are out of range")
    return encode(OBJECT_IDENTIFIER, b"".join(_base_128(number) for number in (40 * first + second, *rest)))


def _base_128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))
