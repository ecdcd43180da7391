"""Finds the archives below a folder that should be renewed (``archiveworker evidence due``).

Only what bears the time-stamps is judged. Whether the files are as they were is the business of ``verify``.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm

from archiveworker.domain.digest import HashAlgorithm
from archiveworker.domain.errors import VerificationError
from archiveworker.evidence import assembly, opening, renewals, timestamp_check
from archiveworker.evidence import manifest as lists
from archiveworker.evidence.ageing import End, end_of
from archiveworker.evidence.record_check import tokens_of
from archiveworker.evidence.renewal import judged
from archiveworker.evidence.token_check import reply_of


@dataclass(frozen=True, slots=True)
class Due:
    """One archive.

    Attributes:
        archive: where it is.
        end: when its newest time-stamp ages, and why; None when that cannot be told.
        stamped_at: when that time-stamp was made.
        algorithm: of its newest hash tree.
        problem: why nothing can be told; None when it can.
    """

    archive: Path
    end: End | None
    stamped_at: datetime | None
    algorithm: HashAlgorithm | None
    problem: str | None

    def is_due(self, before: datetime) -> bool:
        """Tell whether something has to be done: it ages before then, or cannot be judged."""
        return self.end is None or self.end.at <= before


def survey(folder: Path, digest_ends: Mapping[HashAlgorithm, datetime]) -> Iterator[Due]:
    """Look at every archive in or below a folder; proofs and other zips are passed over.

    Args:
        folder: or a single archive.
        digest_ends: see ``ageing.end_of``.
    """
    for archive in _archives(folder):
        try:
            kept = opening.glance(archive)
            history = assembly.history_of(kept, renewals.read_all(archive))
            manifest = kept[lists.MANIFEST_NAME.value]
            proved = judged(history, manifest)
            newest = tokens_of(history.record_of(lists.MANIFEST_NAME.value))[-1]
            chain = timestamp_check.load_certificates(timestamp_check.chain_pem(reply_of(newest)))
            end = end_of(chain, history.algorithm, digest_ends)
        except (VerificationError, OSError, UnsupportedAlgorithm) as exc:
            yield Due(archive, None, None, None, str(exc))
        else:
            yield Due(archive, end, proved.stamps[-1].stamp.generated_at, history.algorithm, None)


def _archives(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.is_file() and _may_be_archive(path))


def _may_be_archive(path: Path) -> bool:
    if not path.name.endswith(".zip"):
        return path.name.endswith(".tar.gz")
    try:
        with zipfile.ZipFile(path) as container:
            return lists.MANIFEST_NAME.value in container.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return True
