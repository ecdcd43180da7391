"""Pseudonyms: stable as long as the key is, and of no use to whoever does not have it (HMAC-SHA-256, RFC 2104).

The key is never part of the archive. Times stay in pseudonymous data, so who has the LMS's own log can still tell
people by them (GDPR, article 4(5)): it is not anonymous.
"""

import base64
import hashlib
import hmac
from typing import Final, TypeVar, cast

from archiveworker.domain.errors import RequestError

Id = TypeVar("Id", bound=str)

MIN_KEY_BYTES: Final = 16
_LETTERS: Final = 12


class Pseudonyms:
    """Makes pseudonyms.

    Args:
        key: secret, at least 16 bytes.

    Raises:
        RequestError: the key is too short.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise RequestError(f"the key for pseudonyms must have at least {MIN_KEY_BYTES} bytes; take 32 random ones")
        self._key = key

    def of(self, kind: str, old: str) -> str:
        """Return e.g. ``person-k3m9q2xw7d4t`` (60 bits); different kinds never share one."""
        digest = hmac.new(self._key, f"{kind}\x00{old}".encode(), hashlib.sha256).digest()
        return f"{kind}-{base64.b32encode(digest).decode().lower()[:_LETTERS]}"

    def person(self, old: Id) -> Id:
        """Return the pseudonym of a person."""
        return cast("Id", self.of("person", old))
