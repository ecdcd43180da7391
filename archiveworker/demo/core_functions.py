"""Core functions of Moodle that a hand-made service contains: the site, the people, the account's private files.

Source: ``user/externallib.php``, ``files/externallib.php``, ``lib/filelib.php`` of Moodle 4.5 and recorded answers. One
trap is the reason for the copy below: files that would exceed the quota are not stored, and nobody is told.
"""

import shutil
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from archiveworker.demo.course import Student
from archiveworker.demo.php import INVALID_PARAMETER, PhpThrowError
from archiveworker.demo.state import DraftFile
from archiveworker.demo.workshop import SUSPENDED, TEACHER_ID, groups_of, students
from archiveworker.demo.workshop_functions import Answer, ServiceCall, no_record, not_permitted

_GROUP_NAMES: Final = ("Gruppe A", "Gruppe B")
_EMPTY_AREA: Final = (
    "core\\exception\\coding_exception",
    "codingerror",
    "Coding error detected, it must be fixed by a programmer: Nothing to merge or area does not belong to current user",
)


def get_site_info(call: ServiceCall) -> Answer:
    """Who is asking, and what the token may do."""
    course, options = call.state.course, call.state.options
    return {
        **{"sitename": "Demo LMS", "username": "archive_ws", "firstname": "Archive", "lastname": "Service Account"},
        **{"fullname": "Archive Service Account", "lang": "en", "userid": course.service_userid},
        "siteurl": call.state.base_url,
        "functions": [{"name": name, "version": "2024100706"} for name in sorted(call.service.functions)],
        **{"downloadfiles": int(call.service.may_download), "uploadfiles": int(call.service.may_upload)},
        **{"release": "4.5.6 (Build: 20250811)", "version": "2024100706"},
        **{"usercanmanageownfiles": call.may("manageownfiles"), "userquota": options.user_quota_bytes},
        "usermaxuploadfilesize": options.max_upload_bytes or 512 * 1024**2,
        "userprivateaccesskey": f"{course.seed:032x}",
    }


def get_course_module(call: ServiceCall) -> Answer:
    """One activity of the course."""
    course = call.state.course
    one = next((one for one in call.state.workshops if one.cmid == call.params["cmid"]), None)
    if one is None:
        raise PhpThrowError(
            ("dml_missing_record_exception", "invalidrecordunknown", "Can't find data record in database.")
        )
    module = {"id": one.cmid, "course": course.courseid, "module": 24, "name": one.name, "modname": "workshop"}
    module |= {"instance": one.id, "section": 1, "sectionnum": 0, "groupmode": one.groupmode, "groupingid": 0}
    return {"cm": {**module, "completion": 0, "downloadcontent": 1}, "warnings": []}


def get_enrolled_users(call: ServiceCall) -> Answer:
    """Everybody in the course; ``onlyactive`` needs a capability, ``userfields`` leaves the other fields out."""
    if call.params["courseid"] != call.state.course.courseid:
        raise no_record("course")
    options = call.params["options"] or {}
    if options.get("onlyactive") == "1" and not call.may("enrolreview"):
        raise not_permitted("Review course enrolments")
    people = [
        _person(call, one)
        for number, one in enumerate(students())
        if number != SUSPENDED or options.get("onlyactive") != "1"
    ]
    people.append(_staff(call, TEACHER_ID, "Prof. Dr. Ødegård", "editingteacher", ()))
    if call.service.group_ids:
        account = call.state.course.service_userid
        people.append(_staff(call, account, "Archive Service Account", "teacher", call.service.group_ids))
    wanted = {"id", *options["userfields"].split(",")} if "userfields" in options else None
    return [{key: value for key, value in one.items() if wanted is None or key in wanted} for one in people]


