"""One page to be rendered, how, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from archiveworker.domain.digest import Sha256
from archiveworker.domain.ids import ArchivePath


class PaperFormat(StrEnum):
    """Paper sizes that a plugin may ask for, portrait. Sizes: ISO 216 and ANSI."""

    A0 = "A0"
    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    A5 = "A5"
    A6 = "A6"
    LETTER = "Letter"
    LEGAL = "Legal"
    TABLOID = "Tabloid"
    LEDGER = "Ledger"

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height in millimetres."""
        return _SIZES_MM[self]


_SIZES_MM: dict[PaperFormat, tuple[float, float]] = {
    PaperFormat.A0: (841, 1189),
    PaperFormat.A1: (594, 841),
    PaperFormat.A2: (420, 594),
    PaperFormat.A3: (297, 420),
    PaperFormat.A4: (210, 297),
    PaperFormat.A5: (148, 210),
    PaperFormat.A6: (105, 148),
    PaperFormat.LETTER: (215.9, 279.4),
    PaperFormat.LEGAL: (215.9, 355.6),
    PaperFormat.TABLOID: (279.4, 431.8),
    PaperFormat.LEDGER: (431.8, 279.4),
}


class PdfProfile(StrEnum):
    """What the PDF claims to be (ISO 19005-2 and -3). ``OFF`` leaves Chromium's PDF as it is."""

    OFF = "off"
    PDF_A_2U = "2u"
    PDF_A_2A = "2a"
    PDF_A_3U = "3u"
    PDF_A_3A = "3a"

    @property
    def may_hold_files(self) -> bool:
        """Whether other files may be embedded, whatever they are: only PDF/A-3 (ISO 19005-3, 6.8)."""
        return self in (PdfProfile.PDF_A_3U, PdfProfile.PDF_A_3A)


class EmbeddedFiles(StrEnum):
    """What is put into the PDF beside its pages, as associated files (ISO 19005-3, 6.8)."""

    NONE = "none"
    HTML = "html"
    """The page as the LMS gave it."""
    ALL = "all"
    """The page, and the attachments that were handed in with it."""


class PageFooter(StrEnum):
    """What stands in the lower margin of each page."""

    NONE = "none"
    PAGE = "page"
    """The page's number, and how many there are."""
    FULL = "full"
    """Also the document's title: which attempt, whose."""


@dataclass(frozen=True, slots=True)
class ImageLimit:
    """Shrink images of the page to fit into this box before it is rendered.

    Attributes:
        width_px: at least 1.
        height_px: at least 1.
        quality: of JPEG and WebP, 0 to 100.
    """

    width_px: int
    height_px: int
    quality: int


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How a document is rendered.

    Attributes:
        paper: size of the pages.
        keep_html: also write the page as it came and as it was when printed (frozen, self-contained).
        image_limit: shrink images first; None leaves them alone.
        profile: PDF/A part and level to reach.
        embed_html: put the page as the LMS gave it into the PDF; PDF/A-3 only.
    """

    paper: PaperFormat = PaperFormat.A4
    keep_html: bool = False
    image_limit: ImageLimit | None = None
    profile: PdfProfile = PdfProfile.PDF_A_3A
    embed_html: bool = False


@dataclass(frozen=True, slots=True)
class AssociatedFile:
    """A file that belongs to a page and is put into its PDF.

    Attributes:
        name: without folders.
        file: where its bytes are now.
        modified_at: time of the data (UTC).
    """

    name: str
    file: Path
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Document:
    """One HTML page of an LMS.

    Attributes:
        html: the page as the LMS gave it.
        base_url: the LMS's own address (Moodle's wwwroot, without a slash at the end); relative links start here,
            and the page is loaded as if it came from this origin.
        title: for the PDF's metadata.
        language: BCP 47 tag, or None when only the page's own ``lang`` says it.
        created_at: time of the data (UTC), never of the rendering: the same attempt must give the same PDF.
        must_contain: texts that have to be in the PDF; compared without white space.
        associated: files to put into the PDF; PDF/A-3 only.
    """

    html: str
    base_url: str
    title: str
    created_at: datetime
    language: str | None = None
    must_contain: tuple[str, ...] = ()
    associated: tuple[AssociatedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class PdfFacts:
    """What was found when a finished PDF was looked at.

    Attributes:
        page_count: pages.
        width_mm: of the first page.
        height_mm: of the first page.
        words_shown: distinct longer words that a reader of the page in the browser sees (Latin script, at most 400).
        words_found: those of them that are in the PDF.
        images_drawn: pictures that the pages draw; one that is drawn twice counts twice.
        boxes_drawn: characters that no font had, and that are boxes now.
        files_embedded: files inside of the PDF.
        profile: what it claims to be.
        size_bytes: its length.
    """

    page_count: int
    width_mm: float
    height_mm: float
    words_shown: int
    words_found: int
    images_drawn: int
    boxes_drawn: int
    files_embedded: int
    profile: PdfProfile
    size_bytes: int


@dataclass(frozen=True, slots=True)
class RenderedDocument:
    """What the renderer wrote into the folder it was given.

    Attributes:
        pdf: the finished PDF.
        raw_html: the page as the LMS gave it (with images shrunk if asked), when HTML is kept.
        frozen_html: the page as it was printed: self-contained, without script, when HTML is kept.
        facts: what was found in the PDF.
        warnings: sentences for the item's record: what did not settle, what was refused, what was repaired.
    """

    pdf: Path
    raw_html: Path | None
    frozen_html: Path | None
    facts: PdfFacts
    warnings: tuple[str, ...] = ()

    @property
    def page_count(self) -> int:
        """Pages of the PDF."""
        return self.facts.page_count


class Renderer(Protocol):
    """Turns one page of an LMS into files that last; many calls may run at the same time."""

    async def render(self, document: Document, options: RenderOptions, out_dir: Path) -> RenderedDocument:
        """Render ``document`` into ``out_dir``, which exists and belongs to this call alone.

        Raises:
            BrowserGoneError: the browser crashed or could not be started; trying again may help.
            RenderTimeoutError: the page did not become ready or did not print in its time limit.
            PageRejectedError: the page is blank, a login form, or lost its own text.
            RenderError: the page cannot be rendered at all.
        """
        ...


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file on the spool that will stand in the archive.

    Attributes:
        path: its name in the archive.
        spooled: where its bytes are now, relative to the job's spool folder.
        sha256: digest of the bytes, taken while they were written.
        size_bytes: their number.
        modified_at: time of the data (UTC, whole seconds), for the container.
    """

    path: ArchivePath
    spooled: str
    sha256: Sha256
    size_bytes: int
    modified_at: datetime
