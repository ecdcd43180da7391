"""A Moodle that answers with what a real one answered: a complete harvest of two closed workshops, with their files.

Everything that was recorded is given as it was recorded, under this server's own address. What was not recorded,
because the service of that Moodle did not have it, is the way of an archive back: the draft area and the private files
here are as small as they can be. The recordings are not part of the project.
"""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import BodyPartReader, web
from aiohttp.test_utils import TestServer

RECORDED_URL: Final = "http://127.0.0.1:8100"
TOKEN: Final = "f6958c241a736692897fb4c50049a6a9"
UPLOADING: Final = ("core_user_add_user_private_files", "core_files_get_files")
_CONTEXT_ID: Final = 56
_INVALID_TOKEN: Final = {
    "exception": "core\\exception\\moodle_exception",
    "errorcode": "invalidtoken",
    "message": "Invalid token - token not found",
}
_ACCESS: Final = {
    "exception": "webservice_access_exception",
    "errorcode": "accessexception",
    "message": "Access control exception",
}
_BY: Final = {
    "mod_workshop_get_submission_assessments": ("submissionid", "assessments_of"),
    "mod_workshop_get_assessment_form_definition": ("assessmentid", "form_of"),
}


@dataclass
class RecordedMoodle:
    """The server's memory.

    Attributes:
        folder: ``moodle_workshop/all`` of the recordings.
        calls: functions that were called, in order.
        drafts: uploaded files.
        private: files that were moved to the private files, with their folder.
        base_url: own address.
    """

    folder: Path
    calls: list[str] = field(default_factory=list)
    drafts: dict[str, bytes] = field(default_factory=dict)
    private: dict[str, bytes] = field(default_factory=dict)
    base_url: str = ""

    def answer(self, name: str) -> Any:
        """Return a recorded answer."""
        recorded = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))["answer"]
        return json.loads(json.dumps(recorded).replace(RECORDED_URL, self.base_url))

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The bytes of all recorded files by their decoded path."""
        index = json.loads((self.folder / "files" / "index.json").read_text(encoding="utf-8"))
        return {
            unquote(one["fileurl"].removeprefix(RECORDED_URL)): (self.folder / "files" / one["file"]).read_bytes()
            for one in index
        }

    async def rest(self, request: web.Request) -> web.Response:
        """Answer a function."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        function = form.get("wsfunction", "")
        self.calls.append(function)
        return web.json_response(_INVALID_TOKEN if form.get("wstoken") != TOKEN else self._called(function, form))

    def _called(self, function: str, form: dict[str, str]) -> Any:
        match function:
            case "core_webservice_get_site_info":
                info = self.answer("site_info")
                info["functions"] += [{"name": name, "version": "2024100706"} for name in UPLOADING]
                return info
            case "core_course_get_course_module":
                return self.answer(f"course_module_{form['cmid']}")
            case "core_enrol_get_enrolled_users" if form.get("options[0][name]") == "onlyactive":
                recorded = self.folder.parent / "04_enrolled_users_opts.json"
                return json.loads(recorded.read_text(encoding="utf-8"))["response_body"]["json"]
            case "core_enrol_get_enrolled_users":
                return self.answer("enrolled_users")
            case "mod_workshop_get_workshops_by_courses":
                return self.answer("workshops_by_courses")
            case "core_user_add_user_private_files":
                self.private |= self.drafts
                return None
            case "core_files_get_files":
                return {"parents": [], "files": self._listed(form["filepath"])}
            case _ if function in _BY:
                key, name = _BY[function]
                [file] = self.folder.glob(f"w?_{name}_{form[key]}.json")
                return self.answer(file.stem)
            case _ if (self.folder / f"w1_{function.removeprefix('mod_workshop_')}.json").exists():
                assert form.get("page", "0") == "0"
                return self.answer(f"w{form['workshopid']}_{function.removeprefix('mod_workshop_')}")
            case _:
                return _ACCESS

    def _listed(self, folder: str) -> list[dict[str, Any]]:
        names = [path for path in self.private if path.rpartition("/")[0] + "/" == folder]
        return [{"filename": path.rpartition("/")[2], "filesize": len(self.private[path])} for path in names]

    async def file(self, request: web.Request) -> web.Response:
        """Answer a download."""
        content = self.files.get(unquote(request.raw_path.partition("?")[0]))
        if request.query.get("token") != TOKEN or content is None:
            return web.json_response({"error": "not found", "errorcode": "filenotfound"}, status=404)
        etag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        return web.Response(body=content, content_type="application/octet-stream", headers={"ETag": f'"{etag}"'})

    async def upload(self, request: web.Request) -> web.Response:
        """Take a file into the one draft area."""
        fields: dict[str, str] = {}
        answer: list[dict[str, Any]] = []
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            content = bytes(await part.read())
            if part.filename is None:
                fields[part.name or ""] = content.decode()
                continue
            self.drafts[fields["filepath"] + part.filename] = content
            place = {"component": "user", "contextid": _CONTEXT_ID, "userid": "40", "filearea": "draft"}
            named = {"filename": part.filename, "filepath": fields["filepath"], "itemid": 4711}
            answer.append({**place, **named, "filesize": len(content)})
        assert fields["token"] == TOKEN
        return web.json_response(answer)


@asynccontextmanager
async def recorded_moodle(folder: Path) -> AsyncIterator[RecordedMoodle]:
    """Serve the recordings of ``folder`` (``moodle_workshop/all``) on loopback."""
    moodle = RecordedMoodle(folder)
    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_post("/webservice/rest/server.php", moodle.rest)
    app.router.add_post("/webservice/upload.php", moodle.upload)
    app.router.add_get("/webservice/pluginfile.php/{path:.+}", moodle.file)
    async with TestServer(app) as server:
        moodle.base_url = str(server.make_url("")).rstrip("/")
        yield moodle


def recorded_request(moodle: RecordedMoodle, cmid: int, **options: Any) -> dict[str, Any]:
    """Return a request for the workshop with this number: 3 accumulative, 4 rubric."""
    return {
        "api_version": 1,
        "lms": {"base_url": moodle.base_url, "token": TOKEN},
        "workshop": {"cmid": cmid},
        "options": options,
    }
