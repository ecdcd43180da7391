"""Commands that the documentation shows: each line of a code block that somebody would type, with what it prints."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
PROGRAMS = frozenset((
    "archiveworker", "bash", "cat", "cd", "chmod", "cp", "curl", "docker", "export", "find", "git", "helm", "install",
    "kubectl", "make", "mkdir", "openssl", "php", "pip", "printf", "python", "python3", "sed", "sha256sum",
    "sqlite3", "sudo",
))  # fmt: skip
"""First words of commands. A program that is not among them and is on the machine fails the extraction."""
_ASSIGNED = re.compile(r"^(?:[A-Z_]+=(?:\$\([^)]*\)|\S*) +)*[\s(]*")
_SETTING = re.compile(r"^[A-Z_]+=\S*$")


@dataclass(frozen=True, slots=True)
class Shown:
    """One command of a page.

    Attributes:
        page: below the project's root.
        command: as it stands there, on one line.
        prints: the lines below it, as far as the page shows any.
        settings: assignments in the blocks before it.
        document: the JSON document shown last before it, or "".
    """

    page: str
    command: str
    prints: tuple[str, ...]
    settings: tuple[str, ...]
    document: str


def shown_commands() -> Iterator[Shown]:
    """Yield every command of every page, in order."""
    for page in PAGES:
        settings: list[str] = []
        document = ""
        for token in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
            if token.type not in ("fence", "code_block"):
                continue
            lines = re.sub(r"\\\n\s*", "", token.content).splitlines()
            if all(_SETTING.match(line) for line in lines):
                settings += lines
            elif token.content.startswith("{"):
                document = token.content
            for command, prints in _of_block(lines):
                name = str(page.relative_to(ROOT))
                yield Shown(name, command, prints, tuple(settings), document)


def _of_block(lines: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the commands of a block: those behind a ``$``, or else each line that begins with a program."""
    typed = [at for at, line in enumerate(lines) if line.startswith("$ ")]
    for at, end in zip(typed, [*typed[1:], len(lines)], strict=False):
        yield _without_comment(lines[at][2:]), tuple(lines[at + 1 : end])
    if not typed:
        for line in lines:
            if _program(line) in PROGRAMS:
                yield _without_comment(line), ()
            else:
                _check_unknown(line)


def _program(line: str) -> str:
    return _ASSIGNED.sub("", line).split(" ")[0].rsplit("/", 1)[-1]


def _check_unknown(line: str) -> None:
    word = line.split(" ")[0]
    if re.match(r"[a-z][a-z0-9_-]+ (?!=)", line) and shutil.which(word):
        raise AssertionError(f"is this a command? Then add {word!r} to PROGRAMS: {line}")


def _without_comment(line: str) -> str:
    return re.sub(r"\s+# .*$", "", line)
