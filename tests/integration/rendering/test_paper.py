"""What the paper asks for: its size, its margins, nothing beyond its edges, and what stands around the page."""

import io
import re
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from archiveworker.domain.document import PageFooter, PaperFormat, RenderOptions
from archiveworker.domain.errors import PageRejectedError
from archiveworker.rendering.config import RendererConfig
from archiveworker.runtime import process
from tests.integration.rendering.conftest import Render, running_renderer, text_of
from tests.integration.rendering.test_render import data_uri

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]

MARGIN_PT = 12 / 25.4 * 72
SLACK_PT = 1.5
WORD = re.compile(r'<word xMin="([-\d.]+)" yMin="[-\d.]+" xMax="([-\d.]+)" yMax="[-\d.]+">([^<]*)</word>')
EDGE = (255, 0, 255)


async def words_of(pdf: Path) -> dict[str, tuple[float, float]]:
    """Every word with its left and right edge in points, of all pages."""
    done = await process.run(["pdftotext", "-bbox", str(pdf), "-"], timeout_s=30)
    assert done.returncode == 0
    return {text: (float(left), float(right)) for left, right, text in WORD.findall(done.stdout.decode())}


async def pages_of(pdf: Path) -> list[Image.Image]:
    done = await process.run(["pdftoppm", "-r", "60", "-png", str(pdf), str(pdf.with_suffix(""))], timeout_s=30)
    assert done.returncode == 0
    return [Image.open(file).convert("RGB") for file in sorted(pdf.parent.glob(f"{pdf.stem}-*.png"))]


def is_drawn(page: Image.Image, colour: tuple[int, int, int] = EDGE) -> bool:
    """Whether some pixel has nearly this colour."""
    pixels = page.get_flattened_data() if hasattr(page, "get_flattened_data") else page.getdata()
    return any(max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 40 for pixel in pixels)


def assert_inside(words: dict[str, tuple[float, float]], width_pt: float = 595) -> None:
    outside = {
        text: edges
        for text, edges in words.items()
        if edges[0] < MARGIN_PT - SLACK_PT or edges[1] > width_pt - MARGIN_PT + SLACK_PT
    }
    assert outside == {}


@pytest.mark.parametrize("paper", PaperFormat)
async def test_every_page_has_the_size_of_the_paper(render: Render, paper: PaperFormat) -> None:
    html = "<h1>One</h1><div style='break-before: page'>Two</div>"
    result = await render(html, RenderOptions(paper=paper))
    with pikepdf.open(result.pdf) as pdf:
        sizes_pt = [tuple(float(value) for value in page.MediaBox[2:]) for page in pdf.pages]
    wanted_pt = tuple(side_mm / 25.4 * 72 for side_mm in paper.size_mm)
    assert sizes_pt == [pytest.approx(wanted_pt, abs=1.0)] * 2
    assert (result.facts.width_mm, result.facts.height_mm) == pytest.approx(paper.size_mm, abs=0.4)
    assert result.warnings == ()


async def test_the_pages_own_styles_do_not_turn_the_paper(render: Render) -> None:
    html = """<style>@page { size: A3 landscape; margin: 90mm } @page wide { size: landscape } .w { page: wide }</style>
      <p>leftmost first</p><p class=w>second</p>"""
    result = await render(html)
    assert (result.facts.width_mm, result.warnings) == (pytest.approx(210, abs=0.4), ())
    assert (await words_of(result.pdf))["leftmost"][0] == pytest.approx(MARGIN_PT + 6, abs=2)


async def test_not_even_with_more_important_styles(render: Render) -> None:
    html = "<style>@page wide { size: landscape !important } .w { page: wide }</style><p>first</p><p class=w>second</p>"
    result = await render(html)
    assert (result.page_count, result.facts.width_mm, result.warnings) == (2, pytest.approx(210, abs=0.4), ())


