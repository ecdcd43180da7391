"""“My archive failed” knows every message of the error tree that an administrator can meet, and none that is not there.

Messages are read from the code: the first argument of every call of a class of the tree. A message is known when it
says itself what to do (behind a semicolon), when the page has an entry for it, or a rule for its code.
"""

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from archiveworker.domain import errors
from tests.tools import write_failures_docs

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "archiveworker"
PAGE = (ROOT / "docs" / "howto" / "my-archive-failed.md").read_text(encoding="utf-8")
BY_MESSAGE, _, _rest = PAGE.partition("## By kind")
BY_KIND = _rest.partition("## What Moodle says")[0]
NOT_MET = ("cli", "demo")  # those type the command themselves and see its whole output
GAP = "\N{HORIZONTAL ELLIPSIS}"
_MANY = 64


def _tree(kind: type[errors.ArchiveWorkerError]) -> Iterator[type[errors.ArchiveWorkerError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


CODES = {one.__name__: one.code for one in _tree(errors.ArchiveWorkerError) if one.__module__ == errors.__name__}


class _Strings:
    """What an expression can be, as far as its module says: texts with ``GAP`` where something is filled in."""

    def __init__(self, *scopes: ast.AST) -> None:
        self._assigned: dict[str, list[ast.expr]] = {}
        for node in (node for scope in scopes for node in ast.walk(scope)):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            if isinstance(node, ast.Assign | ast.AnnAssign) and value is not None:
                for target in targets:
                    if isinstance(target, ast.Name):
                        self._assigned.setdefault(target.id, []).append(value)

    def of(self, node: ast.expr, depth: int = 3) -> list[str]:
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.FormattedValue):
            return self.of(node.value, depth)
        if isinstance(node, ast.JoinedStr):
            return ["".join(parts) for parts in product(*(self.of(value, depth) for value in node.values))][:_MANY]
        if isinstance(node, ast.IfExp):
            return self.of(node.body, depth) + self.of(node.orelse, depth)
        if isinstance(node, ast.Name) and depth and node.id in self._assigned:
            return [text for value in self._assigned[node.id] for text in self.of(value, depth - 1)]
        return [GAP]


def _messages(file: Path) -> Iterator[tuple[str, str]]:
    """Yield code and message of each error that a module raises or returns."""
    module = ast.parse(file.read_text(encoding="utf-8"))
    constants = ast.Module([node for node in module.body if isinstance(node, ast.Assign | ast.AnnAssign)], [])
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        strings = _Strings(function, constants)
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                continue
            if node.func.id == "unreachable":  # makes the error of its second argument
                for message in strings.of(node.args[1]):
                    yield CODES["SourceUnavailableError"], f"{message}: {GAP}; check that {GAP} is up"
            for message in strings.of(node.args[0]) if node.func.id in CODES else ():
                yield CODES[node.func.id], message


MESSAGES = sorted(
    {
        (file.relative_to(PACKAGE).as_posix(), code, message)
        for file in PACKAGE.rglob("*.py")
        if file.relative_to(PACKAGE).parts[0] not in NOT_MET
        for code, message in _messages(file)
        if message != GAP  # another message, passed on
    }
)


def _first_columns(text: str) -> list[str]:
    """Return what stands in backticks in the first columns of the tables of a text."""
    return [code for row in re.findall(r"^\| (`.*?) \|", text, re.M) for code in re.findall(r"`([^`]+)`", row)]


def _pattern(entry: str) -> re.Pattern[str]:
    """Return what finds an entry in a message: anywhere after ``...``, else at its beginning or behind a colon."""
    place = "" if entry.startswith("...") else f"(?:^|: |{GAP} ?)"
    return re.compile(place + ".*".join(map(re.escape, entry.split("..."))), re.S)


ENTRIES = [(entry, _pattern(entry)) for entry in _first_columns(BY_MESSAGE)]
RULES = set(_first_columns(BY_KIND))


def test_the_code_has_messages_and_the_page_has_entries() -> None:
    assert len(MESSAGES) > 250
    assert len(ENTRIES) > 40
    assert not _is_known("source", "an error that nobody knows")


def _is_known(code: str, message: str) -> bool:
    says_what_to_do = re.search(r"; \S+ \S+", message) is not None
    return says_what_to_do or code in RULES or any(pattern.search(message) for _, pattern in ENTRIES)


def test_every_message_is_known() -> None:
    unknown = [(file, message) for file, code, message in MESSAGES if not _is_known(code, message)]
    assert unknown == [], "write into docs/howto/my-archive-failed.md what to do"


@pytest.mark.parametrize(("entry", "pattern"), ENTRIES, ids=[entry for entry, _ in ENTRIES])
def test_every_entry_is_a_message(entry: str, pattern: re.Pattern[str]) -> None:
    of_moodle = [f"{one.meaning}; {one.advice}" for one in write_failures_docs.VERDICTS.values()]
    assert any(pattern.search(text) for text in [*(message for *_, message in MESSAGES), *of_moodle]), entry


def test_every_rule_is_for_a_code() -> None:
    assert set(CODES.values()) >= RULES


def test_what_moodle_says_is_what_the_connector_knows() -> None:
    assert write_failures_docs.page(PAGE) == PAGE, "run tests/tools/write_failures_docs.py"
