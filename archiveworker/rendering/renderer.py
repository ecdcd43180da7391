"""The way of one page through the room; see the package's docstring for who does what.

Many calls may run at the same time; the pool decides how many pages are open. Everything that takes CPU time outside
the browser runs in threads. Gateways with their caches are kept for the LMS origins that were used last.
"""

import asyncio
import contextlib
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import structlog

from archiveworker.domain.document import Document, PageFooter, PdfFacts, RenderedDocument, RenderOptions
from archiveworker.domain.errors import PageRejectedError, RenderError, RenderTimeoutError
from archiveworker.domain.ids import LmsOrigin
from archiveworker.rendering import certificate, checks, frozen, images, paper, pdfa, ready
from archiveworker.rendering.associated import Embedded
from archiveworker.rendering.config import RendererConfig
from archiveworker.rendering.contexts import PageSetup
from archiveworker.rendering.gateway import LmsGateway, PageSession
from archiveworker.rendering.page import OpenPage
from archiveworker.rendering.pool import BrowserPool
from archiveworker.runtime import resources

log = structlog.get_logger()

_EMPTY_PAGE = "<!doctype html><title>-</title>"
PDF_NAME = "page.pdf"
RAW_HTML_NAME = "page.raw.html"
FROZEN_HTML_NAME = "page.html"
SOURCE_NAME = "page.source.html"
"""Of the page as the LMS gave it, inside of its PDF."""


@dataclass(slots=True)
class _Printed:
    """What came out of the browser.

    Attributes:
        pdf: Chromium's own.
        frozen_html: None when it was not asked for.
        words: that a reader of the page saw.
        image_count: pictures that the page showed.
        warnings: so far.
    """

    pdf: bytes
    frozen_html: str | None
    words: tuple[str, ...]
    image_count: int
    warnings: list[str]


@dataclass(slots=True)
class _Scope:
    gateway: LmsGateway
    user_count: int = 0


