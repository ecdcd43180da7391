"""One job's talk with Moodle: repeats what may succeed later, waits for the job's row, finds out what a release takes.

Two things make this more than ``call`` with retries. Moodle writes the job's row only after the worker has answered, so
"unknown job" is not believed at first. And some releases take a parameter that others of the same API version refuse:
the caller offers candidates, the one that works is remembered.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from archiveworker.domain.errors import SourceError, SourceUnavailableError, TokenRefusedError
from archiveworker.domain.job import JobState
from archiveworker.runtime.clock import Clock, SystemClock
from archiveworker.runtime.retry import retrying
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.failures import refused
from archiveworker.sources.moodle.wire import Json, Params, Refusal

log = structlog.get_logger(__name__)
OK: Final = frozenset({"OK"})
WRONG_PARAMETERS: Final = "invalidparameter"


class Conversation:
    """Talks to one Moodle about one job.

    Args:
        client: of that Moodle.
        late_codes: statuses that may only mean that the job's row is not there yet.
        clock: measures the grace time.
    """

    def __init__(self, client: MoodleClient, late_codes: frozenset[str], clock: Clock | None = None) -> None:
        self._client = client
        self._late_codes = late_codes
        self._clock = clock or SystemClock()
        self._row_seen = False
        self._grace_ends_s: float | None = None
        self._accepted: dict[str, int] = {}

    async def ask(
        self,
        function: str,
        *candidates: Params,
        expected: frozenset[str] = OK,
        timeout_s: float | None = None,
    ) -> Json:
        """Call ``function``, repeatedly if that may help, and return an answer whose status is ``expected``.

        Args:
            function: of the web service.
            candidates: parameters; the next is tried when Moodle refuses the parameters of the one before.
            expected: statuses that are no error.
            timeout_s: for each attempt.

        Raises:
            SourceError: any other status, or whatever ``MoodleClient.call`` raises.
        """
        policy = self._client.config.retry
        if not self._row_seen:
            policy = replace(policy, budget_s=max(policy.budget_s, self._client.config.job_row_grace_s))
        return await retrying(
            lambda: self.ask_once(function, *candidates, expected=expected, timeout_s=timeout_s), policy, what=function
        )

    async def tell_state(self, function: str, *candidates: Params, state: JobState, closed_code: str) -> None:
        """Call ``function``, which tells Moodle a state.

        A final state that finds the job closed or the token gone has nothing left to tell: it may be the repetition of
        a report that got through.

        Args:
            function: of the web service.
            candidates: see ``ask``.
            state: that is told.
            closed_code: status of a job that Moodle has closed.

        Raises:
            SourceError: see ``ask``.
        """
        try:
            await self.ask(function, *candidates)
        except SourceError as exc:
            closed = exc.lms_code == closed_code or isinstance(exc, TokenRefusedError)
            if not (state.is_final and closed):
                raise
            log.warning("final_state_not_taken", state=state.value, lms_code=exc.lms_code)

    async def ask_once(
        self,
        function: str,
        *candidates: Params,
        expected: frozenset[str] = OK,
        timeout_s: float | None = None,
    ) -> Json:
        """Like ``ask``, without repeating."""
        if self._grace_ends_s is None:
            self._grace_ends_s = self._clock.monotonic_s() + self._client.config.job_row_grace_s
        answer = await self._first_accepted(function, candidates, timeout_s)
        status = str(answer.get("status", "no status"))
        if status in expected:
            self._row_seen = True
            return answer
        failure = refused(f"Moodle's {function}", Refusal(status, ""))
        if status in self._late_codes and not self._row_seen and self._clock.monotonic_s() < self._grace_ends_s:
            raise SourceUnavailableError(str(failure), lms_code=status)
        raise failure

    async def _first_accepted(self, function: str, candidates: Sequence[Params], timeout_s: float | None) -> Json:
        known = self._accepted.get(function, 0) if len(candidates) > 1 else 0
        try:
            return await self._client.call(function, candidates[known], timeout_s=timeout_s)
        except SourceError as exc:
            if exc.lms_code != WRONG_PARAMETERS or len(candidates) == 1:
                raise
            first_failure = exc
        for index, params in enumerate(candidates):
            if index == known:
                continue
            try:
                answer = await self._client.call(function, params, timeout_s=timeout_s)
            except SourceError as exc:
                if exc.lms_code != WRONG_PARAMETERS:
                    raise
                continue
            self._accepted[function] = index
            log.info("lms_takes_other_parameters", function=function, candidate=index)
            return answer
        raise first_failure
