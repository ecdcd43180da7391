"""The real JavaScript libraries of build/libraries and of Debian, as a renderer's mirrors."""

from pathlib import Path

import pytest

from archiveworker.rendering.mirror import mathjax_mirrors

LIBRARIES = Path(__file__).resolve().parents[3] / "build" / "libraries" / "node_modules"
CDN = "https://libraries.example"
"""Where pages of the tests load them from."""
_DEBIAN_MATHJAX = Path("/usr/share/javascript/mathjax")
_MATHJAX_4_FONTS = "https://cdn.jsdelivr.net/npm/@mathjax/mathjax-newcm-font@4.1.3/"


def need_libraries() -> None:
    """Skip the test where npm could not fetch them."""
    if not (LIBRARIES.parent / ".fetched").is_file():
        pytest.skip("needs npm: tests/tools/get_libraries.sh fetches the libraries")


def library_mirrors() -> tuple[tuple[str, Path], ...]:
    """Return what lets pages load them without a network."""
    return ((f"{CDN}/", LIBRARIES), (_MATHJAX_4_FONTS, LIBRARIES / "@mathjax/mathjax-newcm-font"))


def installed_libraries() -> tuple[tuple[str, Path], ...]:
    """Return mirrors for what this machine has: MathJax 2.7 of Debian's libjs-mathjax, or nothing."""
    return mathjax_mirrors(_DEBIAN_MATHJAX) if (_DEBIAN_MATHJAX / "MathJax.js").is_file() else ()
