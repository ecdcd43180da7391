"""Reads the text of a PDF that Chromium printed, and finds the characters that no font could draw.

Made for what Skia writes (Type 0 fonts with two-byte codes, Type 3 fonts with one-byte codes, ToUnicode, ActualText);
not a general extractor. It keeps no layout: the text serves to look words up in.
"""

import re
from dataclasses import dataclass, field

import pikepdf
from pikepdf import Array, Dictionary, Name

from archiveworker.rendering import artifacts

_MAX_DEPTH = 8

BAD_TEXT = re.compile("[\0\ufeff\ufffe\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")
"""Characters that a ToUnicode CMap must not name. Source: ISO 19005-2, 6.2.11.7.2; for level A, 6.2.11.7.3: those for
private use, as icons and parts of MathJax's arrows are."""

# ISO 32000-1, 7.3 and 7.8.2. Both writers of these streams, Skia and QPDF, escape the brackets in strings.
_STRING = rb"(?:<[0-9A-Fa-f\s]*>|\((?:[^()\\]|\\.|\([^()]*\))*\))"
_NAME = rb"/[^\s()<>\[\]{}/%]*"
_DICTIONARY = rb"<<(?:%(string)s|<<(?:%(string)s|[^<>()])*>>|[^<>()])*>>" % {b"string": _STRING}
# Numbers, and operators that neither show nor paint, are stepped over in one go: they are three quarters of a stream.
_INSTRUCTION = re.compile(
    rb"""
    (?:[-+.\d\s]++(?:(?:[clmhnqQwJjMdivykWgG]|W\*|re|cm|Td|Tm|BT|ET|RG|rg|%(name)s\sgs)(?=\s))?+)*+
    (?: (?P<shown> (?: (?:%(string)s | \[(?:%(string)s|[^\[\]()<>])*\]) \s*(?:T[Jj]|['"])[-+.\d\s]*+(?:Td\s+)? )+ )
    |   (?P<font> %(name)s) \s+[-+.\d]+\s+Tf
    |   (?P<form> %(name)s) \s+Do
    |   %(name)s \s* (?P<begin> %(dictionary)s\s*BDC | %(name)s\s*BDC | BMC)
    |   (?P<end> EMC) \b
    |   (?P<image> BI\s.*?\sEI)
    |   (?P<paint> [fBb]\*? | [FSs] | sh) (?![^\s()<>\[\]{}/%%])
    |   %(string)s | %(name)s | [A-Za-z'"]+[\d*]* | %%[^\r\n]* | .
    )"""
    % {b"string": _STRING, b"name": _NAME, b"dictionary": _DICTIONARY},
    re.VERBOSE | re.DOTALL,
)
_STRINGS = re.compile(_STRING, re.DOTALL)
_BLOCK = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.DOTALL)
_TOKEN = re.compile(rb"<([0-9A-Fa-f\s]*)>|([\[\]])")


