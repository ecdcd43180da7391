"""Pictures of items: the first page of each PDF, for the page of a job."""

from typing import Final

from aiohttp import web

from archiveworker.domain.errors import ArchiveWorkerError, NotFoundError, QueueFullError, StoreError
from archiveworker.jobs.thumbnails import Thumbnails
from archiveworker.runtime import resources
from archiveworker.runtime.thumbnail import MEDIA_TYPE
from archiveworker.web.access import require_admin
from archiveworker.web.operations import Group, Operation, Who
from archiveworker.web.request import item_key_of, job_id_of

THUMBNAILS: web.AppKey[Thumbnails] = web.AppKey("thumbnails", Thumbnails)
_HEADERS: Final = {
    # An item is never made again. Not longer, because it is a picture of somebody's exam; nor beyond a log-out.
    "Cache-Control": "private, max-age=600",
    "Vary": "Cookie",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_NO_PICTURE: Final = "web/no-picture.svg"


@Operation(Group.JOBS, (MEDIA_TYPE,), Who.ADMIN, errors=(NotFoundError, QueueFullError, StoreError))
async def get_thumbnail(request: web.Request) -> web.Response:
    """Show the first page of an item, small, while its PDF is on the worker.

    A browser that asks for a picture gets one with an error, too: an empty page.
    """
    require_admin(request)
    try:
        picture = await request.app[THUMBNAILS].draw(job_id_of(request), item_key_of(request))
    except ArchiveWorkerError as exc:
        if not request.headers.get("Accept", "").startswith("image/"):
            raise
        headers = {**_HEADERS, "Cache-Control": "no-store", "Content-Type": "image/svg+xml"}
        return web.Response(body=resources.data(_NO_PICTURE), status=exc.http_status, headers=headers)
    return web.Response(body=picture, headers={**_HEADERS, "Content-Type": MEDIA_TYPE})
