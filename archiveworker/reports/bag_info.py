"""``bag-info.txt``: who, what, when, from where, in the form of RFC 8493, 2.2.2 (label, colon, value).

Only what the data says: the same job twice must give the same bytes. Job id and time of archiving are in
``evidence/job.txt``.
"""

from collections.abc import Iterable
from typing import Final

_WIDTH: Final = 76


def render_bag_info(fields: Iterable[tuple[str, str]]) -> bytes:
    """Return the file; long values are folded, line breaks in values become spaces, empty values are left out."""
    lines = [line for label, value in fields if value for line in _folded(label, " ".join(value.split()))]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _folded(label: str, value: str) -> list[str]:
    lines = []
    current = f"{label}:"
    for word in value.split(" "):
        if len(current) + 1 + len(word) > _WIDTH and current.strip() and not current.endswith(":"):
            lines.append(current)
            current = f"  {word}"
        else:
            current = f"{current} {word}"
    return [*lines, current]
