"""Calls functions for one job: repeats what may succeed later, keeps every answer, asks for nothing twice.

The calls are read-only: the list of functions is in ``needs``, and no other is ever named.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeVar

from archiveworker.domain.errors import SourceError
from archiveworker.runtime.concurrency import for_each
from archiveworker.runtime.retry import retrying
from archiveworker.sources.moodle.client import MoodleClient
from archiveworker.sources.moodle.wire import Params
from archiveworker.sources.reviewed.raw import RawAnswers
from archiveworker.sources.workshop.answers import Entry, entries

T = TypeVar("T")
_CALLS_AT_ONCE: Final = 4
"""As many as a teacher who clicks fast; a Moodle serves hundreds of people beside us."""


class Asking:
    """Asks one Moodle about one workshop.

    Args:
        client: of that Moodle.
        raw: where answers are kept.
    """

    def __init__(self, client: MoodleClient, raw: RawAnswers) -> None:
        self._client = client
        self._raw = raw

    async def entry(self, function: str, params: Params) -> Entry:
        """Return an answer that is an object."""
        return Entry(await self._answer(function, params), f"Moodle's {function}")

    async def listed(self, function: str, params: Params) -> tuple[Entry, ...]:
        """Return an answer that is a list of objects."""
        return tuple(entries(await self._answer(function, params), f"Moodle's {function}"))

    async def unless_refused(self, answer: Awaitable[T], codes: frozenset[str]) -> T | None:
        """Return an answer, None when Moodle refuses it with one of ``codes``."""
        try:
            return await answer
        except SourceError as exc:
            if exc.lms_code not in codes:
                raise
            return None

    async def each(self, numbers: Iterable[int], ask: Callable[[int], Awaitable[T]]) -> Mapping[int, T]:
        """Ask about each number, a few at a time, and return the answers in the order of the numbers."""
        wanted = list(dict.fromkeys(numbers))
        return dict(zip(wanted, await for_each(wanted, ask, at_once=_CALLS_AT_ONCE), strict=True))

    async def _answer(self, function: str, params: Params) -> object:
        kept = self._raw.kept(function, params)
        if kept is not None:
            return kept

        async def attempt() -> object:
            return await self._client.ask(function, params)

        answer = await retrying(attempt, self._client.config.retry, what=function)
        self._raw.keep(function, params, answer)
        return answer
