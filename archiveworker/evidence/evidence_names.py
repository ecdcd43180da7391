"""Names of the files with which a time-stamp is kept, in an archive and beside it.

The first time-stamp has the plain names, a further one its number in them. CRLs and OCSP responses are named by what
they hold, so that two time-stamps that need the same ones share them.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from archiveworker.domain.digest import Sha256
from archiveworker.domain.ids import ArchivePath

MANIFEST: Final = "manifest-sha256.txt"
FOLDER: Final = "evidence/"
CRL_FOLDER: Final = "evidence/crl/"
OCSP_FOLDER: Final = "evidence/ocsp/"
CRL_SUFFIX: Final = ".crl"
OCSP_SUFFIX: Final = ".ors"

_DIGITS: Final = 16
_MAX_STAMPS: Final = 99
_REPLY: Final = re.compile(re.escape(f"{FOLDER}{MANIFEST}") + r"(?:\.([2-9]|[1-9][0-9]))?\.tsr")


def numbered(stem: str, number: int) -> str:
    """Return the stem of a time-stamp's files: ``stem`` itself for the first one, ``stem.2`` for the second."""
    return stem if number == 1 else f"{stem}.{number}"


def query_name(number: int) -> ArchivePath:
    """Return where the query of the manifest's time-stamp ``number`` (from 1) is in an archive."""
    return ArchivePath(f"{FOLDER}{numbered(MANIFEST, number)}.tsq")


def reply_name(number: int) -> ArchivePath:
    """Return where the reply is."""
    return ArchivePath(f"{FOLDER}{numbered(MANIFEST, number)}.tsr")


def chain_name(number: int) -> ArchivePath:
    """Return where the certificates are."""
    return ArchivePath(f"{FOLDER}{numbered('chain', number)}.pem")


def crl_name(crl: bytes) -> str:
    """Return the file name of a CRL, without folder."""
    return crl_name_of(Sha256.of(crl))


def crl_name_of(digest: Sha256) -> str:
    """Return the same, from the CRL's digest."""
    return f"{digest.hex[:_DIGITS]}{CRL_SUFFIX}"


def ocsp_name(response: bytes) -> str:
    """Return the file name of an OCSP response, without folder."""
    return ocsp_name_of(Sha256.of(response))


def ocsp_name_of(digest: Sha256) -> str:
    """Return the same, from the response's digest."""
    return f"{digest.hex[:_DIGITS]}{OCSP_SUFFIX}"


def stamp_numbers(names: Iterable[str]) -> list[int]:
    """Return the numbers of the manifest's time-stamps among the names of an archive's files, ascending."""
    found = (_REPLY.fullmatch(name) for name in names)
    return sorted(int(match[1] or 1) for match in found if match)


def replies_beside(folder: Path, name: str) -> list[Path]:
    """Return the files with the detached time-stamps of the archive ``name`` that are in ``folder``."""
    files = (folder / f"{numbered(name, number)}.tsr" for number in range(1, _MAX_STAMPS + 1))
    return [file for file in files if file.is_file()]
