"""Reads the text of a PDF that Chromium printed, and finds the characters that no font could draw.

Made for what Skia writes (Type 0 fonts with two-byte codes, Type 3 fonts with one-byte codes, ToUnicode, ActualText);
not a general extractor. It keeps no layout: the text serves to look words up in.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pikepdf
from pikepdf import Name

from archiveworker.rendering import artifacts

_OPERATORS = "Tf Tj TJ ' \" BDC BMC EMC Do sh BI f F f* B B* b b* S s"
_SHOW = frozenset({"Tj", "TJ", "'", '"'})
_PAINT = frozenset({"sh", "BI", "INLINE IMAGE", "f", "F", "f*", "B", "B*", "b", "b*", "S", "s"})
_INLINE_IMAGE = frozenset({"BI", "INLINE IMAGE"})
_MAX_DEPTH = 8

BAD_TEXT = frozenset("\0\ufeff\ufffe")
"""Characters that a ToUnicode CMap must not name. Source: ISO 19005-2, 6.2.11.7.2."""

Instruction = pikepdf.ContentStreamInstruction | pikepdf.ContentStreamInlineImage

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
    """

    width_bytes: int
    characters: dict[int, str]

    def codes(self, raw: bytes) -> Iterator[int]:
        """Yield the codes of a shown string."""
        if self.width_bytes == 1:
            yield from raw
            return
        for index in range(0, len(raw) - 1, 2):
            yield raw[index] << 8 | raw[index + 1]


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
        fonts: of its resources.
        forms: its XObjects.
        depth: forms around it.
        font: the current one.
        nested: marked-content sequences that are open.
        hidden: which of them gave its text as ActualText already, or is no text of the page; 0 for none.
    """

    fonts: pikepdf.Object | None
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
        state = _StreamState(resources.get(Name.Font), resources.get(Name.XObject), depth)
        for instruction in pikepdf.parse_content_stream(stream, operators=_OPERATORS):
            self._step(state, instruction)
        if self._result.notdef_count > notdef_before:
            self._result.streams_with_notdef[f"{stream.objgen}"] = stream

    def _step(self, state: "_StreamState", instruction: Instruction) -> None:
        name = str(instruction.operator)
        if name in _PAINT:
            self._result.paint_count += 1
            self._result.image_count += name in _INLINE_IMAGE
        elif name == "Tf" and state.fonts is not None:
            state.font = self._font(state.fonts.get(str(instruction.operands[0])))
        elif name in _SHOW and state.font is not None:
            self._show(state.font, list(instruction.operands), quiet=state.hidden > 0)
        elif name in ("BDC", "BMC"):
            state.nested += 1
            operands = list(instruction.operands)
            if not state.hidden and (artifacts.is_pagination(operands) or self._actual_text(name, operands)):
                state.hidden = state.nested
        elif name == "EMC":
            state.hidden = 0 if state.hidden == state.nested else state.hidden
            state.nested -= 1
        elif name == "Do" and state.forms is not None:
            self._do(state.forms.get(str(instruction.operands[0])), state.depth)

    def _font(self, font: pikepdf.Object | None) -> FontMap | None:
        if font is None:
            return None
        if font.objgen not in self._fonts:
            self._fonts[font.objgen] = made = font_map(font)
            if any(BAD_TEXT & set(text) for text in made.characters.values()):
                self._result.fonts_with_bad_text.append(font)
        return self._fonts[font.objgen]

    def _show(self, font: FontMap, operands: list[pikepdf.Object], *, quiet: bool) -> None:
        for raw in shown_strings(operands):
            for code in font.codes(raw):
                if code == 0:
                    self._result.notdef_count += 1
                elif not quiet:
                    self._result.pieces.append(font.characters.get(code, ""))

    def _actual_text(self, name: str, operands: list[pikepdf.Object]) -> bool:
        if name != "BDC" or not isinstance(operands[1], pikepdf.Dictionary):
            return False
        text = operands[1].get(Name.ActualText)
        if text is None:
            return False
        self._result.pieces.append(str(text))
        return True

    def _do(self, form: pikepdf.Object | None, depth: int) -> None:
        if form is None:
            return
        if form.get(Name.Subtype) == Name.Form:
            self.read(form, form.get(Name.Resources), depth + 1)
        else:
            self._result.paint_count += 1
            self._result.image_count += 1


def shown_strings(operands: list[pikepdf.Object]) -> Iterator[bytes]:
    """Yield the byte strings of a text-showing operator's operands."""
    for operand in operands:
        if isinstance(operand, pikepdf.Array):
            yield from (bytes(item) for item in operand if isinstance(item, pikepdf.String))
        elif isinstance(operand, pikepdf.String):
            yield bytes(operand)
