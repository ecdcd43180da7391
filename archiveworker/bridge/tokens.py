"""Bearer tokens: short-lived, for one activity or all, good without any list of them.

A token is ``awb1.<claims>.<signature>``: claims as JSON, base64url, and an HMAC-SHA-256 over them with a key made
from ``ARCHIVEWORKER_BRIDGE_KEY``. Signatures are compared in constant time, and claims are only read when the
signature is right. A token cannot be called back; that is why it lives for an hour and not for a term. Page tokens are
made the same way, under another key, so that nobody can make up a place to read from.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from archiveworker.domain.errors import BearerRefusedError, RequestError, SettingsError
from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import Clock

MIN_KEY_CHARS: Final = 32
MAX_LIFE: Final = timedelta(days=7)
ALL: Final = "*"
_VERSION: Final = "awb1"
_LIFE: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])\Z")
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_REFUSED: Final = "the bearer token is missing, unknown or has expired; make one with: archiveworker bridge token"


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a token allows.

    Attributes:
        id: of the token, not secret.
        activity_id: the one that may be read; ``*`` for all.
        expires_at_s: end, in seconds since 1970.
    """

    id: str
    activity_id: str
    expires_at_s: int

    def may_read(self, activity_id: str) -> bool:
        """Return whether the token is for this activity."""
        return self.activity_id in (ALL, activity_id)


class Tokens:
    """Makes and checks tokens.

    Args:
        key: the bridge's key.
        system: the mapping's system; tokens for another one are refused.
        clock: for their end.

    Raises:
        SettingsError: the key is too short to keep anybody out.
    """

    def __init__(self, key: Secret | None, system: str, clock: Clock) -> None:
        if key is None or len(key.reveal()) < MIN_KEY_CHARS:
            raise SettingsError(
                f"ARCHIVEWORKER_BRIDGE_KEY (or _FILE) must hold at least {MIN_KEY_CHARS} characters; make one with: "
                "openssl rand -hex 32"
            )
        secret = key.reveal().encode()
        self._bearer_key = hmac.digest(secret, b"archiveworker bridge bearer 1", hashlib.sha256)
        self._page_key = hmac.digest(secret, b"archiveworker bridge page 1", hashlib.sha256)
        self._system = system
        self._clock = clock

    def make(self, activity_id: str, life: timedelta) -> Secret:
        """Return a new token.

        Args:
            activity_id: the one that it may read; ``*`` for all.
            life: from now.

        Raises:
            RequestError: it would live for too long.
        """
        if not timedelta(0) < life <= MAX_LIFE:
            raise RequestError(f"a token lives for at most {MAX_LIFE.days} days; make another one later")
        end = int(self._clock.now().timestamp() + life.total_seconds())
        claims = {"act": activity_id, "end": end, "id": secrets.token_hex(8), "sys": self._system}
        return Secret(f"{_VERSION}.{_sealed(self._bearer_key, claims)}")

    def read(self, header: str | None) -> Bearer:
        """Return what the request with this ``Authorization`` header may read.

        Raises:
            BearerRefusedError: there is no token, it is not ours, or it has expired.
        """
        scheme, _, token = (header or "").partition(" ")
        version, _, sealed = token.strip().partition(".")
        claims = _opened(self._bearer_key, sealed)
        if scheme.lower() != "bearer" or version != _VERSION or claims is None or claims["sys"] != self._system:
            raise BearerRefusedError(_REFUSED)
        if claims["end"] <= self._clock.now().timestamp():
            raise BearerRefusedError(_REFUSED)
        return Bearer(claims["id"], claims["act"], claims["end"])

    def make_page(self, place: str, position: list[Any]) -> str:
        """Return the token of a page.

        Args:
            place: bearer and collection: the token is good for nothing else.
            position: where the page begins.
        """
        return _sealed(self._page_key, {"at": position, "of": place})

    def read_page(self, place: str, token: str) -> list[Any]:
        """Return where the page begins.

        Raises:
            RequestError: the token was not given for this place.
        """
        claims = _opened(self._page_key, token)
        if claims is None or claims["of"] != place:
            raise RequestError("page_token must be the next_page_token of the page before, of the same collection")
        position: list[Any] = claims["at"]
        return position


def parse_life(text: str) -> timedelta:
    """Return a time like ``90s``, ``30m``, ``1h``, ``2d``.

    Raises:
        RequestError: it is none.
    """
    match = _LIFE.match(text)
    if match is None:
        raise RequestError(f"--ttl must be a number and s, m, h or d, like 1h, got {text!r}")
    return timedelta(seconds=int(match[1]) * _UNITS_S[match[2]])


def _sealed(key: bytes, claims: dict[str, Any]) -> str:
    body = _base64(json.dumps(claims, separators=(",", ":"), sort_keys=True).encode())
    return f"{body}.{_base64(hmac.digest(key, body.encode(), hashlib.sha256))}"


def _opened(key: bytes, sealed: str) -> dict[str, Any] | None:
    body, _, signature = sealed.partition(".")
    wanted = _base64(hmac.digest(key, body.encode(errors="replace"), hashlib.sha256))
    if not hmac.compare_digest(wanted.encode(), signature.encode(errors="replace")):
        return None
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
