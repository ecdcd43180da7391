"""What the paper asks of a page: how wide it is laid out, how it breaks its lines, what stands around it."""

from dataclasses import dataclass
from html import escape

from archiveworker.domain.document import Document, PageFooter, PaperFormat
from archiveworker.rendering.config import RendererConfig

_CSS_PX_PER_MM = 96 / 25.4
_FOOTER_ROOM_MM = 10.0
# Chromium sets header and footer in a size of its own unless told otherwise, and draws them over the whole page.
_FOOTER = (
    '<div style="box-sizing: border-box; width: 100%; padding: 0 {side_mm:g}mm; display: flex; gap: 6mm;'
    ' justify-content: space-between; font: 8px sans-serif; color: #444"><span style="min-width: 0; overflow: hidden;'
    ' text-overflow: ellipsis; white-space: nowrap">{text}</span><span style="white-space: nowrap">'
    '<span class="pageNumber"></span> / <span class="totalPages"></span></span></div>'
)
_WATERMARK = (
    '<div style="position: fixed; inset: 0; display: flex; align-items: center; justify-content: center">'
    '<span style="font: bold {size_mm:.1f}mm sans-serif; color: rgba(160, 0, 0, 0.14); white-space: nowrap;'
    ' transform: rotate(-45deg)">{text}</span></div>'
)
_EMPTY = "<span></span>"
_STYLES = (
    # Only !important keeps a page's own styles from turning the paper.
    "@page {{ size: {width_mm:g}mm {height_mm:g}mm !important; margin: {margin_mm:g}mm !important; }}"
    " pre, pre * {{ white-space: pre-wrap !important; overflow-wrap: anywhere !important; }}"
)


@dataclass(frozen=True, slots=True)
class Paper:
    """One format with the renderer's margins.

    Attributes:
        size_mm: width and height.
        margin_mm: on all four sides.
    """

    size_mm: tuple[float, float]
    margin_mm: float

    @property
    def inner_px(self) -> tuple[int, int]:
        """Width and height inside the margins, in CSS pixels."""
        width_mm, height_mm = self.size_mm
        return _px(width_mm - 2 * self.margin_mm), _px(height_mm - 2 * self.margin_mm)

    @property
    def styles(self) -> str:
        """Style sheet for the page."""
        width_mm, height_mm = self.size_mm
        return _STYLES.format(width_mm=width_mm, height_mm=height_mm, margin_mm=self.margin_mm)


def paper_of(paper: PaperFormat, config: RendererConfig) -> Paper:
    """Return the format with its margins, which are never wider than a third of the paper."""
    margin_mm = config.margin_mm
    if config.footer is not PageFooter.NONE:
        margin_mm = max(margin_mm, _FOOTER_ROOM_MM)
    return Paper(paper.size_mm, min(margin_mm, min(paper.size_mm) / 3))


def viewport_px(paper: Paper, config: RendererConfig) -> tuple[int, int]:
    """Return the size of the window: as set, else that of the paper inside its margins.

    Scripts that place things by measuring (drag and drop onto images, formulas) then measure what will be printed.
    """
    width_px, height_px = paper.inner_px
    return config.viewport_width_px or width_px, height_px


def frame_of(document: Document, paper: Paper, config: RendererConfig) -> tuple[str, str] | None:
    """Return HTML of what Chromium draws over (first) and below each page; None for nothing."""
    if config.footer is PageFooter.NONE and not config.watermark:
        return None
    watermark, footer = _EMPTY, _EMPTY
    if config.watermark:
        size_mm = min(paper.size_mm) / max(4, len(config.watermark)) * 1.2
        watermark = _WATERMARK.format(size_mm=size_mm, text=escape(config.watermark))
    if config.footer is not PageFooter.NONE:
        text = escape(document.title) if config.footer is PageFooter.FULL else ""
        footer = _FOOTER.format(side_mm=paper.margin_mm, text=text)
    return watermark, footer


def _px(length_mm: float) -> int:
    return max(1, round(length_mm * _CSS_PX_PER_MM))
