"""Who may see and steer jobs: the bearer of the admin token, or, without one, callers on this machine.

A browser that has logged in with the token has a cookie instead (``session``).
"""

import hmac
from ipaddress import ip_address

from aiohttp import web

from archiveworker.domain.errors import AccessDeniedError
from archiveworker.domain.secret import Secret
from archiveworker.web.session import COOKIE, Sessions, is_cross_site

ADMIN_TOKEN: web.AppKey[Secret | None] = web.AppKey("admin_token")


def require_admin(request: web.Request) -> None:
    """Let an administrator through.

    Raises:
        AccessDeniedError: the caller is none.
    """
    if is_cross_site(request):
        raise AccessDeniedError("This request was made by a page of another site; use the worker's own pages.")
    token = request.app[ADMIN_TOKEN]
    if token is None:
        if not _is_local(request):
            raise AccessDeniedError(
                "Without ARCHIVEWORKER_ADMIN_TOKEN this address answers only to callers on the worker's own machine."
            )
        return
    if not is_token(bearer(request), token) and not Sessions(token).is_good(request.cookies.get(COOKIE, "")):
        raise AccessDeniedError(
            "The bearer token is missing or wrong; it must be the one in ARCHIVEWORKER_ADMIN_TOKEN."
        )


def is_token(given: str, token: Secret) -> bool:
    """Return whether ``given`` is the token; how long that takes says nothing."""
    # aiohttp hands bytes that are no UTF-8 on as surrogates.
    return hmac.compare_digest(given.encode(errors="surrogateescape"), token.reveal().encode())


def bearer(request: web.Request) -> str:
    """Return the bearer token of the request; empty when it has none."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _is_local(request: web.Request) -> bool:
    """Return True for a direct caller on this machine; one that a proxy forwards is never that."""
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")):
        return False
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
