"""What the plugins' web service functions do, except for the artifact (see ``artifacts``).

Order of the checks as in the plugins' PHP: parameters, the job, the token, the ids, the work.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from archiveworker.demo import names, report
from archiveworker.demo.contract import Family, Plugin
from archiveworker.demo.course import Attempt, Course, Submission
from archiveworker.demo.faults import FaultKind
from archiveworker.demo.files import StudentFile
from archiveworker.demo.php import INVALID_PARAMETER, PhpThrowError
from archiveworker.demo.state import LmsState, Row

TASK_STATUSES: Final = frozenset({0, 20, 40, 100, 200, 220, 240, 250, 251, 255})
"""local_archiving's numbers."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a web service function.

    Attributes:
        state: the LMS.
        plugin: whose function.
        name: short name of the function.
        token: the caller's, valid.
        params: checked, as Python values.
    """

    state: LmsState
    plugin: Plugin
    name: str
    token: str
    params: Mapping[str, Any]

    @property
    def where(self) -> str:
        """Full name of the function."""
        return self.plugin.function(self.name)

    def fault(self, kind: FaultKind, attemptid: int | None = None) -> bool:
        """Whether this fault strikes now."""
        return self.state.faults.take(kind, self.where, attemptid) is not None


Answer = dict[str, Any]
Function = Callable[[Call], Awaitable[Answer]]


async def update_job_status(call: Call) -> Answer:
    """quiz_archiver: a new status of a job."""
    row = call.state.row_of_job(call.params["jobid"])
    if row is None:
        return {"status": "E_UPDATE_FAILED"}
    if row.complete:
        return {"status": "E_JOB_ALREADY_COMPLETED"}
    if row.token != call.token:
        return {"status": "E_ACCESS_DENIED"}
    try:
        extras = json.loads(call.params.get("statusextras") or "null")
    except ValueError:
        return {"status": "E_INVALID_STATUSEXTRAS_JSON"}
    progress = extras.get("progress") if isinstance(extras, dict) else None
    call.state.set_status(row, call.params["status"], progress)
    return {"status": "OK"}


async def update_task_status(call: Call) -> Answer:
    """archivingmod_*: a new status of a task, as a number."""
    status, progress = call.params["status"], call.params.get("progress")
    if status not in TASK_STATUSES:
        return {"status": "E_INVALID_STATUS"}
    if progress is not None and not 0 <= progress <= 100:
        return {"status": "E_INVALID_PROGRESS"}
    row, problem = task_row(call)
    if row is None:
        return problem
    if row.complete:
        return {"status": "E_ALREADY_COMPLETED"}
    call.state.set_status(row, status, progress)
    return {"status": "OK"}


async def get_backup_status(call: Call) -> Answer:
    """quiz_archiver: whether a backup is ready; it takes as long as the options say."""
    row, problem = job_row(call)
    if row is None:
        return problem
    backup = row.backups.get(call.params["backupid"])
    if backup is None:
        return {"status": "E_BACKUP_NOT_FOUND"}
    if call.fault(FaultKind.BACKUP_FAILED):
        return {"status": "E_BACKUP_FAILED"}
    if call.fault(FaultKind.BACKUP_NEVER_READY):
        return {"status": "E_BACKUP_PENDING"}
    now_s = asyncio.get_running_loop().time()
    backup.first_poll_s = backup.first_poll_s or now_s
    options = call.state.options
    backup.ready = backup.polls >= options.backup_polls and now_s - backup.first_poll_s >= options.backup_s
    backup.polls += 1
    return {"status": "SUCCESS" if backup.ready else "E_BACKUP_PENDING"}


async def get_attempts_metadata(call: Call) -> Answer:
    """Both quiz plugins: who, when, which state. Attempts that are not there are left out."""
    row, problem = _reader(call)
    if row is None:
        return problem
    course = call.state.course
    attempts = sorted(filter(None, map(course.attempt, call.params["attemptids"])), key=lambda item: item.attemptid)
    with_idnumber = call.plugin.release not in ("0.3.0", "0.5.0", "1.0.0", "1.1.0", "1.3.0")
    out: Answer = {"status": "OK", **_quiz_ids(course)}
    out["attempts"] = [_attempt_metadata(attempt, with_idnumber=with_idnumber) for attempt in attempts]
    return out


async def generate_attempt_report(call: Call) -> Answer:
    """Both quiz plugins: the page of one attempt and what is attached to it."""
    row, problem = _reader(call)
    if row is None:
        return problem
    course, attemptid = call.state.course, call.params["attemptid"]
    attempt = course.attempt(attemptid)
    if attempt is None:
        return _refuse(call, "E_ATTEMPT_NOT_FOUND")
    found, problem = _names(call, names.attempt_variables(course, attempt))
    if found is None:
        return problem
    html = await asyncio.to_thread(
        report.attempt_report,
        course,
        attempt,
        base_url=call.state.base_url,
        off=_sections_off(call),
        options=call.state.options.page,
    )
    files = _attempt_files(call, course, attempt) if call.params.get("attachments") else []
    values = {**_quiz_ids(course), "attemptid": attemptid, **found, "attachments": files}
    return _report_answer(call, values, html, attemptid)


async def generate_submission_report(call: Call) -> Answer:
    """archivingmod_assign: the page of one submission and every file that belongs to it."""
    row, problem = task_row(call)
    if row is None:
        return problem
    course, submissionid = call.state.course, call.params["submissionid"]
    submission = course.submission(submissionid)
    if submission is None:
        return {"status": "E_SUBMISSION_NOT_FOUND"}
    found, problem = _names(call, names.submission_variables(course, submission))
    if found is None:
        return problem
    html = report.submission_report(
        course, submission, base_url=call.state.base_url, off=_sections_off(call), options=call.state.options.page
    )
    values = {"submissionid": submissionid, **found, "attachments": _submission_files(call, course, submission)}
    return _report_answer(call, values, html, submissionid)


async def get_submissions_metadata(call: Call) -> Answer:
    """archivingmod_assign: who handed in what and when."""
    if not call.params["submissionids"]:
        return {"status": "E_SUBMISSION_NOT_FOUND"}
    row, problem = task_row(call)
    if row is None:
        return problem
    course = call.state.course
    found = filter(None, map(course.submission, call.params["submissionids"]))
    return {
        "status": "OK",
        "courseid": course.courseid,
        "cmid": course.assign_cmid,
        "assignmentid": course.assignid,
        "submissions": [_submission_metadata(submission) for submission in found],
    }


def job_row(call: Call) -> tuple[Row | None, Answer]:
    """Return the row of ``jobid`` if the token may use it, or else the answer."""
    row = call.state.row_of_job(call.params["jobid"])
    if row is None:
        return None, {"status": "E_JOB_NOT_FOUND"}
    return (row, {}) if row.token == call.token else (None, {"status": "E_ACCESS_DENIED"})


def task_row(call: Call) -> tuple[Row | None, Answer]:
    """Return the row of ``taskid`` if the token may use it, or else the answer. Nobody looks at ``uuid``."""
    row = call.state.row_of_task(call.params["taskid"], call.plugin.family)
    if row is None:
        return None, {"status": "E_TASK_NOT_FOUND"}
    return (row, {}) if row.token == call.token else (None, {"status": "E_ACCESS_DENIED"})


def _reader(call: Call) -> tuple[Row | None, Answer]:
    """Whoever reads the quiz needs a job: by its id from API 7 on, by the token alone before."""
    if call.plugin.family is not Family.QUIZ_ARCHIVER:
        return task_row(call)
    if "jobid" in call.params:
        row, problem = job_row(call)
    else:
        mine = (row for row in call.state.rows if row.token == call.token and row.visible)
        row, problem = next(mine, None), {"status": "E_ACCESS_DENIED"}
    ids = _quiz_ids(call.state.course)
    if row is not None and any(call.params[key] != value for key, value in ids.items()):
        raise PhpThrowError(INVALID_PARAMETER)
    return row, problem


def _refuse(call: Call, status: str) -> Answer:
    """quiz_archiver throws where local_archiving answers."""
    if call.plugin.family is Family.QUIZ_ARCHIVER:
        raise PhpThrowError(INVALID_PARAMETER)
    return {"status": status}


def _names(call: Call, variables: Mapping[str, str]) -> tuple[dict[str, str] | None, Answer]:
    out: dict[str, str] = {}
    for kind in ("folder", "file"):
        if f"{kind}namepattern" not in call.params:
            continue
        name = names.expand(call.params[f"{kind}namepattern"], variables, folder=kind == "folder")
        if name is None:
            return None, _refuse(call, f"E_INVALID_{kind.upper()}NAME_PATTERN")
        out[f"{kind}name"] = name
    return out, {}


def _sections_off(call: Call) -> set[str]:
    return {name for name, wanted in call.params.get("sections", {}).items() if not wanted}


def _report_answer(call: Call, values: Mapping[str, Any], html: str, itemid: int) -> Answer:
    base_url = call.state.base_url
    if call.fault(FaultKind.LOGIN_PAGE, itemid):
        html = report.login_page(base_url)
    elif call.fault(FaultKind.LOGIN_NAVIGATION, itemid):
        html = report.with_navigation_to_login(html, base_url)
    elif call.fault(FaultKind.BLANK_PAGE, itemid):
        html = report.blank_page()
    out = {key: values[key] for key in call.plugin.report_fields if key != "attachments"}
    out["report"] = html
    if "attachments" in call.plugin.report_fields:
        out["attachments"] = values["attachments"]
        if out["attachments"] and call.fault(FaultKind.WRONG_SHA1, itemid):
            out["attachments"][0]["contenthash"] = "0" * 40
    return {**out, "status": "OK"}


def _quiz_ids(course: Course) -> dict[str, int]:
    return {"courseid": course.courseid, "cmid": course.cmid, "quizid": course.quizid}


def _attempt_metadata(attempt: Attempt, *, with_idnumber: bool) -> Answer:
    student = attempt.student
    out: Answer = {"attemptid": attempt.attemptid, "userid": student.userid, "username": student.username}
    out |= {"firstname": student.firstname, "lastname": student.lastname}
    if with_idnumber:
        out["idnumber"] = student.idnumber
    out |= {"timestart": names.unix_s(attempt.started), "timefinish": names.unix_s(attempt.finished)}
    return {**out, "attempt": attempt.number, "state": attempt.state}


def _submission_metadata(submission: Submission) -> Answer:
    student = submission.student
    return {
        "submissionid": submission.submissionid,
        "userid": student.userid,
        "username": student.username,
        "firstname": student.firstname,
        "lastname": student.lastname,
        "idnumber": student.idnumber,
        "attemptnumber": 0,
        "status": "submitted",
        "timecreated": names.unix_s(submission.created),
        "timemodified": names.unix_s(submission.modified),
        "timestarted": 0,
    }


def _file(call: Call, file: StudentFile, path: str) -> Answer:
    return {
        "filename": file.filename,
        "filesize": len(file.content),
        "mimetype": file.mimetype,
        "contenthash": file.sha1_hex,
        "downloadurl": f"{call.state.base_url}/webservice/pluginfile.php/{path}/{quote(file.filename, safe='')}",
    }


def _attempt_files(call: Call, course: Course, attempt: Attempt) -> list[Answer]:
    area = f"{course.quiz_context_id}/question/response_attachments/{attempt.attemptid}"
    itemid = 1000 + attempt.attemptid
    return [{"slot": slot, **_file(call, file, f"{area}/{slot}/{itemid}")} for slot, file in attempt.attachments]


def _submission_files(call: Call, course: Course, submission: Submission) -> list[Answer]:
    context = course.assign_context_id
    submitted = f"{context}/assignsubmission_file/submission_files/{submission.submissionid}"
    returned = f"{context}/assignfeedback_file/feedback_files/{submission.submissionid}"
    return [{"type": "submission", **_file(call, file, submitted)} for file in submission.files] + [
        {"type": "feedback", **_file(call, file, returned)} for file in submission.feedback_files
    ]
