"""One item's way from the LMS to the spool: fetch, render, hash."""

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import structlog

from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import (
    ArchiveFile,
    AssociatedFile,
    Document,
    EmbeddedFiles,
    RenderedDocument,
    RenderOptions,
)
from archiveworker.domain.ids import ArchivePath
from archiveworker.domain.job import FetchedItem, ItemRecord, PlannedItem
from archiveworker.domain.ports import ItemSpool
from archiveworker.jobs.room import leaving_nothing_on_a_full_disk
from archiveworker.jobs.tools import JobTools, OpenJob
from archiveworker.runtime import metrics, tracing

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
    spool = await asyncio.to_thread(tools.spool.item, job.stored.job_id, tools.work_folder(f"items/{item.key}"))
    with leaving_nothing_on_a_full_disk(spool.folder):
        with tracing.span("fetch"):
            fetched = await job.connection.fetch_item(item, spool)
        folder = spool.folder / "rendered"
        folder.mkdir()
        document, left_out = _with_associated(job, fetched, tools)
        with metrics.RENDER_SECONDS.labels(job.stored.source).time(), tracing.span("render"):
            rendered = await tools.renderer.render(document, render_options(job, tools), folder)
        files = await asyncio.to_thread(_spooled_files, fetched, rendered, spool)
        await tools.spool.keep_files(job.stored.job_id, (*files, *fetched.attachments))
    record = ItemRecord(
        key=item.key,
        folder=fetched.folder,
        files=(*files, *fetched.attachments),
        page_count=rendered.page_count,
        warnings=(*fetched.warnings, *rendered.warnings, *left_out),
        took_s=tools.clock.monotonic_s() - began_s,
        pdf=rendered.facts,
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
    """Return the request's options with what the administrator says about PDFs."""
    policy = tools.policy
    embed_html = policy.pdf_embed is not EmbeddedFiles.NONE
    return replace(job.request.options.render, profile=policy.pdf_profile, embed_html=embed_html)


def _with_associated(job: OpenJob, fetched: FetchedItem, tools: JobTools) -> tuple[Document, tuple[str, ...]]:
    """Return the document with the attachments that its PDF shall hold, and warnings about those that are too large."""
    if tools.policy.pdf_embed is not EmbeddedFiles.ALL:
        return fetched.document, ()
    chosen: list[AssociatedFile] = []
    left_out: list[str] = []
    room_bytes = tools.policy.pdf_embed_max_bytes
    for file in fetched.attachments:
        if file.size_bytes > room_bytes:
            left_out.append(f"{file.path.name} is beside the PDF, not also inside: ARCHIVEWORKER_PDF_EMBED_MAX_BYTES")
            continue
        room_bytes -= file.size_bytes
        # Files of two questions may have one name; their folders tell them apart.
        name = file.path.value.removeprefix(f"{fetched.folder}/").replace("/", "_")
        spooled = tools.spool.path_of(job.stored.job_id, file.spooled)
        chosen.append(AssociatedFile(name, spooled, file.modified_at))
    return replace(fetched.document, associated=tuple(chosen)), tuple(left_out)


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
