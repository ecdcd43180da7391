"""Files that students attach: small, of several types, with names as students give them.

Contents are made on demand and the same for the same seed; nothing is kept but a small cache.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from archiveworker.demo import pictures

_WORDS: Final = "Quellen und Notizen: die Messung wurde dreimal wiederholt, siehe Seite {n}. 測定は三回。 القياس 🙂\n"


@dataclass(frozen=True, slots=True)
class StudentFile:
    """A file in Moodle's file pool.

    Attributes:
        filename: as the student named it: spaces, umlauts, dashes, other scripts.
        mimetype: what Moodle would say.
        kind: which maker below makes it.
        seed: what makes it differ from others of its kind.
    """

    filename: str
    mimetype: str
    kind: str
    seed: int

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        return _content(self.kind, self.seed)

    @property
    def sha1_hex(self) -> str:
        """Moodle's ``contenthash``."""
        return hashlib.sha1(self.content, usedforsecurity=False).hexdigest()


TEMPLATES: Final = (
    ("essay.pdf", "application/pdf", "pdf"),
    ("Quellen  Notizen – ü.txt", "text/plain", "txt"),  # noqa: RUF001 - a dash as students type it
    ("Messwerte (final) #2.csv", "text/csv", "csv"),
    ("Skizze 図1.png", "image/png", "png"),
    ("Entwurf & Fassung 'B'.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("مسودة.txt", "text/plain", "txt"),
    ("100% sure?.txt", "text/plain", "txt"),
    ("solution_v1.2.py", "text/plain", "py"),
    ("alles.zip", "application/zip", "zip"),
)


def student_file(index: int, seed: int) -> StudentFile:
    """Return the ``index``-th kind of file (modulo their number) with contents of ``seed``."""
    filename, mimetype, kind = TEMPLATES[index % len(TEMPLATES)]
    return StudentFile(filename=filename, mimetype=mimetype, kind=kind, seed=seed)


@lru_cache(maxsize=256)
def _content(kind: str, seed: int) -> bytes:
    if kind == "pdf":
        return _pdf(f"Attached essay {seed}")
    if kind == "png":
        return pictures.diagram(seed)
    if kind == "docx":
        return _zip({"[Content_Types].xml": _DOCX_TYPES, "word/document.xml": _DOCX_BODY.format(n=seed)})
    if kind == "zip":
        return _zip({"notes/läs mig.txt": _WORDS.format(n=seed), "data.csv": _csv(seed)})
    if kind == "csv":
        return _csv(seed).encode()
    if kind == "py":
        return f"def solve(n: int) -> int:\n    return n * {seed}\n".encode()
    return "".join(_WORDS.format(n=seed + i) for i in range(60)).encode()


def _csv(seed: int) -> str:
    return "t [s];U [V]\n" + "".join(f"{i / 10:.1f};{(seed * 7 + i * i) % 97 / 10:.1f}\n" for i in range(50))


def _zip(members: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return out.getvalue()


def _pdf(text: str) -> bytes:
    """Return a one-page PDF 1.4 with ``text`` in Helvetica."""
    stream = f"BT /F1 18 Tf 72 740 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


_DOCX_TYPES: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
_DOCX_BODY: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>'
    "<w:t>Fassung {n}</w:t></w:r></w:p></w:body></w:document>"
)