class ChromiumRenderer:
    """Renders with Chromium; implements ``domain.document.Renderer``. Use it as an async context manager.

    Args:
        config: see ``RendererConfig``.
    """

    def __init__(self, config: RendererConfig | None = None) -> None:
        self._config = config or RendererConfig()
        self._certificate = certificate.throw_away()
        self._pool = BrowserPool(self._config, self._certificate)
        self._scopes: OrderedDict[LmsOrigin, _Scope] = OrderedDict()

    async def start(self) -> None:
        """Make ready to render.

        Raises:
            ToolError: there is no Chromium.
        """
        await self._pool.start()

    async def stop(self) -> None:
        """Close browsers, connections and caches; every process is gone afterwards."""
        await self._pool.stop()
        scopes, self._scopes = self._scopes, OrderedDict()
        for scope in scopes.values():
            await scope.gateway.close()

    async def warm_up(self) -> None:
        """Start the browsers now, so that the first pages need not wait for them."""
        await self._pool.warm_up()

    @property
    def browsers_started(self) -> int:
        """Browsers so far, replacements included."""
        return self._pool.browsers_started

    async def memory_bytes(self) -> list[int]:
        """Return the private memory of each browser that runs."""
        return await self._pool.memory_bytes()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def render(self, document: Document, options: RenderOptions, out_dir: Path) -> RenderedDocument:
        """Render ``document`` into ``out_dir``; see the port for what it promises.

        Raises:
            BrowserGoneError: the browser crashed or could not be started.
            RenderTimeoutError: a time limit struck.
            PageRejectedError: the page is blank, a login form, or lost its own text.
            LimitExceededError: the page took too much memory.
            RenderError: the address or the page is unusable.
        """
        try:
            origin = LmsOrigin.of(document.base_url)
        except ValueError as exc:
            raise RenderError(f"the page's base address cannot be used: {exc}") from exc
        html, warnings = await self._with_small_images(document, options)
        async with self._pool.slot() as slot, self._session(origin, html, document.base_url) as (session, empty):
            begun_s = time.monotonic()
            setup = self._setup(document, options, session, empty)
            try:
                async with asyncio.timeout(self._config.render_limit_s), slot.open(setup) as page:
                    printed = await self._print(page, session, document, options)
            except TimeoutError as exc:
                raise RenderTimeoutError(f"the page was not rendered in {self._config.render_limit_s:g} s") from exc
            printed.warnings += session.notes
            request_count = session.request_count
        warnings += printed.warnings
        browser_s = time.monotonic() - begun_s
        rendered = await self._finish(document, options, out_dir, html, printed, warnings)
        log.info(
            "page_rendered",
            pages=rendered.page_count,
            pdf_bytes=rendered.pdf.stat().st_size,
            requests=request_count,
            warnings=len(rendered.warnings),
            browser_s=round(browser_s, 3),
            took_s=round(time.monotonic() - begun_s, 3),
        )
        return rendered

    async def _with_small_images(self, document: Document, options: RenderOptions) -> tuple[str, list[str]]:
        max_image_px = self._config.gateway.max_image_px
        page = await asyncio.to_thread(images.shrink, document.html, options.image_limit, max_image_px)
        return page.html, list(page.warnings)

    def _setup(self, document: Document, options: RenderOptions, session: PageSession, empty: PageSession) -> PageSetup:
        sheet = paper.paper_of(options.paper, self._config)
        path = urlsplit(document.base_url).path.rstrip("/") + "/"
        page_script = f"{resources.text('page/page.js')}({json.dumps({'path': path})});"
        guard_script = f"{resources.text('page/guard.js')}({json.dumps({'css': sheet.styles})});"
        viewport_px = paper.viewport_px(sheet, self._config)
        origin = LmsOrigin.of(document.base_url)
        thrifty = self._config.is_thrifty
        return PageSetup(session, empty, origin, viewport_px, page_script, guard_script, thrifty)

    async def _print(
        self, page: OpenPage, session: PageSession, document: Document, options: RenderOptions
    ) -> _Printed:
        sheet = paper.paper_of(options.paper, self._config)
        await page.go(session.page_url)
        warnings = list(await ready.settle(page, session, self._config))
        if not await page.is_still_there():
            raise PageRejectedError("the page went away to another address before it could be printed")
        await page.evaluate_apart(resources.text("page/fit.js"), {"widthPx": sheet.inner_px[0]})
        seen = await page.evaluate_apart(resources.text("page/inspect.js"))
        warnings += _inspected(seen)
        words = tuple(str(word) for word in seen["words"])
        image_count = int(seen["shownImages"])
        frame = paper.frame_of(document, sheet, self._config)
        pdf = await page.print_pdf(sheet.size_mm, sheet.margin_mm, frame)
        if not options.keep_html:
            return _Printed(pdf, None, words, image_count, warnings)
        kept = await frozen.freeze(page, session)
        return _Printed(pdf, kept.html, words, image_count, [*warnings, *kept.warnings])

    async def _finish(
        self,
        document: Document,
        options: RenderOptions,
        out_dir: Path,
        html: str,
        printed: _Printed,
        warnings: list[str],
    ) -> RenderedDocument:
        has_frame = self._config.footer is not PageFooter.NONE or bool(self._config.watermark)
        metadata = pdfa.PdfMetadata(document.title, document.language, document.created_at, options.profile, has_frame)
        files = await asyncio.to_thread(_to_embed, document, options, html)
        pdf = await asyncio.to_thread(pdfa.finish, printed.pdf, metadata, files)
        word_count = await asyncio.to_thread(_checked, pdf, document, printed.words)
        warnings += checks.remarks(pdf, options.paper.size_mm, printed.image_count)
        if pdf.repaired_count:
            warnings.append(
                f"{pdf.repaired_count} character(s) are boxes: no installed font has them; install more fonts"
            )
        if pdf.profile is not options.profile:
            warnings.append(f"the PDF claims PDF/A-{pdf.profile}, not {options.profile}: Chromium found nothing to tag")
        if pdf.embedded_count < len(files):
            warnings.append(f"{len(files)} file(s) are not inside the PDF: only PDF/A-3 may hold files")
        raw_html = out_dir / RAW_HTML_NAME if printed.frozen_html is not None else None
        frozen_html = out_dir / FROZEN_HTML_NAME if printed.frozen_html is not None else None
        await asyncio.to_thread(_write, out_dir, pdf.data, html, printed.frozen_html)
        unique = tuple(dict.fromkeys(warnings))
        facts = _facts(pdf, len(printed.words), word_count)
        return RenderedDocument(out_dir / PDF_NAME, raw_html, frozen_html, facts, unique)

    @contextlib.asynccontextmanager
    async def _session(
        self, origin: LmsOrigin, html: str, base_url: str
    ) -> AsyncIterator[tuple[PageSession, PageSession]]:
        scope = self._scopes.pop(origin, None) or _Scope(LmsGateway(origin, self._config.gateway))
        self._scopes[origin] = scope
        scope.user_count += 1
        try:
            yield scope.gateway.open(html, base_url), scope.gateway.open(_EMPTY_PAGE, base_url)
        finally:
            scope.user_count -= 1
            await self._drop_old_scopes()

    async def _drop_old_scopes(self) -> None:
        spare = len(self._scopes) - self._config.gateway.scope_count
        idle = [origin for origin, scope in self._scopes.items() if scope.user_count == 0]
        # All of them leave before the first is closed: meanwhile others come for theirs, or drop old ones too.
        for scope in [self._scopes.pop(origin) for origin in idle[: max(0, spare)]]:
            await scope.gateway.close()


