"""An LMS that does not answer at all: found out by asking it something cheap, told apart from one bad page.

Its jobs pause: what fails because of it fails at once and is done again when the LMS is back, so that it does not hold
the places of other LMSs' items. What is known here is this process's; others find out by themselves. Accepted risk: an
LMS that answers too slowly for the probe counts as away, and gets the rest that it seems to need.
"""

from typing import Final

import structlog

from archiveworker.domain.errors import SourceAwayError, SourceError, SourceUnavailableError
from archiveworker.jobs.tools import OpenJob
from archiveworker.runtime.clock import Clock

_KNOWN_S: Final = 15.0
MAX_PAUSE_S: Final = 60.0
"""Longest wait between two questions whether an LMS is back."""

log = structlog.get_logger(__name__)


class Outages:
    """Which LMSs do not answer.

    Args:
        clock: measures how old that knowledge is.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._away_until_s: dict[str, float] = {}

    def is_away(self, lms: str) -> bool:
        """Return True when ``lms`` was found not to answer a moment ago."""
        return self._clock.monotonic_s() < self._away_until_s.get(lms, float("-inf"))

    def check(self, lms: str) -> None:
        """Spare an LMS that is away another question.

        Raises:
            SourceAwayError: it is.
        """
        if self.is_away(lms):
            raise SourceAwayError(f"{lms} does not answer; what needs it waits until it does")

    async def judged(self, job: OpenJob, error: SourceUnavailableError) -> SourceUnavailableError:
        """Return ``error``, or SourceAwayError when the LMS does not answer a probe either."""
        if isinstance(error, SourceAwayError) or await self.is_back(job):
            return error
        return SourceAwayError(f"{error} {job.stored.lms} does not answer anything else either.")

    async def is_back(self, job: OpenJob) -> bool:
        """Ask the LMS; return whether it answers.

        Whatever it says but "not now" is an answer; the next real question will tell what is wrong.
        """
        lms = job.stored.lms
        try:
            await job.connection.probe()
        except SourceUnavailableError as exc:
            self._away_until_s[lms] = self._clock.monotonic_s() + _KNOWN_S
            log.warning("lms_away", lms=lms, reason=str(exc))
            return False
        except SourceError as exc:
            log.info("lms_answers", lms=lms, reason=str(exc))
        self._away_until_s.pop(lms, None)
        return True
