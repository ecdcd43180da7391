"""Names within a proof: a zip with some files of an archive, their evidence records, and nothing about anyone else."""

from typing import Final

from archiveworker.domain.ids import ArchivePath

LIST_NAME: Final = ArchivePath("proof-sha256.txt")
README_NAME: Final = ArchivePath("README.txt")
FILES: Final = "files/"
RECORDS: Final = "records/"
EVIDENCE: Final = "evidence/"
RECORD_SUFFIX: Final = ".ers"


def file_name(path: str) -> str:
    """Return where a file lies."""
    return f"{FILES}{path}"


def record_name(path: str) -> str:
    """Return where its record lies."""
    return f"{RECORDS}{path}{RECORD_SUFFIX}"


def token_name(number: int) -> str:
    """Return where the token of a time-stamp lies, counted from 1."""
    return f"{EVIDENCE}{number}.tst"


def chain_name(number: int) -> str:
    """Return where the certificates of a time-stamp lie."""
    return f"{EVIDENCE}{number}.chain.pem"


def sequence_name(path: str, era: int) -> str:
    """Return where that part of a record lies which the renewal of the hash tree number ``era`` is over."""
    return f"{RECORDS}{path}.before-{era}.der"
