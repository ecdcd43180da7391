"""Script libraries that are answered from folders of this machine, so that formulas render without internet."""

import mimetypes
from pathlib import Path
from urllib.parse import unquote, urlsplit

from archiveworker.rendering.wire import Response

_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".otf": "font/otf",
}


_MATHJAX_2_PLACES = (
    "cdn.jsdelivr.net/npm/mathjax@2.7.9/",
    "cdn.jsdelivr.net/npm/mathjax@2.7.8/",
    "cdn.jsdelivr.net/npm/mathjax@2/",
    "cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.9/",
    "cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.7/",
    "cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.2/",
    "cdn.mathjax.org/mathjax/2.7-latest/",
)
"""Where Moodle's MathJax filter has loaded MathJax 2.7 from (filter/mathjaxloader/settings.php, by release)."""


def mathjax_mirrors(folder: Path) -> tuple[tuple[str, Path], ...]:
    """Return mirrors that let ``folder`` with MathJax 2.7 answer for its usual places."""
    return tuple((place, folder) for place in _MATHJAX_2_PLACES)


class Mirrors:
    """Folders by URL prefix; the longest prefix wins.

    Args:
        mirrors: pairs of prefix, e.g. ``cdn.jsdelivr.net/npm/mathjax@2.7.9/``, and folder.
    """

    def __init__(self, mirrors: tuple[tuple[str, Path], ...]) -> None:
        stripped = ((prefix.removeprefix("https:").removeprefix("http:").lstrip("/"), root) for prefix, root in mirrors)
        self._mirrors = sorted(
            ((prefix.rstrip("/") + "/", root) for prefix, root in stripped), key=lambda pair: -len(pair[0])
        )

    def get(self, url: str) -> Response | None:
        """Return the file that stands for ``url``, 404 if the mirror does not have it, None if no mirror is meant."""
        parts = urlsplit(url)
        location = f"{parts.netloc}{parts.path}"
        for prefix, root in self._mirrors:
            if location.startswith(prefix):
                return _file(root, unquote(location.removeprefix(prefix)))
        return None


def _file(root: Path, name: str) -> Response:
    pieces = name.split("/")
    # Symbolic links are the operator's (Debian's packages use them); dots and NULs are the page's.
    if ".." in pieces or "\0" in name or name.startswith("/"):
        return Response(404)
    path = root.joinpath(*pieces)
    if not path.is_file():
        return Response(404)
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    media_type = _TYPES.get(path.suffix, guessed)
    headers = (("Content-Type", media_type), ("Cache-Control", "public, max-age=31536000, immutable"))
    return Response(200, headers, path.read_bytes())
