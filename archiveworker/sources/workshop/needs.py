"""What a token needs before a workshop can be archived with it: functions of its service, capabilities of its account.

Everything that is missing is named at once, before anything is read. ``docs/howto/archive-a-moodle-workshop.md`` shows
where to add it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from archiveworker.domain.errors import SourceError, TokenRefusedError
from archiveworker.sources.moodle.verdicts import Kind, Verdict
from archiveworker.sources.workshop.answers import Entry

SITE_INFO: Final = "core_webservice_get_site_info"
COURSE_MODULE: Final = "core_course_get_course_module"
ENROLLED_USERS: Final = "core_enrol_get_enrolled_users"
USERS_BY_FIELD: Final = "core_user_get_users_by_field"
ADD_PRIVATE_FILES: Final = "core_user_add_user_private_files"
GET_FILES: Final = "core_files_get_files"
WORKSHOPS: Final = "mod_workshop_get_workshops_by_courses"
ACCESS: Final = "mod_workshop_get_workshop_access_information"
SUBMISSIONS: Final = "mod_workshop_get_submissions"
SUBMISSION: Final = "mod_workshop_get_submission"
ASSESSMENTS: Final = "mod_workshop_get_submission_assessments"
ASSESSMENT: Final = "mod_workshop_get_assessment"
FORM: Final = "mod_workshop_get_assessment_form_definition"
REPORT: Final = "mod_workshop_get_grades_report"
USER_PLAN: Final = "mod_workshop_get_user_plan"

READING: Final = (SITE_INFO, COURSE_MODULE, WORKSHOPS, ACCESS, SUBMISSIONS, ASSESSMENTS, FORM, REPORT)
"""Functions without which no workshop can be read. None of them changes anything."""
EXAMPLES: Final = (USER_PLAN, SUBMISSION, ASSESSMENT)
"""Functions for a workshop with examples."""
UPLOADING: Final = (ADD_PRIVATE_FILES, GET_FILES)
"""Functions for an archive that goes back to Moodle."""
NAMES: Final = (ENROLLED_USERS, USERS_BY_FIELD)
"""Functions for names; without them people are numbers."""

_CAPABILITIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "canview": "mod/workshop:view",
        "canviewallsubmissions": "mod/workshop:viewallsubmissions",
        "canviewallassessments": "mod/workshop:viewallassessments",
    }
)
_HIDING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "canviewauthornames": "Moodle hid who wrote the works: the service account has no mod/workshop:viewauthornames "
        "in this activity.",
        "canviewreviewernames": "Moodle hid who reviewed: the service account has no mod/workshop:viewreviewernames in "
        "this activity.",
    }
)
_AGAIN: Final = "then post the job again"

VERDICTS: Final[Mapping[str, Verdict]] = MappingProxyType(
    {
        "invalidtoken": Verdict(
            Kind.TOKEN,
            "the token is unknown, deleted or expired",
            "make one that is valid for as long as the job may take and post the job again",
        ),
        "accessexception": Verdict(
            Kind.TOKEN,
            "the token may not use this function, or not transfer files",
            "add the function to the token's external service, tick its file downloads and uploads, and check that web "
            f"services and REST are on and that the account has webservice/rest:use, {_AGAIN}",
        ),
        "nopermissions": Verdict(
            Kind.NEVER,
            "the service account lacks a right",
            f"give its role the right that is named in brackets, {_AGAIN}",
        ),
        "requireloginerror": Verdict(
            Kind.NEVER,
            "the service account may not enter the course",
            f"assign it a role in the course or above it, {_AGAIN}",
        ),
        "notingroup": Verdict(
            Kind.NEVER,
            "the activity has separate groups and the service account may not see them all",
            f"give its role moodle/site:accessallgroups, {_AGAIN}",
        ),
        "invalidrecord": Verdict(
            Kind.NEVER,
            "it does not know this course, activity or function",
            "check workshop.cmid, workshop.workshopid and workshop.courseid, and that Moodle is 3.4 or newer",
        ),
        "invalidrecordunknown": Verdict(
            Kind.NEVER, "it does not know this activity", "check workshop.cmid, the number in the activity's address"
        ),
        "filenotfound": Verdict(Kind.NEVER, "the file does not exist there any more", "look for it in the activity"),
    }
)
"""What Moodle's codes mean where there is no plugin."""


def check_service(site: Entry, *, uploads: bool) -> None:
    """Check what the token's service contains.

    Args:
        site: answer of ``core_webservice_get_site_info``.
        uploads: the archive goes back to this Moodle.

    Raises:
        TokenRefusedError: something is missing; the sentence names all of it.
    """
    wanted = (*READING, *(UPLOADING if uploads else ()))
    problems = [f"the function {name}" for name in wanted if name not in functions_of(site)]
    if site.flag("downloadfiles") is False:
        problems.append("“Can download files”")
    if uploads and site.flag("uploadfiles") is False:
        problems.append("“Can upload files”")
    if problems:
        raise TokenRefusedError(
            f"the token's external service lacks {', '.join(problems)}; add it under Site administration > Server > "
            f"Web services > External services, {_AGAIN}"
        )
    if uploads and site.flag("usercanmanageownfiles") is False:
        raise TokenRefusedError(
            "the service account may have no private files, so the archive cannot go back to Moodle; give its role "
            f"moodle/user:manageownfiles, or name other targets in delivery.to, {_AGAIN}"
        )


def check_examples(site: Entry) -> None:
    """Check what a workshop with examples needs besides.

    Raises:
        SourceError: a function is missing.
    """
    missing = [name for name in EXAMPLES if name not in functions_of(site)]
    if missing:
        raise SourceError(
            f"the workshop has example submissions, and the token's external service lacks {', '.join(missing)}; add "
            f"the functions to it, {_AGAIN}"
        )


def check_access(access: Entry) -> tuple[str, ...]:
    """Check what the account may see, and return sentences about what Moodle will hide.

    Args:
        access: answer of ``mod_workshop_get_workshop_access_information``.

    Raises:
        SourceError: a capability is missing without which works or reviews would be left out.
    """
    missing = [name for key, name in _CAPABILITIES.items() if access.flag(key) is False]
    if missing:
        raise SourceError(
            f"the service account lacks {', '.join(missing)} in this activity, so Moodle would leave works or reviews "
            f"out; give its role these rights, {_AGAIN}"
        )
    return tuple(sentence for key, sentence in _HIDING.items() if access.flag(key) is False)


def functions_of(site: Entry) -> frozenset[str]:
    """Return the functions that the token may call."""
    return frozenset(one.text("name") or "" for one in site.entries("functions"))
