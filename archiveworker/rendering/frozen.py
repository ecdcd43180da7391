"""The rendered page as one HTML file that needs neither network nor script.

``res/page/freeze.js`` serialises the DOM with placeholders; here they are filled with what the page had loaded,
through the same gateway and its cache. What the page never loaded (the other formats of a font, pictures of rules
that never matched) is left out. Frames, sound and film do not survive; a warning says so.
"""

import base64
import re
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urldefrag, urljoin

from archiveworker.rendering.gateway import PageSession
from archiveworker.rendering.pool import OpenPage
from archiveworker.rendering.wire import Response
from archiveworker.runtime import resources

_URL = re.compile(r"""url\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^)"']*))\s*\)""")
_IMPORT = re.compile(r"""@import\s+(?:url\(\s*)?(?:"([^"]*)"|'([^']*)'|([^\s"');]+))\s*\)?\s*([^;]*);""", re.IGNORECASE)
_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
_STYLE_ATTRIBUTE = re.compile(r'( style=")([^"]*url\([^"]*)(")')
# YUI takes the time for its ids: yui_3_18_1_1_1795224466123_42.
_YUI_ID = re.compile(r"\byui_((?:\d+_){4})(\d{10,})_(\d+)")
_MAX_IMPORT_DEPTH = 4
_EMPTY = "data:,"


@dataclass(frozen=True, slots=True)
class FrozenPage:
    """A page that lasts.

    Attributes:
        html: self-contained.
        warnings: what could not be kept.
    """

    html: str
    warnings: tuple[str, ...]


async def freeze(page: OpenPage, session: PageSession) -> FrozenPage:
    """Return the page as it is now, self-contained.

    Raises:
        RenderError: the page could not be serialised.
    """
    nonce = f"urn:archiveworker:{secrets.token_hex(8)}:"
    answer: dict[str, Any] = await page.evaluate_apart(resources.text("page/freeze.js"), {"nonce": nonce})
    filler = _Filler(session, frozenset(urldefrag(url).url for url in answer["loaded"]))
    html = str(answer["html"])
    html = await filler.fill_inline_styles(html, str(answer["base"]))
    html = await filler.fill_placeholders(html, nonce, answer["urls"])
    warnings = [f"{count} x {what} left out of the frozen HTML" for what, count in answer["skipped"].items()]
    if filler.missing_count:
        warnings.append(f"{filler.missing_count} file(s) missing in the frozen HTML: they could not be loaded")
    return FrozenPage(_stable_ids(html), tuple(warnings))


class _Filler:
    """Turns addresses into data URIs, each address once."""

    def __init__(self, session: PageSession, loaded: frozenset[str]) -> None:
        self._session = session
        self._loaded = loaded
        self._known: dict[str, str] = {}
        self.missing_count = 0

    async def fill_inline_styles(self, html: str, base: str) -> str:
        """Inline what the page's own style elements and attributes point to."""
        for pattern, escape in ((_STYLE, False), (_STYLE_ATTRIBUTE, True)):
            parts: list[str] = []
            end = 0
            for match in pattern.finditer(html):
                css = match[2].replace("&quot;", '"').replace("&amp;", "&") if escape else match[2]
                css = await self._css(css, base, 0)
                css = css.replace("&", "&amp;").replace('"', "&quot;") if escape else css
                parts += [html[end : match.start()], match[1], css, match[3]]
                end = match.end()
            html = "".join([*parts, html[end:]])
        return html

    async def fill_placeholders(self, html: str, nonce: str, wanted: list[list[str]]) -> str:
        """Replace each placeholder by a style sheet or a data URI."""
        values = [
            await self._sheet(url, 0) if kind == "css" else await self._data_uri(url, only_loaded=False)
            for kind, url in wanted
        ]
        return re.sub(re.escape(nonce) + r"(\d+);", lambda match: values[int(match[1])], html)

    async def _sheet(self, url: str, depth: int) -> str:
        response = await self._session.fetch(url) if url.startswith(("http:", "https:")) else None
        if response is None:
            self.missing_count += 1
            return ""
        text = response.body.decode(_charset(response), errors="replace").removeprefix("\ufeff")
        # A style element ends where its end tag stands, even inside a CSS string.
        return (await self._css(text, url, depth)).replace("</", "<\\/")

    async def _css(self, text: str, base: str, depth: int) -> str:
        text = await self._imports(text, base, depth)
        parts: list[str] = []
        end = 0
        for match in _URL.finditer(text):
            target = (match[1] or match[2] or match[3] or "").strip()
            parts += [text[end : match.start()], await self._css_url(target, base)]
            end = match.end()
        return "".join([*parts, text[end:]])

    async def _css_url(self, target: str, base: str) -> str:
        if target.startswith(("data:", "#")):
            return f'url("{target}")'
        data_uri = await self._data_uri(urljoin(base, target), only_loaded=True)
        return f'url("{data_uri}")'

    async def _imports(self, text: str, base: str, depth: int) -> str:
        parts: list[str] = []
        end = 0
        for match in _IMPORT.finditer(text):
            target = match[1] or match[2] or match[3]
            inner = await self._sheet(urljoin(base, target), depth + 1) if depth < _MAX_IMPORT_DEPTH else ""
            media = match[4].strip()
            parts += [text[end : match.start()], f"@media {media} {{\n{inner}\n}}" if media else inner]
            end = match.end()
        return "".join([*parts, text[end:]])

    async def _data_uri(self, url: str, *, only_loaded: bool) -> str:
        url, fragment = urldefrag(url)
        if not url.startswith(("http:", "https:")) or (only_loaded and url not in self._loaded):
            return _EMPTY
        if url not in self._known:
            response = await self._session.fetch(url)
            self._known[url] = _EMPTY if response is None else _encoded(response)
            self.missing_count += response is None
        suffix = f"#{fragment}" if fragment and self._known[url] != _EMPTY else ""
        return self._known[url] + suffix


def _encoded(response: Response) -> str:
    media_type = response.media_type or "application/octet-stream"
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", media_type):
        media_type = "application/octet-stream"
    return f"data:{media_type};base64,{base64.b64encode(response.body).decode()}"


def _charset(response: Response) -> str:
    match = re.search(r"charset=\"?([\w-]+)", response.header("Content-Type"), re.IGNORECASE)
    name = match[1] if match else "utf-8"
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return name


def _stable_ids(html: str) -> str:
    """Number the times in YUI's ids by their order, so that two renderings of one page are equal."""
    seen: dict[str, int] = {}
    return _YUI_ID.sub(lambda m: f"yui_{m[1]}{seen.setdefault(m[2], len(seen) + 1)}_{m[3]}", html)
