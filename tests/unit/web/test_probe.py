"""Asking an LMS while whoever posted waits: a slow one is asked again by the job, whichever limit struck first."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from archiveworker.domain.errors import RequestError, SourceError, SourceUnavailableError
from archiveworker.web import probe as module
from archiveworker.web.probe import probe


class Connection:
    """Only what is probed."""

    def __init__(self, answer: Callable[[], Awaitable[None]]) -> None:
        self.probe = answer


async def _ask(answer: Callable[[], Awaitable[None]]) -> None:
    connection: Any = Connection(answer)
    await probe(connection, "https://moodle.example.org")


@pytest.mark.parametrize("error", [SourceError("no such function"), SourceUnavailableError("HTTP 500")])
async def test_a_no_in_time_refuses_the_job(error: SourceError) -> None:
    async def answer() -> None:
        raise error

    with pytest.raises(RequestError, match=str(error)):
        await _ask(answer)


async def test_a_slow_lms_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_LIMIT_S", 0.01)
    await _ask(asyncio.Event().wait)  # type: ignore[arg-type]


async def test_nor_one_whose_own_limit_is_noticed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the machine was busy with something else while both limits passed."""
    monkeypatch.setattr(module, "PROBE_LIMIT_S", 0.01)

    async def answer() -> None:
        time.sleep(0.02)  # the loop does not get to its own limit
        raise SourceUnavailableError("it took too long")

    await _ask(answer)


async def test_an_lms_that_refuses_late_has_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_LIMIT_S", 0.01)

    async def answer() -> None:
        time.sleep(0.02)
        raise SourceError("the token is unknown")

    with pytest.raises(RequestError, match="the token is unknown"):
        await _ask(answer)
