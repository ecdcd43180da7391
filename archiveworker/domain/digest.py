"""Digests as types, so that a SHA-1 of Moodle is never taken for the SHA-256 of a manifest."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_HEX_SHA1 = re.compile(r"[0-9a-f]{40}\Z")


class HashAlgorithm(StrEnum):
    """A digest that time-stamps and hash trees may use. The value is its name for ``hashlib`` and in texts."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @property
    def size_bytes(self) -> int:
        """Length of a digest."""
        return _SIZES[self]

    @property
    def oid(self) -> bytes:
        """DER of its object identifier (NIST CSOR: 2.16.840.1.101.3.4.2.x)."""
        return _OIDS[self]

    def of(self, *parts: bytes) -> bytes:
        """Return the digest of ``parts``, one after the other."""
        running = hashlib.new(self.value)
        for part in parts:
            running.update(part)
        return running.digest()


_SIZES: Final = {HashAlgorithm.SHA256: 32, HashAlgorithm.SHA384: 48, HashAlgorithm.SHA512: 64}
_OIDS: Final = {
    HashAlgorithm.SHA256: bytes.fromhex("0609608648016503040201"),
    HashAlgorithm.SHA384: bytes.fromhex("0609608648016503040202"),
    HashAlgorithm.SHA512: bytes.fromhex("0609608648016503040203"),
}


@dataclass(frozen=True, slots=True)
class Sha256:
    """A SHA-256 digest. Source: FIPS 180-4.

    Attributes:
        raw: exactly 32 bytes.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != 32:
            raise ValueError(f"a sha256 digest has 32 bytes, got {len(self.raw)}")

    @property
    def algorithm(self) -> HashAlgorithm:
        """What made it."""
        return HashAlgorithm.SHA256

    @property
    def hex(self) -> str:
        """64 lower-case hexadecimal digits."""
        return self.raw.hex()

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Parse 64 lower-case hexadecimal digits.

        Raises:
            ValueError: for anything else.
        """
        if not _HEX_SHA256.match(text):
            raise ValueError("a sha256 digest is 64 lower-case hexadecimal digits")
        return cls(bytes.fromhex(text))

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Return the digest of ``data``."""
        return cls(hashlib.sha256(data).digest())


@dataclass(frozen=True, slots=True)
class Sha1:
    """A SHA-1 digest as Moodle calls a file's ``contenthash``; for recognising a damaged transfer, not as evidence.

    Attributes:
        hex: 40 lower-case hexadecimal digits.
    """

    hex: str

    def __post_init__(self) -> None:
        if not _HEX_SHA1.match(self.hex):
            raise ValueError("a sha1 digest is 40 lower-case hexadecimal digits")


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest of any algorithm that a time-stamp may be over.

    Attributes:
        algorithm: what made it.
        raw: as many bytes as the algorithm has.
    """

    algorithm: HashAlgorithm
    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != self.algorithm.size_bytes:
            raise ValueError(f"a {self.algorithm} digest has {self.algorithm.size_bytes} bytes, got {len(self.raw)}")

    @property
    def hex(self) -> str:
        """Lower-case hexadecimal digits."""
        return self.raw.hex()
