"""What routes read from a request besides its body."""

import re
from typing import Final

from aiohttp import web

from archiveworker.domain.errors import NotFoundError, RequestError
from archiveworker.domain.ids import ItemKey, JobId
from archiveworker.jobs.engine import Engine
from archiveworker.jobs.fairness import MAX_PRIORITY
from archiveworker.web.access import require_admin

ENGINE: web.AppKey[Engine] = web.AppKey("engine")
_PRIORITY: Final = re.compile(r"-?[0-9]{1,2}")
_JOB_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ITEM_KEY: Final = re.compile(r"[0-9a-z-]{1,200}")


def job_id_of(request: web.Request) -> JobId:
    """Return the job that the address names; only what can be a job's id reaches the database and the disk.

    Raises:
        NotFoundError: it cannot be one.
    """
    text = request.match_info["job_id"]
    if not _JOB_ID.fullmatch(text):
        raise unknown_job(text)
    return JobId(text)


def item_key_of(request: web.Request) -> ItemKey:
    """Return the item that the address names; only what can be an item's key reaches the database.

    Raises:
        NotFoundError: it cannot be one.
    """
    text = request.match_info["item"]
    if not _ITEM_KEY.fullmatch(text):
        raise NotFoundError(f"The job has made no item '{_shown(text)}'.")
    return ItemKey(text)


def priority_of(request: web.Request) -> int:
    """Return the priority in the query of a job that is posted, 0 when there is none; only administrators give one.

    Raises:
        AccessDeniedError: somebody else gives one.
        RequestError: it is none.
    """
    text = request.query.get("priority")
    if text is None:
        return 0
    require_admin(request)
    if not _PRIORITY.fullmatch(text) or abs(int(text)) > MAX_PRIORITY:
        raise RequestError(f"priority must be a whole number from {-MAX_PRIORITY} to {MAX_PRIORITY}.")
    return int(text)


def unknown_job(text: str) -> NotFoundError:
    """Return the error for a job that is not there."""
    return NotFoundError(f"Job with requested jobid '{_shown(text)}' was not found")


def _shown(text: str) -> str:
    """Return foreign text for an error message: printable and short."""
    return "".join(c if c.isprintable() else "?" for c in text[:80])
