"""Gives Chromium's tagged PDF the form that PDF/A wants, without touching its structure (DESIGN, D5).

Added or corrected: XMP metadata, output intent, trailer ID, role map, languages, annotation flags, document
information, characters without a font. Not done: PDF/UA, which Chromium's tags do not reach and which is not claimed.
The same input gives the same bytes: times come from the document, ids from the content. veraPDF is the judge of all
this.
"""

import io
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pikepdf
from pikepdf import Array, Dictionary, Name, String

from archiveworker.domain.document import PdfProfile
from archiveworker.domain.errors import RenderError
from archiveworker.rendering import artifacts, associated, glyphs, pdftext
from archiveworker.rendering.associated import Embedded
from archiveworker.runtime import resources

_PRODUCER = "Skia/PDF"
_CREATOR = "archiveworker"
# RFC 3066, the syntax that PDF/A names for languages (ISO 19005-2, 6.7.4).
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*\Z")
_UNKNOWN_LANGUAGE = "und"
# ISO 32000-1, 14.8.4: structure types that need no role map.
_STANDARD_TYPES = frozenset(
    f"/{name}"
    for names in (
        (
            "Document",
            "Part",
            "Art",
            "Sect",
            "Div",
            "BlockQuote",
            "Caption",
            "TOC",
            "TOCI",
            "Index",
            "NonStruct",
            "Private",
        ),
        ("P", "H", "H1", "H2", "H3", "H4", "H5", "H6", "L", "LI", "Lbl", "LBody"),
        ("Table", "TR", "TH", "TD", "THead", "TBody", "TFoot"),
        ("Span", "Quote", "Note", "Reference", "BibEntry", "Code", "Link", "Annot", "Figure", "Formula", "Form"),
        ("Ruby", "RB", "RT", "RP", "Warichu", "WT", "WP"),
    )
    for name in names
)
# A page on which everything is hidden from assistive technology gets no tags, and must not claim them.
_UNTAGGED = {
    PdfProfile.OFF: PdfProfile.OFF,
    PdfProfile.PDF_A_2A: PdfProfile.PDF_A_2U,
    PdfProfile.PDF_A_2U: PdfProfile.PDF_A_2U,
    PdfProfile.PDF_A_3A: PdfProfile.PDF_A_3U,
    PdfProfile.PDF_A_3U: PdfProfile.PDF_A_3U,
}
_BLOCK_TYPES = frozenset({"/Aside", "/Title", "/DocumentFragment"})
_PRINT = 4
_HIDDEN = 1 | 2 | 32 | 256  # Invisible, Hidden, NoView, ToggleNoView: forbidden by ISO 19005-2, 6.3.2
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>{part}</pdfaid:part><pdfaid:conformance>{level}</pdfaid:conformance>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
<xmp:CreatorTool>{creator}</xmp:CreatorTool><xmp:CreateDate>{date}</xmp:CreateDate>
<xmp:ModifyDate>{date}</xmp:ModifyDate><xmp:MetadataDate>{date}</xmp:MetadataDate>
<pdf:Producer>{producer}</pdf:Producer>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True, slots=True)
class PdfMetadata:
    """What the PDF says about itself.

    Attributes:
        title: of the document.
        language: BCP 47, or None to keep what the page said.
        created_at: time of the data.
        profile: what it claims to be.
        has_frame: Chromium drew a footer or a watermark.
    """

    title: str
    language: str | None
    created_at: datetime
    profile: PdfProfile
    has_frame: bool = False


@dataclass(frozen=True, slots=True)
class FinishedPdf:
    """A PDF in its final form, and what was seen in it.

    Attributes:
        data: the file.
        sizes_pt: width and height of each page.
        text: all text, without layout.
        paint_count: lines, areas and images; 0 together with no text means blank.
        image_count: images alone.
        repaired_count: characters without a font that became boxes (or are left, when the profile is ``off``).
        profile: what it claims to be; less than was asked for when Chromium found nothing to tag.
        embedded_count: files inside of it.
    """

    data: bytes
    sizes_pt: tuple[tuple[float, float], ...]
    text: str
    paint_count: int
    image_count: int
    repaired_count: int
    profile: PdfProfile
    embedded_count: int = 0

    @property
    def page_count(self) -> int:
        """Its pages."""
        return len(self.sizes_pt)