def _checked(pdf: pdfa.FinishedPdf, document: Document, words: tuple[str, ...]) -> int:
    """Return how many words of the page the PDF holds.

    Raises:
        PageRejectedError: it may not count as the document.
    """
    checks.check(pdf, document.must_contain)
    return checks.check_words(pdf, words)


def _write(folder: Path, pdf: bytes, raw_html: str, frozen_html: str | None) -> None:
    (folder / PDF_NAME).write_bytes(pdf)
    if frozen_html is not None:
        (folder / RAW_HTML_NAME).write_bytes(raw_html.encode(errors="replace"))
        (folder / FROZEN_HTML_NAME).write_bytes(frozen_html.encode(errors="replace"))


def _to_embed(document: Document, options: RenderOptions, html: str) -> list[Embedded]:
    """Read what shall stand in the PDF; the caller has kept it small."""
    files: list[Embedded] = []
    if options.embed_html:
        files.append(Embedded(SOURCE_NAME, html.encode(errors="replace"), document.created_at, is_source=True))
    files += [Embedded(one.name, one.file.read_bytes(), one.modified_at) for one in document.associated]
    return files


def _facts(pdf: pdfa.FinishedPdf, words_shown: int, words_found: int) -> PdfFacts:
    width_mm, height_mm = (round(side_pt / 72 * 25.4, 1) for side_pt in pdf.sizes_pt[0])
    return PdfFacts(
        page_count=pdf.page_count,
        width_mm=width_mm,
        height_mm=height_mm,
        words_shown=words_shown,
        words_found=words_found,
        images_drawn=pdf.image_count,
        boxes_drawn=pdf.repaired_count,
        files_embedded=pdf.embedded_count,
        profile=pdf.profile,
        size_bytes=len(pdf.data),
    )


def _inspected(seen: dict[str, Any]) -> list[str]:
    """Turn what ``inspect.js`` saw into warnings.

    Raises:
        PageRejectedError: it is a login form.
    """
    if seen["login"]:
        raise PageRejectedError("the page is a login form; the LMS did not accept the token for this page")
    warnings = [f"the page tried to go to {address}; it was kept" for address in dict.fromkeys(seen["left"])]
    if seen["brokenImages"]:
        warnings.append(f"{seen['brokenImages']} image(s) could not be shown")
    if seen["rawFormulas"]:
        warnings.append(f"{seen['rawFormulas']} formula(s) stayed as source text: MathJax was not loaded")
    if seen["formulaErrors"]:
        warnings.append(f"{seen['formulaErrors']} formula(s) have an error in their source text")
    return warnings
