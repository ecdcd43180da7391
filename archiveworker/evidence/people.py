"""Finds what an archive holds of one person, by the table of attempts (a request under data-protection law).

``path`` says how the paths of an attempt's files begin (docs/reference/archive.md). The person is told by user id,
user name or matriculation number, whole and exactly: a beginning of a number is another student's.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archiveworker.domain.errors import NotFoundError, RequestError, VerificationError

COLUMNS = ("userid", "username", "idnumber")


@dataclass(frozen=True, slots=True)
class Belongings:
    """What belongs to a person.

    Attributes:
        rows: paths of her rows, as ``leaves`` calls them.
        beginnings: how the paths of her files begin.
    """

    rows: tuple[str, ...]
    beginnings: tuple[str, ...]

    def holds(self, name: str) -> bool:
        """Tell whether a file is hers."""
        return name.startswith(self.beginnings)


def belongings_of(person: str, tables: Mapping[str, bytes]) -> Belongings:
    """Find a person.

    Args:
        person: an id, or ``column=id`` to say which of the three it is.
        tables: contents of the tables of attempts, by name.

    Raises:
        NotFoundError: nobody has this id.
        RequestError: more than one person has it, or there is no such column.
        VerificationError: a table cannot be read.
    """
    column, is_named, wanted = person.partition("=")
    columns: tuple[str, ...] = (column,) if is_named else COLUMNS
    if columns[0] not in COLUMNS or not (wanted if is_named else person):
        raise RequestError(f"--person is an id, or one of {', '.join(COLUMNS)} with = and an id; got {person!r}")
    wanted = wanted if is_named else person
    found = [(name, row) for name, data in tables.items() for row in _rows(name, data) if wanted in _ids(row, columns)]
    people = {(row.get("userid", ""), row.get("username", "")) for _, row in found}
    if not people:
        raise NotFoundError(f"nobody in the archive has {wanted!r} as {' or '.join(columns)}")
    if len(people) > 1:
        ways = (f"--person {c}={wanted}" for c in columns if any(row.get(c) == wanted for _, row in found))
        raise RequestError(f"{wanted!r} is more than one person's; say which: {' or '.join(ways)}")
    return Belongings(
        tuple(f"{name}/{next(iter(row.values()))}.csv" for name, row in found),
        tuple(beginning for _, row in found for beginning in _beginnings(row.get("path", ""))),
    )


def _ids(row: Mapping[str, str], columns: Iterable[str]) -> set[str]:
    return {row.get(column, "") for column in columns} - {""}


def _rows(name: str, data: bytes) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True, restval=""))
    except (UnicodeDecodeError, csv.Error) as exc:
        raise VerificationError(f"{name} is not a table: {exc}") from exc


def _beginnings(path: str) -> tuple[str, ...]:
    """A path is from the root, from ``attempts/``, or from above a bag's folder; ``3`` must not take ``33`` along."""
    bare = path.lstrip("/")
    if not bare.rstrip("/"):
        return ()
    whole = bare if bare.endswith(("/", ".")) else f"{bare}/"
    above, _, below = whole.partition("/")
    in_bag = (below,) if below.startswith("data/") and above else ()
    return (whole, f"attempts/{whole}", f"data/{whole}", *in_bag)
