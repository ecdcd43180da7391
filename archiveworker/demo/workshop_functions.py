"""What the web service functions of mod_workshop answer, the traps included. None of them writes anything.

Source: ``mod/workshop/classes/external.php`` of Moodle 4.5 and recorded answers: ``get_submissions`` takes ``page``
as a number of rows, grades are not given before phase 40, who may not be seen is 0, and a group that the account is in
hides all others as soon as the activity has groups.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from archiveworker.demo.php import PhpThrowError
from archiveworker.demo.service import Service
from archiveworker.demo.state import LmsState
from archiveworker.demo.workshop import (
    GRADING_GRADE,
    SUSPENDED,
    TEACHER_ID,
    WORKSHOP_GRADE,
    Assessment,
    Work,
    Workshop,
    groups_of,
    students,
)
from archiveworker.demo.workshop_files import file_entry
from archiveworker.demo.workshop_forms import form_definition

Answer = Any
_NO_RECORD: Final = "Can't find data record in database table {}."
_ACCESS_FLAGS: Final = (
    *("view", "addinstance", "switchphase", "editdimensions", "submit", "peerassess", "manageexamples", "allocate"),
    *("publishsubmissions", "viewauthornames", "viewreviewernames", "viewallsubmissions", "viewpublishedsubmissions"),
    *("viewauthorpublished", "viewallassessments", "overridegrades", "ignoredeadlines", "deletesubmissions"),
    "exportsubmissions",
)


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """One call of a core function.

    Attributes:
        state: the LMS.
        service: of the token.
        params: checked, as Python values.
    """

    state: LmsState
    service: Service
    params: Mapping[str, Any]

    def may(self, capability: str, workshop: Workshop | None = None) -> bool:
        """Whether the account has a capability, in this activity."""
        return capability in self.service.capabilities - (workshop.hidden if workshop else frozenset())

    def workshop(self, number: int) -> Workshop:
        """Return an activity that the account may enter."""
        found = next((one for one in self.state.workshops if one.id == number), None)
        if found is None:
            raise no_record("workshop")
        return found


def no_record(table: str) -> PhpThrowError:
    """Return what Moodle throws for an id that is not there."""
    return PhpThrowError(("dml_missing_record_exception", "invalidrecord", _NO_RECORD.format(table)))


def not_permitted(what: str) -> PhpThrowError:
    """Return what Moodle throws for a missing capability."""
    text = f"Sorry, but you do not currently have permissions to do that ({what})."
    return PhpThrowError(("core\\exception\\required_capability_exception", "nopermissions", text))


def get_workshops_by_courses(call: ServiceCall) -> Answer:
    """All activities of the courses, their texts included."""
    course = call.state.course
    unknown = [number for number in call.params["courseids"] if number != course.courseid]
    warnings = [
        {"item": "course", "itemid": one, "warningcode": "1", "message": "No access rights in course context"}
        for one in unknown
    ]
    wanted = not call.params["courseids"] or course.courseid in call.params["courseids"]
    listed = [_described(call, one) for one in call.state.workshops] if wanted else []
    return {"workshops": listed, "warnings": warnings}


def _described(call: ServiceCall, one: Workshop) -> dict[str, Any]:
    now_s = int(call.state.course.now.timestamp())
    texts = {
        "intro": f"<p>Write and <b>review</b>: {one.strategy}.</p>",
        "instructauthors": "<p>Instructions for authors 中文</p>",
        "instructreviewers": "<p>Instructions for reviewers</p>",
        "conclusion": "<p>Thanks all.</p>",
    }
    out: dict[str, Any] = {"id": one.id, "course": call.state.course.courseid, "lang": None}
    # Moodle gives names as HTML.
    out["name"] = one.name.replace("&", "&amp;")
    for key, text in texts.items():
        out |= {key: text, f"{key}format": 1, f"{key}files": []}
    dates = dict.fromkeys(("submissionstart", "submissionend", "assessmentstart"), 0)
    return {
        **out,
        **dates,
        "assessmentend": now_s - 86_400 if one.id == 1 else 0,
        **{"timemodified": now_s - 90_000, "phase": one.phase, "useexamples": bool(one.examples)},
        **{"usepeerassessment": True, "useselfassessment": True, "grade": WORKSHOP_GRADE},
        **{"gradinggrade": GRADING_GRADE, "strategy": one.strategy, "evaluation": "best", "gradedecimals": 0},
        **{"submissiontypetext": 1, "submissiontypefile": 1, "nattachments": 3, "submissionfiletypes": None},
        **{"latesubmissions": True, "maxbytes": 0, "examplesmode": 0, "phaseswitchassessment": False},
        **{"overallfeedbackmode": 1, "overallfeedbackfiles": 2, "overallfeedbackfiletypes": None},
        **{"overallfeedbackmaxbytes": 0, "coursemodule": one.cmid},
    }


def get_workshop_access_information(call: ServiceCall) -> Answer:
    """What the account may do here."""
    workshop = call.workshop(call.params["workshopid"])
    doing = ("creatingsubmission", "modifyingsubmission", "assessing", "assessingexamples")
    out: dict[str, Any] = {f"{one}allowed": False for one in doing}
    out |= {"examplesassessedbeforesubmission": True, "examplesassessedbeforeassessment": True, "warnings": []}
    return out | {f"can{one}": call.may(one, workshop) for one in _ACCESS_FLAGS}


def get_submissions(call: ServiceCall) -> Answer:
    """Works; ``page`` is a number of rows, not of pages."""
    workshop = call.workshop(call.params["workshopid"])
    seen = [one for one in workshop.works if _in_group(call, workshop, one.author_id)]
    if not call.may("viewallsubmissions", workshop):
        seen = [one for one in seen if one.is_published and workshop.phase == 50]
    if call.params["userid"]:
        seen = [one for one in seen if one.author_id == call.params["userid"]]
    start, count = call.params["page"], call.params["perpage"] or len(seen)
    files = [file for one in (*workshop.works, *workshop.examples) for file in (*one.inline, *one.attached)]
    return {
        "submissions": [_submission(call, workshop, one) for one in seen[start : start + count]],
        "totalcount": len(seen),
        "totalfilesize": sum(len(file.content) for file in files) if seen else 0,
    }


def get_submission(call: ServiceCall) -> Answer:
    """One work or example."""
    for workshop in call.state.workshops:
        work = workshop.work(call.params["submissionid"])
        if work is not None:
            if not call.may("viewallsubmissions", workshop):
                raise not_permitted("view submission")
            return {"submission": _submission(call, workshop, work), "warnings": []}
    raise no_record("workshop_submissions")


def _in_group(call: ServiceCall, workshop: Workshop, user_id: int) -> bool:
    """Whether Moodle's "active group" of the account shows a person: its own group if it has one, or else all."""
    if not workshop.groupmode:
        return True
    if call.service.group_ids:
        return bool(set(call.service.group_ids) & set(groups_of(user_id)))
    if workshop.groupmode == 1 and not call.may("accessallgroups"):
        raise PhpThrowError(("core\\exception\\moodle_exception", "notingroup", "Sorry, but you need to be part of a "
                             "group to see this page."))  # fmt: skip
    return True


