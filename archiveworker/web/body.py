"""Reading a body without trusting it: size, type, depth, text that is no text; forms that are none."""

import json
from collections.abc import Mapping

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from archiveworker.domain.errors import RequestError

MAX_DEPTH = 20
DAMAGED_FORM = (ValueError, RuntimeError, AssertionError, HttpProcessingError, web.RequestPayloadError)
"""What aiohttp raises for forms that are none: no boundary, odd headers, codings that it does not know."""


async def json_object(request: web.Request) -> Mapping[str, object]:
    """Return the request's body, a JSON object.

    Raises:
        RequestError: it is not JSON, not an object, nested too deeply, or holds half a character.
        HTTPRequestEntityTooLarge: it is larger than the application's limit.
    """
    if request.content_type not in ("application/json", "text/json"):
        raise RequestError("Request payload must be JSON (Content-Type: application/json).")
    try:
        body = json.loads(await request.read(), parse_constant=_no_constant)
    except web.RequestPayloadError as exc:
        raise RequestError("Request payload does not arrive in the Content-Encoding that its header names.") from exc
    except (ValueError, RecursionError) as exc:
        raise RequestError("Request payload must be JSON; what came cannot be parsed.") from exc
    if not isinstance(body, dict):
        raise RequestError("Request payload must be a JSON object.")
    if _depth(body) > MAX_DEPTH:
        raise RequestError(f"Request payload is nested more than {MAX_DEPTH} levels deep.")
    if not _is_unicode(body):
        raise RequestError("Request payload must be Unicode text; it holds one half of a surrogate pair alone.")
    return body


async def form_field(request: web.Request, name: str) -> str:
    """Return a field of the form that the request brings, without spaces around it; empty when it has none.

    Raises:
        RequestError: the form cannot be read.
    """
    try:
        value = (await request.post()).get(name, "")
    except DAMAGED_FORM as exc:
        raise RequestError("The form cannot be read; send it as its Content-Type says.") from exc
    return value.strip() if isinstance(value, str) else ""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_unicode(body: object) -> bool:
    """Return False for what JSON can escape but nobody can send on: half of a surrogate pair."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _depth(value: object) -> int:
    level, layer = 0, [value]
    while layer:
        level += 1
        layer = [
            child
            for node in layer
            for child in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
        ]
    return level
