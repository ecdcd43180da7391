"""MkDocs hook: lets pages of the site link to files of the project outside ``docs/``, as they do on a code host.

A file that a page links to becomes part of the site below ``project/``: Markdown as a page, anything else as it is.
Patterns in the navigation are written out here as well, so that a new page needs no line there.
"""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[2]
_PLACE: Final = "project"
_FENCED: Final = re.compile(r"^(?P<fence>```+).*?^(?P=fence)", re.M | re.S)
_LINK: Final = re.compile(r"(?P<before>\]\()(?P<path>[^)\s#:]+)(?P<after>(?:#[^)\s]*)?\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Write patterns of the navigation (``adr/*.md``) out: the pages that match and that it does not name."""
    sections = [entries for section in config.nav or [] for entries in section.values()]
    named = {next(iter(one.values())) if isinstance(one, dict) else one for entries in sections for one in entries}
    for entries in sections:
        for pattern in [one for one in entries if isinstance(one, str) and "*" in one]:
            at, docs = entries.index(pattern), ROOT / "docs"
            pages = sorted(page.relative_to(docs).as_posix() for page in docs.glob(pattern))
            entries[at : at + 1] = [page for page in pages if page not in named]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to, and what the added pages link to."""
    waiting = [file.src_uri for file in files.documentation_pages()] + [f"{_PLACE}/README.md"]
    seen: set[str] = set()
    while waiting:
        uri = waiting.pop()
        if uri in seen:
            continue
        seen.add(uri)
        source = _source(uri)
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, abs_src_path=str(source)))
        if source.suffix == ".md":
            _relinked(source.read_text(encoding="utf-8"), uri, waiting.append)
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links lead to where their targets are in the site."""
    return _relinked(markdown, page.file.src_uri, lambda uri: None)


def _source(uri: str) -> Path:
    """Return the file of the project that is at ``uri`` in the site."""
    return ROOT / uri.removeprefix(f"{_PLACE}/") if uri.startswith(f"{_PLACE}/") else ROOT / "docs" / uri


def _relinked(markdown: str, uri: str, found: Callable[[str], None]) -> str:
    """Return the text of the page at ``uri`` with its links changed; tell ``found`` each target outside ``docs/``."""
    folder = posixpath.dirname(uri)
    home = _source(uri).parent

    def change(match: re.Match[str]) -> str:
        target = (home / match["path"]).resolve()
        if target.is_dir():
            target /= "README.md"
        if not target.is_file() or not target.is_relative_to(ROOT):
            return match[0]  # the strict build names it
        if target.is_relative_to(ROOT / "docs"):
            there = target.relative_to(ROOT / "docs").as_posix()
        else:
            there = f"{_PLACE}/{target.relative_to(ROOT).as_posix()}"
            found(there)
        return f"{match['before']}{posixpath.relpath(there, folder or '.')}{match['after']}"

    pieces, end = [], 0
    for fenced in _FENCED.finditer(markdown):
        pieces += [_LINK.sub(change, markdown[end : fenced.start()]), fenced[0]]
        end = fenced.end()
    return "".join([*pieces, _LINK.sub(change, markdown[end:])])
