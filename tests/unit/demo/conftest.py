"""A demo LMS without a TSA, a client that speaks as little as the tests need, and a worker that only says yes."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from archiveworker.demo import plugin
from archiveworker.demo.course import generate_course
from archiveworker.demo.lms import make_app
from archiveworker.demo.state import LmsOptions, LmsState, Row


class Lms:
    """A running demo LMS and a client for it."""

    def __init__(self, state: LmsState, session: aiohttp.ClientSession) -> None:
        self.state = state
        self.session = session

    def job(self, api_version: int | str = 7, jobid: str = "job-1", **form: Any) -> Row:
        """Let a plugin post a job to a worker that answers ``jobid``."""
        which = plugin.plugin_for(api_version)
        token = self.state.create_token(which)
        options = plugin.JobOptions(**form)
        request = plugin.build_request(
            self.state.base_url, self.state.course, plugin=which, token=token, options=options
        )
        row = plugin.adopt(self.state, request)
        plugin.worker_answered(self.state, row, jobid, "AWAITING_PROCESSING")
        return row

    async def call(self, token: str, function: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call a web service function by POST and return the first JSON value of the answer."""
        text = await self.call_text(token, function, params)
        return json.JSONDecoder().raw_decode(text)[0]

    async def call_text(self, token: str, function: str, params: Mapping[str, Any] | None = None) -> str:
        """Call a web service function by POST and return the answer as it is."""
        form = {"wstoken": token, "wsfunction": function, "moodlewsrestformat": "json"}
        form |= {key: str(value) for key, value in (params or {}).items()}
        async with self.session.post(f"{self.state.base_url}/webservice/rest/server.php", data=form) as response:
            assert response.status == 200
            return await response.text()

    async def upload(self, token: str, filename: str, data: bytes, itemid: int = 0) -> Any:
        """Upload one file as the ``requests`` library does it."""
        boundary = "b0undary"
        fields = {"token": token, "filepath": "/", "itemid": str(itemid)}
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()
        ]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file_1"; filename="{filename}"\r\n\r\n'
        body = "".join([*parts, head]).encode() + data + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        url = f"{self.state.base_url}/webservice/upload.php"
        async with self.session.post(url, data=body, headers=headers) as response:
            return json.loads(await response.text())


@pytest.fixture
async def lms(tmp_path: Path) -> AsyncIterator[Lms]:
    """A demo LMS with 12 attempts whose job rows are there at once."""
    state = LmsState(generate_course(seed=1), tmp_path, LmsOptions(row_delay_s=0.0, backup_bytes=5000))
    async with TestServer(make_app(state)) as server, aiohttp.ClientSession() as session:
        state.base_url = str(server.make_url("")).rstrip("/")
        yield Lms(state, session)


@pytest.fixture
async def worker() -> AsyncIterator[TestServer]:
    """A worker that takes every job and remembers its body; path and body are in ``app["posted"]``."""
    posted: list[tuple[str, dict[str, Any]]] = []

    async def archive(request: web.Request) -> web.Response:
        posted.append((request.path, await request.json()))
        return web.json_response({"jobid": f"job-{len(posted)}", "status": "AWAITING_PROCESSING"})

    app = web.Application()
    app[POSTED] = posted
    app.router.add_post("/archive", archive)
    app.router.add_post("/archive/{source}", archive)
    async with TestServer(app) as server:
        yield server


POSTED = web.AppKey("posted", list)


def report_params(row: Row, attemptid: int = 33) -> dict[str, Any]:
    """Return exactly the parameters that the report function of the row's plugin wants."""
    values: dict[str, Any] = {
        "jobid": row.jobid,
        "courseid": 2,
        "cmid": 2,
        "quizid": 2,
        "uuid": row.jobid,
        "taskid": 1,
        "attemptid": attemptid,
        "submissionid": 201,
        "attachments": 1,
        "foldernamepattern": "${username}/${date}",
        "filenamepattern": "x-${username}-${time}",
    }
    names = next(spec for name, spec in row.plugin.functions.items() if name.startswith("generate_"))
    out = {name: values[name] for name in names if name != "sections"}
    if "sections" in names:
        out |= {f"sections[{name}]": 1 for name in row.plugin.sections}
    return out
