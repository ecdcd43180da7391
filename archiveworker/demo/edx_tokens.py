"""Tokens of the demo's Open edX: JSON Web Tokens (RFC 7519, HS256), and the door at which a worker gets them.

Source: Open edX documentation, ``POST /oauth2/access_token`` with ``grant_type=client_credentials&token_type=jwt``.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from archiveworker.runtime.clock import Clock, SystemClock

TOKEN_LIFE_S: Final = 3600
CLIENT_ID: Final = "demo-archive"
WORKER: Final = "archive_worker"
"""The account that the client acts for: staff of every course."""


@dataclass(frozen=True, slots=True)
class EdxTokens:
    """Signs and reads tokens.

    Attributes:
        client_secret: of the client ``CLIENT_ID``.
        clock: for the end of tokens.
    """

    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    clock: Clock = field(default_factory=SystemClock, repr=False)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def make(self, username: str = WORKER, life_s: int = TOKEN_LIFE_S) -> str:
        """Return a new token."""
        now = int(self.clock.now().timestamp())
        claims = {"iat": now, "exp": now + life_s, "preferred_username": username, "jti": secrets.token_hex(8)}
        signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def username(self, token: str) -> str | None:
        """Return whose token it is; None when it is none of ours or has expired."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            return None
        claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        is_over = claims["exp"] <= self.clock.now().timestamp()
        return None if is_over else str(claims["preferred_username"])

    def grant(self, form: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return HTTP status and answer to a request for a token."""
        given = str(form.get("client_secret", "")).encode()
        if form.get("client_id") != CLIENT_ID or not hmac.compare_digest(given, self.client_secret.encode()):
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        token = self.make()
        return 200, {"access_token": token, "expires_in": TOKEN_LIFE_S, "token_type": "JWT", "scope": "read write"}

    def _signature(self, signed: str) -> str:
        return _base64(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())


def _part(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