def _submission(call: ServiceCall, workshop: Workshop, one: Work) -> dict[str, Any]:
    folder = f"{call.state.base_url}/webservice/pluginfile.php/{workshop.context_id}/mod_workshop"
    inline, attached = f"{folder}/submission_content/{one.id}", f"{folder}/submission_attachment/{one.id}"
    out: dict[str, Any] = {
        **{"id": one.id, "workshopid": workshop.id, "example": one.is_example},
        "authorid": one.author_id if call.may("viewauthornames", workshop) else 0,
        **{"timecreated": one.created_s, "timemodified": one.created_s, "title": one.title},
        "content": one.content.replace("@@PLUGINFILE@@", inline),
        **{"contentformat": 1, "contenttrust": 0, "attachment": int(bool(one.attached))},
        **{"published": one.is_published, "late": int(one.is_late), "feedbackauthorformat": 1 if one.feedback else 0},
        "contentfiles": [file_entry(inline, file, one.created_s) for file in one.inline],
        "attachmentfiles": [file_entry(attached, file, one.created_s) for file in one.attached],
    }
    if workshop.phase >= 40 and call.may("viewallsubmissions", workshop):
        out |= {"grade": one.grade, "gradeover": one.over, "gradeoverby": TEACHER_ID if one.over else None}
        out |= {"feedbackauthor": one.feedback, "timegraded": one.created_s + 864_000 if one.grade else None}
    return out


def get_submission_assessments(call: ServiceCall) -> Answer:
    """All assessments of one work, pending ones too; those of examples are not given."""
    for workshop in call.state.workshops:
        work = next((one for one in workshop.works if one.id == call.params["submissionid"]), None)
        if work is not None:
            if not call.may("viewallassessments", workshop):
                raise not_permitted("view assessment")
            found = [one for one in workshop.assessments if one.submission_id == work.id]
            return {"assessments": [_assessment(call, workshop, one) for one in found], "warnings": []}
    raise no_record("workshop_submissions")


def get_assessment(call: ServiceCall) -> Answer:
    """One assessment, of an example too."""
    workshop, assessment = _assessed(call)
    return {"assessment": _assessment(call, workshop, assessment), "warnings": []}


def get_assessment_form_definition(call: ServiceCall) -> Answer:
    """The form and the grades in it."""
    workshop, assessment = _assessed(call)
    return {**form_definition(workshop, assessment, call.state.base_url, call.params["mode"]), "warnings": []}


def _assessed(call: ServiceCall) -> tuple[Workshop, Assessment]:
    for workshop in call.state.workshops:
        found = workshop.assessment(call.params["assessmentid"])
        if found is not None:
            if not call.may("viewallassessments", workshop):
                raise not_permitted("view assessment")
            return workshop, found
    raise no_record("workshop_assessments")


