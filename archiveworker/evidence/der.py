"""A few DER (X.690) values, read and written by hand: just enough to look into a time-stamp reply and a query.

Not a general ASN.1 library: definite lengths, one-byte tags. It exists because ``rfc3161-client`` insists that the
certificates in a token stand in DER's SET order, while OpenSSL's TSA (and so many a real one) writes them in chain
order. That set is not covered by the signature, so it may be put in order before the judge sees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SEQUENCE, SET, INTEGER, OCTET_STRING, BOOLEAN, CONTEXT_0 = 0x30, 0x31, 0x02, 0x04, 0x01, 0xA0
_SHA256_OID = bytes.fromhex("0609608648016503040201")
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


def in_set_order(reply: bytes) -> bytes:
    """Return the TimeStampResp with the token's certificates in DER's SET order; all else is as it was.

    Source: RFC 3161 2.4.2 (TimeStampResp), RFC 5652 5.1 (SignedData), X.690 11.6.

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
    parts = [_sorted_set(v) if v.tag == CONTEXT_0 else v.raw for v in read_all(signed.body)]
    inner = encode(SEQUENCE, content_type.raw, encode(CONTEXT_0, encode(SEQUENCE, *parts)))
    return encode(response.tag, status.raw, inner)


def _sorted_set(value: Value) -> bytes:
    # X.690 11.6 compares with the shorter one padded by zeros; no DER value is a prefix of another, so bytes do.
    members: Sequence[bytes] = sorted(v.raw for v in read_all(value.body))
    return encode(value.tag, *members)


def expected_queries(digest: bytes, nonce: int | None) -> tuple[bytes, bytes]:
    """Return the only two encodings of the TimeStampReq that the worker sends, without and with NULL parameters.

    Source: RFC 3161 2.4.1; certReq is TRUE, no policy, no extensions.
    """

    def build(parameters: bytes) -> bytes:
        imprint = encode(SEQUENCE, encode(SEQUENCE, _SHA256_OID, parameters), encode(OCTET_STRING, digest))
        number = b"" if nonce is None else unsigned(nonce)
        return encode(SEQUENCE, unsigned(1), imprint, number, encode(BOOLEAN, b"\xff"))

    return build(b""), build(_NULL)
