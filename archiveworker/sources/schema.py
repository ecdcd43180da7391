"""What the requests of all sources have in common, as JSON Schema; ``fields`` and ``checks`` read it."""

import re
from typing import Final

from archiveworker.domain.document import PaperFormat
from archiveworker.domain.job import ArchiveFormat, ArchiveLayout
from archiveworker.domain.json_schema import Schema, about, closed, not_both, one_of, opened
from archiveworker.domain.retention import MAX_DELETION_CLASS_CHARS, MAX_KEEP_YEARS, MAX_LEGAL_BASIS_CHARS
from archiveworker.sources.checks import MAX_NAME_CHARS, MAX_SIDE_PX, NOT_IN_NAMES
from archiveworker.sources.fields import FLAG_NAME_PATTERN, MAX_FLAGS, MAX_ID, MAX_TEXT_CHARS

_CONTROL: Final = r"\u0000-\u001f\u007f-\u009f"
_BLANK: Final = r"\s\u001c-\u001f\u0085"


def version(*numbers: int) -> Schema:
    """Return the schema of ``api_version``."""
    return {"type": "integer", "enum": list(numbers), "description": "Version of the interface."}


def text(description: str, max_chars: int = MAX_TEXT_CHARS) -> Schema:
    """Return the schema of a text that is not blank."""
    pattern = rf"^[^\u0000]*[^\u0000{_BLANK}][^\u0000]*$"
    return {"type": "string", "minLength": 1, "maxLength": max_chars, "pattern": pattern, "description": description}


def line(description: str, max_chars: int) -> Schema:
    """Return the schema of one line of text."""
    within = rf"[^{_CONTROL}\u2028\u2029]"
    pattern = rf"^{within}*[^{_CONTROL}\u2028\u2029{_BLANK}]{within}*$"
    return {"type": "string", "minLength": 1, "maxLength": max_chars, "pattern": pattern, "description": description}


def integer(description: str, low: int = 1, high: int = MAX_ID) -> Schema:
    """Return the schema of a whole number; plugins send some as decimal text."""
    digits = max(1, len(str(high)) - 1)
    pattern = f"^({'0|' if low < 1 else ''}[1-9][0-9]{{0,{digits - 1}}})$"
    return {
        "description": description,
        "anyOf": [{"type": "integer", "minimum": low, "maximum": high}, {"type": "string", "pattern": pattern}],
    }


def flag(description: str) -> Schema:
    """Return the schema of true or false, which plugins also send as numbers and texts."""
    return {"enum": [True, False, 0, 1, "0", "1"], "description": description}


def flags(description: str) -> Schema:
    """Return the schema of an object of flags."""
    return {
        "type": "object",
        "description": description,
        "maxProperties": MAX_FLAGS,
        "propertyNames": {"pattern": f"^{FLAG_NAME_PATTERN}$"},
        "additionalProperties": flag("Whether it is wanted."),
    }


def ids(description: str, max_count: int) -> Schema:
    """Return the schema of a list of different positive whole numbers."""
    return {
        "type": "array",
        "description": description,
        "items": {"type": "integer", "minimum": 1, "maximum": MAX_ID},
        "minItems": 1,
        "maxItems": max_count,
        "uniqueItems": True,
    }


def address(description: str, path: str = "") -> Schema:
    """Return the schema of an address that ends with ``path``."""
    pattern = rf"^https?://[^/?#\s\\]+(/[^?#\s]*)?{re.escape(path)}$"
    return {"type": "string", "format": "uri", "maxLength": 2048, "pattern": pattern, "description": description}


def archive_name(description: str) -> Schema:
    """Return the schema of a file name without extension."""
    bad = rf"{re.escape(NOT_IN_NAMES)}{_CONTROL}"
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_NAME_CHARS,
        "pattern": rf"^[^{bad}]*[^{bad}{_BLANK}.][^{bad}]*$",
        "description": description,
    }


def image_limit() -> Schema:
    """Return the schema of how far images are to be shrunk."""
    limit = opened(
        {
            "width": integer("Pixels.", 1, MAX_SIDE_PX),
            "height": integer("Pixels.", 1, MAX_SIDE_PX),
            "quality": integer("Of JPEG.", 0, 100),
        },
        required=("width", "height", "quality"),
    )
    return {"description": "False leaves images as they are.", "anyOf": [{"const": False}, limit]}


PAPER: Final[Schema] = one_of(PaperFormat, "Paper, portrait.")
KEEP_UNTIL: Final[Schema] = {
    "type": "string",
    "format": "date",
    "description": "Last day, YYYY-MM-DD; not in the past.",
}
RETENTION: Final[Schema] = {
    **closed(
        {
            "keep_until": KEEP_UNTIL,
            "keep_years": integer("Counted from the newest attempt.", 1, MAX_KEEP_YEARS),
            "legal_basis": line("Why it is kept.", MAX_LEGAL_BASIS_CHARS),
            "deletion_class": line("How it is to be destroyed.", MAX_DELETION_CLASS_CHARS),
        },
        about="How long the archive is to be kept.",
    ),
    **not_both("keep_until", "keep_years"),
}
PACKAGING: Final[dict[str, Schema]] = {
    "archive_format": one_of(ArchiveFormat, "Container; without it, as the worker's settings say."),
    "archive_layout": one_of(ArchiveLayout, "Where things stand in it; without it, as the worker's settings say."),
    "retention": about(RETENTION, "How long the archive is to be kept; without it, as the worker's settings say."),
}
"""What no plugin sends, but another LMS may."""