@pytest.mark.parametrize("columns", [14, 45])
async def test_a_wide_table_fits_and_the_text_around_it_keeps_its_size(render: Render, columns: int) -> None:
    cells = "".join(f"<td>value{column:02d}" for column in range(columns))
    frame = "<div style='overflow-x: auto'>" if columns == 45 else "<div>"
    table = f"{frame}<table border=1>{f'<tr>{cells}' * 3}</table></div>"
    alone = await words_of((await render("<p>Unchanged</p>")).pdf)
    result = await render(f"<p>Unchanged</p>{table}")
    words = await words_of(result.pdf)
    assert_inside(words)
    assert words["Unchanged"] == pytest.approx(alone["Unchanged"], abs=0.1)
    text = re.sub(r"\s+", "", "".join(words))
    if columns == 14:
        assert all(f"value{column:02d}" in text for column in range(columns))
    else:
        assert result.facts.words_found == result.facts.words_shown


async def test_long_lines_of_code_and_long_words_are_broken(render: Render) -> None:
    line = " ".join(f"argument{number}," for number in range(60))
    code = f"<pre style='overflow: hidden'><code style='white-space: pre'>{line}</code></pre>"
    html = f"{code}<p>{'unbroken' * 40}last</p>"
    words = await words_of((await render(html)).pdf)
    assert_inside(words)
    assert all(f"argument{number}," in words for number in range(60))
    assert "".join(words).endswith("last")


async def test_wide_blocks_and_formulas_fit(render: Render) -> None:
    terms = "".join(f"<mi>x</mi><mo>+</mo><mn>{n}</mn>" for n in range(80))
    html = f"""<p>Before</p><div style='width: 2400px'>left <span style='float: right'>rightmost</span></div>
      <math display=block><mrow>{terms}</mrow></math>
      <div style='position: absolute; left: 5000px'>beside the page on purpose</div>"""
    words = await words_of((await render(html)).pdf)
    assert "rightmost" in words
    assert_inside({text: edges for text, edges in words.items() if edges[0] < 1000})


@pytest.mark.parametrize("attributes", ["", "width=3000 height=800", "style='max-width: none'"])
async def test_a_huge_image_shows_its_right_edge_in_its_proportions(render: Render, attributes: str) -> None:
    image = Image.new("RGB", (3000, 800), "white")
    image.paste(EDGE, (2900, 0, 3000, 800))
    image.paste(EDGE, (0, 0, 3000, 60))
    result = await render(f"<p>x</p><img {attributes} src='{data_uri(image)}'><p>y</p>")
    [page] = await pages_of(result.pdf)
    assert is_drawn(page)
    inner_px = (210 - 24) / 25.4 * 60
    ink = page.point(lambda value: 255 if value < 60 else 0).getchannel("G").getbbox()
    assert ink is not None
    assert ink[2] - ink[0] == pytest.approx(inner_px, rel=0.05)
    assert ink[2] < page.width - 24
    assert result.facts.images_drawn == 1


async def test_a_tall_image_goes_on_over_several_pages_to_its_end(render: Render) -> None:
    image = Image.new("RGB", (400, 3000), "white")
    image.paste(EDGE, (0, 2950, 400, 3000))
    result = await render(f"<p>x</p><img src='{data_uri(image)}'>")
    pages = await pages_of(result.pdf)
    assert len(pages) > 2
    assert is_drawn(pages[-1]) or is_drawn(pages[-2])


async def test_labels_on_a_picture_stay_in_their_places(render: Render) -> None:
    image = Image.new("RGB", (1400, 300), "white")
    image.paste(EDGE, (1290, 0, 1400, 300))
    html = f"""<div class=ddarea style='position: relative'><img src='{data_uri(image)}'>
      <b style='position: absolute; left: 1295px; top: 100px'>Label</b></div>"""
    result = await render(html)
    left, right = (await words_of(result.pdf))["Label"]
    assert right < 595 - MARGIN_PT
    assert left == pytest.approx(MARGIN_PT + (595 - 2 * MARGIN_PT) * 1295 / 1400, abs=6)


async def test_margins_and_window_are_as_set(render: Render) -> None:
    html = "<style>body { margin: 0 }</style><p>Start</p><p id=w></p><script>w.textContent = 'w' + innerWidth</script>"
    config = RendererConfig(browser_count=1, margin_mm=30, viewport_width_px=1240)
    async with running_renderer(config) as own:
        words = await words_of((await render(html, by=own)).pdf)
    assert words["Start"][0] == pytest.approx(30 / 25.4 * 72, abs=1)
    assert "w1240" in words


