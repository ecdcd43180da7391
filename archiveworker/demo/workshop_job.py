"""A job for a workshop: no plugin posts it, but somebody with a token: a teacher, a script, another system."""

from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from archiveworker.demo.service import Service
from archiveworker.demo.state import LmsState

_TIMEOUT = aiohttp.ClientTimeout(total=20, connect=10)


def workshop_request(
    state: LmsState,
    workshop_id: int = 1,
    *,
    service: Service | None = None,
    options: Mapping[str, Any] | None = None,
    to: Sequence[str] = ("lms",),
) -> dict[str, Any]:
    """Return the body of a request, with a new token.

    Args:
        state: the LMS.
        workshop_id: 1 accumulative, 2 comments, 3 number of errors, 4 rubric, 5 still open.
        service: of the token; None has every function and every right.
        options: of the job.
        to: where the archive goes.

    Raises:
        LookupError: there is no such workshop.
    """
    cmid = next((one.cmid for one in state.workshops if one.id == workshop_id), None)
    if cmid is None:
        raise LookupError(f"the demo has no workshop {workshop_id}; it has {[one.id for one in state.workshops]}")
    return {
        "api_version": 1,
        "lms": {"base_url": state.base_url, "token": state.create_service_token(service)},
        "workshop": {"cmid": cmid},
        "options": dict(options or {}),
        "delivery": {"to": list(to)},
    }


async def submit_workshop(worker_url: str, request: Mapping[str, Any]) -> tuple[int, Any]:
    """Post ``request`` to the worker; return the HTTP status and the answer.

    Raises:
        aiohttp.ClientError: the worker cannot be reached.
    """
    url = f"{worker_url.rstrip('/')}/archive/workshop"
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.post(url, json=request) as response:
        return response.status, await response.json(content_type=None)