def finish(data: bytes, metadata: PdfMetadata, files: Sequence[Embedded] = ()) -> FinishedPdf:
    """Return ``data`` in its archival form. CPU work: call it outside the event loop.

    Args:
        data: Chromium's PDF.
        metadata: what it shall say about itself.
        files: to put into it; left out where the profile does not allow any.

    Raises:
        RenderError: ``data`` is not a PDF.
    """
    try:
        with _opened(data) as pdf:
            if metadata.has_frame:
                artifacts.mark(pdf)
            scan = pdftext.scan(pdf)
            sizes_pt = tuple(_size_pt(page.obj) for page in pdf.pages)
            if scan.is_blank:
                # It has no structure to correct, and it will not be kept.
                return FinishedPdf(data, sizes_pt, "", 0, 0, 0, PdfProfile.OFF)
            _set_information(pdf, metadata)
            profile = metadata.profile if _order_structure(pdf) else _UNTAGGED[metadata.profile]
            if profile is not PdfProfile.OFF:
                glyphs.repair(pdf, scan)
                _claim(pdf, replace(metadata, profile=profile))
            files = files if profile.may_hold_files else ()
            associated.embed(pdf, files)
            out = io.BytesIO()
            pdf.save(
                out,
                min_version="1.7",
                object_stream_mode=pikepdf.ObjectStreamMode.generate,
                deterministic_id=True,
                fix_metadata_version=False,
            )
            return FinishedPdf(
                out.getvalue(),
                sizes_pt,
                scan.text,
                scan.paint_count,
                scan.image_count,
                scan.notdef_count,
                profile,
                len(files),
            )
    except pikepdf.PdfError as exc:
        raise RenderError("Chromium printed something that is not a readable PDF; render the page again") from exc


def _opened(data: bytes) -> pikepdf.Pdf:
    """Open a PDF by way of a file, which QPDF maps into memory; bytes it would read in small pieces through Python."""
    with tempfile.TemporaryFile() as file:  # it has no name, so a worker that is killed leaves none
        file.write(data)
        file.flush()
        return pikepdf.open(f"/proc/self/fd/{file.fileno()}")


def _size_pt(page: pikepdf.Object) -> tuple[float, float]:
    left, bottom, right, top = (float(value) for value in page[Name.MediaBox])
    return right - left, top - bottom


def language_of(tag: str | None) -> str | None:
    """Return ``tag`` as PDF takes it (``de_at`` becomes ``de-at``), or None when it is not a language tag."""
    tag = (tag or "").strip().replace("_", "-")
    return tag if _LANGUAGE.match(tag) else None


def _claim(pdf: pikepdf.Pdf, metadata: PdfMetadata) -> None:
    language = language_of(metadata.language) or language_of(str(pdf.Root.get(Name.Lang, ""))) or _UNKNOWN_LANGUAGE
    pdf.Root.Lang = String(language)
    pdf.Root.Metadata = _xmp(pdf, metadata, language)
    pdf.Root.OutputIntents = Array([_output_intent(pdf)])
    for page in pdf.pages:
        for annotation in page.obj.get(Name.Annots, ()):
            annotation[Name.F] = (int(annotation.get(Name.F, 0)) | _PRINT) & ~_HIDDEN


def _order_structure(pdf: pikepdf.Pdf) -> bool:
    """Put the structure tree in order; return whether there is one."""
    tree = pdf.Root.get(Name.StructTreeRoot)
    if tree is None:
        return False
    pdf.Root.MarkInfo = Dictionary(Marked=True)
    elements = _elements(tree)
    _set_roles(tree, elements)
    _renumber(tree, elements)
    return True


