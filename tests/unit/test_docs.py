"""The documentation says what is so: links lead somewhere, commands and routes exist, and none is left out."""

import argparse
import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import pytest

from archiveworker import composition, connectors
from archiveworker.cli import COMMANDS, build_parser
from archiveworker.settings import Settings, variable
from archiveworker.web.app import create_app

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for folder in (ROOT, ROOT / "docs", ROOT / "res", ROOT / "tests") for page in folder.glob(
    "*.md" if folder == ROOT else "**/*.md"))  # fmt: skip
HTTP_PAGE = ROOT / "docs" / "reference" / "http.md"

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.M | re.S)
_ROUTE = re.compile(r"`(GET|POST) (/[^`?\s]*)[^`]*`")
_SETTING = re.compile(r"\bARCHIVEWORKER_[A-Z0-9_]+\b")


def _prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ +(.+)$", _prose(page), re.M)
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)) for heading in headings)
    return {heading.strip().lower().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(_prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the project"
        if anchor:
            assert anchor in _anchors(target), f"{link}: there is no such heading"


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in _LINK.findall(_prose(index))}
    linked |= {(ROOT / "docs/adr" / link).resolve() for link in _LINK.findall(_prose(ROOT / "docs/adr/README.md"))}
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - linked - {index} == set()


def _commands(text: str) -> list[list[str]]:
    """Return the arguments of each call of ``archiveworker`` in code: indented lines and backticks."""
    joined = re.sub(r"\\\n\s*", "", text)
    lines = re.findall(r"^    (?:\$ )?(.*)$", joined, re.M) + re.findall(r"`([^`\n]+)`", joined)
    calls = []
    for line in lines:
        found = re.search(r"(?:^|[/ ])archiveworker (?=[a-z-])(.*)$", line.split(" #")[0])
        if found and "docker" not in line.split("archiveworker ")[0].rsplit(" ", 1)[0]:
            calls.append(shlex.split(re.sub(r"[\[\]]", "", found[1])))
    return calls


def _options(parser: argparse.ArgumentParser, call: list[str]) -> set[str]:
    """Return every option of the sub-command that ``call`` names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            rest = [word for word in call if not word.startswith("-")]
            if not rest:
                break  # the text speaks of the command as such
            assert rest[0] in action.choices, f"there is no {rest[0]}"
            return _options(action.choices[rest[0]], call[call.index(rest[0]) + 1 :])
    return {option for action in parser._actions for option in action.option_strings}


CALLS = [
    (page, call)
    for page in PAGES
    for call in _commands(page.read_text(encoding="utf-8"))
    if call[0] in COMMANDS or page == ROOT / "README.md"
]


@pytest.mark.parametrize(("page", "call"), CALLS, ids=[f"{page.name}: {' '.join(call)}" for page, call in CALLS])
def test_commands_in_the_documentation_exist(page: Path, call: list[str]) -> None:
    known = _options(build_parser(), call)
    used = {word.split("=")[0] for word in call if word.startswith("--")}
    assert used <= known, f"{page.name}: {used - known} of {call} do not exist"


def test_commands_with_all_their_values_can_be_parsed() -> None:
    parsed = 0
    for _, call in CALLS:
        if call[0] in ("doctor", "verify", "submit", "render") and len(call) > 1:
            build_parser().parse_args(call)
            parsed += 1
    assert parsed > 5, "the documentation shows commands with values"


def test_every_command_is_in_the_readme() -> None:
    assert {call[0] for page, call in CALLS if page == ROOT / "README.md"} >= set(COMMANDS)


def test_the_http_page_has_every_route_and_no_other() -> None:
    routes = connectors.routes_of(connectors.build_sources(Settings()))
    engine = None  # nothing is called
    app = create_app(engine, routes, composition.build_web_config(Settings()))  # type: ignore[arg-type]
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method != "HEAD" and route.resource is not None
    }
    text = HTTP_PAGE.read_text(encoding="utf-8")
    table = text[text.index("| Route |") : text.index("**Administrator**")]
    assert set(_ROUTE.findall(table)) == served
    for page in PAGES:
        for method, path in _ROUTE.findall(page.read_text(encoding="utf-8")):
            pattern = re.sub(r"<(\w+)>", "{x}", re.sub(r"\{\w+\}", "{x}", path))
            known = {(m, re.sub(r"\{\w+\}", "{x}", p)) for m, p in served}
            assert (method, pattern) in known, f"{page.name}: {method} {path}"


def test_settings_in_the_documentation_exist() -> None:
    known = {variable(name) for name in Settings.__dataclass_fields__} | {"ARCHIVEWORKER_SUBMIT_TOKEN"}
    for page in PAGES:
        for name in _SETTING.findall(page.read_text(encoding="utf-8")):
            assert name.endswith("_") or name.removesuffix("_FILE") in known, f"{page.name}: {name}"


PROOFS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("file", "test"), PROOFS, ids=[test for _, test in PROOFS])
def test_what_the_threat_model_names_is_there(file: str, test: str) -> None:
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")


def test_the_threat_model_names_tests() -> None:
    assert len(PROOFS) > 15
