"""The OpenAPI 3.1 document of the HTTP API, made from the routes that are served; nothing of it is written twice.

Paths come from the application, their descriptions from the functions behind them (``operations``), answers from the
types that the engine and the routes build (``domain.answers``), requests from the sources. What cannot be told by code,
an example of each body, is in ``res/web/examples.json``.
"""

import inspect
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final, is_typeddict

from aiohttp import web

from archiveworker.domain import answers
from archiveworker.domain.answers import Problem
from archiveworker.domain.errors import ArchiveWorkerError, Retry
from archiveworker.domain.json_schema import Schema, components_of
from archiveworker.domain.ports import Source
from archiveworker.reports.verification import json_schema as verification_schema
from archiveworker.runtime import resources
from archiveworker.web.gate import KEY
from archiveworker.web.operations import Group, Operation, Sent, Who, operation_of

_SCHEMAS: Final = "#/components/schemas/"
VERIFICATION: Final[Schema] = {"$ref": f"{_SCHEMAS}Verification"}
DOCUMENT: web.AppKey[dict[str, Any]] = web.AppKey("openapi document", dict)
SOURCES: web.AppKey[dict[str, Source]] = web.AppKey("sources")

_ABOUT: Final = (
    "A learning management system posts a job; the worker archives it and hands the archive back. Errors are "
    '`{"error": "<one sentence>"}`. Where the worker has a secret for posting, every path also stands below '
    "`/<secret>`. An administrator is who sends the admin token, or has logged in with it, or, while there is no admin "
    "token, calls from the worker's own machine."
)
_SECURITY: Final[Mapping[Who, list[dict[str, list[str]]]]] = {
    Who.ANYONE: [],
    Who.JOB: [],
    Who.POSTER: [{}, {"postSecret": []}, {"adminToken": []}],
    Who.ADMIN: [{"adminToken": []}, {"session": []}],
}
_SCHEMES: Final = {
    "adminToken": {"type": "http", "scheme": "bearer", "description": "`ARCHIVEWORKER_ADMIN_TOKEN`."},
    "postSecret": {
        "type": "http",
        "scheme": "bearer",
        "description": "`ARCHIVEWORKER_POST_SECRET`, if it is set; it may be a part of the address instead.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "archiveworker_session",
        "description": "What a browser gets at `/ui/login`.",
    },
}
_PATH_PARAMETERS: Final[Mapping[str, Schema]] = {
    "job_id": {"type": "string", "format": "uuid", "description": "Id of the job."},
    "name": {"type": "string", "minLength": 1, "description": "File name."},
    "action": {"type": "string", "enum": ["cancel", "retry", "redeliver"], "description": "What to do."},
    "item": {"type": "string", "minLength": 1, "description": "Key of the item."},
}


def build(app: web.Application, version: str) -> dict[str, Any]:
    """Return the document of an application's routes.

    Args:
        app: with all its routes.
        version: of the worker.

    Raises:
        LookupError: a route says nothing about itself.
    """
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    requests: dict[str, Schema] = {}
    for method, path, handler in routes_of(app):
        described = operation_of(handler)
        source = app[SOURCES].get(path.removeprefix("/archive")) if described.who is Who.POSTER else None
        if source is not None:
            requests |= source.request_schemas()
        paths[path][method.lower()] = _operation(described, handler, path, source)
    verification, parts = _verification()
    kinds = [kind for kind in vars(answers).values() if is_typeddict(kind)]
    schemas = {**components_of(kinds), **requests, **parts, "Verification": verification}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "archiveworker",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "servers": [{"url": "."}],
        "tags": [{"name": group.value} for group in Group],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": _SCHEMES},
    }


def routes_of(app: web.Application) -> Iterator[tuple[str, str, object]]:
    """Yield method, path and function of each route; not of the same ones below the secret part of an address."""
    for route in app.router.routes():
        if route.resource is None or route.method == "HEAD":
            continue
        path = route.resource.canonical
        if not path.startswith(f"/{{{KEY}}}"):
            yield route.method, path, route.handler


def _operation(described: Operation, handler: object, path: str, source: Source | None) -> dict[str, Any]:
    summary, _, rest = inspect.cleandoc(getattr(handler, "__doc__", None) or "").partition("\n")
    name = getattr(handler, "__name__", "")
    further = path.rpartition("/")[2] if source is not None and path != "/archive" else ""
    if described.group is Group.PAGES:
        further = "page"
    made: dict[str, Any] = {
        "operationId": "_".join(part for part in (name, further) if part),
        "summary": summary.rstrip("."),
        "description": " ".join([rest.strip(), f"For {described.who}."]).strip(),
        "tags": [described.group.value],
        "security": _SECURITY[described.who],
        "parameters": [*_path_parameters(path), *_query_parameters(described)],
        "responses": {**_good(described, name), **_bad(described)},
    }
    if described.sent is not None:
        made["requestBody"] = _request_body(described.sent, source, name)
    return made


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for part in path.split("/"):
        if part.startswith("{"):
            schema = dict(_PATH_PARAMETERS[part.strip("{}")])
            about = schema.pop("description")
            yield {"name": part.strip("{}"), "in": "path", "required": True, "description": about, "schema": schema}


