"""Every picture of the docs is shown somewhere, can be taken anew by ``make pictures``, and says what it shows."""

import re
from pathlib import Path
from xml.etree import ElementTree

from tests.tools import write_pictures

DOCS = Path(__file__).parents[3] / "docs"
SHOWN = re.findall(r"!\[([^\]]*)\]\(\.\./images/([^)]+)\)", "".join(p.read_text("utf-8") for p in DOCS.rglob("*.md")))
SVG = "{http://www.w3.org/2000/svg}"
OF_THE_SITE = {"favicon.svg"}


def test_every_photograph_is_taken_by_the_command() -> None:
    assert sorted(write_pictures.NAMES) == sorted(file.stem for file in (DOCS / "images").glob("*.png"))


def test_every_picture_is_shown_and_has_words() -> None:
    files = {file.name for file in (DOCS / "images").iterdir()} - OF_THE_SITE
    assert {name for _, name in SHOWN} == files
    assert all(len(words) > 3 for words, _ in SHOWN)


def test_diagrams_need_nothing_else_and_describe_themselves() -> None:
    diagrams = [file for file in (DOCS / "images").glob("*.svg") if file.name not in OF_THE_SITE]
    assert len(diagrams) >= 3
    for file in diagrams:
        text = file.read_text(encoding="utf-8")
        assert "href" not in text
        assert "<script" not in text
        drawing = ElementTree.fromstring(text)
        assert len(drawing.findtext(f"{SVG}desc") or "") > 40
