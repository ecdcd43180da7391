"""Being logged in with a browser: a signed cookie that says until when, instead of the bearer token.

Nothing is stored: whoever changes the admin token ends all sessions. A cookie is not bound to a browser; it is HttpOnly
and SameSite=Strict, and a request that changes something must come from a page of this very worker (``is_cross_site``).
"""

import hashlib
import hmac
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from archiveworker.domain.secret import Secret
from archiveworker.runtime.clock import Clock, SystemClock

COOKIE: Final = "archiveworker_session"
LIFE_S: Final = 8 * 3600
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Sessions:
    """Makes cookies and believes them.

    Args:
        admin_token: what whoever logs in has to know.
        clock: the time.
    """

    def __init__(self, admin_token: Secret, clock: Clock | None = None) -> None:
        self._key = hmac.new(admin_token.reveal().encode(), b"archiveworker session 1", hashlib.sha256).digest()
        self._clock = clock or SystemClock()

    def issue(self) -> str:
        """Return a cookie that is good for ``LIFE_S`` seconds."""
        end = str(int(self._clock.now().timestamp()) + LIFE_S)
        return f"{end}.{self._signature(end)}"

    def is_good(self, cookie: str) -> bool:
        """Return whether a cookie was made here and has not ended."""
        end, _, signature = cookie.partition(".")
        same = hmac.compare_digest(signature.encode(errors="surrogateescape"), self._signature(end).encode())
        return same and int(end) > self._clock.now().timestamp()

    def _signature(self, end: str) -> str:
        return hmac.new(self._key, end.encode(errors="surrogateescape"), hashlib.sha256).hexdigest()


def is_cross_site(request: web.Request) -> bool:
    """Return whether a browser says that a page of someone else makes it send this changing request.

    Programs send none of these headers; what they may do is decided by the token that they send.
    """
    if request.method in _SAFE:
        return False
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc.lower() != request.host.lower()
