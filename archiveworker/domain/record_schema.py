"""JSON Schema (draft 2020-12) derived from records, so that the two cannot differ. Descriptions are the docstrings'."""

import inspect
import json
import re
import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from archiveworker.domain.records import HASH_FIELDS, BaseRecord

_UTC: Final = {"format": "date-time", "pattern": r"(Z|\+00:00)$"}
_HASH: Final = {"pattern": "^[0-9a-f]{64}$"}
_ID: Final = {"minLength": 1, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$"}
_ATTRIBUTE: Final = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.M)


def build(schema_id: str, title: str, documents: Mapping[str, Any], base: type[BaseRecord]) -> dict[str, Any]:
    """Return a schema in which every document is valid; ``$defs`` has each kind and each record for itself.

    Args:
        schema_id: URI of the schema.
        title: of the schema.
        documents: name and type of each document.
        base: the class whose subclasses are the records.
    """
    references, parts = msgspec.json.schema_components(list(documents.values()), ref_template="#/$defs/{name}")
    records = {record.__name__: record for record in base.__subclasses__()}
    for part in parts.values():
        record = records.get(part["title"].partition("[")[0])
        if record is not None:
            _refine(part, record)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id,
        "title": title,
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in documents],
        "$defs": dict(zip(documents, references, strict=True)) | dict(sorted(parts.items())),
    }


def render(schema: Mapping[str, Any]) -> bytes:
    """Return a schema as it is shipped."""
    return (json.dumps(schema, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def described_by(kind: type) -> tuple[str, dict[str, str]]:
    """Return what the docstring of a class says of it, and of each of its attributes."""
    doc = inspect.cleandoc(kind.__doc__ or "")
    about = " ".join(doc.split("\n\nAttributes:")[0].split())
    return about, {name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(doc)}


def _refine(part: dict[str, Any], record: type[BaseRecord]) -> None:
    """Add to msgspec's schema of one record what its types do not say: descriptions, UTC, digests, ids."""
    part["description"], described = described_by(record)
    hints = typing.get_type_hints(record)
    for name, schema in part["properties"].items():
        extra: dict[str, Any] = {}
        if datetime in (hints[name], *typing.get_args(hints[name])):
            extra = _UTC
        elif name in HASH_FIELDS:
            extra = _HASH
        elif name == "id":
            extra = _ID
        for one in (schema, *schema.get("anyOf", ())):
            if one.get("type") == "string":
                one.update(extra)
        schema["description"] = described[name]
