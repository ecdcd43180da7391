"""Tables, bag-info and the index page."""

import csv
import io
import re

from hypothesis import given
from hypothesis import strategies as st

from archiveworker.domain.ids import ArchivePath
from archiveworker.reports.bag_info import render_bag_info
from archiveworker.reports.index import IndexItem, IndexPage, human_size, index_files, render_index
from archiveworker.reports.tables import render_csv

_CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(st.lists(st.tuples(_CELL, _CELL), max_size=5))
def test_every_row_is_one_line_and_nothing_but_line_breaks_is_changed(rows: list[tuple[str, str]]) -> None:
    data = render_csv(("a", "b"), [{"a": a, "b": b} for a, b in rows]).decode()
    lines = data.removesuffix("\n").split("\n")
    assert len(lines) == len(rows) + 1
    read = [next(csv.reader(io.StringIO(line))) if line else [""] for line in lines[1:]]
    for (a, b), cells in zip(rows, read, strict=True):
        assert re.sub(r"\s", "", cells[0]) == re.sub(r"\s", "", a)
        assert re.sub(r"\s", "", cells[1]) == re.sub(r"\s", "", b)


def test_missing_columns_are_empty() -> None:
    assert render_csv(("a", "b"), [{"b": "x,y"}]) == b'a,b\n,"x,y"\n'


def test_bag_info_folds_long_values_and_leaves_out_empty_ones() -> None:
    text = render_bag_info([("A", "x"), ("B", ""), ("C", "word " * 40), ("D", "two\nlines")]).decode()
    assert text.startswith("A: x\nC: word")
    assert "B:" not in text
    assert all(len(line) <= 79 for line in text.splitlines())
    assert text.endswith("D: two lines\n")
    unfolded = re.sub(r"\n  ", " ", text)
    assert f"C: {'word ' * 39}word\n" in unfolded


def test_sizes_for_people() -> None:
    assert [human_size(n) for n in (0, 1023, 1024, 5 * 1024**3)] == ["0 B", "1023 B", "1.0 KiB", "5.0 GiB"]


def test_the_index_escapes_what_students_are_called_and_needs_no_network() -> None:
    files = index_files([(ArchivePath("attempts/ü #1/a.pdf"), 2048)])
    item = IndexItem("Attempt 1", "<b>Bobby</b> & Co", (("state", "finished"),), files, ("a <warning>",))
    page = IndexPage("Quiz <1>", (("Source", "https://x"),), (item,), (), (("attempt-2", "gone & lost"),))
    html = render_index(page).decode()
    assert "&lt;b&gt;Bobby" in html
    assert "a &lt;warning&gt;" in html
    assert "gone &amp; lost" in html
    assert 'href="attempts/%C3%BC%20%231/a.pdf"' in html
    assert "<script" not in html
    assert not re.search(r'(src|href)="(https?:)?//', html)
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
