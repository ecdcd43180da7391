"""Answers of a Moodle with one small workshop, as its functions give them, to be changed by the tests."""

from dataclasses import replace
from typing import Any

from archiveworker.sources.workshop.answers import Entry, entries
from archiveworker.sources.workshop.harvested import Harvest

BASE = "http://moodle.test"
CREATED_S = 1_795_223_764


def workshop(**changes: Any) -> dict[str, Any]:
    texts = {"intro": "<p>Write.</p>", "instructauthors": "", "instructreviewers": "<p>Read.</p>", "conclusion": ""}
    formats = {f"{key}format": 1 for key in texts}
    files = {f"{key}files": [] for key in texts}
    dates = dict.fromkeys(("submissionstart", "submissionend", "assessmentstart", "assessmentend"), 0)
    settings = {"id": 1, "course": 2, "name": "Essay &amp; review", "phase": 50, "strategy": "accumulative"}
    more = {"grade": 80, "gradinggrade": 20, "useselfassessment": True, "useexamples": False, "coursemodule": 3}
    return {**settings, **texts, **formats, **files, **dates, **more, **changes}


def submission(number: int, author: int, **changes: Any) -> dict[str, Any]:
    return {
        **{"id": number, "workshopid": 1, "example": False, "authorid": author, "title": f"Work {number}"},
        **{"timecreated": CREATED_S, "timemodified": CREATED_S + 60, "content": "<p>Text.</p>", "contentformat": 1},
        **{"attachment": 0, "grade": 50.5, "gradeover": None, "gradeoverby": None, "published": False, "late": 0},
        **{"feedbackauthor": "", "feedbackauthorformat": 0, "contentfiles": [], "attachmentfiles": []},
        **changes,
    }


def assessment(number: int, work: int, reviewer: int, **changes: Any) -> dict[str, Any]:
    return {
        **{"id": number, "submissionid": work, "reviewerid": reviewer, "weight": 1, "timecreated": CREATED_S},
        **{"timemodified": CREATED_S + 120, "grade": 70, "gradinggrade": 90, "gradinggradeover": None},
        **{"gradinggradeoverby": None, "feedbackauthor": "<p>Good.</p>", "feedbackauthorformat": 1},
        **{"feedbackreviewer": "", "feedbackreviewerformat": 1, "feedbackcontentfiles": []},
        "feedbackattachmentfiles": [],
        **changes,
    }


def pending(number: int, work: int, reviewer: int) -> dict[str, Any]:
    return assessment(number, work, reviewer, grade=None, gradinggrade=None, timemodified=0, feedbackauthor="")


def row(user: int, *reviewed_by: tuple[int, int, int]) -> dict[str, Any]:
    """A row of the report; each review as reviewer, assessment, work."""
    listed = [{"userid": who, "assessmentid": number, "submissionid": work} for who, number, work in reviewed_by]
    return {"userid": user, "submissionid": None, "reviewedby": listed, "reviewerof": []}


def person(number: int, *roles: str, **changes: Any) -> dict[str, Any]:
    course = [{"id": 2, "fullname": "Prüfungen &amp; Peer Review", "shortname": "A"}]
    shortnames = [{"shortname": role} for role in roles or ("student",)]
    return {"id": number, "fullname": f"Person {number}", "roles": shortnames, "enrolledcourses": course, **changes}


def file(path: str, **changes: Any) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    return {
        **{"filename": name, "filepath": "/", "filesize": 10, "timemodified": CREATED_S, "mimetype": "image/png"},
        **{"fileurl": f"{BASE}/webservice/pluginfile.php/{path}", "isexternalfile": False},
        **changes,
    }


def points(dimension: int, index: int = 0, best: int = 10, given: str | None = "8.00000") -> dict[str, Any]:
    """A form with one criterion for points."""
    place = f"__idx_{index}"
    fields = {
        **{f"dimensionid{place}": str(dimension), f"description{place}": "<p>Clear?</p>"},
        **{f"description{place}format": "1", f"grade{place}": str(best), f"weight{place}": "1"},
    }
    current = {} if given is None else {f"gradeid{place}": "7", f"grade{place}": given, f"peercomment{place}": "ok"}
    return form([fields], [current], [{"id": dimension, "min": 0, "max": best, "weight": "1"}])


def form(fields: list[dict[str, Any]], current: list[dict[str, Any]], infos: list[dict[str, Any]]) -> dict[str, Any]:
    def pairs(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"name": name, "value": value} for one in objects for name, value in one.items()]

    return {
        **{"dimenssionscount": len(fields), "descriptionfiles": [], "options": []},
        **{"fields": pairs(fields), "current": pairs(current), "dimensionsinfo": infos, "warnings": []},
    }


def harvest(**changes: Any) -> Harvest:
    """Two works, one review each; lists of objects may be changed by name."""
    plain: dict[str, Any] = {
        "submissions": [submission(11, 4), submission(12, 5)],
        "assessments": [assessment(21, 11, 5), assessment(22, 12, 4)],
        "report": [row(4, (5, 21, 11)), row(5, (4, 22, 12))],
        "people": [person(4), person(5), person(9, "editingteacher")],
        **{key: value for key, value in changes.items() if key in ("submissions", "assessments", "report", "people")},
    }
    lists = {key: None if value is None else tuple(entries(value, key)) for key, value in plain.items()}
    forms = changes.get("forms") or {one["id"]: points(1) for one in plain["assessments"] if one["grade"] is not None}
    found = Harvest(
        workshop=Entry(changes.get("workshop") or workshop(), "workshop"),
        access=Entry({}, "access"),
        submission_count=len(plain["submissions"]),
        total_file_bytes=None,
        forms={number: Entry(one, "form") for number, one in forms.items()},
        report_count=len(plain["report"]),
        **lists,  # type: ignore[arg-type]
    )
    rest = {key: value for key, value in changes.items() if key not in {*plain, "forms", "workshop"}}
    return replace(found, **rest)