def _assessment(call: ServiceCall, workshop: Workshop, one: Assessment) -> dict[str, Any]:
    folder = f"{call.state.base_url}/webservice/pluginfile.php/{workshop.context_id}/mod_workshop"
    attached = f"{folder}/overallfeedback_attachment/{one.id}"
    return {
        **{"id": one.id, "submissionid": one.submission_id, "weight": one.weight},
        "reviewerid": one.reviewer_id if call.may("viewreviewernames", workshop) else 0,
        **{"timecreated": one.created_s, "timemodified": one.modified_s, "grade": one.grade},
        **{"gradinggrade": one.grading_grade, "gradinggradeover": one.over},
        "gradinggradeoverby": TEACHER_ID if one.over is not None else None,
        **{"feedbackauthor": one.to_author, "feedbackauthorformat": 1, "feedbackauthorattachment": len(one.files)},
        **{"feedbackreviewer": one.to_reviewer, "feedbackreviewerformat": 1, "feedbackcontentfiles": []},
        "feedbackattachmentfiles": [file_entry(attached, file, one.modified_s) for file in one.files],
    }


def get_user_plan(call: ServiceCall) -> Answer:
    """Phases and examples of one person; somebody else's only with course:manageactivities."""
    workshop, user_id = call.workshop(call.params["workshopid"]), call.params["userid"]
    if user_id and user_id != call.state.course.service_userid and not call.may("manageactivities"):
        raise not_permitted("Manage activities")
    titles = {10: "Setup phase", 20: "Submission phase", 30: "Assessment phase", 40: "Grading evaluation phase"}
    phases = [
        {"code": code, "title": title, "active": code == workshop.phase, "tasks": [], "actions": []}
        for code, title in {**titles, 50: "Closed"}.items()
    ]
    examples = [
        {
            **{"id": one.submission_id, "title": (workshop.work(one.submission_id) or workshop.works[0]).title},
            **{"assessmentid": one.id, "grade": one.grade, "gradinggrade": one.grading_grade},
        }
        for one in workshop.practice
        if one.reviewer_id == user_id
    ]
    return {"userplan": {"phases": phases, "examples": examples}, "warnings": []}


def get_grades_report(call: ServiceCall) -> Answer:
    """Who reviewed whom; grades are scaled and rounded, and whose enrolment is not active is left out."""
    workshop = call.workshop(call.params["workshopid"])
    if not call.may("viewallassessments", workshop):
        raise not_permitted("View all assessments")
    active = [one.userid for number, one in enumerate(students()) if number != SUSPENDED]
    active = [one for one in active if _in_group(call, workshop, one)]
    rows = [_row(call, workshop, one, set(active)) for one in active]
    size = call.params["perpage"] or len(rows)
    start = call.params["page"] * size
    return {"report": {"grades": rows[start : start + size], "totalcount": len(rows)}, "warnings": []}


def _row(call: ServiceCall, workshop: Workshop, user_id: int, active: set[int]) -> dict[str, Any]:
    work = next((one for one in workshop.works if one.author_id == user_id), None)
    authors = {one.id: one.author_id for one in workshop.works}
    to_me = [one for one in workshop.assessments if work and one.submission_id == work.id]
    by_me = [one for one in workshop.assessments if one.reviewer_id == user_id]
    see_authors, see_reviewers = call.may("viewauthornames", workshop), call.may("viewreviewernames", workshop)
    scaled = None if work is None or work.grade is None else round(work.grade * WORKSHOP_GRADE / 100)
    over = None if work is None or work.over is None else round(work.over * WORKSHOP_GRADE / 100)
    return {
        **{"userid": user_id, "submissionid": work and work.id, "submissiontitle": work and work.title},
        **{"submissionmodified": work and work.created_s, "submissiongrade": scaled, "gradinggrade": None},
        **{"submissiongradeover": over, "submissiongradeoverby": TEACHER_ID if over is not None else None},
        "submissionpublished": work and int(work.is_published),
        "reviewedby": [
            _review(one, one.reviewer_id if see_reviewers else 0) for one in to_me if one.reviewer_id in active
        ],
        "reviewerof": [
            _review(one, authors[one.submission_id] if see_authors else 0)
            for one in by_me
            if authors[one.submission_id] in active
        ],
    }


def _review(one: Assessment, user_id: int) -> dict[str, Any]:
    grading = None if one.grading_grade is None else round(one.grading_grade * GRADING_GRADE / 100)
    return {
        **{"userid": user_id, "assessmentid": one.id, "submissionid": one.submission_id, "gradinggrade": grading},
        "grade": None if one.grade is None else round(one.grade * WORKSHOP_GRADE / 100),
        "gradinggradeover": None if one.over is None else round(one.over * GRADING_GRADE / 100),
        "weight": one.weight,
    }


FUNCTIONS: Final[Mapping[str, Callable[[ServiceCall], Answer]]] = {
    f"mod_workshop_{function.__name__}": function
    for function in (
        *(get_workshops_by_courses, get_workshop_access_information, get_submissions, get_submission),
        *(get_submission_assessments, get_assessment, get_assessment_form_definition, get_user_plan),
        get_grades_report,
    )
}
