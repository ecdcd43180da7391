"""Turns refusals and HTTP statuses into errors whose sentence says what failed, why, and what to do."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin

import aiohttp

from archiveworker.domain.errors import SourceError, SourceUnavailableError, TokenRefusedError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.runtime.clock import Clock
from archiveworker.runtime.http import retry_after_s
from archiveworker.sources.answers import is_busy
from archiveworker.sources.moodle.verdicts import UNKNOWN, UPLOAD_TOO_LARGE_FOR_SERVER, VERDICTS, Kind, Verdict
from archiveworker.sources.moodle.wire import Refusal

_MAX_QUOTE_CHARS: Final = 200
_SPACE: Final = re.compile(r"\s+")
_OF_STATUS: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "something in front of Moodle asks for a password; let the worker pass without one",
    HTTPStatus.FORBIDDEN: (
        "web services or their REST protocol are switched off, or a firewall refuses the worker; switch them on under "
        "Site administration > Server > Web services > Overview"
    ),
    HTTPStatus.NOT_FOUND: (
        "there is no such page or file; it was deleted meanwhile, or Moodle's address (wwwroot, internal_wwwroot) is "
        "not right"
    ),
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "the worker's proxy asks for a password; correct the proxy setting",
}


def refused(what: str, refusal: Refusal, verdict: Verdict | None = None) -> SourceError:
    """Return the error for a refusal.

    Args:
        what: what was asked, e.g. ``Moodle's update_job_status``; begins the sentence.
        refusal: what came back; its message must hold no secret.
        verdict: when the place gives the code another meaning than the table.
    """
    verdict = verdict or VERDICTS.get(refusal.code, UNKNOWN)
    quote = _SPACE.sub(" ", refusal.message).strip()[:_MAX_QUOTE_CHARS]
    said = f"{refusal.code}: {quote}" if quote else refusal.code
    sentence = f"{what} was refused because {verdict.meaning} ({said}); {verdict.advice}"
    if verdict is UNKNOWN:
        sentence = f"{what} was refused with an error that the worker does not know ({said}); {verdict.advice}"
    match verdict.kind:
        case Kind.TOKEN:
            return TokenRefusedError(sentence, lms_code=refusal.code)
        case Kind.LATER:
            return SourceUnavailableError(sentence, lms_code=refusal.code)
        case Kind.NEVER:
            return SourceError(sentence, lms_code=refusal.code)


def of_status(what: str, response: aiohttp.ClientResponse, clock: Clock) -> SourceError | None:
    """Return the error that the HTTP status alone means, or None for 2xx.

    The target of a redirect is only shown as an origin: Moodle repeats the token in it.
    """
    status = response.status
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if status < HTTPStatus.BAD_REQUEST:
        return SourceError(
            f"{what} was redirected to {_target(response)} (HTTP {status}); the worker does not follow with a token; "
            "Moodle's wwwroot differs from the address used: correct wwwroot or the plugin's internal_wwwroot"
        )
    if is_busy(status):
        return SourceUnavailableError(
            f"{what} failed with HTTP {status}: the server is overloaded or has an error; look at its error log",
            retry_after_s=retry_after_s(response, clock),
        )
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        verdict = UPLOAD_TOO_LARGE_FOR_SERVER
        return SourceError(f"{what} was refused because {verdict.meaning}; {verdict.advice}")
    reason = _OF_STATUS.get(status, "look at the error log of the web server")
    return SourceError(f"{what} failed with HTTP {status}: {reason}")


def _target(response: aiohttp.ClientResponse) -> str:
    try:
        return str(LmsOrigin.of(urljoin(str(response.url.origin()), response.headers.get("Location", ""))))
    except ValueError:
        return "another address"
