"""A small Moodle that takes nothing but what it was told to expect, and remembers everything it was sent.

Not the demo LMS: it knows no plugin. A test queues the answers, and afterwards looks at what was asked.
"""

import asyncio
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

TOKEN = "5ec2e70000000000000000000000cafe"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Call:
    function: str
    params: dict[str, str]

    @property
    def names(self) -> set[str]:
        """Parameter names as a plugin declares them: of an array only its own name."""
        return {name.partition("[")[0] for name in self.params}


@dataclass
class Uploaded:
    fields: dict[str, str]
    filename: str
    content: bytes
    content_length: int | None


@dataclass
class StrictMoodle:
    base_url: str = ""
    calls: list[Call] = field(default_factory=list)
    uploads: list[Uploaded] = field(default_factory=list)
    file_requests: list[tuple[str, str]] = field(default_factory=list)
    answers: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    upload_answers: list[Any] = field(default_factory=list)
    upload_unread: list[Callable[[], web.Response]] = field(default_factory=list)
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    file_answers: list[Any] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def say(self, function: str, *answers: Any) -> None:
        """Queue answers (objects, texts, bytes or handlers); the last one is repeated for ever."""
        self.answers[function].extend(answers)

    def of(self, function: str) -> list[Call]:
        return [call for call in self.calls if call.function == function]

    def add_file(self, path: str, content: bytes, kind: str) -> dict[str, Any]:
        """Serve a file and return how a report announces it."""
        self.files[f"/webservice/pluginfile.php/{path}"] = (content, kind)
        return {
            "slot": 3,
            "filename": path.rsplit("/", 1)[-1],
            "filesize": len(content),
            "mimetype": kind,
            "contenthash": hashlib.sha1(content).hexdigest(),
            "downloadurl": f"{self.base_url}/webservice/pluginfile.php/{path}",
        }

    async def rest(self, request: web.Request) -> web.StreamResponse:
        self.urls.append(str(request.url))
        form = {key: str(value) for key, value in (await request.post()).items()}
        assert form.pop("moodlewsrestformat") == "json"
        if form.pop("wstoken", None) != TOKEN:
            return web.json_response({"exception": "moodle_exception", "errorcode": "invalidtoken", "message": "No"})
        function = form.pop("wsfunction")
        self.calls.append(Call(function, form))
        return await _respond(request, self.answers[function])

    async def upload(self, request: web.Request) -> web.StreamResponse:
        self.urls.append(str(request.url))
        if self.upload_unread:
            return self.upload_unread.pop()()
        fields, filename, content = {}, "", b""
        async for part in await request.multipart():
            if part.filename is None:
                fields[part.name] = await part.text()
            else:
                filename, content = part.filename, bytes(await part.read(decode=False))
        self.uploads.append(Uploaded(fields, filename, content, request.content_length))
        if self.upload_answers:
            return await _respond(request, self.upload_answers)
        item_id = int(fields["itemid"]) or 4711
        return web.Response(text=json.dumps([draft(filename, item_id, len(content))]), content_type="text/plain")

    async def file(self, request: web.Request) -> web.StreamResponse:
        self.file_requests.append((request.method, request.path_qs))
        if self.file_answers:
            return await _respond(request, self.file_answers)
        if request.query.get("token") != TOKEN:
            return web.json_response({"error": "Invalid token", "errorcode": "invalidtoken"})
        content, kind = self.files.get(request.path, (None, ""))
        if content is None:
            return web.json_response({"error": "Not found", "errorcode": "filenotfound"}, status=404)
        headers = {"Content-Type": kind, "Last-Modified": "Sat, 21 Nov 2026 01:28:27 GMT"}
        return web.Response(body=content, headers=headers)


def draft(filename: str, item_id: int, size: int) -> dict[str, Any]:
    """What upload.php says of a file; ``userid`` is a string there."""
    place = {"component": "user", "contextid": 11, "userid": "3", "filearea": "draft", "filepath": "/"}
    return place | {"filename": filename, "itemid": item_id, "filesize": size, "license": "unknown"}


async def _respond(request: web.Request, queue: list[Any]) -> web.StreamResponse:
    answer = queue.pop(0) if len(queue) > 1 else (queue or [{"status": "OK"}])[0]
    if callable(answer):
        answer = answer(request)
        answer = await answer if asyncio.iscoroutine(answer) else answer
    if isinstance(answer, web.StreamResponse):
        return answer
    if isinstance(answer, str | bytes):
        data = answer.encode() if isinstance(answer, str) else answer
        return web.Response(body=io.BytesIO(data), content_type="text/html")
    return web.json_response(answer)


@asynccontextmanager
async def running() -> AsyncIterator[StrictMoodle]:
    moodle = StrictMoodle()
    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_post("/webservice/rest/server.php", moodle.rest)
    app.router.add_post("/webservice/upload.php", moodle.upload)
    app.router.add_route("*", "/webservice/pluginfile.php/{path:.*}", moodle.file)
    server = TestServer(app)
    await server.start_server(access_log=None)
    moodle.base_url = str(server.make_url("")).rstrip("/")
    try:
        yield moodle
    finally:
        await server.close()
