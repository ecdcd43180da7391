"""What each version of each plugin takes and gives: one ``Plugin`` a release that changed the interface.

Source: the parameter lists and section lists of every released version of quiz_archiver, and of archivingmod_quiz and
archivingmod_assign. Strict on purpose: one parameter too many or too few is refused, as Moodle refuses it.
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
    BOOL = "bool"
    TEXT = "text"
    INTS = "ints"
    SECTIONS = "sections"


class Family(Enum):
    """Which plugin, by the prefix of its functions."""

    QUIZ_ARCHIVER = "quiz_archiver"
    ARCHIVINGMOD_QUIZ = "archivingmod_quiz"
    ARCHIVINGMOD_ASSIGN = "archivingmod_assign"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One release of a plugin.

    Attributes:
        family: which plugin.
        release: the first release with this interface.
        api_version: what its request says.
        sections: the report's sections, all of them required; empty before there were any.
        functions: short name of a web service function -> its parameters; a ``?`` at the end makes one optional.
        report_fields: what the report function returns beside ``report`` and ``status``.
    """

    family: Family
    release: str
    api_version: int
    sections: tuple[str, ...]
    functions: Mapping[str, Mapping[str, Kind]]
    report_fields: tuple[str, ...]

    def function(self, name: str) -> str:
        """Return the full name of a function."""
        return f"{self.family.value}_{name}"

    def check(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of function ``name`` as Python values.

        Raises:
            PhpThrowError: ``invalidparameter``, for one too many, one too few or one of the wrong kind.
        """
        spec = {key.removesuffix("?"): (kind, key.endswith("?")) for key, kind in self.functions[name].items()}
        required = {key for key, (_, optional) in spec.items() if not optional}
        if not required <= given.keys() <= spec.keys():
            raise PhpThrowError(INVALID_PARAMETER)
        return {key: self._value(spec[key][0], value) for key, value in given.items()}

    def _value(self, kind: Kind, value: Any) -> Any:
        match kind, value:
            case Kind.INT, str() if _INT.match(value):
                return int(value)
            case Kind.BOOL, "0" | "1":
                return value == "1"
            case Kind.TEXT, str():
                return value
            case Kind.INTS, dict():
                return [self._value(Kind.INT, item) for item in value.values()]
            case Kind.SECTIONS, dict() if value.keys() == set(self.sections):
                return {key: self._value(Kind.BOOL, item) for key, item in value.items()}
        raise PhpThrowError(INVALID_PARAMETER)


_IDS: Final = {"courseid": Kind.INT, "cmid": Kind.INT, "quizid": Kind.INT}
_JOB: Final = {"jobid": Kind.TEXT}
_TASK: Final = {"uuid": Kind.TEXT, "taskid": Kind.INT}
_ATTEMPT: Final = {"attemptid": Kind.INT}
_SECTIONS: Final = {"sections": Kind.SECTIONS}
_ATTACHMENTS: Final = {"attachments": Kind.BOOL}
_PATTERNS: Final = {"foldernamepattern": Kind.TEXT, "filenamepattern": Kind.TEXT}
_EXTRAS: Final = {"statusextras?": Kind.TEXT}
_COUNT: Final = {"artifact_count?": Kind.INT}
_ARTIFACT: Final = {
    "artifact_component": Kind.TEXT,
    "artifact_contextid": Kind.INT,
    "artifact_userid": Kind.INT,
    "artifact_filearea": Kind.TEXT,
    "artifact_filename": Kind.TEXT,
    "artifact_filepath": Kind.TEXT,
    "artifact_itemid": Kind.INT,
    "artifact_sha256sum": Kind.TEXT,
}
_METADATA: Final = {**_IDS, "attemptids": Kind.INTS}

SECTIONS_7: Final = (
    "header",
    "quiz_feedback",
    "question",
    "question_feedback",
    "general_feedback",
    "rightanswer",
    "history",
)
SECTIONS_8: Final = (*SECTIONS_7, "attachments")
SECTIONS_11: Final = (
    *("header", "quiz_feedback", "quiz_grade", "question", "question_correctness", "question_marks"),
    *("question_feedback", "general_feedback", "rightanswer", "history", "attachments"),
)
SECTIONS_ASSIGN: Final = (
    *("header", "instructions", "submission", "submissionstatus", "submissioncomments"),
    *("feedback", "feedbackcomments", "grade", "gradedetails"),
)
_FIELDS_1: Final = ("courseid", "cmid", "quizid", "attemptid")


def _quiz_archiver(  # noqa: PLR0913 - a table in the form of calls
    release: str,
    api: int,
    sections: tuple[str, ...],
    report: Mapping[str, Kind],
    *,
    metadata: Mapping[str, Kind] | None = _METADATA,
    extras: Mapping[str, Kind] = _EXTRAS,
    count: Mapping[str, Kind] | None = None,
    fields: tuple[str, ...] = (),
) -> Plugin:
    functions: dict[str, Mapping[str, Kind]] = {
        "generate_attempt_report": report,
        "get_backup_status": {**_JOB, "backupid": Kind.TEXT},
        "process_uploaded_artifact": {**_JOB, **_ARTIFACT, **(count or {})},
        "update_job_status": {**_JOB, "status": Kind.TEXT, **extras},
    }
    if metadata is not None:
        functions["get_attempts_metadata"] = metadata
    return Plugin(Family.QUIZ_ARCHIVER, release, api, sections, functions, _FIELDS_1 + fields)


def _archivingmod(family: Family, report: str, metadata: str, ids: Mapping[str, Kind], plugin: "_ModDetails") -> Plugin:
    functions: dict[str, Mapping[str, Kind]] = {
        report: {**_TASK, **ids, **_PATTERNS, **_SECTIONS, **plugin.report_extra},
        metadata: {**_TASK, plugin.list_name: Kind.INTS},
        "update_task_status": {**_TASK, "status": Kind.INT, "progress?": Kind.INT},
        "process_uploaded_artifact": {**_TASK, **_ARTIFACT, **_COUNT},
    }
    fields = (*ids, "foldername", "filename", "attachments")
    return Plugin(family, "1.0.0", 1, plugin.sections, functions, fields)


@dataclass(frozen=True, slots=True)
class _ModDetails:
    sections: tuple[str, ...]
    list_name: str
    report_extra: Mapping[str, Kind]


_REPORT_1: Final = {**_IDS, **_ATTEMPT}
_REPORT_2: Final = {**_REPORT_1, **_SECTIONS}
_REPORT_4: Final = {**_REPORT_2, **_ATTACHMENTS}
_REPORT_5: Final = {**_REPORT_4, "filenamepattern": Kind.TEXT}
_REPORT_7: Final = {**_JOB, **_REPORT_4, **_PATTERNS}
_META_7: Final = {**_JOB, **_METADATA}
_OUT_5: Final = ("filename", "attachments")
_OUT_7: Final = ("foldername", "filename", "attachments")
_NONE: Final[Mapping[str, Kind]] = {}

PLUGINS: Final = (
    _quiz_archiver("0.2.2", 1, (), _REPORT_1, metadata=None, extras=_NONE),
    _quiz_archiver("0.3.0", 2, SECTIONS_7, _REPORT_2, extras=_NONE),
    _quiz_archiver("0.5.0", 3, SECTIONS_7, _REPORT_2, extras=_NONE),
    _quiz_archiver("1.0.0", 4, SECTIONS_8, _REPORT_4, extras=_NONE, fields=("attachments",)),
    _quiz_archiver("1.1.0", 5, SECTIONS_8, _REPORT_5, extras=_NONE, fields=_OUT_5),
    _quiz_archiver("1.3.0", 6, SECTIONS_8, _REPORT_5, extras=_NONE, fields=_OUT_5),
    _quiz_archiver("2.2.0", 6, SECTIONS_8, _REPORT_5, fields=_OUT_5),
    _quiz_archiver("3.0.0", 7, SECTIONS_8, _REPORT_7, metadata=_META_7, fields=_OUT_7),
    _quiz_archiver("4.1.0", 7, SECTIONS_11, _REPORT_7, metadata=_META_7, fields=_OUT_7),
    _quiz_archiver("5.0.0", 7, SECTIONS_11, _REPORT_7, metadata=_META_7, count=_COUNT, fields=_OUT_7),
    _archivingmod(
        Family.ARCHIVINGMOD_QUIZ,
        "generate_attempt_report",
        "get_attempts_metadata",
        _ATTEMPT,
        _ModDetails(SECTIONS_8, "attemptids", _ATTACHMENTS),
    ),
    _archivingmod(
        Family.ARCHIVINGMOD_ASSIGN,
        "generate_submission_report",
        "get_submissions_metadata",
        {"submissionid": Kind.INT},
        _ModDetails(SECTIONS_ASSIGN, "submissionids", _NONE),
    ),
)
"""Every interface that was ever released, oldest first in each family."""

USUAL_RELEASE: Final[Mapping[int, str]] = {
    1: "0.2.2",
    2: "0.3.0",
    3: "0.5.0",
    4: "1.0.0",
    5: "1.1.0",
    6: "2.2.0",
    7: "4.1.0",
}
"""Which release of quiz_archiver to take when only the API version is known."""
EXTRAS_5: Final = frozenset({"moodle_max_upload_bytes", "flatten_archive", "include_filehashes"})
"""Keys that only a request of quiz_archiver 5.x has."""


def find(family: Family, release: str | None = None) -> Plugin:
    """Return the plugin of that release, or the newest of the family.

    Raises:
        LookupError: there is no such release here.
    """
    matches = [plugin for plugin in PLUGINS if plugin.family is family and release in (None, plugin.release)]
    if not matches:
        raise LookupError(f"the demo has no {family.value} {release}; it has {[p.release for p in PLUGINS]}")
    return matches[-1]


def recognise(request: Mapping[str, Any]) -> Plugin:
    """Return the plugin that would have posted ``request``.

    Raises:
        LookupError: no plugin posts such a request.
    """
    job = request.get("job")
    if isinstance(job, dict):
        return find(Family.ARCHIVINGMOD_ASSIGN if "submissionids" in job else Family.ARCHIVINGMOD_QUIZ)
    version = request.get("api_version")
    if version == 7 and EXTRAS_5 & request.keys():
        return find(Family.QUIZ_ARCHIVER, "5.0.0")
    if version == 7 and len((request.get("task_archive_quiz_attempts") or {}).get("sections", SECTIONS_11)) == 8:
        return find(Family.QUIZ_ARCHIVER, "3.0.0")
    return find(Family.QUIZ_ARCHIVER, USUAL_RELEASE.get(version if isinstance(version, int) else 0, "?"))
