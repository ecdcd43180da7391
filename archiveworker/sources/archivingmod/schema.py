"""The requests of the family as JSON Schema; ``inbound`` reads them."""

from typing import Any, Final

from archiveworker.domain.json_schema import Schema, opened
from archiveworker.sources import schema
from archiveworker.sources.archivingmod.flavour import Flavour
from archiveworker.sources.archivingmod.inbound import API, TOKEN
from archiveworker.sources.moodle import schema as moodle
from archiveworker.sources.moodle.config import MoodleConfig

_BASE: Final = "https://moodle.example.org"


def request_schema(flavour: Flavour, config: MoodleConfig) -> Schema:
    """Return the schema of a plugin's request."""
    api = opened(
        {
            TOKEN: moodle.TOKEN,
            "base_url": moodle.BASE_URL,
            "webservice_url": moodle.WS_URL,
            "upload_url": moodle.UPLOAD_URL,
            "max_upload_bytes": schema.integer("Of one upload; larger archives are sent in parts.", -1),
        },
        required=(TOKEN, "base_url", "webservice_url", "upload_url"),
        about="The Moodle.",
    )
    known = {
        "api_version": schema.version(1),
        "taskid": schema.integer("Moodle's number of the archiving task."),
        API: api,
        "job": _job(flavour, config),
        **schema.PACKAGING,
    }
    request = opened(known, ("api_version", "taskid", API, "job"), f"Request of {flavour.name}.")
    return {**request, "examples": [_example(flavour)]}


def _job(flavour: Flavour, config: MoodleConfig) -> Schema:
    known = {
        flavour.ids_key: schema.ids(f"What is to be archived: {flavour.kind.folder}.", config.max_items),
        "report_sections": schema.flags("Sections of the report, under Moodle's names."),
        "paper_format": schema.PAPER,
        "archive_filename": schema.archive_name("File name of the archive, without extension."),
        "keep_html_files": schema.flag("Each page also as HTML."),
        "foldername_pattern": schema.text("For Moodle."),
        "filename_pattern": schema.text("For Moodle."),
        "image_optimize": schema.image_limit(),
        "fetch_metadata": schema.flag("With the table of the items; the default."),
        "fetch_attachments": schema.flag("With attached files."),
        "attachments": schema.flags("Which kinds of attached files are taken."),
        "attachment_types": schema.flags("The same, as other releases call it."),
        "archive_flatten": schema.flag("All files of the items in one folder."),
        "archive_filehashes": schema.flag("A `.sha256` beside every file; the default."),
    }
    required = (flavour.ids_key, "report_sections", "paper_format", "archive_filename", "keep_html_files")
    return opened(known, required, "What is to be archived, and how.")


def _example(flavour: Flavour) -> dict[str, Any]:
    return {
        "api_version": 1,
        "taskid": 17,
        API: {
            TOKEN: "0123456789abcdef0123456789abcdef",
            "base_url": _BASE,
            "webservice_url": f"{_BASE}/webservice/rest/server.php",
            "upload_url": f"{_BASE}/webservice/upload.php",
        },
        "job": {
            flavour.ids_key: [32],
            "report_sections": {"header": True, "question": True},
            "paper_format": "A4",
            "archive_filename": "exam",
            "keep_html_files": True,
            "foldername_pattern": "${username}",
            "filename_pattern": flavour.default_pattern,
            "image_optimize": False,
            "fetch_metadata": True,
        },
    }
