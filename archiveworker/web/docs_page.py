"""The OpenAPI document: as JSON for programs, and as a page for people that needs no script and nothing from elsewhere.

The page shows the very document that is served; its text is in English, what is around it in the page's language.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from aiohttp import web

from archiveworker.web.openapi import DOCUMENT
from archiveworker.web.operations import Group, Operation
from archiveworker.web.pages import LANG, page

_DEPTH: Final = 6
_CODE: Final = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_OPENAPI: Final = {"type": "object", "description": "OpenAPI 3.1."}


@Operation(Group.WORKER, _OPENAPI)
async def get_openapi(request: web.Request) -> web.Response:
    """Describe the HTTP API for programs (OpenAPI 3.1)."""
    return web.json_response(request.app[DOCUMENT])


@Operation(Group.PAGES, ("text/html",), query=LANG)
async def get_docs(request: web.Request) -> web.Response:
    """Describe the HTTP API for people."""
    document = request.app[DOCUMENT]
    about, told = document["info"]["description"], list(chapters(document))
    return page(request, "docs", about=about, chapters=told, code_in=code_in)


def code_in(text: str) -> list[tuple[str, str]]:
    """Return the pieces of a text of the document, which is Markdown: plain text, and the code (in backticks) after it.

    Source: CommonMark 0.31, 6.1: as many backticks end it as begin it.
    """
    parts = _CODE.split(text)  # plain text, backticks, code, plain text, ...
    return list(zip(parts[::3], [*parts[2::3], ""], strict=True))


def chapters(document: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each chapter's name and what the page shows of its operations."""
    for tag in document["tags"]:
        found = [
            _shown(document, method, path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if tag["name"] in operation["tags"]
        ]
        yield tag["name"], found


def _shown(document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "about": operation["description"],
        "parameters": [
            {
                "name": one["name"],
                "kind": kind_of(document, one["schema"]),
                "about": one["description"],
                "required": one.get("required", False),
            }
            for one in operation["parameters"]
        ],
        "requests": [found for media, content in body.items() for found in _contents(document, media, content)],
        "answers": [
            {
                "status": status,
                "about": answer["description"],
                "contents": [
                    one for media, c in answer.get("content", {}).items() for one in _contents(document, media, c)
                ],
            }
            for status, answer in operation["responses"].items()
        ],
    }


def _contents(document: Mapping[str, Any], media: str, content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what the page shows of a body: one entry for each of the forms that it may have."""
    schema = content.get("schema", {})
    examples = {name: one["value"] for name, one in content.get("examples", {}).items()}
    for form in schema.get("oneOf", [schema]):
        name = form.get("$ref", "").rpartition("/")[2]
        wanted = [examples[name]] if name in examples else [*examples.values(), *_single(content)]
        yield {
            "media": media,
            "name": name,
            "rows": list(_rows(document, form)),
            "examples": [json.dumps(one, indent=2, ensure_ascii=False) for one in wanted],
        }


def _single(content: Mapping[str, Any]) -> list[Any]:
    return [content["example"]] if "example" in content else []


def _rows(
    document: Mapping[str, Any], schema: Mapping[str, Any], where: str = "", depth: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield a row for each property of an object, and for those of the objects in it."""
    whole = _followed(document, schema)
    for name, inner in whole.get("properties", {}).items():
        path = f"{where}{name}"
        about = inner.get("description", "")
        required = name in whole.get("required", ())
        yield {"name": path, "kind": kind_of(document, inner), "about": about, "required": required}
        if depth < _DEPTH:
            of_list = _form(document, _form(document, inner).get("items", {}))
            yield from _rows(document, _form(document, inner), f"{path}.", depth + 1)
            yield from _rows(document, of_list, f"{path}[].", depth + 1)


def _followed(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    followed: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return followed


def _form(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the form of a value that is not null: an object or a list, where there is one."""
    whole = _followed(document, schema)
    for one in whole.get("anyOf", ()) if "type" not in whole else ():
        form = _form(document, one)
        if form.get("type") in ("object", "array"):
            return form
    return whole


def kind_of(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return in a few words what a value may be."""
    whole = _followed(document, schema)
    if "enum" in whole:
        return ", ".join(json.dumps(one) for one in whole["enum"])
    if "const" in whole:
        return json.dumps(whole["const"])
    if "type" not in whole and "anyOf" in whole:
        return " or ".join(dict.fromkeys(kind_of(document, one) for one in whole["anyOf"]))
    if whole.get("type") == "array" or "items" in whole:
        return f"list of {kind_of(document, whole.get('items', {}))}"
    untyped = "file" if "contentMediaType" in whole else "anything"
    form = f"({whole['format']})" if "format" in whole else ""
    return " ".join(part for part in (whole.get("type", untyped), form, _span(whole)) if part)


def _span(schema: Mapping[str, Any]) -> str:
    """Return the limits of a value, if it has any."""
    low, high = schema.get("minimum", schema.get("minLength")), schema.get("maximum", schema.get("maxLength"))
    unit = " characters" if schema.get("type") == "string" else ""
    if high is None:
        return "" if (low in (None, 1) and unit) or low is None else f"from {low}{unit}"
    return f"up to {high}{unit}" if low is None else f"{low} to {high}{unit}"
