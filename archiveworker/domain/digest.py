"""Digests as types, so that a SHA-1 of Moodle is never taken for the SHA-256 of a manifest."""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_HEX_SHA1 = re.compile(r"[0-9a-f]{40}\Z")


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
