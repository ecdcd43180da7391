"""One item's way from the LMS to the spool: fetch, render, hash."""

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import structlog

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile, RenderedDocument, RenderOptions
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import FetchedItem, ItemRecord, PlannedItem
from archiveworker.domain.ports import ItemSpool
from archiveworker.jobs.tools import JobTools, OpenJob

log = structlog.get_logger(__name__)


async def archive_item(job: OpenJob, item: PlannedItem, tools: JobTools) -> ItemRecord:
    """Fetch and render one item into the folder ``items/<key>`` of the job's spool.

    Safe to repeat: the folder is emptied first.

    Raises:
        SourceError: the LMS did not give it.
        RenderError: its page could not be turned into a document.
        LimitExceededError: it is larger than the settings allow.
    """
    began_s = tools.clock.monotonic_s()
    spool = await asyncio.to_thread(tools.spool.item, job.stored.job_id, f"items/{item.key}")
    fetched = await job.connection.fetch_item(item, spool)
    folder = spool.folder / "rendered"
    folder.mkdir()
    rendered = await tools.renderer.render(fetched.document, render_options(job, tools), folder)
    files = await asyncio.to_thread(_spooled_files, fetched, rendered, spool)
    record = ItemRecord(
        key=item.key,
        folder=fetched.folder,
        files=(*files, *fetched.attachments),
        page_count=rendered.page_count,
        warnings=rendered.warnings,
        took_s=tools.clock.monotonic_s() - began_s,
    )
    log.info(
        "item_archived",
        item=item.key,
        pages=record.page_count,
        files=len(record.files),
        bytes=sum(file.size_bytes for file in record.files),
        warnings=len(record.warnings),
        took_s=round(record.took_s, 3),
    )
    return record


def render_options(job: OpenJob, tools: JobTools) -> RenderOptions:
    """Return the request's options with the administrator's PDF profile."""
    return replace(job.request.options.render, profile=tools.policy.pdf_profile)


def _spooled_files(fetched: FetchedItem, rendered: RenderedDocument, spool: ItemSpool) -> tuple[ArchiveFile, ...]:
    at = fetched.document.created_at
    stem = fetched.folder / fetched.file_stem
    found = [spooled_file(rendered.pdf, stem.with_suffix_added(".pdf"), spool, at)]
    if rendered.frozen_html is not None:
        found.append(spooled_file(rendered.frozen_html, stem.with_suffix_added(".html"), spool, at))
    if rendered.raw_html is not None:
        found.append(spooled_file(rendered.raw_html, stem.with_suffix_added(".source.html"), spool, at))
    return tuple(found)


def spooled_file(file: Path, path: ArchivePath, spool: ItemSpool, modified_at: datetime) -> ArchiveFile:
    """Describe a small file that was just written to the spool."""
    data = file.read_bytes()
    return ArchiveFile(
        path=path,
        spooled=spool.relative(file),
        sha256=Sha256.of(data),
        size_bytes=len(data),
        modified_at=modified_at.replace(microsecond=0),
    )
