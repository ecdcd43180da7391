"""What each version of the plugin's API sends and takes: one table, taken from every released version of the plugin.

A parameter that a version does not know is refused by it, so exactly its own are sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """One version of the API.

    Attributes:
        number: as in ``api_version``.
        releases: of the plugin that speak it.
        top_keys: required in the request, beside those of version 1.
        task_keys: required in the attempts task, beside ``attemptids``.
        report_params: of generate_attempt_report, beside courseid, cmid, quizid and attemptid.
        has_metadata: get_attempts_metadata exists.
        metadata_has_job: it takes ``jobid``.
        status_extras: update_job_status takes ``statusextras``; "some" releases of version 6 do.
    """

    number: int
    releases: str
    top_keys: frozenset[str] = frozenset()
    task_keys: frozenset[str] = frozenset()
    report_params: frozenset[str] = frozenset()
    has_metadata: bool = True
    metadata_has_job: bool = False
    status_extras: bool = False


_TASK_2: Final = frozenset({"fetch_metadata", "sections"})
_TASK_3: Final = _TASK_2 | {"paper_format"}
_TASK_5: Final = _TASK_3 | {"keep_html_files", "filename_pattern"}
_TASK_6: Final = _TASK_5 | {"image_optimize"}
_TASK_7: Final = _TASK_6 | {"foldername_pattern"}
_TOP_4: Final = frozenset({"moodle_base_url"})
_TOP_5: Final = _TOP_4 | {"archive_filename"}
_REPORT_2: Final = frozenset({"sections"})
_REPORT_4: Final = _REPORT_2 | {"attachments"}
_REPORT_5: Final = _REPORT_4 | {"filenamepattern"}
_REPORT_7: Final = _REPORT_5 | {"foldernamepattern", "jobid"}

API_VERSIONS: Final[Mapping[int, ApiVersion]] = MappingProxyType(
    {
        version.number: version
        for version in (
            ApiVersion(1, "0.2", has_metadata=False),
            ApiVersion(2, "0.3.0 to 0.4.4", task_keys=_TASK_2, report_params=_REPORT_2),
            ApiVersion(3, "0.5.0 to 0.6.3", task_keys=_TASK_3, report_params=_REPORT_2),
            ApiVersion(4, "1.0", top_keys=_TOP_4, task_keys=_TASK_3, report_params=_REPORT_4),
            ApiVersion(5, "1.1.0 to 1.2.10", top_keys=_TOP_5, task_keys=_TASK_5, report_params=_REPORT_5),
            ApiVersion(
                6, "1.3.0 to 2.3.2", top_keys=_TOP_5, task_keys=_TASK_6, report_params=_REPORT_5, status_extras=True
            ),
            ApiVersion(
                7,
                "3.0.0 and later",
                top_keys=_TOP_5,
                task_keys=_TASK_7,
                report_params=_REPORT_7,
                metadata_has_job=True,
                status_extras=True,
            ),
        )
    }
)
"""Release 5 adds optional keys to version 7: moodle_max_upload_bytes, flatten_archive, include_filehashes."""
