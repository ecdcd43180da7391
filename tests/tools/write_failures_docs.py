"""Writes the table of Moodle's codes into docs/howto/my-archive-failed.md from the connector; a test compares them.

usage: python tests/tools/write_failures_docs.py
"""

from itertools import groupby
from pathlib import Path

from archiveworker.sources.moodle.verdicts import (
    UPLOAD_TOO_LARGE_FOR_POST,
    UPLOAD_TOO_LARGE_FOR_SERVER,
    VERDICTS,
    Kind,
    Verdict,
)

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "my-archive-failed.md"
_BEGIN, _END = "<!-- moodle's codes -->\n", "<!-- end -->"
_PASSES = {Kind.LATER: "is tried again"}


def _table() -> str:
    rows = [(f"`{code}`", verdict) for code, verdict in VERDICTS.items()]
    rows += [("`missingparam` after an upload", UPLOAD_TOO_LARGE_FOR_POST), ("HTTP 413", UPLOAD_TOO_LARGE_FOR_SERVER)]
    lines = ["| Moodle's code | why | what to do |", "|---|---|---|"]
    for verdict, group in groupby(rows, key=lambda row: row[1]):
        lines.append(f"| {', '.join(name for name, _ in group)} | {verdict.meaning} | {_advice(verdict)} |")
    return "\n".join(lines) + "\n"


def _advice(verdict: Verdict) -> str:
    tried = _PASSES.get(verdict.kind)
    return f"{verdict.advice} ({tried})" if tried else verdict.advice


def page(text: str) -> str:
    """Return the page's text with the table in its place."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{_table()}\n{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
