"""What Moodle's refusals mean and what to do about them: one table.

Keys are Moodle's errorcodes (``lang/en/error.php``) and the ``E_...`` statuses of the plugins. A code that is not here
is final, and is shown as it came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final


class Kind(Enum):
    """What becomes of a refusal."""

    TOKEN = "token"  # noqa: S105 - a word, not a secret
    """The token is not accepted."""
    LATER = "later"
    """The same request may succeed after a while."""
    NEVER = "never"
    """It will not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning of a code.

    Attributes:
        kind: what becomes of it.
        meaning: why, as half a sentence.
        advice: what an administrator can do, as an imperative sentence without full stop.
    """

    kind: Kind
    meaning: str
    advice: str


_AGAIN: Final = "start the archiving again in Moodle"
_ACCOUNT: Final = "look at the plugin's service account under Site administration > Users"
_SIZE: Final = "the archive is larger than Moodle takes in one upload"
_DATABASE: Final = Verdict(Kind.LATER, "its database has a problem", "look at Moodle's error log")
_NO_RECORD: Final = Verdict(
    Kind.NEVER,
    "it lacks a record or the function itself",
    "check that the plugin is installed and up to date, and that course and activity were not deleted meanwhile",
)
_DONE: Final = Verdict(
    Kind.NEVER, "for Moodle the job has ended already (finished, failed, timed out or deleted)", _AGAIN
)
_UNKNOWN_JOB: Final = Verdict(Kind.NEVER, "it does not know this job; it was deleted there", _AGAIN)
_NOT_STORED: Final = Verdict(
    Kind.NEVER, "it could not store the archive", "check the room and the rights of Moodle's data folder (moodledata)"
)
_DAMAGED: Final = Verdict(Kind.NEVER, "the archive it received is not the one that was sent", _AGAIN)
_LOST: Final = Verdict(
    Kind.NEVER,
    "it does not find the archive that was uploaded",
    f"check that no clean-up of draft files runs meanwhile, then {_AGAIN}",
)
_PATTERN: Final = Verdict(
    Kind.NEVER, "it does not accept the name pattern", "correct the pattern in the plugin's settings"
)
_GONE_ITEM: Final = Verdict(Kind.NEVER, "this attempt or submission does not exist any more", _AGAIN)
_GONE_ACTIVITY: Final = Verdict(Kind.NEVER, "course or activity do not exist any more", "archive another activity")
_VERSIONS: Final = Verdict(
    Kind.NEVER,
    "it does not take these parameters: what they name was deleted, or plugin and worker speak other versions",
    "look whether it still exists in Moodle; if it does, update the plugin and the worker",
)

VERDICTS: Final[Mapping[str, Verdict]] = MappingProxyType(
    {
        "invalidtoken": Verdict(
            Kind.TOKEN,
            "the token is unknown, deleted or expired",
            f"{_AGAIN}, and raise the plugin's job timeout if large jobs run into it",
        ),
        "accessexception": Verdict(
            Kind.TOKEN,
            "the token may not use this function",
            "check that web services are on, that the plugin's functions are in its web service, and that the service "
            "account's role has webservice/rest:use; the plugin's automatic configuration does all three",
        ),
        "invalidiptoken": Verdict(
            Kind.TOKEN, "the token may not be used from the worker's address", "lift the IP restriction of the token"
        ),
        "wsaccessuserdeleted": Verdict(Kind.TOKEN, "the service account was deleted", _ACCOUNT),
        "wsaccessusersuspended": Verdict(Kind.TOKEN, "the service account is suspended", _ACCOUNT),
        "wsaccessuserunconfirmed": Verdict(Kind.TOKEN, "the service account is not confirmed", _ACCOUNT),
        "wsaccessuserexpired": Verdict(Kind.TOKEN, "the password of the service account has expired", _ACCOUNT),
        "wsaccessusernologin": Verdict(Kind.TOKEN, "the service account may not log in", _ACCOUNT),
        "sitepolicynotagreed": Verdict(Kind.TOKEN, "the service account has not agreed to the site policy", _ACCOUNT),
        "usernotfullysetup": Verdict(Kind.TOKEN, "the profile of the service account is incomplete", _ACCOUNT),
        "forcepasswordchangenotice": Verdict(Kind.TOKEN, "the service account must change its password", _ACCOUNT),
        "nopermissions": Verdict(
            Kind.NEVER, "the service account lacks a right", "give the named capability to the service account's role"
        ),
        "requireloginerror": Verdict(
            Kind.NEVER, "the service account may not enter the course", "check the role of the service account"
        ),
        "invalidparameter": _VERSIONS,
        "missingparam": _VERSIONS,
        "invalidrecord": _NO_RECORD,
        "invalidrecordunknown": _NO_RECORD,
        "sitemaintenance": Verdict(Kind.LATER, "the site is in maintenance mode", "end the maintenance mode"),
        "upgraderunning": Verdict(Kind.LATER, "the site is being upgraded", "finish the upgrade"),
        "dbconnectionfailed": _DATABASE,
        "dmlreadexception": _DATABASE,
        "dmlwriteexception": _DATABASE,
        "filenotfound": Verdict(Kind.NEVER, "the file does not exist there any more", _AGAIN),
        "redirecterrordetected": Verdict(
            Kind.NEVER,
            "the address used is not the one that Moodle calls its own",
            "make Moodle's wwwroot and the plugin's internal_wwwroot agree with the address that reaches it",
        ),
        "upload_error_ini_size": Verdict(Kind.NEVER, _SIZE, "raise upload_max_filesize in PHP's settings (php.ini)"),
        "upload_error_partial": Verdict(Kind.LATER, "only a part of the upload arrived", "try again"),
        "upload_error_no_tmp_dir": Verdict(Kind.NEVER, "PHP has no folder for uploads", "correct upload_tmp_dir"),
        "upload_error_cant_write": Verdict(
            Kind.NEVER, "PHP cannot write the upload", "check the room in PHP's upload_tmp_dir"
        ),
        "fileoversized": Verdict(
            Kind.NEVER,
            _SIZE,
            "raise maxbytes (Site administration > Security > Site security settings: maximum uploaded file size), or "
            "give the service account's role moodle/course:ignorefilesizelimits",
        ),
        "userquotalimit": Verdict(
            Kind.NEVER,
            "the service account's quota for private files is used up",
            "raise userquota (Site security settings), or give its role moodle/user:ignoreuserquota",
        ),
        "filenameexist": Verdict(Kind.NEVER, "a file of this name is in the draft area already", _AGAIN),
        "E_ACCESS_DENIED": Verdict(Kind.TOKEN, "the token does not belong to this job", _AGAIN),
        "E_JOB_NOT_FOUND": _UNKNOWN_JOB,
        "E_TASK_NOT_FOUND": _UNKNOWN_JOB,
        "E_UPDATE_FAILED": Verdict(
            Kind.NEVER, "it could not write the job's state, most likely because the job was deleted there", _AGAIN
        ),
        "E_JOB_ALREADY_COMPLETED": _DONE,
        "E_ALREADY_COMPLETED": _DONE,
        "E_NO_ARTIFACT_UPLOAD_EXPECTED": _DONE,
        "E_NO_UPLOAD_EXPECTED": _DONE,
        "E_INVALID_STATUSEXTRAS_JSON": _VERSIONS,
        "E_INVALID_STATUS": _VERSIONS,
        "E_INVALID_PROGRESS": _VERSIONS,
        "E_INVALID_PARAM": _VERSIONS,
        "E_BACKUP_FAILED": Verdict(
            Kind.NEVER, "the backup failed", "read its log under Course reuse > Backup, or archive without backups"
        ),
        "E_BACKUP_NOT_FOUND": Verdict(Kind.NEVER, "it does not know this backup", _AGAIN),
        "E_UPLOADED_ARTIFACT_NOT_FOUND": _LOST,
        "E_FILE_NOT_FOUND": _LOST,
        "E_ARTIFACT_CHECKSUM_INVALID": _DAMAGED,
        "E_CHECKSUM_MISMATCH": _DAMAGED,
        "E_CHUNK_REASSEMBLY_FAILED": _NOT_STORED,
        "E_STORE_ARTIFACT_FAILED": _NOT_STORED,
        "E_STORING_FAILED": _NOT_STORED,
        "E_TSP_TIMESTAMP_FAILED": Verdict(
            Kind.NEVER, "its own time-stamping failed", "correct tsp_server_url in the plugin's settings"
        ),
        "E_ATTEMPT_NOT_FOUND": _GONE_ITEM,
        "E_SUBMISSION_NOT_FOUND": _GONE_ITEM,
        "E_COURSE_NOT_FOUND": _GONE_ACTIVITY,
        "E_CM_NOT_FOUND": _GONE_ACTIVITY,
        "E_QUIZ_NOT_FOUND": _GONE_ACTIVITY,
        "E_ASSIGNMENT_NOT_FOUND": _GONE_ACTIVITY,
        "E_INVALID_FOLDERNAME_PATTERN": _PATTERN,
        "E_INVALID_FILENAME_PATTERN": _PATTERN,
    }
)

UPLOAD_TOO_LARGE_FOR_POST: Final = Verdict(
    Kind.NEVER,
    f"nothing of the upload arrived, most likely because {_SIZE}",
    "raise post_max_size (and upload_max_filesize) in PHP's settings (php.ini), and check that file_uploads is on",
)
"""What ``missingparam`` and an empty list mean after an upload: PHP throws a too large body away as a whole."""

UPLOAD_TOO_LARGE_FOR_SERVER: Final = Verdict(
    Kind.NEVER,
    "the web server in front of it refuses a body of this size (HTTP 413)",
    "raise client_max_body_size (nginx) or LimitRequestBody (Apache)",
)
UNKNOWN: Final = Verdict(Kind.NEVER, "of an error that the worker does not know", "look at Moodle's error log")
