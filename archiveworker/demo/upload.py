"""``/webservice/upload.php``: files go to disk as they come, into a draft area; answers are text/plain, mostly.

Source: webservice/upload.php and recorded answers. As PHP does, only ``filename="..."`` of a part is read, as it
stands: no percent-decoding, and ``filename*=`` is not known, so a client that writes only that has sent no file.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import BodyPartReader, web

from archiveworker.demo.faults import FaultKind
from archiveworker.demo.notes import NOTES
from archiveworker.demo.php import file_error, to_json
from archiveworker.demo.state import STATE, DraftFile, LmsState

_FILENAME: Final = re.compile(r';\s*filename="((?:[^"\\]|\\.)*)"')
_NAME: Final = re.compile(r';\s*name="([^"]*)"')
_MAX_FIELD_BYTES: Final = 1 << 16
_PHP_TEMP: Final = "/var/php/phpUpload"


@dataclass(frozen=True, slots=True)
class _Received:
    filename: str
    path: Path
    size_bytes: int
    sha256: str


async def upload(request: web.Request) -> web.Response:
    """Answer one upload."""
    state = request.app[STATE]
    refused = _ordered_refusal(state)
    if refused is not None:
        return refused
    fields, received = dict(request.query), list[_Received]()
    if request.content_type == "multipart/form-data":
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader):
                await _receive(state, part, fields, received)
    elif request.method == "POST":
        fields |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    noted = NOTES.get().parameters
    noted.update(fields)
    noted.update({f"file_{i}": f"{f.filename} ({f.size_bytes} bytes)" for i, f in enumerate(received, 1)})
    answer = _store(state, fields, received)
    return _answer(answer, plain=bool(received))


def _store(state: LmsState, fields: Mapping[str, str], received: list[_Received]) -> Any:
    token = fields.get("token")
    if token is None:
        return file_error("A required parameter (token) was missing", "missingparam")
    if not state.knows(token):
        return file_error("Invalid token - token not found", "invalidtoken")
    if token in state.services and not state.services[token].may_upload:
        return file_error("Web service file upload must be enabled in external service settings", "accessexception")
    if not received:
        return []
    limit = state.options.max_upload_bytes
    if limit is not None and any(file.size_bytes > limit for file in received):
        return [_oversized(file.filename) for file in received if file.size_bytes > limit]
    itemid = int(fields.get("itemid") or 0) or 100_000_000 + state.next_number() * 7919
    filepath = fields.get("filepath") or "/"
    area = state.drafts.setdefault(itemid, {})
    return [_keep(state, area, itemid, filepath, file) for file in received]


def _keep(
    state: LmsState, area: dict[tuple[str, str], DraftFile], itemid: int, filepath: str, file: _Received
) -> dict[str, Any]:
    if (filepath, file.filename) in area:
        file.path.unlink()
        return _exists(file.filename, file.size_bytes)
    area[filepath, file.filename] = DraftFile(file.filename, file.path, file.size_bytes, file.sha256)
    length = len(file.filename.encode())
    return {
        "component": "user",
        "contextid": state.course.service_context_id,
        "userid": str(state.course.service_userid),
        "filearea": "draft",
        "filename": file.filename,
        "filepath": filepath,
        "itemid": itemid,
        "license": "unknown",
        "author": "Archive Service Account",
        "source": f'O:8:"stdClass":1:{{s:6:"source";s:{length}:"{file.filename}";}}',
        "filesize": file.size_bytes,
    }


async def _receive(state: LmsState, part: BodyPartReader, fields: dict[str, str], received: list[_Received]) -> None:
    disposition = part.headers.get("Content-Disposition", "")
    filename = _FILENAME.search(disposition)
    name = _NAME.search(disposition)
    if filename is None:
        value = await part.read(decode=True)
        if name is not None:
            fields[name[1]] = bytes(value[:_MAX_FIELD_BYTES]).decode(errors="replace")
        return
    path = state.workdir / "drafts" / f"{state.next_number():06d}"
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size_bytes = hashlib.sha256(), 0
    with path.open("wb") as out:
        while block := await part.read_chunk(1 << 18):
            digest.update(block)
            size_bytes += len(block)
            if state.options.keeps_archives:
                out.write(block)
    # PHP keeps what follows the last slash, and undoes backslashes before quotes.
    plain = re.sub(r"\\(.)", r"\1", filename[1]).rsplit("/", 1)[-1]
    received.append(_Received(plain, path, size_bytes, digest.hexdigest()))


def _ordered_refusal(state: LmsState) -> web.Response | None:
    """Return what the ordered fault makes of this upload; nothing is read and nothing is kept then."""
    answers: dict[FaultKind, Any] = {
        FaultKind.UPLOAD_MISSING_PARAM: file_error("A required parameter (token) was missing", "missingparam"),
        FaultKind.UPLOAD_EMPTY_LIST: [],
        FaultKind.UPLOAD_INI_SIZE: file_error(
            "The file is larger than the maximum size allowed.", "upload_error_ini_size"
        ),
        FaultKind.UPLOAD_OVERSIZED: [_oversized("archive.tar.gz")],
        FaultKind.UPLOAD_NAME_EXISTS: [_exists("archive.tar.gz", 50)],
    }
    over_post_max_size = (FaultKind.UPLOAD_MISSING_PARAM, FaultKind.UPLOAD_EMPTY_LIST)
    for kind, answer in answers.items():
        if state.faults.take(kind, "upload.php"):
            return _answer(answer, plain=kind not in over_post_max_size)
    if state.faults.take(FaultKind.UPLOAD_413, "upload.php"):
        title = "413 Request Entity Too Large"
        page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        return web.Response(
            text=f"{page}<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", status=413, content_type="text/html"
        )
    return None


def _oversized(filename: str) -> dict[str, Any]:
    return {"filename": filename, "errortype": "fileoversized", "error": "[[maxbytes]]"}


def _exists(filename: str, size_bytes: int) -> dict[str, Any]:
    return {
        "filename": filename,
        "filepath": _PHP_TEMP,
        "size": size_bytes,
        "errortype": "filenameexist",
        "error": f"File name already exists: {filename}",
    }


def _answer(value: Any, *, plain: bool) -> web.Response:
    """Moodle says text/plain as soon as there is a file in the request, and application/json before."""
    headers = {
        "Content-Type": f"{'text/plain' if plain else 'application/json'}; charset=utf-8",
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "no-store, no-cache, must-revalidate, post-check=0, pre-check=0",
        "Pragma": "no-cache",
        "Expires": "Mon, 20 Aug 1969 09:23:00 GMT",
        "Accept-Ranges": "none",
    }
    return web.Response(body=to_json(value).encode(), headers=headers)
