"""The parts of the PDF step that need no browser."""

import dataclasses
import importlib.util
import io
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest

from archiveworker.domain.document import PdfProfile
from archiveworker.domain.errors import PageRejectedError, RenderError
from archiveworker.rendering import artifacts, associated, checks, pdfa, pdftext
from archiveworker.rendering.pdfa import FinishedPdf, PdfMetadata
from archiveworker.runtime import resources

METADATA = PdfMetadata("A & B <c>\x00", None, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), PdfProfile.PDF_A_3U)
PDF = FinishedPdf(b"", ((595.0, 842.0),), "Attempt of Änne Bäcker\nAnswer: 42", 0, 0, 0, PdfProfile.PDF_A_3A)


def drawn(content: bytes) -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(200, 200))
    pdf.pages[0].obj[pikepdf.Name.Contents] = pdf.make_stream(content)
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


def test_the_profile_in_the_package_is_what_the_generator_makes() -> None:
    path = Path(__file__).parents[2] / "tools" / "make_icc.py"
    spec = importlib.util.spec_from_file_location("make_icc", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.profile() == resources.data("icc/srgb.icc")


def test_a_tounicode_map_is_read_in_all_its_forms() -> None:
    cmap = b"""2 beginbfchar <0003> <0020> <0004> <D83DDE00> endbfchar
      2 beginbfrange <0010> <0012> <0061> <0020> <0021> [<0041> <00660069>] endbfrange"""
    assert pdftext.parse_cmap(cmap) == {3: " ", 4: "😀", 16: "a", 17: "b", 18: "c", 32: "A", 33: "fi"}


def test_metadata_is_escaped_and_dates_come_from_the_document() -> None:
    finished = pdfa.finish(drawn(b"0 0 10 10 re f"), METADATA)
    with pikepdf.open(io.BytesIO(finished.data)) as pdf:
        xmp = pdf.Root.Metadata.read_bytes().decode()
        assert "A &amp; B &lt;c&gt;</rdf:li>" in xmp
        assert "<xmp:CreateDate>2026-01-02T03:04:05Z</xmp:CreateDate>" in xmp
        assert str(pdf.Root.Lang) == "und"
    assert finished.data == pdfa.finish(drawn(b"0 0 10 10 re f"), METADATA).data
    later = dataclasses.replace(METADATA, created_at=datetime(2026, 1, 3, tzinfo=UTC))
    assert finished.data != pdfa.finish(drawn(b"0 0 10 10 re f"), later).data


def test_tags_that_are_not_there_are_not_claimed() -> None:
    wanted = dataclasses.replace(METADATA, profile=PdfProfile.PDF_A_3A)
    finished = pdfa.finish(drawn(b"0 0 10 10 re f"), wanted)
    assert finished.profile is PdfProfile.PDF_A_3U
    assert b"<pdfaid:conformance>U" in finished.data


def test_what_is_no_pdf_is_an_error() -> None:
    with pytest.raises(RenderError, match="not a readable PDF"):
        pdfa.finish(b"<html>", METADATA)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("de", "de"),
        ("de_at", "de-at"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("", None),
        (None, None),
        ("!?", None),
        ("ä", None),
    ],
)
def test_language_tags(tag: str | None, expected: str | None) -> None:
    assert pdfa.language_of(tag) == expected


def test_an_empty_page_is_blank() -> None:
    with pytest.raises(PageRejectedError, match="blank"):
        checks.check(pdfa.finish(drawn(b"q Q"), METADATA), ())


@pytest.mark.parametrize("wanted", ["Änne Bäcker", "A\u0308nneBa\u0308cker", "Answer:\n42", "Attempt\u00ad of", ""])
def test_texts_are_found_whatever_their_spaces_and_forms(wanted: str) -> None:
    checks.check(PDF, (wanted,))


def test_a_missing_text_is_named() -> None:
    with pytest.raises(PageRejectedError, match="does not contain 'Answer: 43'"):
        checks.check(PDF, ("Änne", "Answer: 43"))


