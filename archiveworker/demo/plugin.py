"""The plugin's own side: it builds the request of its version, posts it to the worker and then writes the job's row.

Source: the request of every version, see ``contract``; recorded requests for what the values look like.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from archiveworker.demo.contract import SECTIONS_11, Family, Plugin, find, recognise
from archiveworker.demo.course import Course
from archiveworker.demo.faults import FaultKind
from archiveworker.demo.state import Backup, LmsState, Row
from archiveworker.domain.errors import RequestError

FOLDER_PATTERN: Final = "${username}/${attemptid}-${date}_${time}"
FILE_PATTERN: Final = "attempt-${attemptid}-${username}-${date}_${time}"
_ROUTES: Final = {
    Family.QUIZ_ARCHIVER: "/archive",
    Family.ARCHIVINGMOD_QUIZ: "/archive/archivingmod_quiz",
    Family.ARCHIVINGMOD_ASSIGN: "/archive/archivingmod_assign",
}
WORKER_TIMEOUT_S: Final = 20.0
"""How long a plugin waits for the worker's answer."""


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What a teacher chooses in the plugin's form.

    Attributes:
        itemids: attempts (or submissions); None is all of them.
        sections: what to leave out of the report.
        backups: ask for a backup of course and activity too (quiz_archiver only).
        image_optimize: None or (width, height, quality).
        max_upload_bytes: quiz_archiver 5.x and archivingmod: upload in parts of at most this.
    """

    itemids: Sequence[int] | None = None
    sections_off: Sequence[str] = ()
    fetch_metadata: bool = True
    paper_format: str = "A4"
    keep_html_files: bool = True
    foldername_pattern: str = FOLDER_PATTERN
    filename_pattern: str = FILE_PATTERN
    image_optimize: tuple[int, int, int] | None = None
    backups: bool = True
    archive_filename: str | None = None
    max_upload_bytes: int | None = None
    taskid: int = 1


def build_request(
    lms_base_url: str, course: Course, *, plugin: Plugin, token: str, options: JobOptions | None = None
) -> dict[str, Any]:
    """Return the body that ``plugin`` would post.

    Args:
        lms_base_url: origin of the LMS, without a slash at the end.
        course: what to archive.
        plugin: whose version.
        token: of the web service user.
        options: the form.
    """
    options = options or JobOptions()
    if plugin.family is Family.QUIZ_ARCHIVER:
        return _quiz_archiver(lms_base_url, course, plugin, token, options)
    return _archivingmod(lms_base_url, course, plugin, token, options)


def plugin_for(api_version: int | str) -> Plugin:
    """Return the plugin for ``1``..``7``, ``"5.x"``, a release, ``"archivingmod_quiz"`` or ``"archivingmod_assign"``.

    Raises:
        LookupError: there is none.
    """
    text = str(api_version)
    if text in (Family.ARCHIVINGMOD_QUIZ.value, Family.ARCHIVINGMOD_ASSIGN.value):
        return find(Family(text))
    if text == "5.x":
        return find(Family.QUIZ_ARCHIVER, "5.0.0")
    if text.isdecimal():
        return recognise({"api_version": int(text)})
    return find(Family.QUIZ_ARCHIVER, text)


def adopt(state: LmsState, request: Mapping[str, Any]) -> Row:
    """Make the LMS know a job from the request alone: its token, its plugin, its backups. Any origin will do.

    Raises:
        RequestError: it is no request of any plugin.
    """
    try:
        token = request["moodle_api"]["wstoken"] if "moodle_api" in request else request["wstoken"]
        # A token that was made here says which release it is for; the request alone leaves 1.3.0 and 2.2.0 alike.
        plugin = state.tokens.get(token) or recognise(request)
        backups = {
            item["backupid"]: Backup(int(item["context"]), item["filearea"], item["filename"])
            for item in request.get("task_moodle_backups") or ()
        }
    except (LookupError, TypeError, ValueError) as exc:
        raise RequestError(f"no plugin posts such a request ({exc!r}); see archiveworker/demo/contract.py") from exc
    row = Row(plugin, token, request, backups=backups)
    state.tokens[token] = plugin
    state.rows.append(row)
    return row


def worker_answered(state: LmsState, row: Row, jobid: str, status: str | int) -> None:
    """Write the job's row, after the delay that the options and the faults say."""
    late = state.faults.take(FaultKind.JOB_ROW_LATE, row.plugin.family.value)
    delay_s = state.options.row_delay_s + (late.seconds if late else 0.0)
    row.jobid = jobid
    row.visible_at_s = asyncio.get_running_loop().time() + delay_s
    if row.plugin.family is Family.QUIZ_ARCHIVER:
        row.status = status
    elif not row.complete:
        row.status = 40


async def submit(
    state: LmsState, worker_url: str, request: Mapping[str, Any], timeout_s: float = WORKER_TIMEOUT_S
) -> tuple[int, Any]:
    """Post ``request`` to the worker as the plugin does; return the HTTP status and the answer.

    Args:
        state: the LMS; it learns the job from the request.
        worker_url: origin of the worker.
        request: see ``build_request``; a recorded one will do.
        timeout_s: for the answer.

    Raises:
        RequestError: it is no request of any plugin, or the worker's answer is no JSON.
        aiohttp.ClientError: the worker cannot be reached.
    """
    row = adopt(state, request)
    url = worker_url.rstrip("/") + _ROUTES[row.plugin.family]
    try:
        limits = aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s / 2)
        status, answer = await _post(url, request, f"MoodleBot/4.5 (+{state.base_url})", limits)
        if status == HTTPStatus.OK:
            worker_answered(state, row, answer["jobid"], answer["status"])
    finally:
        if row.jobid is None:
            state.tokens.pop(row.token, None)
            state.rows.remove(row)
    return status, answer


