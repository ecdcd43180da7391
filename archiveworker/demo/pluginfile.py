"""``/webservice/pluginfile.php``: backups and attached files for a token; ``/pluginfile.php``: pictures for pages.

Source: recorded answers, for errors too: HTTP 200 with a JSON body for nearly everything, 404 only for a missing file.
"""

import asyncio
import gzip
import hashlib
import io
import random
import tarfile
from pathlib import Path
from typing import Final
from urllib.parse import quote

from aiohttp import web

from archiveworker.demo import large_backup, pictures
from archiveworker.demo.course import Course
from archiveworker.demo.faults import FaultKind
from archiveworker.demo.files import StudentFile
from archiveworker.demo.notes import NOTES
from archiveworker.demo.php import file_error, to_json
from archiveworker.demo.state import STATE, Backup, LmsState
from archiveworker.demo.workshop_files import find_file

_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "range",
    "Access-Control-Expose-Headers": "Content-Range",
}
_NO_STORE: Final = {
    "Cache-Control": "no-store, no-cache, must-revalidate, post-check=0, pre-check=0",
    "Pragma": "no-cache",
    "Expires": "Mon, 20 Aug 1969 09:23:00 GMT",
    "Accept-Ranges": "none",
}
_BACKUP_TYPE: Final = "application/vnd.moodle.backup"
_LARGE_BYTES: Final = 64 << 20
"""From this size on a backup is not kept."""


async def webservice_pluginfile(request: web.Request) -> web.StreamResponse:
    """Answer a download; HEAD too."""
    state = request.app[STATE]
    token = request.query.get("token")
    if token is None:
        return error("A required parameter (token) was missing", "missingparam")
    if not state.knows(token):
        return error("Invalid token - token not found", "invalidtoken")
    if token in state.services and not state.services[token].may_download:
        return error("Web service file downloading must be enabled in external service settings", "accessexception")
    parts = request.match_info["path"].split("/")
    if not parts[0].isdecimal() or int(parts[0]) not in _contexts(state):
        return error("Can't find data record in database table context.", "invalidrecord")
    if len(parts) == 4 and parts[1] == "backup":
        return await _backup(request, int(parts[0]), parts[2], parts[3])
    file = _student_file(state.course, parts) or find_file(state.workshops, parts)
    if file is None or state.faults.take(FaultKind.FILE_GONE, "pluginfile.php"):
        return error("Sorry, the requested file could not be found", "filenotfound", status=404)
    etag = "0" * 40 if state.faults.take(FaultKind.WRONG_SHA1, "pluginfile.php") else file.sha1_hex
    headers = _file_headers(file.filename, file.mimetype, etag, "private, must-revalidate, max-age=0, no-transform")
    return web.Response(body=file.content, headers=headers)


async def pluginfile(request: web.Request) -> web.Response:
    """Pictures in pages. A real Moodle wants a session for most of them; here they are for everybody."""
    parts = request.match_info["path"].split("/")
    data = _picture(parts)
    if data is None:
        raise web.HTTPNotFound(text="Sorry, the requested file could not be found", content_type="text/html")
    etag = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    headers = {"Cache-Control": "private, max-age=604800, no-transform", "Etag": f'"{etag}"'}
    return web.Response(body=data, content_type="image/png", headers=headers)


def error(message: str, errorcode: str, *, status: int = 200) -> web.Response:
    """Return an error of pluginfile.php."""
    headers = {**_CORS, **_NO_STORE, "Content-Type": "application/json; charset=utf-8"}
    return web.Response(body=to_json(file_error(message, errorcode)).encode(), status=status, headers=headers)


def _contexts(state: LmsState) -> set[int]:
    course = state.course
    announced = {backup.contextid for row in state.rows for backup in row.backups.values()}
    workshops = {one.context_id for one in state.workshops}
    return announced | workshops | {course.course_context_id, course.quiz_context_id, course.assign_context_id}