def _set_information(pdf: pikepdf.Pdf, metadata: PdfMetadata) -> None:
    date = String(metadata.created_at.astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ"))
    information = Dictionary(Creator=_CREATOR, Producer=_PRODUCER, CreationDate=date, ModDate=date)
    information.Title = String(_printable(metadata.title))
    pdf.trailer.Info = pdf.make_indirect(information)
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)


def _xmp(pdf: pikepdf.Pdf, metadata: PdfMetadata, language: str) -> pikepdf.Stream:
    text = _XMP.format(
        part=metadata.profile.value[0],
        level=metadata.profile.value[1].upper(),
        title=escape(_printable(metadata.title)),
        language=escape(language),
        creator=_CREATOR,
        producer=_PRODUCER,
        date=metadata.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    return pdf.make_stream(text.encode(), Type=Name.Metadata, Subtype=Name.XML)


def _output_intent(pdf: pikepdf.Pdf) -> Dictionary:
    profile = pdf.make_stream(resources.data("icc/srgb.icc"), N=3)
    return Dictionary(
        Type=Name.OutputIntent,
        S=Name.GTS_PDFA1,
        OutputConditionIdentifier="sRGB IEC61966-2.1",
        Info="sRGB IEC61966-2.1",
        DestOutputProfile=profile,
    )


def _set_roles(tree: pikepdf.Object, elements: list[pikepdf.Object]) -> None:
    """Map structure types of newer standards, and drop languages that are none (students may write ``lang`` too).

    Keys are strings here and below: of thousands of elements, making ``Name.S`` costs more than reading it.
    """
    roles: dict[str, pikepdf.Object] = {}
    for element in elements:
        kind = str(element["/S"])
        if kind not in _STANDARD_TYPES:
            roles[kind] = Name.Div if kind in _BLOCK_TYPES else Name.Span
        if "/Lang" in element and language_of(str(element[Name.Lang])) is None:
            del element[Name.Lang]
    if roles:
        tree[Name.RoleMap] = Dictionary(roles)


def _renumber(tree: pikepdf.Object, elements: list[pikepdf.Object]) -> None:
    """Name the elements by their order: Chromium takes numbers that depend on what else the browser did before."""
    named = [(bytes(element["/ID"]), element) for element in elements if "/ID" in element]
    new_ids = {old: String(f"node{index:08d}") for index, (old, _) in enumerate(named, start=1)}
    for old, element in named:
        element[Name.ID] = new_ids[old]
    for element in elements:
        for attributes in _attributes(element):
            if "/Headers" in attributes:
                headers = [bytes(header) for header in attributes[Name.Headers]]
                attributes[Name.Headers] = Array([new_ids[old] for old in headers if old in new_ids])
    if named:
        pairs = [item for old, element in named for item in (new_ids[old], element)]
        tree[Name.IDTree] = Dictionary(Names=Array(pairs))
    elif Name.IDTree in tree:
        del tree[Name.IDTree]


def _attributes(element: pikepdf.Object) -> list[pikepdf.Object]:
    # `get` of what is not there costs several times as much.
    if "/A" not in element:
        return []
    attributes = element["/A"]
    return list(attributes) if isinstance(attributes, Array) else [attributes]


def _elements(tree: pikepdf.Object) -> list[pikepdf.Object]:
    """Return all structure elements in reading order."""
    found: list[pikepdf.Object] = []
    waiting = [tree]
    while waiting:
        element = waiting.pop()
        if element is not tree:
            found.append(element)
        kids = element.get("/K")
        if isinstance(kids, Array):
            waiting += [kid for kid in reversed(list(kids)) if _is_element(kid)]
        elif kids is not None and _is_element(kids):
            waiting.append(kids)
    return found


def _is_element(kid: object) -> bool:
    return isinstance(kid, Dictionary) and "/S" in kid


def _printable(text: str) -> str:
    """Drop what XML 1.0 cannot hold."""
    return "".join(
        c for c in text if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
    )
