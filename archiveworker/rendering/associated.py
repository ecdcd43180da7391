"""Puts files into a PDF/A-3 as associated files of the document. Source: ISO 19005-3, 6.8 and annex E.

They are compressed like everything else in it, and their times are those of the data, never of the writing.
"""

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pikepdf
from pikepdf import Array, Dictionary, Name, String

_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Embedded:
    """A file with what its PDF says about it.

    Attributes:
        name: without folders.
        data: its bytes.
        modified_at: time of the data.
        is_source: the pages were made of it; otherwise it adds to them.
    """

    name: str
    data: bytes
    modified_at: datetime
    is_source: bool = False


def embed(pdf: pikepdf.Pdf, files: Sequence[Embedded]) -> None:
    """Put ``files`` into ``pdf``; of two with one name the later gets a number."""
    if not files:
        return
    named: dict[str, pikepdf.Object] = {}
    for file in files:
        name = _free_name(file.name, named)
        named[name] = pdf.make_indirect(_specification(pdf, file, name))
    names = pdf.Root.get(Name.Names)
    if names is None:
        names = pdf.Root[Name.Names] = Dictionary()
    # A name tree is sorted by the bytes of its keys (ISO 32000-1, 7.9.6).
    keys = sorted(named, key=lambda name: bytes(String(name)))
    names[Name.EmbeddedFiles] = Dictionary(Names=Array([item for name in keys for item in (String(name), named[name])]))
    pdf.Root[Name.AF] = Array(list(named.values()))


def _specification(pdf: pikepdf.Pdf, file: Embedded, name: str) -> Dictionary:
    date = String(file.modified_at.astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ"))
    stream = pdf.make_stream(file.data)
    stream[Name.Type] = Name.EmbeddedFile
    stream[Name.Subtype] = Name(f"/{mimetypes.guess_type(name)[0] or _UNKNOWN_TYPE}")
    stream[Name.Params] = Dictionary(ModDate=date, Size=len(file.data))
    return Dictionary(
        Type=Name.Filespec,
        F=String(_ascii(name)),
        UF=String(name),
        Desc=String("The page as the LMS gave it" if file.is_source else "Handed in with this attempt"),
        AFRelationship=Name.Source if file.is_source else Name.Supplement,
        EF=Dictionary(F=stream, UF=stream),
    )


def _free_name(name: str, taken: dict[str, pikepdf.Object]) -> str:
    stem, dot, suffix = name.rpartition(".")
    candidate, number = name, 2
    while candidate in taken:
        candidate = f"{stem} ({number}){dot}{suffix}" if stem else f"{name} ({number})"
        number += 1
    return candidate


def _ascii(name: str) -> str:
    return "".join(character if " " <= character <= "~" else "_" for character in name)
