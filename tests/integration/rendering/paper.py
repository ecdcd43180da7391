"""Compares what two renderings put on paper."""

from pathlib import Path

from PIL import Image, ImageChops

from archiveworker.domain.document import RenderedDocument
from archiveworker.runtime import process
from tests.integration.rendering.conftest import text_of

DPI = 60


async def pictures(pdf: Path, folder: Path) -> list[Image.Image]:
    folder.mkdir()
    done = await process.run(["pdftoppm", "-r", str(DPI), "-png", str(pdf), str(folder / "p")], timeout_s=60)
    assert done.returncode == 0
    return [Image.open(one).convert("L") for one in sorted(folder.iterdir())]


async def assert_same_on_paper(first: RenderedDocument, second: RenderedDocument, folder: Path) -> None:
    """Text word for word; pictures but for the edges of letters, which no two layouts round alike."""
    assert (await text_of(second.pdf)).split() == (await text_of(first.pdf)).split()
    before, after = await pictures(first.pdf, folder / "before"), await pictures(second.pdf, folder / "after")
    assert len(before) == len(after)
    for one, other in zip(before, after, strict=True):
        assert one.size == other.size
        differing_count = sum(ImageChops.difference(one, other).histogram()[60:])
        assert differing_count < 0.0005 * one.width * one.height
