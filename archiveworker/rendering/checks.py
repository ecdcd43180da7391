"""Looks at what was printed before it counts: a blank page or one without its own text is no document."""

import re
import unicodedata
from collections.abc import Collection, Iterable

from archiveworker.domain.errors import PageRejectedError
from archiveworker.rendering.pdfa import FinishedPdf

_SHOWN_CHARACTERS = 60
_POINTS_PER_MM = 72 / 25.4
_SLACK_PT = 2.0
"""Chromium rounds the paper to whole device pixels."""
_MIN_WORDS = 5
_MIN_WORDS_SHARE = 0.6
"""Words may be hyphenated, clipped or covered on paper; a page that lost more than this lost its text."""
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
# Bidi controls, soft hyphens and joiners are not drawn, variation selectors choose a glyph.
_INVISIBLE = frozenset({"Cf", "Cc"})
_SELECTORS = re.compile("[\ufe00-\ufe0f]")


def check(pdf: FinishedPdf, must_contain: Iterable[str]) -> None:
    """Return if the PDF may count as the document.

    Args:
        pdf: what was printed.
        must_contain: texts that have to be in it; compared without white space, in Unicode form NFKC.

    Raises:
        PageRejectedError: it has no pages, nothing on them, or lacks one of the texts.
    """
    if pdf.page_count < 1:
        raise PageRejectedError("the PDF has no pages")
    if not pdf.text.strip() and pdf.paint_count == 0:
        raise PageRejectedError("the page is blank; look at the page in the LMS")
    found = folded(pdf.text)
    for wanted in must_contain:
        if not _holds(found, wanted):
            shown = wanted if len(wanted) <= _SHOWN_CHARACTERS else wanted[:_SHOWN_CHARACTERS] + "…"
            raise PageRejectedError(f"the PDF does not contain {shown!r}, which stands in the page")


def check_words(pdf: FinishedPdf, seen: Collection[str]) -> int:
    """Return how many words of the page the PDF holds, if they are enough.

    Args:
        pdf: what was printed.
        seen: distinct words that a reader of the page sees.

    Raises:
        PageRejectedError: it lost most of them, e.g. to a style sheet for print.
    """
    found = folded(pdf.text).casefold()
    kept = sum(folded(word).casefold() in found for word in seen)
    if len(seen) >= _MIN_WORDS and kept < _MIN_WORDS_SHARE * len(seen):
        raise PageRejectedError(
            f"the PDF lost the page's text: it has {kept} of {len(seen)} words; look at the page in the LMS"
        )
    return kept


def remarks(pdf: FinishedPdf, size_mm: tuple[float, float], image_count: int) -> list[str]:
    """Return warnings about a PDF that counts although it is not all that was asked for.

    Args:
        pdf: what was printed.
        size_mm: of the paper that was asked for.
        image_count: pictures that the page showed.
    """
    found: list[str] = []
    wanted_pt = [side_mm * _POINTS_PER_MM for side_mm in size_mm]
    odd = [size for size in pdf.sizes_pt if max(abs(a - b) for a, b in zip(size, wanted_pt, strict=True)) > _SLACK_PT]
    if odd:
        width_mm, height_mm = (side_pt / _POINTS_PER_MM for side_pt in odd[0])
        found.append(
            f"{len(odd)} of {pdf.page_count} pages have another size than asked for: {width_mm:.0f} x {height_mm:.0f} "
            f"mm instead of {size_mm[0]:g} x {size_mm[1]:g} mm, because the page's own styles say so"
        )
    if image_count and not pdf.image_count:
        found.append(f"the page showed {image_count} image(s), the PDF draws none")
    return found


def folded(text: str) -> str:
    """Return ``text`` in form NFKC, without white space and without characters that are not drawn."""
    text = _SELECTORS.sub("", "".join(unicodedata.normalize("NFKC", text).split()))
    if text.isprintable():
        return text  # nothing of the categories below is
    # Of many characters few are different ones.
    return text.translate({ord(c): None for c in set(text) if unicodedata.category(c) in _INVISIBLE})


def _holds(found: str, wanted: str) -> bool:
    wanted = folded(wanted)
    if wanted in found:
        return True
    # Right-to-left text stands in a PDF in the order in which it is drawn, and each word may be turned by itself.
    if not any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in wanted):
        return False
    return all(run in found or run[::-1] in found for run in _runs(wanted))


def _runs(text: str) -> list[str]:
    """Split into runs of one direction, without digits, punctuation and marks: they stand where layout puts them."""
    runs: list[str] = []
    before = ""
    for character in text:
        direction = unicodedata.bidirectional(character)
        kind = "r" if direction in _RIGHT_TO_LEFT else "l" if direction == "L" else ""
        if kind and kind == before:
            runs[-1] += character
        elif kind:
            runs.append(character)
        before = kind
    return runs
