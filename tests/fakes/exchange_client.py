"""A tiny reader of the exchange API for tests: every page of every collection, each answer held against the schema."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

import aiohttp
import jsonschema

from archiveworker.domain.peer_review.codec import decode
from archiveworker.domain.peer_review.exchange import (
    OF_AN_ACTIVITY,
    PAGES,
    PREFIX,
    ActivityDocument,
    assemble,
)
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.peer_review.schema import RESOURCE
from archiveworker.runtime import resources


@cache
def _validator(definition: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(resources.text(RESOURCE))
    return jsonschema.Draft202012Validator({**schema, "anyOf": [{"$ref": f"#/$defs/{definition}"}]})


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class ExchangeClient:
    session: aiohttp.ClientSession
    origin: str
    token: str
    page_size: int = 7

    async def get(self, path: str, method: str = "GET", **params: Any) -> Reply:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"{self.origin}{PREFIX}{path}"
        async with self.session.request(method, url, headers=headers, params=params) as response:
            return Reply(response.status, dict(response.headers), await response.read())

    async def good(self, path: str, definition: str, **params: Any) -> bytes:
        reply = await self.get(path, **params)
        assert reply.status == 200, (path, reply.status, reply.body)
        assert reply.headers["Content-Type"].startswith("application/json")
        _validator(definition).validate(reply.json)
        return reply.body

    async def refused(self, path: str, method: str = "GET", **params: Any) -> tuple[int, str]:
        reply = await self.get(path, method, **params)
        if method != "HEAD":
            _validator("problem").validate(reply.json)
            return reply.status, reply.json["error"]["code"]
        return reply.status, ""

    async def pages(self, path: str, name: str) -> list[Any]:
        found: list[Any] = []
        params: dict[str, Any] = {"page_size": self.page_size}
        while True:
            page = decode(await self.good(path, f"{name}_page", **params), PAGES[name])
            assert len(page.items) <= self.page_size
            found += page.items
            if page.next_page_token is None:
                assert page.total_count in (None, len(found))
                return found
            params["page_token"] = page.next_page_token

    async def read(self, activity_id: str) -> PeerReview:
        base = f"/activities/{quote(activity_id, safe='')}"
        document = decode(await self.good(base, "activity"), ActivityDocument)
        collections = {name: await self.pages(f"{base}/{name}", name) for name in OF_AN_ACTIVITY}
        return assemble(document, collections)
