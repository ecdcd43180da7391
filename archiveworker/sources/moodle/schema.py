"""What the requests of all Moodle plugins have in common beyond ``sources.schema``; ``request`` reads it."""

import re
from typing import Final

from archiveworker.domain.json_schema import Schema
from archiveworker.sources import schema
from archiveworker.sources.moodle.request import TOKEN_PATTERN
from archiveworker.sources.moodle.site import FILE_PATH, UPLOAD_PATH, WS_PATH

TOKEN: Final[Schema] = {
    "type": "string",
    "pattern": f"^{TOKEN_PATTERN}$",
    "description": "Token of Moodle's web service.",
}
BASE_URL: Final[Schema] = schema.address("Moodle's own address.")
WS_URL: Final[Schema] = schema.address("Moodle's REST server, on the same host.", WS_PATH)
UPLOAD_URL: Final[Schema] = schema.address("Moodle's upload script, on the same host.", UPLOAD_PATH)
FILE_URL: Final[Schema] = {
    **schema.text("Where Moodle serves the file."),
    "format": "uri",
    "pattern": rf"^https?://[^/?#\s\\]+(/[^?#\s]*)?{re.escape(FILE_PATH)}",
}
