"""How PHP and Moodle read parameters and write JSON and exceptions. No knowledge of any plugin.

Source: recorded answers of a Moodle 4.5 with debugging off, so an error never has a ``debuginfo``.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final
from xml.sax.saxutils import escape

_KEY: Final = re.compile(r"^([^\[]+)((?:\[[^\]]*\])*)$")
_INDEX: Final = re.compile(r"\[([^\]]*)\]")

INVALID_TOKEN: Final = ("core\\exception\\moodle_exception", "invalidtoken", "Invalid token - token not found")
INVALID_PARAMETER: Final = (
    "core\\exception\\invalid_parameter_exception",
    "invalidparameter",
    "Invalid parameter value detected",
)
ACCESS: Final = ("webservice_access_exception", "accessexception", "Access control exception")
UNKNOWN_FUNCTION: Final = (
    "dml_missing_record_exception",
    "invalidrecord",
    "Can't find data record in database table external_functions.",
)
MAINTENANCE: Final = (
    "core\\exception\\moodle_exception",
    "sitemaintenance",
    "The site is undergoing maintenance and is currently not available",
)


class PhpThrowError(Exception):
    """What Moodle's PHP would throw; it becomes the body of an answer and never leaves the demo.

    Args:
        what: class of the exception, Moodle's errorcode, message.
    """

    def __init__(self, what: tuple[str, str, str]) -> None:
        super().__init__(what[2])
        self.exception, self.errorcode, self.message = what

    def as_rest(self) -> dict[str, str]:
        """Return the body of ``webservice/rest/server.php``."""
        return {"exception": self.exception, "errorcode": self.errorcode, "message": self.message}


def file_error(message: str, errorcode: str) -> dict[str, Any]:
    """Return the body of an error of ``pluginfile.php`` and ``upload.php``."""
    return {"error": message, "errorcode": errorcode, "stacktrace": None, "debuginfo": None, "reproductionlink": None}


def to_json(value: Any) -> str:
    r"""Write JSON as PHP's ``json_encode`` does: slashes and everything beyond ASCII are escaped."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/")


def to_xml(value: Any) -> str:
    """Write Moodle's XML, which it answers when nobody asked for JSON."""
    if isinstance(value, dict) and "errorcode" in value:
        inner = f"<ERRORCODE>{escape(value['errorcode'])}</ERRORCODE>\n<MESSAGE>{escape(value['message'])}</MESSAGE>\n"
        body = f'<EXCEPTION class="{escape(value["exception"])}">\n{inner}</EXCEPTION>\n'
    else:
        body = f"<RESPONSE>\n{_xml(value)}</RESPONSE>\n"
    return f'<?xml version="1.0" encoding="UTF-8" ?>\n{body}'


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        keys = "".join(f'<KEY name="{escape(key)}">{_xml(item)}</KEY>\n' for key, item in value.items())
        return f"<SINGLE>\n{keys}</SINGLE>\n"
    if isinstance(value, list):
        return f"<MULTIPLE>\n{''.join(_xml(item) for item in value)}</MULTIPLE>\n"
    return f"<VALUE>{escape(str(value))}</VALUE>\n"


def parse_parameters(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Read ``a[b]=1&c[]=2&c[]=3`` as PHP does: arrays are dicts whose keys are text.

    Args:
        pairs: keys and values in the order in which they came.
    """
    out: dict[str, Any] = {}
    for key, value in pairs:
        match = _KEY.match(key)
        if match is None:
            continue
        path = [match[1], *_INDEX.findall(match[2])]
        node = out
        for here in path[:-1]:
            child = node.setdefault(here if here else str(len(node)), {})
            node = child if isinstance(child, dict) else {}
        node[path[-1] if path[-1] else str(len(node))] = value
    return out
