"""Checks of what the requests of all peer-review sources have in common: ``options`` and ``delivery``.

A key that is not known is an error: a misspelt ``pseudonyms`` would hand out an archive full of names.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from archiveworker.domain.document import PaperFormat, RenderOptions
from archiveworker.domain.errors import RequestError
from archiveworker.domain.ids import ArchivePath, LmsOrigin
from archiveworker.domain.job import ArchiveOptions, OnError
from archiveworker.domain.secret import Secret
from archiveworker.sources.moodle import request
from archiveworker.sources.moodle.fields import Fields

_KEYS: Final = (
    *(
        "allow_open",
        "archive_filename",
        "archive_format",
        "archive_layout",
        "excerpts",
        "file_hashes",
        "keep_html_files",
    ),
    *("keep_until", "on_item_error", "paper_format", "pseudonyms", "retention"),
)
TARGET_PATTERN: Final = r"[a-z0-9][a-z0-9_-]{0,39}"
_TARGET: Final = re.compile(TARGET_PATTERN + r"\Z")
MAX_TARGETS: Final = 16
_MAX_NAME_PART_CHARS: Final = 80


@dataclass(frozen=True, slots=True)
class ReviewedOptions:
    """Choices of a job.

    Attributes:
        archive: those that all sources have.
        allow_open: archive an activity in which works or reviews still change.
        excerpts: with an author's and a reviewer's copy for each person.
        pseudonyms: everything under pseudonyms, the key apart.
        keep_html: with the pages as HTML too.
    """

    archive: ArchiveOptions
    allow_open: bool = False
    excerpts: bool = False
    pseudonyms: bool = False
    keep_html: bool = True


@dataclass(frozen=True, slots=True)
class ReviewedConfig:
    """What the administrator set up for all peer-review sources.

    Attributes:
        targets: names of the delivery targets there are, with the LMS.
        default_targets: when a job names none.
        pseudonym_key: for all jobs, so that sets of several activities can be joined; None draws one for each job.
    """

    targets: tuple[str, ...] = ()
    default_targets: tuple[str, ...] = ()
    pseudonym_key: Secret | None = None


def read_options(body: Fields, activity: str) -> ReviewedOptions:
    """Return the choices of a request; everything in ``options`` may be left out.

    Args:
        body: the whole request.
        activity: for the archive's name when the request gives none.

    Raises:
        RequestError: one sentence that names the first wrong field and what it must be.
    """
    fields = body.inner("options") if "options" in body else Fields({}, "options.")
    if unknown := sorted(set(fields) - set(_KEYS)):
        raise fields.wrong(unknown[0][:80], f"is not known here; options are {', '.join(_KEYS)}")
    return ReviewedOptions(
        archive=read_archive_options(fields, f"peer-review-{activity[:_MAX_NAME_PART_CHARS]}"),
        allow_open=fields.flag("allow_open", default=False),
        excerpts=fields.flag("excerpts", default=False),
        pseudonyms=fields.flag("pseudonyms", default=False),
        keep_html=fields.flag("keep_html_files", default=True),
    )


def read_archive_options(fields: Fields, default_name: str) -> ArchiveOptions:
    """Return the choices that every source without a plugin has.

    Args:
        fields: ``options`` of a request.
        default_name: of the archive, when the request gives none; it may hold any characters.

    Raises:
        RequestError: one of them is there and wrong.
    """
    name = ArchivePath.sanitised(default_name.replace("/", "_")).value
    render = RenderOptions(paper=request.paper(fields, "paper_format")) if "paper_format" in fields else _A4
    options = ArchiveOptions(
        archive_name=request.archive_name(fields, "archive_filename") if "archive_filename" in fields else name,
        render=render,
        file_hashes=fields.flag("file_hashes", default=True),
        on_item_error=_on_item_error(fields),
    )
    return request.packaging(_with_retention(fields), options)


_A4: Final = RenderOptions(paper=PaperFormat.A4)


def _with_retention(fields: Fields) -> Fields:
    """Return the fields with ``keep_until`` as the short form of ``retention``."""
    if "keep_until" not in fields:
        return fields
    if "retention" in fields:
        raise fields.wrong("keep_until", "must not stand beside retention, which has a keep_until of its own")
    return fields.beside("retention", {"keep_until": fields.raw("keep_until")})


def _on_item_error(fields: Fields) -> OnError:
    value = fields.raw("on_item_error")
    if value is not None and value not in list(OnError):
        raise fields.wrong("on_item_error", f"must be one of {', '.join(OnError)}")
    return OnError.FAIL if value is None else OnError(str(value))


def read_base_url(lms: Fields) -> str:
    """Return ``base_url`` without a slash at the end.

    Raises:
        RequestError: it is not an address that can be used.
    """
    url = lms.text("base_url", max_chars=2048).rstrip("/")
    try:
        LmsOrigin.of(url)
        parts = urlsplit(url)
    except ValueError as exc:
        raise RequestError(f"{lms.name('base_url')} is not an address that can be used: {exc}") from exc
    if parts.query or parts.fragment or not url.isascii() or any(char <= " " for char in url):
        raise lms.wrong("base_url", "must be an address without query, fragment, spaces and letters beyond ASCII")
    return url


def read_targets(body: Fields, known: Collection[str], default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return where the archive goes: ``{"delivery": {"to": [...]}}``.

    Args:
        body: the whole request.
        known: names that may be given; empty means that there is nothing to compare with, as for a stored job.
        default: when the request does not say.

    Raises:
        RequestError: there is no such target, or none is named and there is no default.
    """
    if "delivery" not in body and default:
        return default
    fields = body.inner("delivery") if "delivery" in body else Fields({}, "delivery.")
    there = ", ".join(sorted(known)) or "none: set one up, see docs/howto/archive-a-peer-review.md"
    value = fields.raw("to")
    if not isinstance(value, list) or not 0 < len(value) <= MAX_TARGETS or len(set(map(str, value))) != len(value):
        raise fields.wrong("to", f"must be a list of different names of delivery targets; there are: {there}")
    for name in value:
        if not isinstance(name, str) or not _TARGET.match(name) or (known and name not in known):
            raise fields.wrong("to", f"names a target that this worker does not have; there are: {there}")
    return tuple(value)
