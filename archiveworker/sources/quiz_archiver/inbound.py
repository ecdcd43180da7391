"""Reads a request of the plugin (``POST /archive``), whatever version it speaks. Nothing in it is trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from archiveworker.domain.document import PaperFormat, RenderOptions
from archiveworker.domain.errors import RequestError
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import ArchiveOptions, PlannedBackup
from archiveworker.domain.secret import Secret
from archiveworker.sources import checks
from archiveworker.sources.fields import Fields
from archiveworker.sources.moodle import request
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.moodle.site import WS_PATH, MoodleSite
from archiveworker.sources.quiz_archiver.versions import API_VERSIONS, ApiVersion

ATTEMPTS: Final = "task_archive_quiz_attempts"
BACKUPS: Final = "task_moodle_backups"
TOKEN: Final = "wstoken"  # noqa: S105 - the name of a field
_VERSIONS: Final = range(min(API_VERSIONS), max(API_VERSIONS) + 1)


@dataclass(frozen=True, slots=True)
class AttemptsTask:
    """Which attempts, and how.

    Attributes:
        attempt_ids: sorted.
        fetch_metadata: ask for the metadata table.
        sections: of the report, under the very names that came.
        foldername_pattern: from version 7 on.
        filename_pattern: from version 5 on.
        render: how the pages are rendered.
        flatten: all files of the attempts in one folder (release 5).
        file_hashes: a ``.sha256`` beside every file (release 5 may switch it off).
    """

    attempt_ids: tuple[int, ...]
    fetch_metadata: bool = False
    sections: Mapping[str, bool] = field(default_factory=dict)
    foldername_pattern: str | None = None
    filename_pattern: str | None = None
    render: RenderOptions = field(default_factory=RenderOptions)
    flatten: bool = False
    file_hashes: bool = True


@dataclass(frozen=True, slots=True)
class WantedBackup:
    """A backup that Moodle makes.

    Attributes:
        planned: id and place in the archive.
        url: where Moodle says it will be.
    """

    planned: PlannedBackup
    url: str


@dataclass(frozen=True, slots=True)
class QuizRequest:
    """A whole request, checked.

    Attributes:
        version: of the API.
        site: the Moodle.
        token: of its web service.
        course_id: Moodle's number.
        cm_id: of the course module.
        quiz_id: Moodle's number.
        attempts: None when only backups are wanted.
        backups: in the order of the request.
        max_upload_bytes: of one upload; None when the plugin does not say.
        options: the choices that have nothing to do with Moodle.
    """

    version: ApiVersion
    site: MoodleSite
    token: Secret
    course_id: int
    cm_id: int
    quiz_id: int
    attempts: AttemptsTask | None
    backups: tuple[WantedBackup, ...]
    max_upload_bytes: int | None
    options: ArchiveOptions


def read_request(body: Mapping[str, object], config: MoodleConfig) -> QuizRequest:
    """Check a request.

    Raises:
        RequestError: one sentence that names the first wrong field and what it must be.
    """
    fields = Fields(body)
    version = API_VERSIONS[checks.api_version(fields, _VERSIONS)]
    _require(fields, version.top_keys)
    token = request.token(fields, TOKEN)
    site = _site(fields, version)
    course_id, cm_id, quiz_id = (fields.integer(key) for key in ("courseid", "cmid", "quizid"))
    attempts = _attempts(fields, version, config)
    backups = _backups(fields, site, config)
    if attempts is None and not backups:
        raise RequestError(f"{ATTEMPTS} and {BACKUPS} are both empty; at least one of them must be given")
    name = f"quiz-archive-course{course_id}-cm{cm_id}-quiz{quiz_id}"
    if "archive_filename" in fields:
        name = checks.archive_name(fields, "archive_filename")
    return QuizRequest(
        version=version,
        site=site,
        token=token,
        course_id=course_id,
        cm_id=cm_id,
        quiz_id=quiz_id,
        attempts=attempts,
        backups=backups,
        max_upload_bytes=request.max_upload_bytes(fields, "moodle_max_upload_bytes"),
        options=checks.packaging(fields, _options(name, attempts)),
    )


def _options(archive_name: str, attempts: AttemptsTask | None) -> ArchiveOptions:
    if attempts is None:
        return ArchiveOptions(archive_name)
    return ArchiveOptions(
        archive_name, render=attempts.render, flatten=attempts.flatten, file_hashes=attempts.file_hashes
    )


def _require(fields: Fields, keys: frozenset[str]) -> None:
    for key in sorted(keys):
        if fields.raw(key) is None:
            raise fields.wrong(key, "must be given in this api_version")


def _site(fields: Fields, version: ApiVersion) -> MoodleSite:
    """Return the Moodle; before version 4 its base address only shows in that of the REST server."""
    if "moodle_base_url" in fields or "moodle_base_url" in version.top_keys:
        return request.site(fields, "moodle_base_url", "moodle_ws_url", "moodle_upload_url")
    base = fields.text("moodle_ws_url").removesuffix(WS_PATH)
    return request.site(fields.beside("moodle_base_url", base), "moodle_base_url", "moodle_ws_url", "moodle_upload_url")


def _attempts(fields: Fields, version: ApiVersion, config: MoodleConfig) -> AttemptsTask | None:
    if fields.raw(ATTEMPTS) is None:
        return None
    task = fields.inner(ATTEMPTS)
    _require(task, version.task_keys)
    ids = task.ids("attemptids", config.max_items)
    return AttemptsTask(
        attempt_ids=ids,
        fetch_metadata=task.flag("fetch_metadata", default=False),
        sections=MappingProxyType(task.flags("sections") if "sections" in task else {}),
        foldername_pattern=task.text("foldername_pattern") if "foldername_pattern" in task else None,
        filename_pattern=task.text("filename_pattern") if "filename_pattern" in task else None,
        render=RenderOptions(
            paper=checks.paper(task, "paper_format") if "paper_format" in task else PaperFormat.A4,
            keep_html=task.flag("keep_html_files", default=False),
            image_limit=checks.image_limit(task, "image_optimize"),
        ),
        flatten=_either(task, fields, "flatten_archive").flag("flatten_archive", default=False),
        file_hashes=_either(task, fields, "include_filehashes").flag("include_filehashes", default=True),
    )


def _either(task: Fields, fields: Fields, key: str) -> Fields:
    """Release 5 puts some keys into the task; the top level is understood as well."""
    return task if key in task else fields


def _backups(fields: Fields, site: MoodleSite, config: MoodleConfig) -> tuple[WantedBackup, ...]:
    wanted: list[WantedBackup] = []
    names: set[str] = set()
    for entry in fields.objects(BACKUPS, config.max_backups):
        name = checks.archive_name(entry, "filename")
        if name.casefold() in names:
            raise entry.wrong("filename", "must be different from the names of the other backups")
        names.add(name.casefold())
        planned = PlannedBackup(entry.text("backupid", max_chars=128), ArchivePath.sanitised("backups", name))
        wanted.append(
            WantedBackup(planned, request.file_url(entry, "file_download_url", site, config.public_base_urls))
        )
    if len({backup.planned.backup_id for backup in wanted}) != len(wanted):
        raise fields.wrong(BACKUPS, "must not hold the same backupid twice")
    return tuple(wanted)
