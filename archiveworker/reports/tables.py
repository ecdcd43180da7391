r"""CSV tables (RFC 4180 with ``\n``): UTF-8, comma, every field on one line.

Moodle's plugin reads ``attempts_metadata.csv`` line by line (quiz_archiver, classes/FileManager.php), so a line break
inside a field would break it: they become spaces. Values that a spreadsheet would take for a formula are left as they
are, because the tables are evidence.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence


def render_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return the table; columns that a row lacks are empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_one_line(row.get(column, "")) for column in columns])
    return buffer.getvalue().encode("utf-8")


def _one_line(text: str) -> str:
    return " ".join(text.splitlines()) if any(c in text for c in "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029") else text
