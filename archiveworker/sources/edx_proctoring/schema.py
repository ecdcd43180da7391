"""The request as JSON Schema; ``inbound`` reads it."""

from typing import Final

from archiveworker.domain.json_schema import Schema, about, closed, given, inlined
from archiveworker.domain.proctoring.export import Export
from archiveworker.sources import schema
from archiveworker.sources.edx_proctoring.inbound import (
    BASE_URL,
    BRIDGE,
    CLIENT_ID,
    CLIENT_SECRET,
    EXPORT,
    MAX_EXAMS,
    MAX_PEOPLE,
    MAX_SECRET_CHARS,
)
from archiveworker.sources.reviewed import schema as reviewed
from archiveworker.sources.reviewed.request import LMS_KEY, TOKEN

_PART: Final = r"[^/+\s\u001c-\u001f\u0085?#%]+"
_COURSE: Final[Schema] = {
    "type": "string",
    "maxLength": 255,
    "pattern": rf"^({_PART}\+{_PART}\+{_PART}|{_PART}/{_PART}/{_PART})$",
    "description": "Key of the course.",
}
_USERNAMES: Final[Schema] = {
    "type": "array",
    "description": "Narrow the archive to these people.",
    "items": {"type": "string", "pattern": r"^[^\s/\u0000-\u001f\u007f\u0085]{1,150}$"},
    "minItems": 1,
    "maxItems": MAX_PEOPLE,
    "uniqueItems": True,
}


def request_schema() -> Schema:
    """Return the schema of a request."""
    options = {**reviewed.ARCHIVE_OPTIONS, "include_pii": schema.flag("False: people are pseudonyms.")}
    known = {
        "api_version": schema.version(1),
        LMS_KEY: _lms(),
        "course_id": _COURSE,
        "exam_ids": schema.ids("Narrow the archive to these exams.", MAX_EXAMS),
        "usernames": _USERNAMES,
        EXPORT: about(inlined(Export), "What the web API does not give: rows of edx-proctoring's tables."),
        "options": reviewed.options(options),
        "delivery": reviewed.delivery("to the targets of `ARCHIVEWORKER_DELIVERY_ALSO_TO`; one there has to be"),
    }
    request = closed(known, ("api_version", LMS_KEY, "course_id"), "Request for the proctored exams of a course.")
    both = {"allOf": [given(EXPORT), {"properties": {LMS_KEY: given(BRIDGE)}}]}
    example = {
        "api_version": 1,
        LMS_KEY: {BASE_URL: "https://lms.example.org", CLIENT_ID: "archive", CLIENT_SECRET: "0123456789abcdef"},
        "course_id": "course-v1:Lab+EXAM101+2026",
        "exam_ids": [2],
        "options": {"include_pii": True},
        "delivery": {"to": ["directory"]},
    }
    return {**request, "not": both, "examples": [example]}


def _lms() -> Schema:
    """Return the schema of ``lms``: a token, or client credentials, which bring tokens themselves."""
    secret = reviewed.secret("Secret of that client.", MAX_SECRET_CHARS)
    token = reviewed.secret("A JWT of a user who is staff of the course.", MAX_SECRET_CHARS)
    client_id = schema.text("Client of the worker at the LMS.", 255)
    bridge = closed(
        {BASE_URL: reviewed.BASE_URL, TOKEN: reviewed.secret("Of the bridge.", MAX_SECRET_CHARS)},
        (BASE_URL, TOKEN),
        "A bridge that has what the web API does not give; not beside `export`.",
    )
    known = {BASE_URL: reviewed.BASE_URL, TOKEN: token, CLIENT_ID: client_id, CLIENT_SECRET: secret, BRIDGE: bridge}
    lms = closed(known, (BASE_URL,), "The LMS.")
    by_token = {
        "required": [TOKEN],
        "properties": {TOKEN: token, CLIENT_ID: {"type": "null"}, CLIENT_SECRET: {"type": "null"}},
    }
    by_client = {
        "required": [CLIENT_ID, CLIENT_SECRET],
        "properties": {TOKEN: {"type": "null"}, CLIENT_ID: client_id, CLIENT_SECRET: secret},
    }
    return {**lms, "anyOf": [by_token, by_client]}
