"""Writes down every request, and carries out what a token orders: to expire after so many requests, to be throttled.

A token that has expired is one: it is exchanged for one that is signed with a past ``exp``, and the LMS's own code
refuses it.
"""

import os
import threading
import time

import jwt
from django.conf import settings
from django.http import JsonResponse

_LOCK = threading.Lock()
_SEEN = {}


class OrdersMiddleware:
    """Django middleware."""

    def __init__(self, get_response):
        self._get_response = get_response

    def __call__(self, request):
        with _LOCK:
            answer = self._order(request)
            with open(os.environ["EDX_JOURNAL"], "a", encoding="utf-8") as journal:
                journal.write(f"{request.method} {request.get_full_path()}\n")
        return answer or self._get_response(request)

    def _order(self, request):
        prefix, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if prefix != "JWT":
            return None
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            return None
        seen = _SEEN[token] = _SEEN.get(token, 0) + 1
        if claims.get("requests") is not None and seen > claims["requests"]:
            expired = claims | {"exp": int(time.time()) - 60}
            signed = jwt.encode(expired, settings.JWT_SECRET, algorithm="HS256")
            request.META["HTTP_AUTHORIZATION"] = f"JWT {signed}"
        if seen == claims.get("throttle_at"):
            detail = "Request was throttled. Expected available in 1 second."
            return JsonResponse({"detail": detail}, status=429, headers={"Retry-After": "1"})
        return None
