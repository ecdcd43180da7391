"""Reads a request (``POST /archive/peer_review``). Nothing in it is trusted."""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from archiveworker.domain.secret import Secret
from archiveworker.sources.moodle import request
from archiveworker.sources.moodle.fields import Fields
from archiveworker.sources.reviewed.request import ReviewedOptions, read_base_url, read_options, read_targets

LMS_KEY: Final = "lms"
TOKEN: Final = "token"  # noqa: S105 - the name of a field
_VERSIONS: Final = range(1, 2)
_KEYS: Final = frozenset({"api_version", LMS_KEY, "activity", "options", "delivery"})
MAX_ID_CHARS: Final = 512
MAX_TOKEN_CHARS: Final = 4096


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    """A whole request, checked.

    Attributes:
        base_url: of the LMS, without a slash at the end; the API is below it.
        token: for the API.
        activity: the LMS's id of the activity.
        options: see ReviewedOptions.
        targets: where the archive goes.
    """

    base_url: str
    token: Secret
    activity: str
    options: ReviewedOptions
    targets: tuple[str, ...]


def read_request(
    body: Mapping[str, object], known_targets: Collection[str] = (), default_targets: tuple[str, ...] = ()
) -> ExchangeRequest:
    """Check a request.

    Args:
        body: as it came.
        known_targets: names of the delivery targets there are; empty for a stored job, which was checked already.
        default_targets: when the request names none.

    Raises:
        RequestError: one sentence that names the first wrong field and what it must be.
    """
    fields = Fields(body)
    request.api_version(fields, _VERSIONS)
    if unknown := sorted(set(fields) - _KEYS):
        raise fields.wrong(unknown[0][:80], f"is not known here; a request has {', '.join(sorted(_KEYS))}")
    lms = fields.inner(LMS_KEY)
    activity = _activity(fields)
    return ExchangeRequest(
        base_url=read_base_url(lms),
        token=_token(lms),
        activity=activity,
        options=read_options(fields, activity),
        targets=read_targets(fields, known_targets, default_targets),
    )


def _activity(fields: Fields) -> str:
    activity = fields.text("activity", max_chars=MAX_ID_CHARS)
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in activity) or activity in (".", ".."):
        raise fields.wrong("activity", "must be the id of an activity, without control characters")
    return activity


def _token(lms: Fields) -> Secret:
    value = lms.raw(TOKEN)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TOKEN_CHARS or not all("!" <= c <= "~" for c in value):
        raise lms.wrong(TOKEN, "must be a bearer token: printable ASCII without spaces")
    return Secret(value)
