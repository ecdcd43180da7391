"""The rendered page as one HTML file that needs neither network nor script.

``res/page/freeze.js`` serialises the DOM with placeholders; here they are filled with what the page had loaded,
through the same gateway and its cache. What the page never loaded (the other formats of a font, pictures of rules
that never matched) is left out. Embedded pages stay embedded, in frames without any right. Sound and film do
not survive; a warning says so.
"""

import asyncio
import base64
import hashlib
import html as html_module
import re
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urldefrag, urljoin

from archiveworker.domain.errors import RenderError
from archiveworker.rendering.gateway import PageSession
from archiveworker.rendering.pool import OpenPage
from archiveworker.rendering.wire import Response
from archiveworker.runtime import resources

_URL = re.compile(r"""url\(\s*(?:"((?:[^"\\]++|\\.)*+)"|'((?:[^'\\]++|\\.)*+)'|([^)"']*))\s*\)""")
_IMPORT = re.compile(r"""@import\s+(?:url\(\s*)?(?:"([^"]*)"|'([^']*)'|([^\s"');]+))\s*\)?\s*([^;]*);""", re.IGNORECASE)
_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
_STYLE_ATTRIBUTE = re.compile(r'( style=")([^"]*url\([^"]*)(")')
# YUI takes the time for its ids: yui_3_18_1_1_1795224466123_42.
_YUI_ID = re.compile(r"yui_(?<!\wyui_)((?:\d+_){4})(\d{10,})_(\d+)")
_DATA_URI = re.compile(rb"data:image/[\w.+-]+;base64,")
# Every byte that cannot stand in base64 becomes a blank, to be looked for.
_NOT_BASE64 = bytes(byte if re.match(rb"[A-Za-z0-9+/=]", bytes([byte])) else 0x20 for byte in range(256))
_LARGE_BYTES = 2000
_MAX_IMPORT_DEPTH = 4
_MAX_FRAME_DEPTH = 4
_MAX_URL_COUNT = 5_000
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


@dataclass(frozen=True, slots=True)
class _Part:
    """What ``freeze.js`` said of the page, or of one that it embeds.

    Attributes:
        nonce: how its placeholders begin.
        html: with placeholders.
        base: address that relative ones start from.
        wanted: kind and address of each placeholder.
        loaded: addresses that were loaded.
        skipped: what was left out, and how often.
    """

    nonce: str
    html: str
    base: str
    wanted: list[tuple[str, str]]
    loaded: frozenset[str]
    skipped: dict[str, int]

    @classmethod
    def of(cls, nonce: str, answer: object) -> "_Part | None":
        """Check ``answer``, which may come from an embedded page's own world; None when it is not of this form."""
        match answer:
            case {"html": str(html), "base": str(base), "urls": [*urls], "loaded": [*loaded], "skipped": {**skipped}}:
                wanted = [(str(url[0]), str(url[1])) for url in urls if isinstance(url, list) and len(url) == 2]
                names = frozenset(urldefrag(str(url)).url for url in loaded)
                counts = {str(what)[:40]: count for what, count in skipped.items() if isinstance(count, int)}
                return cls(nonce, html, base, wanted[:_MAX_URL_COUNT], names, counts)
            case _:
                return None


async def freeze(page: OpenPage, session: PageSession) -> FrozenPage:
    """Return the page as it is now, self-contained.

    Raises:
        RenderError: the page could not be serialised.
    """
    script = resources.text("page/freeze.js")
    mark = f"data-archiveworker-{secrets.token_hex(8)}"
    embedded = await page.embedded.mark(mark)
    given = [{"nonce": _nonce(), "mark": mark} for _ in embedded]
    answers = await asyncio.gather(*(one.evaluate(script, what) for one, what in zip(embedded, given, strict=True)))
    frames = {
        one.mark: _Part.of(what["nonce"], answer) for one, what, answer in zip(embedded, given, answers, strict=True)
    }
    nonce = _nonce()
    inline = _large_data_uris(session.page)
    asked = {"nonce": nonce, "mark": mark, "known": list(inline)}
    part = _Part.of(nonce, await page.evaluate_apart(script, asked))
    if part is None:
        raise RenderError("the rendered page could not be serialised; render it again, or without keeping its HTML")
    filler = _Filler(session, frames, inline)
    html = await filler.fill(part, 0)
    skipped = sum((Counter(one.skipped) for one in (part, *frames.values()) if one is not None), filler.skipped)
    warnings = [f"{count} x {what} left out of the frozen HTML" for what, count in skipped.items()]
    if filler.missing_count:
        warnings.append(f"{filler.missing_count} file(s) missing in the frozen HTML: they could not be loaded")
    return FrozenPage(html, tuple(warnings))


