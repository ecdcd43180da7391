"""Reads a request (``POST /archive/edx_proctoring``). Nothing in it is trusted.

A key that is not known is an error: a misspelt ``include_pii`` would hand out an archive full of names.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from archiveworker.domain.errors import RecordError
from archiveworker.domain.job import ArchiveOptions
from archiveworker.domain.proctoring.export import Export, read_export
from archiveworker.domain.secret import Secret
from archiveworker.sources.edx_proctoring.bridge import BridgeAddress
from archiveworker.sources.moodle import request
from archiveworker.sources.moodle.fields import Fields
from archiveworker.sources.reviewed.request import read_archive_options, read_base_url, read_targets

LMS_KEY: Final = "lms"
TOKEN: Final = "token"  # noqa: S105 - the name of a field
BRIDGE: Final = "bridge"
BASE_URL: Final = "base_url"
CLIENT_ID: Final = "client_id"
CLIENT_SECRET: Final = "client_secret"  # noqa: S105 - the name of a field
EXPORT: Final = "export"
SECRETS: Final = (TOKEN, CLIENT_SECRET)
_VERSIONS: Final = range(1, 2)
_KEYS: Final = frozenset({"api_version", LMS_KEY, "course_id", "exam_ids", "usernames", EXPORT, "options", "delivery"})
_OPTIONS: Final = frozenset(
    {
        *("archive_filename", "archive_format", "archive_layout", "file_hashes", "include_pii", "keep_html_files"),
        *("keep_until", "on_item_error", "paper_format", "retention"),
    }
)
_COURSE: Final = re.compile(r"[^/+\s?#%]+([/+])[^/+\s?#%]+\1[^/+\s?#%]+\Z")
"""Source: edx-platform, COURSE_ID_PATTERN; without what would change an address."""
_USERNAME: Final = re.compile(r"[^\s/\x00-\x1f\x7f]{1,150}\Z")
MAX_SECRET_CHARS: Final = 16_384
MAX_EXAMS: Final = 1000
MAX_PEOPLE: Final = 10_000


@dataclass(frozen=True, slots=True)
class EdxRequest:
    """A whole request, checked.

    Attributes:
        base_url: of the LMS, without a slash at the end.
        token: a JWT; None when client credentials were given instead.
        client_id: of the worker at the LMS.
        client_secret: of the worker at the LMS.
        course_id: e.g. ``course-v1:Org+Course+Run``.
        exam_ids: to narrow the archive to; empty means all.
        usernames: to narrow the archive to; empty means everybody.
        include_pii: people by their names; otherwise by pseudonyms.
        keep_html: with the pages as HTML too.
        export: what REST does not give; None when nothing came.
        bridge: where the same can be had; None when none is named.
        options: those that all sources have.
        targets: where the archive goes.
    """

    base_url: str
    token: Secret | None
    client_id: str
    client_secret: Secret | None
    course_id: str
    exam_ids: tuple[int, ...]
    usernames: tuple[str, ...]
    include_pii: bool
    keep_html: bool
    export: Export | None
    bridge: BridgeAddress | None
    options: ArchiveOptions
    targets: tuple[str, ...]


def read_request(
    body: Mapping[str, object], known_targets: Collection[str] = (), default_targets: tuple[str, ...] = ()
) -> EdxRequest:
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
    _refuse_unknown(fields, _KEYS, "a request has")
    lms = fields.inner(LMS_KEY)
    _refuse_unknown(lms, frozenset({BASE_URL, *SECRETS, CLIENT_ID, BRIDGE}), "lms has")
    options = fields.inner("options") if "options" in fields else Fields({}, "options.")
    _refuse_unknown(options, _OPTIONS, "options are")
    course_id = _course_id(fields)
    token, client_id, client_secret = _credentials(lms)
    return EdxRequest(
        base_url=read_base_url(lms),
        token=token,
        client_id=client_id,
        client_secret=client_secret,
        course_id=course_id,
        exam_ids=fields.ids("exam_ids", MAX_EXAMS) if "exam_ids" in fields else (),
        usernames=_usernames(fields),
        include_pii=options.flag("include_pii", default=True),
        keep_html=options.flag("keep_html_files", default=True),
        export=_export(fields),
        bridge=_bridge(lms, has_export=EXPORT in fields),
        options=read_archive_options(options, f"proctoring-{course_id.partition(':')[2] or course_id}"),
        targets=read_targets(fields, known_targets, default_targets),
    )


def _refuse_unknown(fields: Fields, known: frozenset[str], begin: str) -> None:
    if unknown := sorted(set(fields) - known):
        raise fields.wrong(unknown[0][:80], f"is not known here; {begin} {', '.join(sorted(known))}")


def _course_id(fields: Fields) -> str:
    value = fields.text("course_id", max_chars=255)
    if not _COURSE.match(value):
        raise fields.wrong("course_id", "must be the key of a course, e.g. course-v1:Org+Course+Run")
    return value


def _credentials(lms: Fields) -> tuple[Secret | None, str, Secret | None]:
    if TOKEN in lms:
        if CLIENT_ID in lms or CLIENT_SECRET in lms:
            raise lms.wrong(TOKEN, "must not stand beside client_id and client_secret, which bring tokens themselves")
        return _secret(lms, TOKEN), "", None
    if CLIENT_ID not in lms or CLIENT_SECRET not in lms:
        raise lms.wrong(TOKEN, "must be a JWT of the LMS, unless client_id and client_secret are given instead")
    return None, lms.text(CLIENT_ID, max_chars=255), _secret(lms, CLIENT_SECRET)


def _bridge(lms: Fields, *, has_export: bool) -> BridgeAddress | None:
    if BRIDGE not in lms:
        return None
    if has_export:
        raise lms.wrong(BRIDGE, "must not stand beside export, which holds the same")
    bridge = lms.inner(BRIDGE)
    _refuse_unknown(bridge, frozenset({BASE_URL, TOKEN}), "lms.bridge has")
    return BridgeAddress(read_base_url(bridge), _secret(bridge, TOKEN))


def _secret(lms: Fields, key: str) -> Secret:
    value = lms.raw(key)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_SECRET_CHARS or not all("!" <= c <= "~" for c in value):
        raise lms.wrong(key, "must be printable ASCII without spaces")
    return Secret(value)


def _usernames(fields: Fields) -> tuple[str, ...]:
    value = fields.raw("usernames")
    if value is None:
        return ()
    expectation = f"must be a list of 1 to {MAX_PEOPLE} different login names"
    if not isinstance(value, list) or not 0 < len(value) <= MAX_PEOPLE:
        raise fields.wrong("usernames", expectation)
    if any(not isinstance(name, str) or not _USERNAME.match(name) for name in value) or len(set(value)) < len(value):
        raise fields.wrong("usernames", expectation)
    return tuple(sorted(value))


def _export(fields: Fields) -> Export | None:
    if EXPORT not in fields:
        return None
    try:
        return read_export(fields.raw(EXPORT))
    except RecordError as exc:
        raise fields.wrong(EXPORT, f"must hold rows of edx-proctoring's tables: {exc}") from exc