def test_right_to_left_words_may_be_turned_but_must_be_there() -> None:
    turned = dataclasses.replace(PDF, text="ילע דמחמ x")
    checks.check(turned, ("מחמד עלי",))
    with pytest.raises(PageRejectedError, match="does not contain"):
        checks.check(turned, ("שרה",))


def test_a_pdf_without_pages_is_rejected() -> None:
    with pytest.raises(PageRejectedError, match="no pages"):
        checks.check(dataclasses.replace(PDF, sizes_pt=()), ())


def test_another_size_than_asked_for_and_lost_images_are_remarked() -> None:
    a4_mm = (210.0, 297.0)
    right = dataclasses.replace(PDF, sizes_pt=((595.92, 841.92),) * 2)
    assert checks.remarks(right, a4_mm, 0) == []
    turned = dataclasses.replace(right, sizes_pt=((595.92, 841.92), (841.92, 595.92)))
    [size] = checks.remarks(turned, a4_mm, 0)
    assert size.startswith("1 of 2 pages have another size than asked for: 297 x 210 mm instead of 210 x 297 mm")
    assert checks.remarks(right, a4_mm, 2) == ["the page showed 2 image(s), the PDF draws none"]
    assert checks.remarks(dataclasses.replace(right, image_count=1), a4_mm, 2) == []


def test_words_are_counted() -> None:
    assert checks.check_words(PDF, ["Attempt", "Änne", "elsewhere", "Answer", "ATTEMPT"]) == 4
    assert checks.check_words(PDF, ["elsewhere"]) == 0
    with pytest.raises(PageRejectedError, match="it has 1 of 5 words"):
        checks.check_words(PDF, ["Attempt", "one", "two", "three", "four"])


def test_text_outside_of_the_structure_becomes_an_artifact_and_is_not_read() -> None:
    content = b"""/P <</MCID 0>> BDC BT (kept) Tj ET EMC 0 0 9 9 re f BT (footer) Tj ET
      /Span <</ActualText (x)>> BDC BT (footer) Tj ET EMC /Artifact BMC BT (known) Tj ET EMC"""
    with pikepdf.open(io.BytesIO(drawn(content))) as pdf:
        artifacts.mark(pdf)
        seen = [str(i.operator) for i in pikepdf.parse_content_stream(pdf.pages[0])]
        again = pikepdf.unparse_content_stream(pikepdf.parse_content_stream(pdf.pages[0]))
        artifacts.mark(pdf)
        assert pikepdf.unparse_content_stream(pikepdf.parse_content_stream(pdf.pages[0])) == again
    assert seen == [
        *("BDC", "BT", "Tj", "ET", "EMC", "re", "f", "BT", "BDC", "Tj", "EMC", "ET"),
        *("BDC", "BDC", "BT", "Tj", "ET", "EMC", "EMC", "BMC", "BT", "Tj", "ET", "EMC"),
    ]
    assert again.count(b"/Pagination") == 2


def test_files_with_one_name_get_numbers_and_the_tree_is_sorted() -> None:
    files = [associated.Embedded(name, b"x", METADATA.created_at) for name in ("z.txt", "a", "z.txt", "a", "ä.txt")]
    finished = pdfa.finish(drawn(b"0 0 10 10 re f"), METADATA, files)
    with pikepdf.open(io.BytesIO(finished.data)) as pdf:
        names = [str(name) for name in list(pdf.Root.Names.EmbeddedFiles.Names)[::2]]
        assert set(names) == {"z.txt", "z (2).txt", "a", "a (2)", "ä.txt"}
        assert [bytes(pikepdf.String(name)) for name in names] == sorted(bytes(pikepdf.String(n)) for n in names)
        assert {str(spec.EF.F.Params.ModDate) for spec in pdf.Root.AF} == {"D:20260102030405Z"}
    assert finished.embedded_count == 5
    assert finished.data == pdfa.finish(drawn(b"0 0 10 10 re f"), METADATA, files).data
