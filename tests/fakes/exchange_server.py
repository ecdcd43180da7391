"""A server of the peer-review exchange API that is strict: with its clients, and with itself.

Each of its own answers is checked against the schema that ships. Faults are ordered by path. Shares no code with the
source that it tests; the records are those of the model, because the schema is made of them.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import jsonschema
import msgspec
from aiohttp import web

from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.runtime import resources

PREFIX = "/peer-review/v1"
COLLECTIONS = ("participants", "forms", "submissions", "allocations", "reviews", "queue", "files")
Answer = Callable[[web.Request], web.StreamResponse]


def _schema() -> Any:
    return json.loads(resources.text("peer_review/exchange.schema.json"))


@dataclass
class ExchangeServer:
    """One activity, served.

    Attributes:
        record: the activity.
        contents: bytes of its files by id; others are gone.
        page_size_max: records on a page at most, whatever is asked for.
        tokens: bearer tokens that are good, and the activities that they may read.
        is_checked: answers are held against the schema; off only where that would be most of the time.
        counts: send ``total_count``.
        faults: by path below the prefix, what to answer instead; each once, oldest first.
        asked: method and path of every request, below the prefix, without the query.
        seen_tokens: what came in ``Authorization``.
    """

    record: PeerReview
    contents: Mapping[str, bytes] = field(default_factory=dict)
    page_size_max: int = 1000
    tokens: dict[str, set[str]] = field(default_factory=lambda: {"good-token": {"17"}})
    is_checked: bool = True
    counts: bool = True
    faults: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    seen_tokens: set[str] = field(default_factory=set)
    base_url: str = ""
    held: asyncio.Event | None = None
    """When set, pages of reviews wait for it."""

    def __post_init__(self) -> None:
        schema = _schema()
        self._validators = {
            name: jsonschema.Draft202012Validator({**schema, "anyOf": [{"$ref": f"#/$defs/{name}"}]})
            for name in ("activity", "problem", *(f"{name}_page" for name in COLLECTIONS))
        }

    def once(self, path: str, answer: Answer) -> None:
        """Order a fault."""
        self.faults.setdefault(path, []).append(answer)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        raw_path = request.raw_path.partition("?")[0]
        if not raw_path.startswith(PREFIX):
            return web.Response(status=404, text="<html>no API here</html>")
        path = raw_path.removeprefix(PREFIX)
        self.asked.append(f"{request.method} {path}")
        self.seen_tokens.add(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if self.faults.get(path):
            return self.faults[path].pop(0)(request)
        if request.method != "GET":
            return self.problem(405, "read_only", "this API only reads")
        refusal = self._access(request)
        if refusal is not None:
            return refusal
        return await self._answer(request, [_decoded(part) for part in path.strip("/").split("/")])

    def _access(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        scope = self.tokens.get(given.removeprefix("Bearer "))
        if not given.startswith("Bearer ") or scope is None:
            return self.problem(401, "token_refused", f"no such token: {given}")
        if "token" in request.query_string.replace("page_token", ""):
            return self.problem(400, "bad_request", "a token has no place in the address")
        return None

    async def _answer(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        scope = self.tokens[request.headers["Authorization"].removeprefix("Bearer ")]
        if parts[0] != "activities" or len(parts) < 2:
            return self.problem(404, "not_found", "no such collection")
        if parts[1] not in scope or parts[1] != self.record.activity.id:
            return self.problem(403, "out_of_scope", "not for this token")
        if len(parts) == 2:
            return self.document("activity", {"activity": self.record.activity, "announced": self.record.announced})
        if len(parts) == 3 and parts[2] in COLLECTIONS:
            if parts[2] == "reviews" and self.held is not None:
                await self.held.wait()
            return self._page(request, parts[2])
        if len(parts) == 5 and parts[2] == "files" and parts[4] == "content":
            data = self.contents.get(parts[3])
            if data is None:
                return self.problem(404, "not_found", "the file is gone")
            return web.Response(body=data, content_type="application/octet-stream")
        return self.problem(404, "not_found", "no such collection")

    def _page(self, request: web.Request, name: str) -> web.Response:
        records = getattr(self.record, name)
        if name == "queue":
            records = () if records is None else (records,)
        size_text, token = request.query.get("page_size", "200"), request.query.get("page_token")
        if (
            not size_text.isdecimal()
            or not 1 <= int(size_text) <= 1000
            or set(request.query) - {"page_size", "page_token"}
        ):
            return self.problem(400, "bad_request", "page_size is 1 to 1000, and nothing else but page_token")
        bearer = request.headers["Authorization"]
        start = 0 if token is None else self._start(token, name, bearer)
        if start is None:
            return self.problem(400, "bad_request", "this page token is not one of mine")
        end = start + min(int(size_text), self.page_size_max)
        following = self._token(end, name, bearer) if end < len(records) else None
        page = {
            "items": records[start:end],
            "next_page_token": following,
            "total_count": len(records) if self.counts else None,
        }
        return self.document(f"{name}_page", page)

    def _token(self, start: int, name: str, bearer: str) -> str:
        return base64.urlsafe_b64encode(f"{start}/{name}/{bearer[-6:]}".encode()).decode()

    def _start(self, token: str, name: str, bearer: str) -> int | None:
        try:
            start, collection, owner = base64.urlsafe_b64decode(token).decode().split("/")
        except ValueError:
            return None
        return int(start) if collection == name and owner == bearer[-6:] else None

    def document(self, kind: str, content: Mapping[str, Any], status: int = 200) -> web.Response:
        """Return a document, checked."""
        plain = json.loads(msgspec.json.encode({**content, "api_version": 1}))
        if self.is_checked:
            self._validators[kind].validate(plain)
        return web.json_response(plain, status=status)

    def problem(self, status: int, code: str, message: str, **headers: str) -> web.Response:
        """Return an error, checked."""
        answer = self.document("problem", {"error": {"code": code, "message": message}}, status)
        answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return answer


def _decoded(part: str) -> str:
    """Decode one part of a path; strictly, so that an id that was not encoded as a whole is noticed."""
    allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%"
    assert all(char in allowed for char in part), f"not percent-encoded: {part!r}"
    return unquote(part, errors="strict")


@asynccontextmanager
async def serving(server: ExchangeServer) -> AsyncIterator[ExchangeServer]:
    """Serve on a free port of this machine."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
