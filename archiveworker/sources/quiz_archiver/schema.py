"""The request of each version of the plugin as JSON Schema; ``inbound`` reads it."""

from typing import Any, Final

from archiveworker.domain.json_schema import Schema, opened
from archiveworker.sources import schema
from archiveworker.sources.moodle import schema as moodle
from archiveworker.sources.moodle.config import MoodleConfig
from archiveworker.sources.quiz_archiver.inbound import ATTEMPTS, BACKUPS, TOKEN
from archiveworker.sources.quiz_archiver.versions import API_VERSIONS, ApiVersion

_BASE: Final = "https://moodle.example.org"
_NEWER: Final = {
    "flatten_archive": schema.flag("All files of the attempts in one folder."),
    "include_filehashes": schema.flag("A `.sha256` beside every file; the default."),
}


def request_schemas(config: MoodleConfig) -> dict[str, Schema]:
    """Return the schema of each version's request, by name."""
    return {f"QuizArchiverV{version.number}": _request(version, config) for version in API_VERSIONS.values()}


def _request(version: ApiVersion, config: MoodleConfig) -> Schema:
    known = {
        "api_version": schema.version(version.number),
        "moodle_base_url": moodle.BASE_URL,
        "moodle_ws_url": moodle.WS_URL,
        "moodle_upload_url": moodle.UPLOAD_URL,
        TOKEN: moodle.TOKEN,
        "courseid": schema.integer("Of the course."),
        "cmid": schema.integer("Of the course module."),
        "quizid": schema.integer("Of the quiz."),
        "archive_filename": schema.archive_name("File name of the archive, without extension."),
        "moodle_max_upload_bytes": schema.integer("Of one upload; larger archives are sent in parts.", -1),
        ATTEMPTS: _task(version, config),
        BACKUPS: _backups(config),
        **_NEWER,
        **schema.PACKAGING,
    }
    always = {"api_version", "moodle_ws_url", "moodle_upload_url", TOKEN, "courseid", "cmid", "quizid"}
    request = opened(known, always | version.top_keys, f"Request of quiz_archiver {version.releases}.")
    # At least one of the two has to hold something.
    attempts = {"required": [ATTEMPTS], "properties": {ATTEMPTS: {"type": "object"}}}
    backups = {"required": [BACKUPS], "properties": {BACKUPS: {"type": "array", "minItems": 1}}}
    return {**request, "anyOf": [attempts, backups], "examples": [_example(version)]}


def _task(version: ApiVersion, config: MoodleConfig) -> Schema:
    known = {
        "attemptids": schema.ids("Attempts of the quiz.", config.max_items),
        "fetch_metadata": schema.flag("With the table of the attempts."),
        "sections": schema.flags("Sections of the report, under Moodle's names."),
        "paper_format": schema.PAPER,
        "keep_html_files": schema.flag("Each page also as HTML."),
        "foldername_pattern": schema.text("For Moodle."),
        "filename_pattern": schema.text("For Moodle."),
        "image_optimize": schema.image_limit(),
        **_NEWER,
    }
    return opened(known, version.task_keys | {"attemptids"}, "Which attempts, and how.")


def _backups(config: MoodleConfig) -> Schema:
    entry = opened(
        {
            "backupid": schema.text("How Moodle calls the backup.", 128),
            "filename": schema.archive_name("Its file name; different from those of the other backups."),
            "file_download_url": moodle.FILE_URL,
        },
        required=("backupid", "filename", "file_download_url"),
    )
    return {
        "type": "array",
        "description": "Backups that Moodle is making.",
        "maxItems": config.max_backups,
        "items": entry,
    }


def _example(version: ApiVersion) -> dict[str, Any]:
    """Return a request with what the version has to send, and nothing else."""
    top = {
        "api_version": version.number,
        "moodle_base_url": _BASE,
        "moodle_ws_url": f"{_BASE}/webservice/rest/server.php",
        "moodle_upload_url": f"{_BASE}/webservice/upload.php",
        TOKEN: "0123456789abcdef0123456789abcdef",
        "courseid": 2,
        "cmid": 2,
        "quizid": 2,
        "archive_filename": "exam",
    }
    task = {
        "attemptids": [32, 33, 34],
        "fetch_metadata": True,
        "sections": {"header": "1", "question": "1"},
        "paper_format": "A4",
        "keep_html_files": True,
        "foldername_pattern": "${username}/${attemptid}",
        "filename_pattern": "attempt-${attemptid}-${username}",
        "image_optimize": False,
    }
    newer = {"moodle_base_url", "archive_filename"} - version.top_keys
    sent = {key: value for key, value in top.items() if key not in newer}
    sent[ATTEMPTS] = {key: task[key] for key in task if key == "attemptids" or key in version.task_keys}
    return {**sent, BACKUPS: None}
