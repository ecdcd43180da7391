"""Asking an LMS whether it takes a job's token while whoever posted the job waits for an answer."""

import asyncio
from typing import Final

import structlog

from archiveworker.domain.errors import RequestError, SourceError, SourceUnavailableError
from archiveworker.domain.ports import SourceConnection

log = structlog.get_logger(__name__)

PROBE_LIMIT_S: Final = 1.5
"""The plugin wants an answer soon; an LMS that is slower than this is probed again by the job itself."""


async def probe(connection: SourceConnection, lms: str) -> None:
    """Return when the LMS takes the token, or does not say in time.

    Args:
        connection: to be probed.
        lms: its address, for the log.

    Raises:
        RequestError: it does not take it, or answers that it cannot say.
    """
    limit = asyncio.timeout(PROBE_LIMIT_S)
    try:
        async with limit:
            await connection.probe()
    except TimeoutError:
        log.warning("probe_slow", lms=lms, limit_s=PROBE_LIMIT_S)
    except SourceError as exc:
        # Sources have a limit of their own, which is a little longer: a busy machine may notice it first.
        if isinstance(exc, SourceUnavailableError) and asyncio.get_running_loop().time() >= (limit.when() or 0):
            log.warning("probe_slow", lms=lms, limit_s=PROBE_LIMIT_S)
            return
        # Whoever posted named this LMS and this token: that is the mistake, not a gateway's.
        raise RequestError(str(exc)) from exc
