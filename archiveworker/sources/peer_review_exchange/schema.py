"""The request as JSON Schema; ``inbound`` reads it."""

from archiveworker.domain.json_schema import Schema, closed, opened
from archiveworker.sources import schema
from archiveworker.sources.peer_review_exchange.inbound import MAX_ID_CHARS, MAX_TOKEN_CHARS
from archiveworker.sources.reviewed import schema as reviewed
from archiveworker.sources.reviewed.request import LMS_KEY, TOKEN


def request_schema() -> Schema:
    """Return the schema of a request."""
    lms = {
        "base_url": reviewed.BASE_URL,
        TOKEN: reviewed.secret("Bearer token of the exchange API.", MAX_TOKEN_CHARS),
    }
    known = {
        "api_version": schema.version(1),
        LMS_KEY: opened(lms, ("base_url", TOKEN), "The LMS; the exchange API is below its address."),
        "activity": {**schema.line("The LMS's id of the activity.", MAX_ID_CHARS), "not": {"enum": [".", ".."]}},
        "options": reviewed.options({**reviewed.ARCHIVE_OPTIONS, **reviewed.REVIEW_OPTIONS}),
        "delivery": reviewed.delivery("to the targets of `ARCHIVEWORKER_DELIVERY_ALSO_TO`; one there has to be"),
    }
    request = closed(known, ("api_version", LMS_KEY, "activity"), "Request for any peer review.")
    example = {
        "api_version": 1,
        LMS_KEY: {"base_url": "https://lms.example.org", TOKEN: "0123456789abcdef"},
        "activity": "assignment:12",
        "options": {"excerpts": True},
        "delivery": {"to": ["directory"]},
    }
    return {**request, "examples": [example]}
