"""Foreign texts as safe HTML: an allow-list of tags, no scripts, no styles, no address that a browser would fetch.

Pictures are shown only when they are files of the activity (or stand in the text itself); every other address in a text
is a link to be clicked, never something that is loaded. Headings go below those of the page.
"""

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from html import unescape
from types import MappingProxyType
from typing import Final

import nh3
from markupsafe import Markup

from archiveworker.domain.peer_review.base import FileId, Text
from archiveworker.domain.peer_review.kinds import TextFormat
from archiveworker.domain.peer_review.work import File

_TAGS: Final = {
    *("p", "br", "hr", "div", "span", "pre", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("ul", "ol", "li", "dl", "dt", "dd", "figure", "figcaption", "img", "a"),
    *("table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th"),
    *(
        "b",
        "i",
        "u",
        "s",
        "em",
        "strong",
        "small",
        "mark",
        "sub",
        "sup",
        "ins",
        "del",
        "abbr",
        "cite",
        "dfn",
        "q",
        "time",
    ),
    *("code", "kbd", "samp", "var", "bdi", "bdo", "ruby", "rb", "rp", "rt", "wbr"),
}
_ATTRIBUTES: Final = {
    "*": {"lang", "dir", "title"},
    "a": {"href"},
    "img": {"src", "alt"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"span"},
    "colgroup": {"span"},
    "ol": {"start", "type", "reversed"},
    "li": {"value"},
}
_DROPPED_WITH_CONTENT: Final = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title"}
_HEADING: Final = re.compile(r"<(/?)h([1-6])\b")
_PICTURE: Final = re.compile(r"<img\b[^>]*>")
_ALT: Final = re.compile(r'\balt="([^"]*)"')
_INLINE: Final = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z")
_HEADINGS_BELOW: Final = 3
"""The deepest heading of the page around a text."""


@dataclass(frozen=True, slots=True)
class Attachments:
    """Where the files of the activity are, seen from the page that is made.

    Attributes:
        links: file id to relative URL in the archive; a file that is not in it is named without a link.
        pictures: file id to the address of a picture to be shown (``data:``, or what the renderer may fetch).
    """

    links: Mapping[FileId, str] = field(default_factory=lambda: MappingProxyType({}))
    pictures: Mapping[FileId, str] = field(default_factory=lambda: MappingProxyType({}))


class TextCleaner:
    """Turns texts into HTML.

    Args:
        files: of the activity.
        attachments: where they are.
    """

    def __init__(self, files: tuple[File, ...], attachments: Attachments) -> None:
        self._files = {unescape(file.text_url): file for file in files if file.text_url}
        self._set(attachments)

    def showing(self, attachments: Attachments) -> "TextCleaner":
        """Return a cleaner for the same files at other places."""
        other = copy(self)
        other._set(attachments)
        return other

    def _set(self, attachments: Attachments) -> None:
        self._attachments = attachments
        self._cleaner = nh3.Cleaner(
            tags=_TAGS,
            clean_content_tags=_DROPPED_WITH_CONTENT,
            attributes=_ATTRIBUTES,
            attribute_filter=self._attribute,
            url_schemes={"http", "https", "mailto", "data"},
            link_rel="noopener noreferrer",
        )

    def html(self, text: Text | None) -> Markup:
        """Return ``text`` as HTML that does nothing but show it; nothing for None and for white space."""
        if text is None or not text.body.strip():
            return Markup("")
        if text.format is not TextFormat.HTML:
            return Markup('<div class="foreign plain" dir="auto">{}</div>').format(text.body.strip())
        cleaned = _PICTURE.sub(_without_source, _HEADING.sub(_lowered, self._cleaner.clean(text.body)))
        return Markup('<div class="foreign" dir="auto">{}</div>').format(Markup(cleaned))  # noqa: S704 - cleaned by nh3

    def _attribute(self, tag: str, attribute: str, value: str) -> str | None:
        if attribute not in ("src", "href"):
            return value
        file = self._files.get(value) or self._files.get(value.partition("?")[0])
        if attribute == "src":
            if file is not None:
                return self._attachments.pictures.get(file.id)
            return value if _INLINE.match(value) else None
        if file is not None:
            return self._attachments.links.get(file.id)
        return value if value.startswith(("http:", "https:", "mailto:")) else None


def _lowered(found: re.Match[str]) -> str:
    return f"<{found[1]}h{min(6, int(found[2]) + _HEADINGS_BELOW)}"


def _without_source(found: re.Match[str]) -> str:
    if ' src="' in found[0]:
        return (
            found[0]
            if _ALT.search(found[0])
            else found[0].replace("<img", '<img alt="picture without a description"', 1)
        )
    alt = _ALT.search(found[0])
    described = f": {alt[1]}" if alt and alt[1] else ""
    return f'<span class="no-picture">[picture not in the archive{described}]</span>'
