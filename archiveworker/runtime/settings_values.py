"""How the text of an environment variable becomes a value: a parser for each type that a setting may have.

A parser raises ValueError with what the text must be ("a whole number"); the caller adds the name of the setting.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.document import EmbeddedFiles, PageFooter, PdfProfile
from archiveworker.domain.job import ArchiveFormat, ArchiveLayout, OnError
from archiveworker.domain.secret import Secret


def _boolean(raw: str) -> bool:
    if raw.lower() in ("1", "true", "yes", "on"):
        return True
    if raw.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("true or false")


def _number(kind: Callable[[str], float], what: str) -> Callable[[str], float]:
    def parse(raw: str) -> float:
        try:
            return kind(raw)
        except ValueError as exc:
            raise ValueError(what) from exc

    return parse


def _words(raw: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in raw.split(",") if word.strip())


def _choice(kind: Callable[[str], Any], values: list[str]) -> Callable[[str], Any]:
    def parse(raw: str) -> Any:
        if raw not in values:
            raise ValueError(" or ".join(values))
        return kind(raw)

    return parse


PARSERS: Final[Mapping[Any, Callable[[str], Any]]] = {
    str: str,
    int: _number(int, "a whole number"),
    float: _number(float, "a number"),
    bool: _boolean,
    bool | None: _boolean,
    Path: Path,
    Path | None: Path,
    Secret | None: Secret,
    tuple[str, ...]: _words,
    tuple[Secret, ...]: lambda raw: tuple(Secret(word) for word in _words(raw)),
    HashAlgorithm: _choice(HashAlgorithm, [h.value for h in HashAlgorithm]),
    OnError: _choice(OnError, [o.value for o in OnError]),
    PdfProfile: _choice(PdfProfile, [p.value for p in PdfProfile]),
    EmbeddedFiles: _choice(EmbeddedFiles, [e.value for e in EmbeddedFiles]),
    PageFooter: _choice(PageFooter, [f.value for f in PageFooter]),
    ArchiveFormat: _choice(ArchiveFormat, [f.value for f in ArchiveFormat]),
    ArchiveLayout: _choice(ArchiveLayout, [a.value for a in ArchiveLayout]),
}
"""By annotation of the field."""