def _person(call: ServiceCall, one: Student) -> dict[str, Any]:
    return {
        **{"id": one.userid, "username": one.username, "firstname": one.firstname, "lastname": one.lastname},
        **{"fullname": one.fullname, "email": f"{one.username}@example.invalid", "idnumber": one.idnumber},
        **{"firstaccess": 0, "lastaccess": 0, "lastcourseaccess": 0},
        **_enrolment(call, "student", groups_of(one.userid)),
    }


def _staff(call: ServiceCall, user_id: int, name: str, role: str, group_ids: tuple[int, ...]) -> dict[str, Any]:
    return {"id": user_id, "fullname": name, **_enrolment(call, role, group_ids)}


def _enrolment(call: ServiceCall, role: str, group_ids: tuple[int, ...]) -> dict[str, Any]:
    course = call.state.course
    named = [{"id": number, "name": _GROUP_NAMES[number - 1], "description": "", "descriptionformat": 1}
             for number in group_ids]  # fmt: skip
    return {
        "groups": named,
        "roles": [{"roleid": 5, "name": "", "shortname": role, "sortorder": 0}],
        "enrolledcourses": [
            {"id": course.courseid, "fullname": course.fullname.replace("&", "&amp;"), "shortname": course.shortname}
        ],
    }


def get_users_by_field(call: ServiceCall) -> Answer:
    """People by their ids; those that are not there are left out."""
    if call.params["field"] != "id":
        raise PhpThrowError(INVALID_PARAMETER)
    wanted = set(call.params["values"])
    found = [{"id": one.userid, "fullname": one.fullname} for one in students() if str(one.userid) in wanted]
    if str(TEACHER_ID) in wanted:
        found.append({"id": TEACHER_ID, "fullname": "Prof. Dr. Ødegård"})
    return found


def add_user_private_files(call: ServiceCall) -> Answer:
    """Merge a draft area into the private files: same name and folder is overwritten, too much is silently nothing."""
    if not call.may("manageownfiles"):
        raise not_permitted("Manage own private user files")
    drafts = call.state.drafts.get(call.params["draftid"])
    if not drafts:
        raise PhpThrowError(_EMPTY_AREA)
    private = call.state.private_files
    merged = {**private, **drafts}
    if sum(one.size_bytes for one in merged.values()) > call.state.options.user_quota_bytes:
        return None
    folder = call.state.workdir / "private"
    folder.mkdir(parents=True, exist_ok=True)
    for place, draft in drafts.items():
        copy = folder / f"{call.state.next_number():06d}"
        shutil.copyfile(draft.path, copy)
        private[place] = DraftFile(draft.filename, copy, draft.size_bytes, draft.sha256)
    return None


def get_files(call: ServiceCall) -> Answer:
    """List one folder of the account's private files."""
    params = call.params
    context_id = call.state.course.service_context_id
    if (params["contextid"], params["component"], params["filearea"]) != (context_id, "user", "private"):
        return {"parents": [], "files": []}
    folder = f"{call.state.base_url}/webservice/pluginfile.php/{context_id}/user/private"
    now_s = int(call.state.course.now.timestamp())
    files = [
        {
            **{"contextid": context_id, "component": "user", "filearea": "private", "itemid": 0},
            **{"filepath": path, "filename": name, "isdir": False, "url": f"{folder}{path}{quote(name)}"},
            **{"timemodified": now_s, "timecreated": now_s, "filesize": file.size_bytes, "license": "unknown"},
        }
        for (path, name), file in call.state.private_files.items()
        if path == params["filepath"]
    ]
    return {"parents": [], "files": files}


FUNCTIONS: Final[Mapping[str, Callable[[ServiceCall], Answer]]] = {
    "core_webservice_get_site_info": get_site_info,
    "core_course_get_course_module": get_course_module,
    "core_enrol_get_enrolled_users": get_enrolled_users,
    "core_user_get_users_by_field": get_users_by_field,
    "core_user_add_user_private_files": add_user_private_files,
    "core_files_get_files": get_files,
}
