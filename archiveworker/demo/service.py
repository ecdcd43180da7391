"""An external service that an administrator made by hand: which core functions its tokens may call, and as whom.

Core functions check their parameters as Moodle does: one too many, one too few or one of the wrong kind is refused.
Source: the ``..._parameters`` of Moodle 4.5 and recorded refusals.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from archiveworker.demo.php import INVALID_PARAMETER, PhpThrowError

_INT: Final = re.compile(r"-?\d+\Z")


class Kind(Enum):
    """What a parameter may be."""

    INT = "int"
    TEXT = "text"
    INTS = "ints"
    TEXTS = "texts"
    OPTIONS = "options"
    """A list of objects with ``name`` and ``value``."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; it is required unless it has a default."""

    kind: Kind
    default: Any = None


_ID: Final = Parameter(Kind.INT)
_OPTIONAL: Final = Parameter(Kind.INT, 0)
_WORKSHOP: Final = {"workshopid": _ID}
_PAGES: Final = {"page": _OPTIONAL, "perpage": _OPTIONAL}

FUNCTIONS: Final[Mapping[str, Mapping[str, Parameter]]] = {
    "core_webservice_get_site_info": {"serviceshortnames": Parameter(Kind.TEXTS, [])},
    "core_course_get_course_module": {"cmid": _ID},
    "core_enrol_get_enrolled_users": {"courseid": _ID, "options": Parameter(Kind.OPTIONS, [])},
    "core_user_get_users_by_field": {"field": Parameter(Kind.TEXT), "values": Parameter(Kind.TEXTS)},
    "core_user_add_user_private_files": {"draftid": _ID},
    "core_files_get_files": {
        "contextid": _ID,
        "component": Parameter(Kind.TEXT),
        "filearea": Parameter(Kind.TEXT),
        "itemid": _ID,
        "filepath": Parameter(Kind.TEXT),
        "filename": Parameter(Kind.TEXT),
    },
    "mod_workshop_get_workshops_by_courses": {"courseids": Parameter(Kind.INTS, [])},
    "mod_workshop_get_workshop_access_information": _WORKSHOP,
    "mod_workshop_get_user_plan": {**_WORKSHOP, "userid": _OPTIONAL},
    "mod_workshop_get_submissions": {**_WORKSHOP, "userid": _OPTIONAL, "groupid": _OPTIONAL, **_PAGES},
    "mod_workshop_get_submission": {"submissionid": _ID},
    "mod_workshop_get_submission_assessments": {"submissionid": _ID},
    "mod_workshop_get_assessment": {"assessmentid": _ID},
    "mod_workshop_get_assessment_form_definition": {
        "assessmentid": _ID,
        "mode": Parameter(Kind.TEXT, "assessment"),
    },
    "mod_workshop_get_grades_report": {
        **_WORKSHOP,
        "groupid": _OPTIONAL,
        "sortby": Parameter(Kind.TEXT, "lastname"),
        "sortdirection": Parameter(Kind.TEXT, "ASC"),
        **_PAGES,
    },
}
"""Functions that the demo has, with their parameters."""

CAPABILITIES: Final = frozenset(
    {
        *("view", "viewauthornames", "viewreviewernames", "viewallsubmissions", "viewallassessments"),
        *("viewpublishedsubmissions", "viewauthorpublished"),
        *("manageactivities", "enrolreview", "accessallgroups", "manageownfiles"),
    }
)
"""What the service account's role may do; those of other components without their prefix."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service and the account of its tokens.

    Attributes:
        functions: that were added to it.
        capabilities: of the account.
        group_ids: groups of the course that the account is a member of.
        may_upload: "can upload files" is ticked.
        may_download: "can download files" is ticked.
    """

    functions: frozenset[str] = frozenset(FUNCTIONS)
    capabilities: frozenset[str] = CAPABILITIES
    group_ids: tuple[int, ...] = ()
    may_upload: bool = True
    may_download: bool = True

    def check(self, function: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of ``function`` as Python values, defaults filled in.

        Raises:
            PhpThrowError: ``invalidparameter``, for one too many, one too few or one of the wrong kind.
        """
        spec = FUNCTIONS[function]
        if not given.keys() <= spec.keys():
            raise PhpThrowError(INVALID_PARAMETER)
        missing = [name for name in spec if name not in given and spec[name].default is None]
        if missing:
            raise PhpThrowError(INVALID_PARAMETER)
        return {name: _value(one, given[name]) if name in given else one.default for name, one in spec.items()}


def _value(one: Parameter, value: Any) -> Any:
    match one.kind, value:
        case Kind.INT, str() if _INT.match(value):
            return int(value)
        case Kind.TEXT, str():
            return value
        case Kind.INTS, dict() if all(isinstance(item, str) and _INT.match(item) for item in value.values()):
            return [int(item) for item in value.values()]
        case Kind.TEXTS, dict() if all(isinstance(item, str) for item in value.values()):
            return list(value.values())
        case Kind.OPTIONS, dict() if all(set(item) == {"name", "value"} for item in value.values()):
            return {item["name"]: item["value"] for item in value.values()}
        case _:
            raise PhpThrowError(INVALID_PARAMETER)