@dataclass(slots=True)
class Scan:
    """What stands in the pages.

    Attributes:
        pieces: texts in the order of the content streams.
        paint_count: lines, areas and images.
        image_count: images alone.
        notdef_count: characters that are shown as glyph 0, because no font has them.
        streams_with_notdef: the pages and forms that show them.
        fonts_with_bad_text: fonts whose ToUnicode says what PDF/A forbids.
    """

    pieces: list[str] = field(default_factory=list)
    paint_count: int = 0
    image_count: int = 0
    notdef_count: int = 0
    streams_with_notdef: dict[str, pikepdf.Object] = field(default_factory=dict)
    fonts_with_bad_text: list[pikepdf.Object] = field(default_factory=list)

    @property
    def is_blank(self) -> bool:
        """Whether there is neither text nor anything drawn."""
        return not self.paint_count and not self.notdef_count and not self.text.strip()

    @property
    def text(self) -> str:
        """Everything that was read."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class FontMap:
    """How a font's codes are read.

    Attributes:
        width_bytes: of a code: 2 in Type 0 fonts, 1 in Type 3 fonts.
        characters: text by code.
        texts: of strings that were read before, in PDF's syntax.
        notdef_counts: glyphs 0 in those of them that have any.
    """

    width_bytes: int
    characters: dict[int, str]
    texts: dict[bytes, str] = field(default_factory=dict)
    notdef_counts: dict[bytes, int] = field(default_factory=dict)

    def read(self, operators: bytes) -> tuple[str, int]:
        """Return text and number of glyphs 0 of text-showing operators; each string is decoded once."""
        strings = _STRINGS.findall(operators)
        for string in set(strings).difference(self.texts):
            codes = self._codes(bytes(pikepdf.Object.parse(string)))
            self.texts[string] = "".join(self.characters.get(code, "") for code in codes if code)
            if 0 in codes:
                self.notdef_counts[string] = codes.count(0)
        notdef_count = sum(self.notdef_counts.get(string, 0) for string in strings) if self.notdef_counts else 0
        return "".join([self.texts[string] for string in strings]), notdef_count

    def _codes(self, raw: bytes) -> list[int]:
        if self.width_bytes == 1:
            return list(raw)
        return [high << 8 | low for high, low in zip(raw[::2], raw[1::2], strict=False)]


def scan(pdf: pikepdf.Pdf) -> Scan:
    """Read all pages."""
    result = Scan()
    reader = _Reader(result)
    for page in pdf.pages:
        reader.read(page.obj, page.obj.get(Name.Resources), 0)
    return result


def font_map(font: pikepdf.Object) -> FontMap:
    """Return how the codes of ``font`` are read."""
    width_bytes = 2 if font.get(Name.Subtype) == Name.Type0 else 1
    to_unicode = font.get(Name.ToUnicode)
    return FontMap(width_bytes, {} if to_unicode is None else parse_cmap(to_unicode.read_bytes()))


def parse_cmap(data: bytes) -> dict[int, str]:
    """Return text by code of a ToUnicode CMap. Source: ISO 32000-1, 9.10.3."""
    characters: dict[int, str] = {}
    for block in _BLOCK.finditer(data):
        tokens = [bytes.fromhex(m[1].decode()) if m[2] is None else m[2] for m in _TOKEN.finditer(block[2])]
        if block[1] == b"bfchar":
            characters |= {
                int.from_bytes(code): _utf16(text) for code, text in zip(tokens[::2], tokens[1::2], strict=False)
            }
        else:
            _ranges(tokens, characters)
    return characters


def _ranges(tokens: list[bytes], characters: dict[int, str]) -> None:
    index = 0
    while index + 2 < len(tokens):
        first, last = int.from_bytes(tokens[index]), int.from_bytes(tokens[index + 1])
        index += 2
        if tokens[index] == b"[":
            end = tokens.index(b"]", index)
            for offset, text in enumerate(tokens[index + 1 : end]):
                characters[first + offset] = _utf16(text)
            index = end + 1
            continue
        start = int.from_bytes(tokens[index])
        size = len(tokens[index])
        for offset in range(min(last - first, 0xFFFF) + 1):
            characters[first + offset] = _utf16((start + offset).to_bytes(size))
        index += 1


def _utf16(raw: bytes) -> str:
    return raw.decode("utf-16-be", errors="replace")


@dataclass(slots=True)
class _StreamState:
    """Where the reading of one content stream is.

    Attributes:
        fonts: by name, of its resources.
        forms: its XObjects.
        depth: forms around it.
        font: the current one.
        nested: marked-content sequences that are open.
        hidden: which of them gave its text as ActualText already, or is no text of the page; 0 for none.
    """

    fonts: dict[str, FontMap]
    forms: pikepdf.Object | None
    depth: int
    font: FontMap | None = None
    nested: int = 0
    hidden: int = 0


class _Reader:
    """Reads content streams, forms inside forms included, each form once a use."""

    def __init__(self, result: Scan) -> None:
        self._result = result
        self._fonts: dict[tuple[int, int], FontMap] = {}

    def read(self, stream: pikepdf.Object, resources: pikepdf.Object | None, depth: int) -> None:
        if resources is None or depth > _MAX_DEPTH:
            return
        notdef_before = self._result.notdef_count
        fonts = {name: self._font(font) for name, font in resources.get(Name.Font, Dictionary()).items()}
        state = _StreamState(fonts, resources.get(Name.XObject), depth)
        for match in _INSTRUCTION.finditer(_content(stream)):
            if match.lastgroup is not None:
                self._step(state, match.lastgroup, match[match.lastgroup])
        if self._result.notdef_count > notdef_before:
            self._result.streams_with_notdef[f"{stream.objgen}"] = stream

    def _step(self, state: _StreamState, kind: str, raw: bytes) -> None:
        if kind == "shown":
            if state.font is not None:
                self._show(state.font, raw, quiet=state.hidden > 0)
        elif kind in ("paint", "image"):
            self._result.paint_count += 1
            self._result.image_count += kind == "image"
        elif kind == "font":
            state.font = state.fonts.get(_name(raw))
        elif kind == "begin":
            state.nested += 1
            if not state.hidden and self._is_read_otherwise(raw):
                state.hidden = state.nested
        elif kind == "end":
            state.hidden = 0 if state.hidden == state.nested else state.hidden
            state.nested -= 1
        elif kind == "form" and state.forms is not None:
            self._do(state.forms.get(_name(raw)), state.depth)

    def _font(self, font: pikepdf.Object) -> FontMap:
        if font.objgen not in self._fonts:
            self._fonts[font.objgen] = made = font_map(font)
            if BAD_TEXT.search("".join(made.characters.values())):
                self._result.fonts_with_bad_text.append(font)
        return self._fonts[font.objgen]

    def _show(self, font: FontMap, operators: bytes, *, quiet: bool) -> None:
        text, notdef_count = font.read(operators)
        self._result.notdef_count += notdef_count
        if not quiet:
            self._result.pieces.append(text)

    def _is_read_otherwise(self, begin: bytes) -> bool:
        """Return whether a marked sequence is no text of the page, or said its text (which is read) when it began."""
        if b"ActualText" not in begin and b"Pagination" not in begin:
            return False
        properties = pikepdf.Object.parse(begin.removesuffix(b"BDC"))
        if artifacts.is_pagination(properties):
            return True
        text = properties.get(Name.ActualText) if isinstance(properties, Dictionary) else None
        if text is not None:
            self._result.pieces.append(str(text))
        return text is not None

    def _do(self, form: pikepdf.Object | None, depth: int) -> None:
        if form is None:
            return
        if form.get(Name.Subtype) == Name.Form:
            self.read(form, form.get(Name.Resources), depth + 1)
        else:
            self._result.paint_count += 1
            self._result.image_count += 1


def _content(stream: pikepdf.Object) -> bytes:
    """Return the instructions of a page or a form."""
    if isinstance(stream, pikepdf.Stream):
        return stream.read_bytes()
    parts = stream.get(Name.Contents, Array())
    return b"\n".join(part.read_bytes() for part in (parts if isinstance(parts, Array) else [parts]))


def _name(raw: bytes) -> str:
    return str(pikepdf.Object.parse(raw))
