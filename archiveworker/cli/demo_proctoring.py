"""The demo's proctored exams: one job for a course of the demo's Open edX, after the peer reviews.

The worker gets its token itself, with client credentials.
The archive goes to a folder and is checked as all others are.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Final

from archiveworker.cli.demo_checks import say
from archiveworker.cli.demo_reviews import FOLDER_TARGET, Stage, archive_to_folder
from archiveworker.demo.edx_api import PREFIX
from archiveworker.demo.edx_course import EVERYTHING, ExamCourse
from archiveworker.domain.errors import VerificationError

_NAME: Final = "proctoring"


async def archive_proctoring(stage: Stage) -> int:
    """Archive the course in which everything happens; return the number of its attempts.

    Raises:
        VerificationError: the job did not finish, or found something else than what is there, or did more than read.
        ToolError: the archive does not hold.
    """
    say("\nProctored exams of an Open edX, over the web API of edx-proctoring; the archive goes to a folder")
    course = stage.lms.edx.course(EVERYTHING)
    body = stage.lms.edx.request(stage.lms.base_url, [FOLDER_TARGET])
    await archive_to_folder(stage, _NAME, "edx_proctoring", body)
    tables = stage.output / _NAME / "unpacked" / "tables"
    _compare(course, tables)
    asked = [one for one in stage.lms.journal if one.path.startswith(PREFIX)]
    if changing := [f"{one.method} {one.path}" for one in asked if one.method != "GET"]:
        raise VerificationError(f"the worker did more than read: {', '.join(changing)}")
    say(
        f"  {len(course.attempts)} attempts at {len(course.exams)} exams, each there once, read with {len(asked)} "
        f"requests; {len(course.expected)} kinds of findings were put into the course, and just these are in the report"
    )
    return len(course.attempts)


def _compare(course: ExamCourse, tables: Path) -> None:
    """Hold the archive's tables against the course.

    Raises:
        VerificationError: an attempt is not there once, or the findings are others.
    """
    there = Counter(row["attempt_id"] for row in _rows(tables / "attempts.csv"))
    if there != Counter(str(one["id"]) for one in course.attempts):
        raise VerificationError(f"the archive's attempts are not those of the LMS: {dict(there)}")
    found = {row["code"] for row in _rows(tables / "findings.csv") if row["outcome"] == "found"}
    if found != set(course.expected):
        raise VerificationError(
            f"the report lacks {sorted(set(course.expected) - found)} and has {sorted(found - set(course.expected))}"
        )


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))
