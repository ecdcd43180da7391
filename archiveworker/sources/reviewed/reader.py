"""What a kind of LMS has to bring so that its peer reviews can be archived: one class that reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from archiveworker.domain.delivery import Parcel
from archiveworker.domain.errors import SourceError
from archiveworker.domain.peer_review.kinds import Phase
from archiveworker.domain.peer_review.model import Activity, PeerReview
from archiveworker.domain.peer_review.work import File
from archiveworker.runtime.http import SavedBody
from archiveworker.sources.reviewed.raw import RawAnswers

OPEN_PHASES: Final = frozenset({Phase.SETUP, Phase.SUBMISSION, Phase.ASSESSMENT})
"""Before Moodle's phase 40: works and reviews still change."""


class Reader(Protocol):
    """Reads one activity from one kind of LMS. Never changes anything there."""

    async def probe(self) -> None:
        """Find out in less than two seconds whether the LMS answers and takes the token; see ``SourceConnection``."""
        ...

    async def read(self, raw: RawAnswers) -> PeerReview:
        """Return the whole activity.

        Every answer of the LMS goes to ``raw.keep`` as it came. What ``raw.kept`` gives back need not be asked for
        again: an earlier try of the same job, which was interrupted, got it. The same answers give the same records.

        Raises:
            SourceError: the LMS refuses, or the activity may not be archived yet.
            RecordError: an answer is not what it should be.
        """
        ...

    async def fetch(self, file: File, target: Path) -> SavedBody:
        """Write the bytes of one file of the activity to ``target``, and compare them with what was announced.

        Raises:
            NotFoundError: the LMS lists the file and does not have it.
            LimitExceededError: it is larger than the settings allow.
            SourceError: it cannot be had.
        """
        ...

    async def upload(self, parcel: Parcel) -> Mapping[str, str]:
        """Bring the archive to the LMS; see ``SourceConnection``.

        Raises:
            SourceError: the LMS takes no archives; the sentence says what to do instead.
        """
        ...

    async def confirm(self, parcel: Parcel, ticket: Mapping[str, str], *, begun_before: bool) -> str | None:
        """Make the LMS store what was uploaded; see ``SourceConnection``."""
        ...


def refuse_open(activity: Activity, *, allow_open: bool) -> None:
    """Refuse an activity in which works or reviews still change, unless the job allows it.

    Raises:
        SourceError: it is open.
    """
    if activity.phase in OPEN_PHASES and not allow_open:
        raise SourceError(
            f"the activity is still in its {activity.phase} phase, and what is archived now would not be what counts "
            "in the end; archive it when evaluation has begun, or set options.allow_open, and the archive will say so"
        )
