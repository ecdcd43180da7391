"""The checks of ``verify`` that hold the archive's own tables against its tree: contradictions, whoever made them.

A manifest that was stamped says that nothing changed since; it does not say that what was packed made sense. Moodle's
export of one student's data takes the files whose path begins with her row's ``path`` (contract quiz_archiver, 4), so
two rows that claim one file would hand one student's work to another, and a file without a row is nobody's.
"""

import csv
import io
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archiveworker.evidence import layout
from archiveworker.evidence.reading import Findings, Scan
from archiveworker.evidence.verify_checks import sidecar_names

_TABLE = re.compile(r"(?P<base>(?:(?:[^/]+/)?data/)?)(?P<kind>attempt|submission|item)s_metadata\.csv\Z")
_BAG_INFO = re.compile(r"(?:[^/]+/)?bag-info\.txt\Z")
_ERRORS = re.compile(r"(?:(?:[^/]+/)?data/)?errors\.csv\Z")
_FLAT = re.compile(r"(?:(?:attempt|submission)_[0-9]+|backup)\.")
_PATH_COLUMN = 9
_MAX_LINE_CHARS = 1024**2


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of items.

    Attributes:
        name: of its file.
        base: folder of the archive's contents, with a slash at its end; empty in the plugin's layout.
        kind: ``attempt``, ``submission`` or ``item``.
        rows: number in the file, item's id and path of each row.
    """

    name: str
    base: str
    kind: str
    rows: tuple[tuple[int, str, str], ...]


def is_kept(name: str) -> bool:
    """Tell whether the checks here need the contents of the file ``name``."""
    return bool(_TABLE.match(name) or _BAG_INFO.match(name) or _ERRORS.match(name))


def check_metadata(scan: Scan, findings: Findings) -> None:
    """The tables of attempts, if there are any, are as the plugin reads them, and agree with the tree."""
    for name, raw in list(scan.kept.items()):
        if (match := _TABLE.match(name)) and _is_comparable("metadata", name, findings):
            table = _read_table(name, match["base"], match["kind"], raw, findings)
            if table is not None:
                _check_rows(table, scan, findings)


def _is_comparable(step: str, name: str, findings: Findings) -> bool:
    """Tell whether table and tree are what was packed: else what disagrees is named already."""
    if findings.held("files"):
        return True
    findings.unknown(step, "not held against the tree, which does not agree with the manifest", name)
    return False


def _read_table(name: str, base: str, kind: str, raw: bytes, findings: Findings) -> _Table | None:
    rows = []
    width = 0
    try:
        for number, row in enumerate(_rows(raw)):
            if number == 0:
                width = len(row)
                if row[:1] != [f"{kind}id"] or row[_PATH_COLUMN : _PATH_COLUMN + 1] != ["path"]:
                    findings.bad("metadata", f"its first column must be {kind}id and its tenth path", name)
                    return None
            elif len(row) != width:
                findings.bad("metadata", f"row {number} has {len(row)} columns, expected {width}", name)
            else:
                rows.append((number, row[0], row[_PATH_COLUMN]))
    except (UnicodeDecodeError, csv.Error) as exc:
        findings.bad("metadata", f"it is not a table ({exc})", name)
        return None
    if not width:
        findings.bad("metadata", f"its first column must be {kind}id and its tenth path", name)
        return None
    return _Table(name, base, kind, tuple(rows))


def _rows(raw: bytes) -> Iterator[list[str]]:
    """Yield the rows of a table that has one row a line, as Moodle's plugin reads it."""
    reader = csv.reader(_lines(raw), strict=True)
    for number, row in enumerate(reader, start=1):
        if reader.line_num != number:
            raise csv.Error(f"a row goes over several lines, up to line {reader.line_num}")
        yield row


def _lines(raw: bytes) -> Iterator[str]:
    with io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8", newline="\n") as stream:
        while line := stream.readline(_MAX_LINE_CHARS + 1):
            if len(line) > _MAX_LINE_CHARS:
                raise csv.Error(f"a line has more than {_MAX_LINE_CHARS} characters")
            yield line


def _check_rows(table: _Table, scan: Scan, findings: Findings) -> None:
    names = sorted(scan.digests)
    seen: set[str] = set()
    claims: list[tuple[int, int, str]] = []
    for number, item, path in table.rows:
        if not item or item in seen:
            findings.bad("metadata", f"row {number} has no {table.kind}id of its own ({item!r})", table.name)
        seen.add(item)
        claim = _claim(path, table, names)
        if claim is None:
            note = findings.bad if scan.complete else findings.unknown
            note("metadata", f"the folder of {table.kind} {item!r} is not in the archive", table.name)
        else:
            claims.append((*claim, item))
    _check_claims(table, names, claims, findings)
    if findings.held("metadata"):
        findings.good("metadata", f"{len(table.rows)} {table.kind}s, each with files of its own", table.name)


