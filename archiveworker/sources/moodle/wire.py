"""How Moodle's web services write parameters and answers. Pure: no network, no clock.

Sources: Moodle's ``webservice/rest/locallib.php`` (answers), ``webservice/upload.php``, ``webservice/pluginfile.php``.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Param = str | int | bool | Sequence["Param"] | Mapping[str, "Param"]
Params = Mapping[str, Param]
Json = dict[str, object]

_DECODER: Final = json.JSONDecoder()
_HTML_LANG: Final = re.compile(r"(?is)<html\b[^>]*?\blang\s*=\s*[\"']?([a-z]{2,8}(?:[-_][a-z0-9]{1,8})*)")
_HEAD_CHARS: Final = 4096


class NotJsonError(ValueError):
    """An answer does not begin with a complete JSON value. Never leaves this room."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that means "no".

    Attributes:
        code: Moodle's ``errorcode``, or the class of its exception when there is no code.
        message: what Moodle says about it in its own language; may be empty.
    """

    code: str
    message: str


def flatten(params: Params) -> list[tuple[str, str]]:
    """Write nested parameters as PHP reads them: ``sections[header]=1``, ``attemptids[0]=33``; booleans are 0 and 1."""
    return [pair for key, value in params.items() for pair in _pairs(key, value)]


def _pairs(name: str, value: Param) -> Iterator[tuple[str, str]]:
    match value:
        case bool():
            yield name, "1" if value else "0"
        case str() | int():
            yield name, str(value)
        case Mapping():
            for key, inner in value.items():
                yield from _pairs(f"{name}[{key}]", inner)
        case _:
            for index, inner in enumerate(value):
                yield from _pairs(f"{name}[{index}]", inner)


def first_json(text: str) -> object:
    """Return the first JSON value of ``text``, whatever follows it.

    Functions that render a page let Moodle append ``</body></html>`` to their JSON.

    Raises:
        NotJsonError: the text does not begin with a complete JSON value.
    """
    try:
        value, _ = _DECODER.raw_decode(text.lstrip("\ufeff \t\r\n"))
    except (ValueError, RecursionError) as exc:
        reason = str(exc)
    else:
        return value
    # Not from within the handler: json's own error carries the whole text along.
    raise NotJsonError(reason)


def refusal_in(answer: object) -> Refusal | None:
    """Return what an answer refuses, or None when it is none.

    With debugging off there is no ``debuginfo``: ``errorcode`` or ``exception`` alone means an error. ``debuginfo`` is
    only taken for wrong parameters, where Moodle says nothing else.
    """
    if not isinstance(answer, dict):
        return None
    code = answer.get("errorcode") or answer.get("exception") or answer.get("errortype")
    if not code:
        return None
    message = answer.get("message") or answer.get("error") or ""
    if code == "invalidparameter" and answer.get("debuginfo"):
        message = f"{message} ({answer['debuginfo']})"
    return Refusal(str(code), str(message))


def language_of(html: str) -> str | None:
    """Return the BCP 47 tag of ``<html lang=...>``, or None."""
    match = _HTML_LANG.search(html, 0, _HEAD_CHARS)
    return match.group(1).replace("_", "-") if match else None


def text_of(value: object) -> str:
    """Return a column of Moodle's metadata as text for a table."""
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case _:
            return str(value)
