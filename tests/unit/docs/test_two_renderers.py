"""A page says the same on the website (Python-Markdown) as on a code host (CommonMark): lists, tables, code, headings.

The two differ in how far a list's paragraphs are indented, and in whether a list may follow a paragraph at once. Where
a page would come out differently, it is written in the way that both understand: four columns, and an empty line.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import Path

import markdown
import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
BLOCKS = frozenset(("h1", "h2", "h3", "h4", "ol", "ul", "li", "table", "tr", "th", "td", "pre", "img", "hr", "a"))


class _Skeleton(HTMLParser):
    """Collects tags of blocks, each with the text that follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[list[str]] = [["", ""]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS:
            self.seen.append([tag, ""])

    def handle_data(self, data: str) -> None:
        self.seen[-1][1] += data


def _skeleton(html: str) -> Iterator[tuple[str, str]]:
    parser = _Skeleton()
    parser.feed(html)
    yield from ((tag, " ".join(text.split())) for tag, text in parser.seen)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_website_and_code_host_show_the_same(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    host = MarkdownIt("commonmark").enable("table").render(text)
    website = markdown.markdown(text, extensions=["tables", "sane_lists", "pymdownx.superfences"])
    for on_host, on_website in zip_longest(_skeleton(host), _skeleton(website)):
        assert on_website == on_host