async def _post(
    url: str, request: Mapping[str, Any], user_agent: str, limits: aiohttp.ClientTimeout
) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession(timeout=limits) as session,
        session.post(url, json=request, headers={"User-Agent": user_agent}) as response,
    ):
        try:
            return response.status, await response.json(content_type=None)
        except ValueError as exc:
            raise RequestError(f"the worker answered {response.status} without JSON; is {url} a worker?") from exc


def _quiz_archiver(
    lms_base_url: str, course: Course, plugin: Plugin, token: str, options: JobOptions
) -> dict[str, Any]:
    api = plugin.api_version
    request: dict[str, Any] = {"api_version": api}
    if api >= 4:
        request["moodle_base_url"] = lms_base_url
    request |= {
        "moodle_ws_url": f"{lms_base_url}/webservice/rest/server.php",
        "moodle_upload_url": f"{lms_base_url}/webservice/upload.php",
        "wstoken": token,
        "courseid": course.courseid,
        "cmid": course.cmid,
        "quizid": course.quizid,
        "task_archive_quiz_attempts": _attempts_task(course, plugin, options),
        "task_moodle_backups": _backups(lms_base_url, course) if options.backups else None,
    }
    if api >= 5:
        request["archive_filename"] = options.archive_filename or _archive_filename(course)
    if plugin.release == "5.0.0":
        request |= {"flatten_archive": False, "include_filehashes": True}
        if options.max_upload_bytes is not None:
            request["moodle_max_upload_bytes"] = options.max_upload_bytes
    return request


def _attempts_task(course: Course, plugin: Plugin, options: JobOptions) -> dict[str, Any]:
    api = plugin.api_version
    task: dict[str, Any] = {"attemptids": _itemids(course, options)}
    if api >= 2:
        task |= {"fetch_metadata": options.fetch_metadata, "sections": _sections(plugin, options)}
    if api >= 3:
        task["paper_format"] = options.paper_format
    if api >= 5:
        task["keep_html_files"] = options.keep_html_files
    if api >= 7:
        task["foldername_pattern"] = options.foldername_pattern
    if api >= 5:
        task["filename_pattern"] = options.filename_pattern
    if api >= 6:
        task["image_optimize"] = _image_optimize(options)
    return task


def _archivingmod(lms_base_url: str, course: Course, plugin: Plugin, token: str, options: JobOptions) -> dict[str, Any]:
    assign = plugin.family is Family.ARCHIVINGMOD_ASSIGN
    moodle_api: dict[str, Any] = {
        "wstoken": token,
        "base_url": lms_base_url,
        "webservice_url": f"{lms_base_url}/webservice/rest/server.php",
        "upload_url": f"{lms_base_url}/webservice/upload.php",
    }
    if options.max_upload_bytes is not None:
        moodle_api["max_upload_bytes"] = options.max_upload_bytes
    sections = {name: value == "1" for name, value in _sections(plugin, options).items()}
    job: dict[str, Any] = {
        "report_sections": sections,
        "paper_format": options.paper_format,
        "archive_filename": options.archive_filename or _archive_filename(course),
        "foldername_pattern": options.foldername_pattern,
        "filename_pattern": options.filename_pattern,
        "image_optimize": _image_optimize(options),
        "fetch_metadata": options.fetch_metadata,
        "keep_html_files": options.keep_html_files,
    }
    if assign:
        ids = options.itemids or [submission.submissionid for submission in course.submissions]
        types = {"assignment": True, "submission": True, "feedback": True, "annotation": False}
        swapped = {key: job[key].replace("attempt", "submission") for key in ("foldername_pattern", "filename_pattern")}
        job = {"submissionids": list(ids), "attachments": types, **job, **swapped}
        job |= {"archive_filehashes": True, "archive_flatten": False}
    else:
        job = {"attemptids": _itemids(course, options), **job, "fetch_attachments": sections["attachments"]}
    return {"api_version": 1, "taskid": options.taskid, "moodle_api": moodle_api, "job": job}


def _itemids(course: Course, options: JobOptions) -> list[int]:
    return list(options.itemids or [attempt.attemptid for attempt in course.attempts])


def _sections(plugin: Plugin, options: JobOptions) -> dict[str, str]:
    return {name: "0" if name in options.sections_off else "1" for name in plugin.sections or SECTIONS_11}


def _image_optimize(options: JobOptions) -> bool | dict[str, int]:
    if options.image_optimize is None:
        return False
    width, height, quality = options.image_optimize
    return {"width": width, "height": height, "quality": quality}


def _archive_filename(course: Course) -> str:
    stamp = course.now.strftime("%Y-%m-%d_%H-%M-%S")
    return f"quiz-archive-{course.shortname}-{course.courseid}-Größen #1 (all types)-{course.quizid}-{stamp}"


def _backups(lms_base_url: str, course: Course) -> list[dict[str, Any]]:
    stamp = course.now.strftime("%Y%m%d-%H%M%S")
    out = []
    for filearea, contextid, number in (
        ("activity", course.quiz_context_id, course.cmid),
        ("course", course.course_context_id, course.courseid),
    ):
        filename = f"quiz_archiver-{filearea}-backup-{number}-{stamp}.mbz"
        path = f"/{contextid}/backup/{filearea}/{filename}"
        out.append(
            {
                "backupid": hashlib.sha256(f"{course.seed}{path}".encode()).hexdigest()[:32],
                "userid": course.service_userid,
                "context": contextid,
                "component": "backup",
                "filearea": filearea,
                "filepath": "/",
                "filename": filename,
                "itemid": None,
                "pathnamehash": hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest(),
                "file_download_url": f"{lms_base_url}/webservice/pluginfile.php{path}",
            }
        )
    return out
