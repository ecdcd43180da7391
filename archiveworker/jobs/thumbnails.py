"""Small pictures of what a job has made: the first page of an item's PDF, for as long as the PDF is on the spool.

None is kept: a picture of an exam outlives neither the files of its job nor, in a browser, some minutes. Drawing one
takes a tenth of a second in a process of its own (``runtime.thumbnail``); two are drawn at once, some more wait.
"""

import asyncio
import contextlib
from typing import Final

import structlog

from archiveworker.domain.document import ArchiveFile
from archiveworker.domain.errors import NotFoundError, QueueFullError, StoreError, ToolError
from archiveworker.domain.ids import ItemKey, JobId
from archiveworker.domain.job import JobState
from archiveworker.domain.ports import Spool
from archiveworker.jobs.results import load_record
from archiveworker.jobs.tools import DISCARDED
from archiveworker.runtime import thumbnail

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 2
_WAITING_MAX: Final = 64


class Thumbnails:
    """Draws pictures of items.

    Args:
        spool: where their PDFs are.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._waiting_count = 0

    async def are_there(self, job_id: JobId, state: JobState, key: ItemKey) -> bool:
        """Return whether there are pictures of a job in ``state``, judged by one of its items: all go together."""
        if state in DISCARDED:
            return False
        with contextlib.suppress(NotFoundError, StoreError):
            pdf = await self._pdf_of(job_id, key)
            return bool(await asyncio.to_thread(self._start_of, job_id, pdf, 1))
        return False

    async def draw(self, job_id: JobId, key: ItemKey) -> bytes:
        """Return a picture of an item's first page, of type ``thumbnail.MEDIA_TYPE``.

        Raises:
            NotFoundError: there is no such item, its PDF is gone, or it could not be drawn.
            QueueFullError: too many are waiting to be drawn.
            StoreError: the spool is a store that does not answer.
        """
        pdf = await self._pdf_of(job_id, key)
        if self._waiting_count >= _WAITING_MAX:
            raise QueueFullError("Too many pictures are being drawn; ask again in a minute.")
        self._waiting_count += 1
        try:
            async with self._places:
                data = await asyncio.to_thread(self._start_of, job_id, pdf, thumbnail.PDF_MAX_BYTES + 1)
                return await thumbnail.draw(data)
        except ToolError as exc:
            log.warning("thumbnail_failed", job_id=job_id, item=key, reason=str(exc))
            raise NotFoundError(f"There is no picture of {key}: its PDF could not be drawn.") from exc
        finally:
            self._waiting_count -= 1

    async def _pdf_of(self, job_id: JobId, key: ItemKey) -> ArchiveFile:
        record = await load_record(job_id, key)
        if record is None:
            raise NotFoundError(f"Job {job_id} has made no item {key!r:.80}.")
        return record.files[0]  # what was rendered comes first, what came from the LMS after it: ``jobs.item``

    def _start_of(self, job_id: JobId, pdf: ArchiveFile, most_bytes: int) -> bytes:
        try:
            data = bytearray()
            with contextlib.closing(self._spool.opened(job_id, pdf.spooled)) as file:
                while len(data) < most_bytes and (chunk := file.read(most_bytes - len(data))):
                    data += chunk
            return bytes(data)
        except FileNotFoundError as exc:
            raise NotFoundError(
                f"The files of job {job_id} are gone: they are deleted when its archive is delivered, and some days "
                "after it has failed (ARCHIVEWORKER_KEEP_FAILED_DAYS)."
            ) from exc
