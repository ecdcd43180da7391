"""Pieces of JSON Schema (draft 2020-12, which OpenAPI 3.1 uses): what a request may be, said for machines.

A schema stands beside the code that reads the request and is made of its constants. It promises no more than the code
takes: whatever is valid is read, but for what a schema cannot say (that two addresses are on one host, that a name is
free). The code may take more than is promised.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from archiveworker.domain.record_schema import described_by

Schema = dict[str, Any]


def closed(properties: Mapping[str, Schema], required: Collection[str] = (), about: str = "") -> Schema:
    """Return the schema of an object that has nothing but ``properties``."""
    return {**opened(properties, required, about), "additionalProperties": False}


def opened(properties: Mapping[str, Schema], required: Collection[str] = (), about: str = "") -> Schema:
    """Return the schema of an object that may have more than ``properties``; what is not required may be null."""
    return {
        "type": "object",
        **({"description": about} if about else {}),
        **({"required": sorted(required)} if required else {}),
        "properties": {
            name: schema if name in required else nullable(schema) for name, schema in sorted(properties.items())
        },
    }


def nullable(schema: Schema) -> Schema:
    """Return ``schema``, or null; its description stays in front."""
    about = {"description": schema["description"]} if "description" in schema else {}
    return {**about, "anyOf": [{k: v for k, v in schema.items() if k != "description"}, {"type": "null"}]}


def not_both(first: str, second: str) -> Schema:
    """Return what forbids an object to have two keys at once; one that is null counts as left out."""
    return {"not": given(first, second)}


def given(*names: str) -> Schema:
    """Return what asks an object to have keys that are not null."""
    return {"required": list(names), "properties": {name: {"not": {"type": "null"}} for name in names}}


def one_of(kind: type[StrEnum], about: str) -> Schema:
    """Return the schema of a choice."""
    return {"type": "string", "enum": [member.value for member in kind], "description": about}


def about(schema: Schema, description: str) -> Schema:
    """Return ``schema`` with a description."""
    return {**schema, "description": description}


def components_of(kinds: Sequence[type]) -> dict[str, Schema]:
    """Return the schemas of types and of the enums in them, by name, as an OpenAPI document holds them."""
    _, parts = msgspec.json.schema_components(list(kinds), ref_template="#/components/schemas/{name}")
    for kind in kinds:
        part = parts[kind.__name__]
        part["description"], described = described_by(kind)
        for key, text in described.items():
            part["properties"][key]["description"] = text.replace("``", "`")
    return parts


def inlined(kind: type) -> Schema:
    """Return the schema of a type that does not hold itself, with everything in its place."""
    [reference], parts = msgspec.json.schema_components([kind], ref_template="{name}")
    schema: Schema = _resolved(reference, parts)
    return schema


def _resolved(node: Any, parts: Mapping[str, Schema]) -> Any:
    if isinstance(node, dict):
        beside = {key: _resolved(value, parts) for key, value in node.items() if key != "$ref"}
        return {**_resolved(parts[node["$ref"]], parts), **beside} if "$ref" in node else beside
    return [_resolved(one, parts) for one in node] if isinstance(node, list) else node
