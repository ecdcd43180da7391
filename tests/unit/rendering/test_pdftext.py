"""The reading of a PDF's text against QPDF's own reading of content streams."""

from collections.abc import Sequence

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Operator, String

from archiveworker.rendering import pdftext

CMAP = b"2 beginbfrange <0001> <00FF> <0100> <2800> <29FF> <0400> endbfrange"
PAINT = frozenset({"f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "sh", "INLINE IMAGE"})

Instruction = pikepdf.ContentStreamInstruction | pikepdf.ContentStreamInlineImage


def page_of(pdf: pikepdf.Pdf, content: bytes) -> pikepdf.Object:
    pdf.add_blank_page(page_size=(200, 200))
    page = pdf.pages[-1].obj
    font = Dictionary(Type=Name.Font, Subtype=Name.Type0, ToUnicode=pdf.make_stream(CMAP))
    page.Resources = Dictionary(
        Font=Dictionary(F1=pdf.make_indirect(font)),
        XObject=Dictionary(X1=pdf.make_stream(b"", Subtype=Name.Image)),
    )
    page.Contents = pdf.make_stream(content)
    return page


def scan(content: bytes) -> pdftext.Scan:
    with pikepdf.new() as pdf:
        page_of(pdf, content)
        return pdftext.scan(pdf)


def slow_scan(content: bytes) -> pdftext.Scan:
    """Read as ``pdftext.scan`` does, in full view of QPDF's objects."""
    seen = pdftext.Scan()
    hidden = [False]
    has_font = False
    with pikepdf.new() as pdf:
        for instruction in pikepdf.parse_content_stream(page_of(pdf, content)):
            name, operands = str(instruction.operator), list(instruction.operands)
            seen.paint_count += name in PAINT or name == "Do"
            seen.image_count += name in ("INLINE IMAGE", "Do")
            has_font = has_font or name == "Tf"
            if name in ("BDC", "BMC"):
                text = None if hidden[-1] or name == "BMC" else operands[1].get(Name.ActualText)
                seen.pieces += [] if text is None else [str(text)]
                hidden.append(hidden[-1] or text is not None)
            elif name == "EMC" and len(hidden) > 1:
                hidden.pop()
            elif name in ("Tj", "TJ", "'", '"') and has_font:
                show(seen, operands[-1], quiet=hidden[-1])
    return seen


def show(seen: pdftext.Scan, operand: pikepdf.Object, *, quiet: bool) -> None:
    for string in operand if isinstance(operand, Array) else [operand]:
        raw = bytes(string) if isinstance(string, String) else b""
        codes = [int.from_bytes(raw[at : at + 2]) for at in range(0, len(raw) - 1, 2)]
        seen.notdef_count += codes.count(0)
        if not quiet:
            seen.pieces += [character(code) for code in codes]


def character(code: int) -> str:
    if 1 <= code <= 0xFF:
        return chr(0xFF + code)
    return chr(code - 0x2800 + 0x400) if 0x2800 <= code <= 0x29FF else ""


def facts(seen: pdftext.Scan) -> tuple[str, int, int, int]:
    return seen.text, seen.paint_count, seen.image_count, seen.notdef_count


def instructions(*operators: str, operands: st.SearchStrategy[Sequence[object]]) -> st.SearchStrategy[Instruction]:
    return st.builds(
        lambda operator, given: pikepdf.ContentStreamInstruction(list(given), Operator(operator)),
        st.sampled_from(operators),
        operands,
    )


NUMBERS = st.one_of(st.integers(-99, 99), st.decimals(-9, 9, places=3))
# Codes whose bytes are brackets, backslashes, letters of operators and line ends, as often as any others.
STRINGS = st.one_of(st.binary(max_size=8), st.text("()\\fBTj \r\n\x00<>[]%/", max_size=8).map(str.encode)).map(String)
NO_OPERANDS: st.SearchStrategy[Sequence[object]] = st.just(())
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
PROPERTIES = st.one_of(
    st.just(Dictionary(MCID=3)),
    TEXTS.map(lambda text: Dictionary(ActualText=text)),
    TEXTS.map(lambda text: Dictionary(Alt=text, Inner=Dictionary(A=text))),
)
CONTENTS = st.lists(
    st.one_of(
        instructions("Tj", "'", operands=st.tuples(STRINGS)),
        instructions('"', operands=st.tuples(NUMBERS, NUMBERS, STRINGS)),
        instructions("TJ", operands=st.tuples(st.lists(st.one_of(NUMBERS, STRINGS), max_size=4).map(Array))),
        instructions("Tf", operands=st.tuples(st.just(Name.F1), NUMBERS)),
        instructions("Do", operands=st.just((Name.X1,))),
        instructions("gs", "cs", "sh", operands=st.just((Name.f,))),
        instructions("BDC", operands=st.tuples(st.just(Name.Span), PROPERTIES)),
        instructions("BMC", operands=st.just((Name.S,))),
        instructions("d", operands=st.tuples(st.lists(NUMBERS, max_size=2).map(Array), NUMBERS)),
        instructions("Td", "l", "rg", "re", "cm", "w", "d0", "scn", operands=st.lists(NUMBERS, max_size=6)),
        instructions("EMC", "BT", "ET", "q", "Q", "n", "h", "W", "W*", "BX", "EX", operands=NO_OPERANDS),
        instructions("f", "F", "f*", "B", "B*", "b", "b*", "S", "s", operands=NO_OPERANDS),
    ),
    max_size=25,
)


@settings(max_examples=150)
@given(CONTENTS)
def test_what_is_read_is_what_qpdf_reads(written: list[Instruction]) -> None:
    font = pikepdf.ContentStreamInstruction([Name.F1, 12], Operator("Tf"))
    content = pikepdf.unparse_content_stream([font, *written])
    assert facts(scan(content)) == facts(slow_scan(content))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"/F1 9 Tf <0001 0002>Tj(\\000\\003)'", ("ĀāĂ", 0, 0, 0)),
        (b"/F1 9 Tf[<0001>-20<0000>]TJ 0 -9 Td <0002> Tj", ("Āā", 0, 0, 1)),
        (b"<0001> Tj", ("", 0, 0, 0)),
        (b"/F1 9 Tf % <0001> Tj f\n<0002> Tj", ("ā", 0, 0, 0)),
        (b"q BI /W 1 /H 1 /BPC 8 /CS /G ID f EI Q f", ("", 2, 1, 0)),
        (b"/f gs /S gs /B BMC EMC (f S B) Tj", ("", 0, 0, 0)),
        (b"/F1 9 Tf /Span<</ActualText (a\\)f) >> BDC\n<0001> Tj\nEMC\n<0002> Tj", ("a)fā", 0, 0, 0)),
        (b"/F1 9 Tf /Artifact<</Type/Pagination>>BDC <0001> Tj EMC <0002> Tj", ("ā", 0, 0, 0)),
        (b"/F1 9 Tf /OC /ActualText BDC <0001> Tj EMC", ("Ā", 0, 0, 0)),
    ],
)
def test_every_way_to_write_an_instruction_is_read(content: bytes, expected: tuple[str, int, int, int]) -> None:
    assert facts(scan(content)) == expected


def test_contents_in_parts_are_read_as_one() -> None:
    with pikepdf.new() as pdf:
        page = page_of(pdf, b"")
        page.Contents = Array([pdf.make_stream(b"/F1 9 Tf"), pdf.make_stream(b"<0001> Tj")])
        assert pdftext.scan(pdf).text == "Ā"
        del page.Contents
        assert pdftext.scan(pdf).is_blank