def _large_data_uris(page: bytes) -> dict[str, str]:
    """Return by digest what need not come back from the browser, which would move it through three processes."""
    masked = b""
    found: dict[str, str] = {}
    for match in _DATA_URI.finditer(page):
        masked = masked or page.translate(_NOT_BASE64) + b" "
        end = masked.index(b" ", match.end())
        if end - match.end() >= _LARGE_BYTES:
            uri = page[match.start() : end]
            found[hashlib.sha256(uri).hexdigest()] = uri.decode()
    return found


def _nonce() -> str:
    return f"urn:archiveworker:{secrets.token_hex(8)}:"


class _Filler:
    """Puts into a page what its placeholders stand for, each address fetched once."""

    def __init__(self, session: PageSession, frames: dict[str, _Part | None], inline: dict[str, str]) -> None:
        self._session = session
        self._frames = frames
        self._inline = inline
        self._loaded: frozenset[str] = frozenset()
        self._known: dict[str, str] = {}
        self._yui_times: dict[str, int] = {}
        self.missing_count = 0
        self.skipped: Counter[str] = Counter()

    async def fill(self, part: _Part, depth: int) -> str:
        """Return the whole HTML of ``part``."""
        self._loaded |= part.loaded
        html = await self._fill_inline_styles(self._with_stable_ids(part.html), part.base)
        values = [await self._value(kind, url, depth) for kind, url in part.wanted]

        def value(match: re.Match[str]) -> str:
            return values[int(match[1])] if int(match[1]) < len(values) else _EMPTY

        return re.sub(re.escape(part.nonce) + r"(\d{1,6});", value, html)

    def _with_stable_ids(self, html: str) -> str:
        """Number the times in YUI's ids by their order, so that two renderings of one page are equal."""
        times = self._yui_times
        return _YUI_ID.sub(lambda m: f"yui_{m[1]}{times.setdefault(m[2], len(times) + 1)}_{m[3]}", html)

    async def _value(self, kind: str, url: str, depth: int) -> str:
        if kind == "css":
            return await self._sheet(url, 0)
        if kind == "frame":
            return await self._frame(url, depth)
        if kind == "data":
            return self._inline.get(url, _EMPTY)
        return await self._data_uri(url, only_loaded=False)

    async def _frame(self, mark: str, depth: int) -> str:
        # Taken out, so that a page cannot name one, or itself, twice.
        part = self._frames.pop(mark, None)
        if part is None or depth >= _MAX_FRAME_DEPTH:
            self.skipped["embedded frame"] += 1
            return "[embedded page]"
        return html_module.escape(await self.fill(part, depth + 1))

    async def _fill_inline_styles(self, html: str, base: str) -> str:
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

    async def _sheet(self, url: str, depth: int) -> str:
        response = await self._session.fetch(url) if url.startswith(("http:", "https:")) else None
        if response is None:
            self.missing_count += 1
            return ""
        text = _text_of(response.body, _charset(response))
        # A style element ends where its end tag stands, even inside a CSS string.
        return (await self._css(text, url, depth, _urls_in_sheet)).replace("</", "<\\/")

    async def _css(self, text: str, base: str, depth: int, urls_in: "_UrlsIn | None" = None) -> str:
        text = await self._imports(text, base, depth)
        parts: list[str] = []
        end = 0
        for start, behind, target in (urls_in or _urls_in)(text):
            parts += [text[end:start], await self._css_url(target, base)]
            end = behind
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
            encode = _encoded_shared if only_loaded else _encoded
            self._known[url] = _EMPTY if response is None else encode(response.media_type, response.body)
            self.missing_count += response is None
        suffix = f"#{fragment}" if fragment and self._known[url] != _EMPTY else ""
        return self._known[url] + suffix


# The style sheets of an LMS are the same for all of its pages.
@lru_cache(maxsize=8)
def _text_of(body: bytes, charset: str) -> str:
    return body.decode(charset, errors="replace").removeprefix("\ufeff")


def _urls_in(css: str) -> tuple[tuple[int, int, str], ...]:
    """Return beginning, end and target of each ``url()``."""
    return tuple((m.start(), m.end(), (m[1] or m[2] or m[3] or "").strip()) for m in _URL.finditer(css))


_UrlsIn = Callable[[str], tuple[tuple[int, int, str], ...]]
_urls_in_sheet: _UrlsIn = lru_cache(maxsize=8)(_urls_in)


def _encoded(media_type: str, body: bytes) -> str:
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", media_type):
        media_type = "application/octet-stream"
    return f"data:{media_type};base64,{base64.b64encode(body).decode()}"


# So are the fonts and pictures that they name.
_encoded_shared = lru_cache(maxsize=16)(_encoded)


def _charset(response: Response) -> str:
    match = re.search(r"charset=\"?([\w-]+)", response.header("Content-Type"), re.IGNORECASE)
    name = match[1] if match else "utf-8"
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return name
