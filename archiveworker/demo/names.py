"""Folder and file names from the plugin's patterns: ``${username}``, ``${attemptid}``, ``${date}`` and so on.

Source: the list of variables is that of quiz_archiver (attempt names) and archivingmod_assign (submission names).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from archiveworker.demo.course import Attempt, Course, Submission

_VARIABLE = re.compile(r"\$\{\s*(\w+)\s*\}")
_FORBIDDEN_IN_FILE = re.compile(r'[\\/.:;*?!"<>|\x00]')
_FORBIDDEN_IN_FOLDER = re.compile(r'[\\.:;*?!"<>|\x00]')


def attempt_variables(course: Course, attempt: Attempt) -> dict[str, str]:
    """Return every variable that a pattern for an attempt may use."""
    return {
        **_common(course, course.cmid),
        "quizid": str(course.quizid),
        "quizname": course.quizname,
        "attemptid": str(attempt.attemptid),
        "username": attempt.student.username,
        "firstname": attempt.student.firstname,
        "lastname": attempt.student.lastname,
        "idnumber": attempt.student.idnumber,
        "timestart": str(unix_s(attempt.started)),
        "timefinish": str(unix_s(attempt.finished)),
    }


def submission_variables(course: Course, submission: Submission) -> dict[str, str]:
    """Return every variable that a pattern for a submission may use."""
    return {
        **_common(course, course.assign_cmid),
        "assignmentid": str(course.assignid),
        "assignmenttitle": course.assignname,
        "attemptnumber": "0",
        "submissionid": str(submission.submissionid),
        "username": submission.student.username,
        "firstname": submission.student.firstname,
        "lastname": submission.student.lastname,
        "idnumber": submission.student.idnumber,
        "timecreated": str(unix_s(submission.created)),
        "timemodified": str(unix_s(submission.modified)),
        "timestart": "0",
    }


def expand(pattern: str, variables: Mapping[str, str], *, folder: bool) -> str | None:
    """Return the name that ``pattern`` gives, None when Moodle would refuse the pattern.

    Args:
        pattern: text with ``${name}``.
        variables: what each name stands for.
        folder: slashes are allowed.
    """
    forbidden = _FORBIDDEN_IN_FOLDER if folder else _FORBIDDEN_IN_FILE
    if any(name not in variables for name in _VARIABLE.findall(pattern)):
        return None
    if not pattern.strip() or forbidden.search(_VARIABLE.sub("", pattern)):
        return None
    return _VARIABLE.sub(lambda match: forbidden.sub("", variables[match[1]]), pattern)


def unix_s(moment: datetime | None) -> int:
    """Return seconds since 1970, 0 for None."""
    return 0 if moment is None else int(moment.timestamp())


def _common(course: Course, cmid: int) -> dict[str, str]:
    now = course.now.astimezone(UTC)
    return {
        "courseid": str(course.courseid),
        "coursename": course.fullname,
        "courseshortname": course.shortname,
        "cmid": str(cmid),
        "groupids": "0",
        "groupidnumbers": "0",
        "groupnames": "nogroup",
        "date": now.strftime("%Y-%m-%d"),
        "time": now.strftime("%H-%M-%S"),
        "timestamp": str(unix_s(now)),
    }
