"""Lists of digests as ``sha256sum -c`` reads them: ``manifest-sha256.txt`` and the ``.sha256`` beside each file.

A line is ``<64 hex digits><two spaces><name>``, UTF-8, ended by a line feed, sorted by the name's bytes. GNU marks
names with a backslash or a line break by a leading backslash; an ``ArchivePath`` has neither, so such a line is an
error here. The list of the evidence closes with a comment that holds the list's own digest, so that damage to the
list is told from damage to what it lists; ``sha256sum`` skips comments.
"""

import re
from collections.abc import Iterable, Mapping

from archiveworker.domain.digest import Sha256
from archiveworker.domain.errors import VerificationError
from archiveworker.domain.ids import ArchivePath

MANIFEST_NAME = ArchivePath("manifest-sha256.txt")
SIDECAR_SUFFIX = ".sha256"

_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)\n\Z")
_SEAL = re.compile(rb"# sha256 of the lines above: ([0-9a-f]{64})\n\Z")


def render(entries: Mapping[ArchivePath, Sha256]) -> bytes:
    """Return the list of ``entries``, sorted by the bytes of their names."""
    ordered = sorted(entries.items(), key=lambda entry: entry[0].value.encode())
    return "".join(f"{digest.hex}  {path.value}\n" for path, digest in ordered).encode()


def parse(data: bytes) -> dict[ArchivePath, Sha256]:
    """Read a list strictly: exactly what ``render`` can have written.

    Raises:
        VerificationError: a line is malformed, out of order or twice; the sentence names the line.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        raise VerificationError("the list of digests is not UTF-8") from exc
    entries: dict[ArchivePath, Sha256] = {}
    previous = b""
    for number, line in enumerate(_lines(text), start=1):
        match = _LINE.match(line)
        if not match:
            raise VerificationError(f"line {number} of the list of digests is not '<sha256>  <name>'")
        try:
            path = ArchivePath(match[2])
        except ValueError as exc:
            raise VerificationError(f"line {number} of the list of digests: {exc}") from exc
        if path.value.encode() <= previous:
            raise VerificationError(f"line {number} of the list of digests is out of order or twice")
        previous = path.value.encode()
        entries[path] = Sha256.from_hex(match[1])
    return entries


def _lines(text: str) -> Iterable[str]:
    *lines, rest = text.split("\n")
    yield from (line + "\n" for line in lines)
    if rest:
        yield rest


def sidecar(name: str, digest: Sha256) -> bytes:
    """Return the contents of ``<name>.sha256``; ``sha256sum -c`` reads it in the file's own folder."""
    return f"{digest.hex}  {name}\n".encode()


def parse_sidecar(data: bytes) -> tuple[str, Sha256]:
    """Read the contents of a ``.sha256`` file: the name and its digest.

    Raises:
        VerificationError: it is not exactly one line.
    """
    try:
        match = _LINE.match(data.decode())
    except UnicodeDecodeError as exc:
        raise VerificationError("it is not UTF-8") from exc
    if not match:
        raise VerificationError("it is not one line '<sha256>  <name>'")
    return match[2], Sha256.from_hex(match[1])


def render_sealed(entries: Mapping[ArchivePath, Sha256]) -> bytes:
    """Return a list that closes with its own digest."""
    lines = render(entries)
    return lines + f"# sha256 of the lines above: {Sha256.of(lines).hex}\n".encode()


def parse_sealed(data: bytes) -> dict[ArchivePath, Sha256]:
    """Read a list that ``render_sealed`` wrote.

    Raises:
        VerificationError: it is malformed or its own digest does not match.
    """
    at = data.rfind(b"\n", 0, -1) + 1
    match = _SEAL.match(data[at:])
    if not match:
        raise VerificationError("the list does not close with its own digest")
    if Sha256.of(data[:at]).hex.encode() != match[1]:
        raise VerificationError("the list does not match its own digest")
    return parse(data[:at])