def _student_file(course: Course, parts: list[str]) -> StudentFile | None:
    match parts:
        case [context, "question", "response_attachments", attemptid, slot, _, filename] if attemptid.isdecimal():
            attempt = course.attempt(int(attemptid)) if int(context) == course.quiz_context_id else None
            files = [] if attempt is None else [file for at, file in attempt.attachments if str(at) == slot]
        case [context, component, _, submissionid, filename] if submissionid.isdecimal():
            item = course.submission(int(submissionid)) if int(context) == course.assign_context_id else None
            areas = (
                {}
                if item is None
                else {"assignsubmission_file": item.files, "assignfeedback_file": item.feedback_files}
            )
            files = list(areas.get(component, ()))
        case _:
            return None
    return next((file for file in files if file.filename == filename), None)


async def _backup(request: web.Request, contextid: int, filearea: str, filename: str) -> web.StreamResponse:
    state = request.app[STATE]
    announced = (backup for row in state.rows for backup in row.backups.values())
    wanted = (contextid, filearea, filename)
    # Several jobs may have asked for the same backup; Moodle has one file for all of them.
    ready = (b for b in announced if b.ready and (b.contextid, b.filearea, b.filename) == wanted)
    if (found := next(ready, None)) is None:
        return error("Sorry, the requested file could not be found", "filenotfound", status=404)
    etag = hashlib.sha1(filename.encode(), usedforsecurity=False).hexdigest()
    headers = _file_headers(filename, _BACKUP_TYPE, etag, "private, max-age=3600, no-transform")
    if state.options.backup_bytes >= _LARGE_BYTES:
        return await _large_backup(request, filename, headers)
    path = state.workdir / "backups" / f"{hashlib.sha256(filename.encode()).hexdigest()[:16]}.mbz"
    if not path.exists():
        await asyncio.to_thread(_write_backup, path, found, state.options.backup_bytes)
    NOTES.get().file = path
    return web.FileResponse(path, headers=headers)


async def _large_backup(request: web.Request, filename: str, headers: dict[str, str]) -> web.StreamResponse:
    """Answer with a backup that is made while it is sent; no ranges."""
    payload_bytes = request.app[STATE].options.backup_bytes
    # Its digest is not known before it is sent.
    plain = {name: value for name, value in headers.items() if name != "Etag"}
    response = web.StreamResponse(headers={**plain, "Accept-Ranges": "none"})
    response.content_length = large_backup.size_bytes(payload_bytes)
    await response.prepare(request)
    if request.method != "HEAD":
        for block in large_backup.blocks(filename, payload_bytes):
            await response.write(block)
    await response.write_eof()
    return response


def _file_headers(filename: str, mimetype: str, etag: str, cache: str) -> dict[str, str]:
    if filename.isascii():
        disposition = f'inline; filename="{filename}"'
    else:
        disposition = f"inline; filename*=UTF-8''{quote(filename)}"
    own = {"Content-Type": mimetype, "Content-Disposition": disposition, "Etag": f'"{etag}"'}
    return {**_CORS, **own, "Cache-Control": cache, "Accept-Ranges": "bytes"}


def _write_backup(path: Path, backup: Backup, size_bytes: int) -> None:
    """Write a gzipped tar as Moodle's ``.mbz`` is one; the same for the same name."""
    rng = random.Random(backup.filename)  # noqa: S311 - filler
    xml = f"<moodle_backup><information><name>{backup.filename}</name></information></moodle_backup>"
    members = {"moodle_backup.xml": xml.encode(), "files/ab/abcdef": rng.randbytes(size_bytes)}
    path.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(gzip.compress(out.getvalue(), compresslevel=1, mtime=0))


def _picture(parts: list[str]) -> bytes | None:
    match parts:
        case [context, "user", "icon", "boost", ("f1" | "f2" | "f3")] if context.isdecimal():
            return pictures.portrait(int(context))
        case [_, "question", "bgimage", *_]:
            return pictures.island_map()
        case [_, "question", _, attemptid, _, seed, _] if attemptid.isdecimal() and seed.isdecimal():
            return pictures.diagram(int(attemptid) * 1000 + int(seed))
    return None
