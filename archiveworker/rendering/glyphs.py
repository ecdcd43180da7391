"""Repairs text: characters that no font could draw become a box that a reader, and a validator, understands.

Where Chromium has no font for a character it shows glyph 0 of some font, which PDF/A forbids (ISO 19005-2, 6.2.11.8)
and which has no Unicode value (6.2.11.7.2). The box of ours is a glyph of a small Type 3 font, mapped to U+FFFD; it
is moved so that the text around it stays where it was. The character itself is lost in either case: installing a font
is the cure. A character for private use (an icon, a part of a formula) is drawn as its font has it, and has no text:
what it means is known to nobody but its font.
"""

from decimal import Decimal

import pikepdf
from pikepdf import Array, Dictionary, Name, Operator, String

from archiveworker.rendering import pdftext
from archiveworker.rendering.pdftext import Scan

_FONT_NAME = "/ArchiveworkerBox"
_BOX_WIDTH = 600
# 600 wide, an outline 40 thick, from the baseline to 700.
_BOX = b"600 0 50 0 550 700 d1 50 0 500 700 re 90 40 420 620 re f*"
_CMAP = (
    "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
    "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
    "1 begincodespacerange {space} endcodespacerange\n"
    "{body}\n"
    "endcmap CMapName currentdict /CMap defineresource pop end end"
)
_BOX_TEXT = _CMAP.format(space="<00> <FF>", body="1 beginbfchar <01> <FFFD> endbfchar").encode()
_SHOW = frozenset({"Tj", "TJ"})


def repair(pdf: pikepdf.Pdf, scan: Scan) -> None:
    """Replace every glyph 0, and every forbidden text of a glyph, in what ``scan`` named."""
    for font in scan.fonts_with_bad_text:
        _allow_text(pdf, font)
    if not scan.streams_with_notdef:
        return
    box = pdf.make_indirect(_box_font(pdf))
    for stream in scan.streams_with_notdef.values():
        resources = stream[Name.Resources]
        fonts = resources.get(Name.Font)
        if fonts is None:
            continue
        rewritten = pikepdf.unparse_content_stream(_rewritten(stream, fonts))
        # Resources may be shared with streams that keep their fonts, so that a name is only ever added.
        fonts[_FONT_NAME] = box
        if isinstance(stream, pikepdf.Stream):
            stream.write(rewritten)
        else:
            stream[Name.Contents] = pdf.make_stream(rewritten)


def _allow_text(pdf: pikepdf.Pdf, font: pikepdf.Object) -> None:
    """Write the font's ToUnicode anew, with a word joiner (also invisible) for what must not stand in it."""
    mapped = pdftext.font_map(font)
    lines = [
        f"<{code:0{2 * mapped.width_bytes}X}> <{_allowed(text).encode('utf-16-be').hex().upper()}>"
        for code, text in mapped.characters.items()
    ]
    blocks = [lines[start : start + 100] for start in range(0, len(lines), 100)]
    body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    space = "<00> <FF>" if mapped.width_bytes == 1 else "<0000> <FFFF>"
    font[Name.ToUnicode] = pdf.make_stream(_CMAP.format(space=space, body=body).encode())


def _allowed(text: str) -> str:
    return pdftext.BAD_TEXT.sub("\u2060", text)


def _box_font(pdf: pikepdf.Pdf) -> Dictionary:
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type3,
        FontBBox=Array([0, 0, _BOX_WIDTH, 700]),
        FontMatrix=Array([Decimal("0.001"), 0, 0, Decimal("0.001"), 0, 0]),
        CharProcs=Dictionary(box=pdf.make_stream(_BOX)),
        Encoding=Dictionary(Type=Name.Encoding, Differences=Array([1, Name.box])),
        FirstChar=1,
        LastChar=1,
        Widths=Array([_BOX_WIDTH]),
        Resources=Dictionary(),
        ToUnicode=pdf.make_stream(_BOX_TEXT),
    )


def _rewritten(
    stream: pikepdf.Object, fonts: pikepdf.Object
) -> list[pikepdf.ContentStreamInstruction | pikepdf.ContentStreamInlineImage]:
    result: list[pikepdf.ContentStreamInstruction | pikepdf.ContentStreamInlineImage] = []
    font: tuple[pikepdf.Object, pikepdf.Object] | None = None
    for instruction in pikepdf.parse_content_stream(stream):
        if isinstance(instruction, pikepdf.ContentStreamInlineImage):
            result.append(instruction)
            continue
        name = str(instruction.operator)
        if name == "Tf":
            font = (instruction.operands[0], instruction.operands[1])
        if name in _SHOW and font is not None:
            result += _split(instruction, fonts[str(font[0])], font)
        else:
            result.append(instruction)
    return result


def _split(
    instruction: pikepdf.ContentStreamInstruction, font: pikepdf.Object, tf: tuple[pikepdf.Object, pikepdf.Object]
) -> list[pikepdf.ContentStreamInstruction]:
    items = list(instruction.operands[0]) if isinstance(instruction.operands[0], Array) else [instruction.operands[0]]
    width_bytes = 2 if font.get(Name.Subtype) == Name.Type0 else 1
    zero = bytes(width_bytes)
    if not any(isinstance(item, String) and zero in _chunks(bytes(item), width_bytes) for item in items):
        return [instruction]
    # A number in TJ moves left by thousandths of the font size: what the box is wider than glyph 0 is taken back.
    shift = Decimal(_BOX_WIDTH) - _width_of_zero(font)
    result: list[pikepdf.ContentStreamInstruction] = []
    kept: list[pikepdf.Object | Decimal | int] = []

    def flush() -> None:
        if kept:
            result.append(pikepdf.ContentStreamInstruction([Array(kept)], Operator("TJ")))
            kept.clear()

    for item in items:
        if not isinstance(item, String):
            kept.append(item)
            continue
        for chunk in _chunks(bytes(item), width_bytes):
            if chunk != zero:
                kept.append(String(chunk))
                continue
            flush()
            result.append(pikepdf.ContentStreamInstruction([Name(_FONT_NAME), tf[1]], Operator("Tf")))
            result.append(pikepdf.ContentStreamInstruction([Array([String(b"\x01"), shift])], Operator("TJ")))
            result.append(pikepdf.ContentStreamInstruction([tf[0], tf[1]], Operator("Tf")))
    flush()
    return result


def _chunks(raw: bytes, width_bytes: int) -> list[bytes]:
    return [raw[i : i + width_bytes] for i in range(0, len(raw), width_bytes)]


def _width_of_zero(font: pikepdf.Object) -> Decimal:
    """Return the advance of code 0 in thousandths of the font size."""
    if font.get(Name.Subtype) != Name.Type0:
        scale = Decimal(str(font[Name.FontMatrix][0])) * 1000
        return Decimal(str(font[Name.Widths][0])) * scale if int(font[Name.FirstChar]) == 0 else Decimal(0)
    descendant = font[Name.DescendantFonts][0]
    widths = descendant.get(Name.W)
    if widths is not None and len(widths) > 1 and int(widths[0]) == 0:
        first = widths[1][0] if isinstance(widths[1], Array) else widths[2]
        return Decimal(str(first))
    return Decimal(str(descendant.get(Name.DW, 1000)))
