"""JSON Schema (draft 2020-12) of the exchange documents, derived from the records, so that the two cannot differ.

Descriptions are those of the docstrings. ``tests/tools/write_exchange_schema.py`` writes the file that is shipped.
"""

import inspect
import json
import re
import typing
from datetime import datetime
from typing import Any, Final

import msgspec

from archiveworker.domain.peer_review.base import Record
from archiveworker.domain.peer_review.exchange import PAGES, ActivityDocument, PeerReviewFile, ProblemDocument

RESOURCE: Final = "peer_review/exchange.schema.json"
_UTC: Final = {"format": "date-time", "pattern": r"(Z|\+00:00)$"}
_HASH: Final = {"pattern": "^[0-9a-f]{64}$"}
_ID: Final = {"minLength": 1, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$"}
_ATTRIBUTE: Final = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.M)


def render() -> bytes:
    """Return the schema as it is shipped."""
    return (json.dumps(build(), indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def build() -> dict[str, Any]:
    """Return the schema: every document of the API is valid; ``$defs`` has each kind and each record for itself."""
    documents: dict[str, Any] = {f"{name}_page": kind for name, kind in PAGES.items()}
    documents |= {"activity": ActivityDocument, "problem": ProblemDocument, "peer_review_file": PeerReviewFile}
    references, parts = msgspec.json.schema_components(list(documents.values()), ref_template="#/$defs/{name}")
    records = {record.__name__: record for record in Record.__subclasses__()}
    for part in parts.values():
        record = records.get(part["title"].partition("[")[0])
        if record is not None:
            _refine(part, record)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:archiveworker:peer-review-exchange:1",
        "title": "Peer-review exchange API, version 1",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in documents],
        "$defs": dict(zip(documents, references, strict=True)) | dict(sorted(parts.items())),
    }


def _refine(part: dict[str, Any], record: type[Record]) -> None:
    """Add to msgspec's schema of one record what its types do not say: descriptions, UTC, digests, ids."""
    doc = inspect.cleandoc(record.__doc__ or "")
    part["description"] = " ".join(doc.split("\n\nAttributes:")[0].split())
    described = {name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(doc)}
    hints = typing.get_type_hints(record)
    for name, schema in part["properties"].items():
        extra: dict[str, Any] = {}
        if datetime in (hints[name], *typing.get_args(hints[name])):
            extra = _UTC
        elif name in ("hash", "form_hash", "sha256"):
            extra = _HASH
        elif name == "id":
            extra = _ID
        for one in (schema, *schema.get("anyOf", ())):
            if one.get("type") == "string":
                one.update(extra)
        schema["description"] = described[name]
