"""Writes every picture of the docs into docs/images: ``make pictures``. Needs Chromium and pdftoppm.

Pages of reports are printed by the worker's own renderer, and the sheets of paper are what is shown; pages of the
worker are those of a real job. Diagrams (``.svg``) are drawn by hand.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image

from tests.tools import write_peer_review_examples, write_proctoring_examples, write_ui_pictures

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
_RESOLUTION_DPI, _COLOURS = "84", 96
OF_REPORTS = (
    (write_peer_review_examples.PICTURES, write_peer_review_examples.write_pages),
    (write_proctoring_examples.PICTURES, write_proctoring_examples.write_pages),
)
NAMES = (*(name for pictures, _ in OF_REPORTS for name in pictures), *write_ui_pictures.NAMES)


def of_reports(pictures: Mapping[str, tuple[str, int]], write_pages: Callable[[Path], None]) -> None:
    """Print the pages and take pictures of the paper.

    Args:
        pictures: name of each, the page that it shows, and which of its sheets.
        write_pages: writes the pages as HTML into a folder.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pages(folder)
        for page in {page for page, _ in pictures.values()}:
            command = [sys.executable, "-m", "archiveworker", "render", f"{folder}/{page}.html", "--out", name]
            subprocess.run(command, check=True, cwd=ROOT)
        for picture, (page, sheet) in pictures.items():
            where = ["-f", str(sheet), "-l", str(sheet), "-singlefile"]
            made = folder / picture
            subprocess.run(
                ["pdftoppm", "-png", "-r", _RESOLUTION_DPI, *where, f"{folder}/{page}.pdf", made], check=True
            )
            with Image.open(made.with_suffix(".png")) as image:
                small = image.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE)
                small.save(IMAGES / f"{picture}.png", optimize=True)


if __name__ == "__main__":
    for pictures, write_pages in OF_REPORTS:
        of_reports(pictures, write_pages)
    asyncio.run(write_ui_pictures.main())
