"""What the requests without a plugin have in common, as JSON Schema; ``request`` reads it."""

from collections.abc import Mapping
from typing import Final

from archiveworker.domain.job import OnError
from archiveworker.domain.json_schema import Schema, about, closed, not_both, one_of
from archiveworker.sources import schema
from archiveworker.sources.reviewed.request import MAX_TARGETS, TARGET_PATTERN

BASE_URL: Final[Schema] = {
    "type": "string",
    "format": "uri",
    "maxLength": 2048,
    "pattern": r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[1-9][0-9]{0,3})?(/[!-\"$->@-\[\]-~]*)?$",
    "description": "The LMS's own address, without query and fragment.",
}
ARCHIVE_OPTIONS: Final[dict[str, Schema]] = {
    "archive_filename": schema.archive_name("File name of the archive, without extension."),
    "file_hashes": schema.flag("A `.sha256` beside every file; the default."),
    "keep_html_files": schema.flag("Each page also as HTML; the default."),
    "keep_until": about(schema.KEEP_UNTIL, "Short for `retention.keep_until`."),
    "on_item_error": one_of(OnError, "`report`: deliver without what cannot be had. `fail` is the default."),
    "paper_format": schema.PAPER,
    **schema.PACKAGING,
}
REVIEW_OPTIONS: Final[dict[str, Schema]] = {
    "allow_open": schema.flag("Archive an activity in which works or reviews still change."),
    "excerpts": schema.flag("An author's and a reviewer's copy for each person."),
    "pseudonyms": schema.flag("Everything under pseudonyms; the key is delivered beside the archive."),
}


def options(known: Mapping[str, Schema]) -> Schema:
    """Return the schema of ``options``; all of them may be left out."""
    return {**closed(known, about="Choices; each may be left out."), **not_both("keep_until", "retention")}


def delivery(default: str) -> Schema:
    """Return the schema of ``delivery``."""
    names = {
        "type": "array",
        "description": "Names of delivery targets that the administrator has set up.",
        "items": {"type": "string", "pattern": f"^{TARGET_PATTERN}$"},
        "minItems": 1,
        "maxItems": MAX_TARGETS,
        "uniqueItems": True,
    }
    return {
        "type": "object",
        "description": f"Where the archive goes; without it, {default}.",
        "required": ["to"],
        "properties": {"to": names},
    }


def secret(description: str, max_chars: int) -> Schema:
    """Return the schema of printable ASCII without spaces."""
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": max_chars,
        "pattern": "^[!-~]+$",
        "description": description,
    }