async def test_without_a_setting_the_window_is_as_wide_as_the_paper(render: Render) -> None:
    words = await words_of((await render("<p id=w></p><script>w.textContent = 'w' + innerWidth</script>")).pdf)
    assert f"w{round((210 - 24) / 25.4 * 96)}" in words


async def test_a_wide_table_fits_whatever_the_window(render: Render) -> None:
    cells = "".join(f"<td>value{column:02d}" for column in range(14))
    async with running_renderer(RendererConfig(browser_count=1, viewport_width_px=1600)) as own:
        result = await render(f"<table border=1><tr>{cells}</table>", by=own)
    assert_inside(await words_of(result.pdf))


@pytest.mark.parametrize(
    ("footer", "expected"), [(PageFooter.PAGE, ("1 / 3", "3 / 3")), (PageFooter.FULL, ("Attempt 33, Änne 王", "2 / 3"))]
)
async def test_the_footer_stands_on_every_page(render: Render, footer: PageFooter, expected: tuple[str, str]) -> None:
    html = "<p>one</p>" + "<p style='break-before: page'>more</p>" * 2
    async with running_renderer(RendererConfig(browser_count=1, footer=footer, margin_mm=2)) as own:
        result = await render(html, by=own, title="Attempt 33, Änne 王 <b>")
    text = re.sub(r"\s+", "", await text_of(result.pdf))
    assert all(re.sub(r"\s+", "", one) in text for one in expected)
    assert text.count("Attempt33") == (3 if footer is PageFooter.FULL else 0)
    with pikepdf.open(result.pdf) as pdf:
        assert all(unmarked_text(page) == 0 for page in pdf.pages)


def unmarked_text(page: pikepdf.Page) -> int:
    """Count what is shown outside of both the structure and artifacts."""
    depth = count = 0
    for instruction in pikepdf.parse_content_stream(page):
        match str(instruction.operator):
            case "BDC" | "BMC":
                depth += 1
            case "EMC":
                depth -= 1
            case "Tj" | "TJ":
                count += depth == 0
    assert depth == 0
    return count


async def test_the_footer_is_no_text_of_the_page(render: Render) -> None:
    config = RendererConfig(browser_count=1, footer=PageFooter.FULL, watermark="DEMO")
    async with running_renderer(config) as own:
        result = await render("<p>Somebody</p>", by=own, title="Änne Bäcker", must_contain=("Somebody",))
        shown = re.sub(r"\s+", "", await text_of(result.pdf))
        assert "Änne" in shown
        assert {"D", "EM", "O"} <= set((await text_of(result.pdf)).split())
        for text in ("Änne", "DEMO"):
            with pytest.raises(PageRejectedError, match=f"does not contain '{text}'"):
                await render("<p>Somebody</p>", by=own, title="Änne Bäcker", must_contain=(text,))
        with pytest.raises(PageRejectedError, match="blank"):
            await render("<div></div>", by=own)


async def test_the_watermark_lies_across_the_page_and_its_text_stays(render: Render) -> None:
    async with running_renderer(RendererConfig(browser_count=1, watermark="DEMO <x>")) as own:
        result = await render("<p>text</p>", by=own)
    [page] = await pages_of(result.pdf)
    left, top, right, bottom = page.crop((40, 120, page.width - 40, page.height - 60)).point(
        lambda value: 255 if value < 250 else 0
    ).getbbox() or (0, 0, 0, 0)
    assert (right - left, bottom - top) > (page.width // 3, page.height // 4)
    assert {"text", "D", "EM", "O"} <= set((await text_of(result.pdf)).split())


async def test_what_was_found_is_in_the_facts(render: Render) -> None:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), "red").save(out, "PNG")
    html = f"<h1>Seven</h1><p>longer words: answer \U0003fff0</p><img width=30 src='{data_uri(Image.open(out))}'>"
    facts = (result := await render(html, RenderOptions(embed_html=True))).facts
    assert (facts.page_count, facts.images_drawn, facts.boxes_drawn, facts.files_embedded) == (1, 1, 1, 1)
    assert (facts.words_shown, facts.words_found) == (4, 4)
    assert facts.profile.value == "3a"
    assert facts.size_bytes == result.pdf.stat().st_size
