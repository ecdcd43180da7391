"""The LMS's way of giving a worker a token. Source: edX documentation, POST /oauth2/access_token, token_type=jwt."""

import time

import jwt
from django.conf import settings
from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt

CLIENTS = {"worker": ("worker-secret", {}), "short": ("short-secret", {"requests": 3})}
"""Client id to secret and further claims; ``requests`` makes the token expire after so many (see ``orders``)."""


def make(username, expires_in_s=3600, **claims):
    """Return a signed token."""
    now = int(time.time())
    payload = {
        "iss": settings.JWT_AUTH["JWT_ISSUER"],
        "aud": settings.JWT_AUTH["JWT_AUDIENCE"],
        "iat": now,
        "exp": now + expires_in_s,
        "preferred_username": username,
        "version": "1.2.0",
        "scopes": ["read"],
    }
    return jwt.encode(payload | claims, settings.JWT_SECRET, algorithm="HS256")


@csrf_exempt
def access_token(request):
    """Give a token for client credentials."""
    posted = request.POST
    secret, claims = CLIENTS.get(posted.get("client_id"), (None, {}))
    if request.method != "POST" or secret is None or posted.get("client_secret") != secret:
        return JsonResponse({"error": "invalid_client"}, status=401)
    if (posted.get("grant_type"), posted.get("token_type")) != ("client_credentials", "jwt"):
        return JsonResponse({"error": "unsupported_grant_type"}, status=400)
    token = make("archive_worker", jti=str(time.time_ns()), **claims)
    return JsonResponse({"access_token": token, "expires_in": 3600, "token_type": "JWT", "scope": "read"})
