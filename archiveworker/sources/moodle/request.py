"""Checks of what the requests of all Moodle plugins have in common."""

import re
import unicodedata
from dataclasses import replace
from enum import StrEnum
from typing import Final, TypeVar

from archiveworker.domain.document import ImageLimit, PaperFormat
from archiveworker.domain.errors import RequestError
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveFormat, ArchiveLayout, ArchiveOptions
from archiveworker.domain.retention import (
    MAX_DELETION_CLASS_CHARS,
    MAX_KEEP_YEARS,
    MAX_LEGAL_BASIS_CHARS,
    RetentionRule,
    day,
    is_one_line,
)
from archiveworker.domain.secret import Secret
from archiveworker.sources.moodle.fields import Fields
from archiveworker.sources.moodle.site import MoodleSite

_Choice = TypeVar("_Choice", bound=StrEnum)

TOKEN_PATTERN: Final = r"[\x21-\x7e]{1,256}"  # noqa: S105 - a pattern
_TOKEN: Final = re.compile(TOKEN_PATTERN)
MAX_SIDE_PX: Final = 100_000
MAX_NAME_CHARS: Final = 1024
NOT_IN_NAMES: Final = '/<>:"|?*\\'
RETENTION_KEYS: Final = ("keep_until", "keep_years", "legal_basis", "deletion_class")
_PAPER: Final = {paper.value.casefold(): paper for paper in PaperFormat}


def api_version(fields: Fields, known: range) -> int:
    """Return ``api_version``, one of ``known``.

    Raises:
        RequestError: it is missing, of another type, or unknown.
    """
    span = f"{known[0]} to {known[-1]}" if len(known) > 1 else f"{known[0]}"
    value = fields.raw("api_version")
    if not isinstance(value, int) or isinstance(value, bool):
        raise fields.wrong("api_version", f"must be a whole number, {span}")
    if value not in known:
        raise RequestError(f"api_version {value} is not known here; it must be {span}: update the worker or the plugin")
    return value


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


def archive_name(fields: Fields, key: str) -> str:
    """Return the archive's file name without extension; a long one is shortened in the middle.

    Raises:
        RequestError: it has a path or characters that are not safe in a file name.
    """
    value = unicodedata.normalize("NFC", fields.text(key, max_chars=MAX_NAME_CHARS).strip())
    expectation = (
        "must be a file name without extension, without a path and without control characters or any of "
        '< > : " | ? * and backslash'
    )
    if value in (".", "..") or any(unicodedata.category(c) in ("Cc", "Cs") or c in NOT_IN_NAMES for c in value):
        raise fields.wrong(key, expectation)
    return ArchivePath.sanitised(value).value


def paper(fields: Fields, key: str) -> PaperFormat:
    """Return the paper format.

    Raises:
        RequestError: it is none.
    """
    value = fields.raw(key)
    found = _PAPER.get(value.casefold()) if isinstance(value, str) else None
    if found is None:
        raise fields.wrong(key, f"must be one of {', '.join(PaperFormat)}")
    return found


def image_limit(fields: Fields, key: str) -> ImageLimit | None:
    """Return how far images are to be shrunk; None for ``false`` and null.

    Raises:
        RequestError: it is neither ``false`` nor width, height and quality.
    """
    if fields.raw(key) is False or fields.raw(key) is None:
        return None
    if not isinstance(fields.raw(key), dict):
        raise fields.wrong(key, "must be false or an object with width, height and quality")
    inner = fields.inner(key)
    return ImageLimit(
        inner.integer("width", 1, MAX_SIDE_PX),
        inner.integer("height", 1, MAX_SIDE_PX),
        inner.integer("quality", 0, 100),
    )


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


def packaging(fields: Fields, options: ArchiveOptions) -> ArchiveOptions:
    """Return ``options`` with what no plugin sends but another LMS may: container, layout, retention.

    The keys are optional and stand at the top of the request: ``archive_format``, ``archive_layout``, ``retention``.

    Raises:
        RequestError: one of them is there and wrong.
    """
    return replace(
        options,
        archive_format=_choice(fields, "archive_format", ArchiveFormat),
        layout=_choice(fields, "archive_layout", ArchiveLayout),
        retention=retention(fields, "retention"),
    )


def retention(fields: Fields, key: str) -> RetentionRule:
    """Return how long the archive is to be kept; a key that is not known is an error, for it may be a misspelt one.

    Whether the day is past is not judged here but when the job is taken: a job that waits must not become wrong.

    Raises:
        RequestError: it is not an object with keep_until or keep_years, legal_basis, deletion_class.
    """
    if key not in fields:
        return RetentionRule()
    inner = fields.inner(key)
    if any(name not in RETENTION_KEYS for name in inner):
        raise fields.wrong(key, f"must be an object with nothing but {', '.join(RETENTION_KEYS)}")
    if "keep_until" in inner and "keep_years" in inner:
        raise fields.wrong(key, "must hold keep_until or keep_years, not both")
    until = None
    if "keep_until" in inner:
        try:
            until = day(inner.text("keep_until", max_chars=10))
        except (ValueError, RequestError) as exc:
            raise inner.wrong("keep_until", "must be a day, YYYY-MM-DD") from exc
    return RetentionRule(
        keep_until=until,
        keep_years=inner.integer("keep_years", 1, MAX_KEEP_YEARS) if "keep_years" in inner else None,
        legal_basis=_one_line(inner, "legal_basis", MAX_LEGAL_BASIS_CHARS),
        deletion_class=_one_line(inner, "deletion_class", MAX_DELETION_CLASS_CHARS),
    )


def _one_line(fields: Fields, key: str, max_chars: int) -> str:
    if key not in fields:
        return ""
    value = fields.text(key, max_chars=max_chars).strip()
    if not is_one_line(value, max_chars):
        raise fields.wrong(key, f"must be one line of at most {max_chars} characters")
    return value


def _choice(fields: Fields, key: str, kind: type[_Choice]) -> _Choice | None:
    if key not in fields:
        return None
    value = fields.raw(key)
    if not isinstance(value, str) or value not in list(kind):
        raise fields.wrong(key, f"must be one of {', '.join(kind)}")
    return kind(value)
