"""What is handed over at the end of a job, and where to."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from archiveworker.domain.job import FinishedArchive

LMS: Final = "lms"
"""Name of the target that every job has by itself: the LMS that posted it, through its own connection."""


class DeliveryState(StrEnum):
    """What came of an archive at one target."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Parcel:
    """An archive on its way.

    Attributes:
        archive: what was packed.
        file: where its bytes are now.
        companions: files that belong beside it, never into it: its digest, time-stamps, the report of its verification.
            Their names are those that the receiver shall see.
    """

    archive: FinishedArchive
    file: Path
    companions: tuple[Path, ...] = ()
