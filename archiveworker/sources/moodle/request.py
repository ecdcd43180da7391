"""Checks of what the requests of all Moodle plugins have in common beyond ``checks``: token and addresses."""

import re
from typing import Final

from archiveworker.domain.errors import RequestError
from archiveworker.domain.secret import Secret
from archiveworker.sources.fields import Fields
from archiveworker.sources.moodle.site import MoodleSite

TOKEN_PATTERN: Final = r"[\x21-\x7e]{1,256}"  # noqa: S105 - a pattern
_TOKEN: Final = re.compile(TOKEN_PATTERN)


def token(fields: Fields, key: str) -> Secret:
    """Return the token of the web service.

    Raises:
        RequestError: it is missing or cannot be one.
    """
    value = fields.raw(key)
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise fields.wrong(key, "must be a token of Moodle's web services: letters and digits")
    return Secret(value)


def site(fields: Fields, base: str, ws: str, upload: str) -> MoodleSite:
    """Return the addresses of the Moodle that posted the request; ``base``, ``ws`` and ``upload`` are their keys.

    Raises:
        RequestError: one of them is missing, wrong, or on another host than the others.
    """
    urls = [fields.text(key) for key in (base, ws, upload)]
    try:
        return MoodleSite.checked(*urls)
    except ValueError as exc:
        name, _, reason = str(exc).partition(": ")
        key = {"base": base, "ws": ws, "upload": upload}.get(name, base)
        raise RequestError(f"{fields.name(key)} is not an address that can be used: {reason or name}") from exc


def max_upload_bytes(fields: Fields, key: str) -> int | None:
    """Return how much Moodle takes in one upload; None when it does not say or has no limit (0 or -1).

    Raises:
        RequestError: it is not a whole number.
    """
    if key not in fields:
        return None
    value = fields.integer(key, -1)
    return value if value > 0 else None


def file_url(fields: Fields, key: str, moodle: MoodleSite, public_base_urls: tuple[str, ...]) -> str:
    """Return the address of a file on that very Moodle.

    Raises:
        RequestError: it is no file of that Moodle.
    """
    url = fields.text(key)
    try:
        moodle.own_file_url(url, public_base_urls)
    except ValueError as exc:
        raise RequestError(f"{fields.name(key)} is not an address that can be used: it {exc}") from exc
    return url