def _claim(path: str, table: _Table, names: Sequence[str]) -> tuple[int, int] | None:
    """Return which of the sorted ``names`` begin with a row's ``path``, as a range; None when none does.

    A path leads from the root of the contents, or from ``attempts/`` (``submissions/``). It ends with a slash, or in
    an archive without folders with a dot; without either it is a folder all the same, and what begins like it is
    claimed too, because that is how Moodle compares. An empty one would be everybody's.
    """
    bare = path.removeprefix("/")
    if not bare.strip("/"):
        return None
    for start in (f"{table.base}{bare}", f"{table.base}{table.kind}s/{bare}"):
        first, end = bisect_left(names, start), bisect_left(names, f"{start}\U0010ffff")
        if first == end:
            continue
        folder = start if start.endswith("/") else f"{start}/"
        at = bisect_left(names, folder)
        if start.endswith(".") or (at < len(names) and names[at].startswith(folder)):
            return first, end
    return None


def _check_claims(table: _Table, names: Sequence[str], claims: list[tuple[int, int, str]], findings: Findings) -> None:
    """Every item's file belongs to exactly one row."""
    claims.sort(key=lambda claim: (claim[0], -claim[1]))
    owner, reached = "", 0
    folders = (f"{table.base}{table.kind}s/", f"{table.base}{table.kind}_")
    for first, end, item in [*claims, (len(names), len(names), "")]:
        if first < reached:
            message = f"the files of {table.kind} {item!r} are also those of {table.kind} {owner!r}"
            findings.bad("metadata", message, table.name)
        for at in range(reached, first):
            if names[at].startswith(folders) and not _is_table(names[at]):
                findings.bad("metadata", f"no row of {table.name} has it", names[at])
        if end > reached:
            owner, reached = item, end


def _is_table(name: str) -> bool:
    return bool(_TABLE.match(name.removesuffix(".sha256")))


def check_counts(scan: Scan, findings: Findings) -> None:
    """The numbers in ``bag-info.txt`` are those of the archive."""
    found = [name for name in scan.kept if _BAG_INFO.match(name)]
    if len(found) != 1 or not scan.complete:
        return
    (name,) = found
    if not _is_comparable("counts", name, findings):
        return
    try:
        fields = _fields(scan.kept[name])
    except ValueError as exc:
        findings.bad("counts", str(exc), name)
        return
    actual = {label: count for label, count in _counted(scan).items() if label in fields and count is not None}
    for label, count in actual.items():
        if fields[label] != str(count):
            findings.bad("counts", f"it says {label}: {fields[label]}, the archive has {count}", name)
    if findings.held("counts"):
        message = f"{len(actual)} numbers agree with the archive" if actual else "it holds no numbers to compare"
        findings.good("counts", message, name)


def _fields(raw: bytes) -> dict[str, str]:
    """Read RFC 8493, 2.2.2: label, colon, value; a line that begins with white space goes on with the last value."""
    fields: dict[str, str] = {}
    label = ""
    for line in raw.decode().splitlines():
        if line[:1] in (" ", "\t") and label:
            fields[label] += f" {line.strip()}"
            continue
        label, colon, value = line.partition(":")
        if not colon or not label.strip():
            raise ValueError("a line of it is not 'label: value'")
        fields.setdefault(label, value.strip())
    return fields


def _counted(scan: Scan) -> dict[str, int | None]:
    """Return what ``bag-info.txt`` counts; None for what cannot be told."""
    payload = _payload(scan)
    tables = [match for match in map(_TABLE.match, scan.kept) if match]
    errors = [name for name in scan.kept if _ERRORS.match(name)]
    return {
        "Item-Count": _row_count(scan.kept[tables[0][0]]) if len(tables) == 1 else None,
        "Failed-Item-Count": _row_count(scan.kept[errors[0]]) if errors else 0,
        "Backup-Count": sum(_is_backup(name) for name in payload),
        "File-Count": len(payload),
        "Size-Bytes": sum(scan.sizes_bytes[name] for name in payload),
    }


def _payload(scan: Scan) -> list[str]:
    """Return the names of what was archived, without what the worker wrote about it: that stands at the top."""
    beside = frozenset(sidecar_names(scan))
    if not any("/" not in name for name in beside):
        beside = frozenset()  # it has no sidecars; see ``check_sidecars``
    return [
        name
        for name in scan.digests
        if layout.is_content(name) and name not in beside and ("/" in name or _FLAT.match(name))
    ]


def _is_backup(name: str) -> bool:
    return name.startswith(("backups/", "backup."))


def _row_count(raw: bytes) -> int | None:
    try:
        return sum(1 for _ in _rows(raw)) - 1
    except (UnicodeDecodeError, csv.Error):
        return None
