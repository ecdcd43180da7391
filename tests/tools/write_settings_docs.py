"""Writes config.env.example and docs/reference/settings.md from the Settings class; a test compares them.

usage: python tests/tools/write_settings_docs.py
"""

from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from archiveworker.runtime.settings_aliases import ALIASES, IGNORED
from archiveworker.settings import Settings, variable

ROOT = Path(__file__).parents[2]


def example() -> str:
    """Return the example file."""
    parts = [
        "# Settings of archiveworker. Copy to config.env and remove the # of what you change; defaults are shown.",
        "# Every name may end in _FILE instead, and then names a file that holds the value (for secrets).",
    ]
    parts += [f"# {_documentation(i)}\n#{variable(i.name)}={_shown_default(i)}" for i in fields(Settings)]
    return "\n\n".join(parts) + "\n"


def reference() -> str:
    """Return the reference page."""
    lines = [
        "# Settings",
        "",
        "Environment variables, read once at start. Every name may end in `_FILE` instead and then names a file that",
        "holds the value. An unknown name that begins with `ARCHIVEWORKER_` is an error. This page is written by",
        "`tests/tools/write_settings_docs.py` from the `Settings` class.",
        "",
        "| Variable | Default | Meaning |",
        "|---|---|---|",
    ]
    for item in fields(Settings):
        default = f"`{_shown_default(item)}`" if _shown_default(item) else ""
        lines.append(f"| `{variable(item.name)}` | {default} | {_documentation(item)} |")
    lines += [
        "",
        "## Names of the existing worker",
        "",
        "Read with the prefixes `QUIZ_ARCHIVER_` and `MOODLE_ARCHIVER_`, with a warning that names the new one.",
        "",
        "| Old name | Read as |",
        "|---|---|",
    ]
    lines += [f"| `{old}` | `{variable(new)}` |" for old, (new, _) in sorted(ALIASES.items())]
    lines += [f"| `{old}` | nothing: {why} |" for old, why in sorted(IGNORED.items())]
    return "\n".join(lines) + "\n"


def _documentation(item: "Field[Any]") -> str:
    """Return the sentence about a field."""
    return str(item.metadata["doc"])


def _shown_default(item: "Field[Any]") -> str:
    """Return a field's default as it would be written into an environment file."""
    value = item.default
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    (ROOT / "config.env.example").write_text(example(), encoding="utf-8")
    (ROOT / "docs/reference/settings.md").write_text(reference(), encoding="utf-8")
