"""What the tools that write example pages share: pages into a folder, or pictures of them for the docs."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"


def run(write_pages: Callable[[Path], None], pictures: Mapping[str, tuple[str, int]]) -> None:
    """Do what the command line says: ``--pictures``, or the folder for the pages.

    Args:
        write_pages: writes all pages, as ``NAME.html``, into a folder that is there.
        pictures: name of a picture, and the page and number of the sheet that it shows.
    """
    if sys.argv[1] == "--pictures":
        _write_pictures(write_pages, pictures)
        return
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_pages(folder)


def _write_pictures(write_pages: Callable[[Path], None], pictures: Mapping[str, tuple[str, int]]) -> None:
    """Print the pages with the worker's own renderer and take pictures of the paper."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pages(folder)
        for page in {page for page, _ in pictures.values()}:
            command = [sys.executable, "-m", "archiveworker", "render", f"{folder}/{page}.html", "--out", name]
            subprocess.run(command, check=True, cwd=ROOT)
        for picture, (page, number) in pictures.items():
            where = ["-f", str(number), "-l", str(number), "-singlefile"]
            made = folder / picture
            subprocess.run(["pdftoppm", "-png", "-r", "84", *where, f"{folder}/{page}.pdf", made], check=True)
            with Image.open(made.with_suffix(".png")) as image:
                image.quantize(96, method=Image.Quantize.MAXCOVERAGE).save(IMAGES / f"{picture}.png", optimize=True)
