"""``index.html``: what is in the archive, for a person; works offline, has no script, links only to files beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

import jinja2

from archiveworker.domain.ids import ArchivePath
from archiveworker.runtime import templates


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A link of the index.

    Attributes:
        path: target in the archive.
        size_bytes: shown beside it.
    """

    path: ArchivePath
    size_bytes: int

    @property
    def href(self) -> str:
        """The path as a relative URL."""
        return quote(self.path.value)


@dataclass(frozen=True, slots=True)
class IndexItem:
    """One item of the index.

    Attributes:
        title: e.g. ``Attempt 33``.
        person: whose it is; empty when the LMS did not say.
        facts: label and value pairs shown with it.
        files: its files, the PDF first.
        warnings: sentences.
    """

    title: str
    person: str
    facts: tuple[tuple[str, str], ...]
    files: tuple[IndexFile, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexPage:
    """Everything that the page shows.

    Attributes:
        title: the archive's name.
        about: label and value pairs at the top.
        items: in the order of the archive.
        others: files that belong to no item.
        failures: ``(item, reason)`` of what is missing.
    """

    title: str
    about: tuple[tuple[str, str], ...]
    items: tuple[IndexItem, ...]
    others: tuple[IndexFile, ...]
    failures: tuple[tuple[str, str], ...] = ()


@cache
def _template() -> jinja2.Template:
    environment = templates.environment("archive")
    environment.filters["size"] = human_size
    return environment.get_template("index.html.j2")


def human_size(size_bytes: int) -> str:
    """Return e.g. ``12.3 MiB`` (IEC 80000-13)."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def render_index(page: IndexPage) -> bytes:
    """Return the page, UTF-8."""
    return _template().render(page=page).encode("utf-8")


def index_files(paths_and_sizes: Sequence[tuple[ArchivePath, int]]) -> tuple[IndexFile, ...]:
    """Return links in the order given."""
    return tuple(IndexFile(path, size_bytes) for path, size_bytes in paths_and_sizes)