def _query_parameters(described: Operation) -> Iterator[dict[str, Any]]:
    for name, given in described.query.items():
        schema = dict(given)
        yield {"name": name, "in": "query", "description": schema.pop("description"), "schema": schema}


def _request_body(sent: Sent, source: Source | None, name: str) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if source is not None:
        schemas = source.request_schemas()
        references = [{"$ref": f"{_SCHEMAS}{name}"} for name in schemas]
        content["schema"] = references[0] if len(references) == 1 else {"oneOf": references}
        content["examples"] = {name: {"value": schema["examples"][0]} for name, schema in schemas.items()}
    elif isinstance(sent.schema, type):
        content["schema"] = {"$ref": f"{_SCHEMAS}{sent.schema.__name__}"}
        content["example"] = _examples()["bodies"][name]
    elif sent.schema is not None:
        content["schema"] = sent.schema
    return {"required": sent.is_required, "content": {sent.kind.value: content}}


def _good(described: Operation, name: str) -> dict[str, Any]:
    status = described.status
    answer: dict[str, Any] = {"description": status.phrase}
    if isinstance(described.answer, tuple):
        answer["content"] = {media: {"schema": _media_schema(media)} for media in described.answer}
    elif described.answer is not None:
        of_type = isinstance(described.answer, type)
        schema = {"$ref": f"{_SCHEMAS}{described.answer.__name__}"} if of_type else described.answer  # type: ignore[union-attr]
        answer["content"] = {"application/json": {"schema": schema, "example": _examples()["answers"][name]}}
        if described.is_page:
            answer["content"]["text/html"] = {"schema": _media_schema("text/html")}
    others = {str(code.value): _other(described, code, text) for code, text in described.others.items()}
    return {str(status.value): answer, **others}


def _other(described: Operation, status: HTTPStatus, text: str) -> dict[str, Any]:
    """Return an answer that has the form of the good one, or, as a redirection, no content."""
    made: dict[str, Any] = {"description": text}
    if isinstance(described.answer, type):
        made["content"] = {"application/json": {"schema": {"$ref": f"{_SCHEMAS}{described.answer.__name__}"}}}
    elif isinstance(described.answer, tuple) and status is HTTPStatus.PARTIAL_CONTENT:
        made["content"] = {media: {"schema": _media_schema(media)} for media in described.answer}
    return made


def _media_schema(media: str) -> Schema:
    return {"type": "string"} if media.startswith("text/") else {}


def _bad(described: Operation) -> dict[str, Any]:
    """Return the answers for errors: one for each status, with the meaning and an example of each class."""
    by_status: dict[HTTPStatus, list[type[ArchiveWorkerError]]] = defaultdict(list)
    kinds: tuple[type[ArchiveWorkerError], ...] = (*described.all_errors, ArchiveWorkerError)
    for error in kinds:
        by_status[error.http_status].append(error)
    return {str(status.value): _refusal(described, same) for status, same in sorted(by_status.items())}


def _refusal(described: Operation, kinds: list[type[ArchiveWorkerError]]) -> dict[str, Any]:
    meanings = [" ".join((kind.__doc__ or "").split()) for kind in kinds]
    if ArchiveWorkerError in kinds:
        meanings = ["An error of the worker; its log has the details."]
    examples = {kind.code: {"value": {"error": _examples()["errors"][kind.code]}} for kind in kinds}
    content = {"application/json": {"schema": {"$ref": f"{_SCHEMAS}{Problem.__name__}"}, "examples": examples}}
    if described.is_page:
        content["text/html"] = {"schema": {"type": "string"}}
    made: dict[str, Any] = {"description": " ".join(meanings), "content": content}
    if any(kind.retry is Retry.LATER for kind in kinds):
        made["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
    return made


@cache
def _examples() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(resources.text("web/examples.json"))
    return found


def _verification() -> tuple[Schema, dict[str, Schema]]:
    """Return the schema of the report of a verification, and its parts, under names of the document."""
    text = verification_schema().replace("#/$defs/", f"{_SCHEMAS}verification_")
    schema: Schema = json.loads(text)
    parts = {f"verification_{name}": part for name, part in schema.pop("$defs").items()}
    return {key: value for key, value in schema.items() if not key.startswith("$")}, parts
