"""How whatever of ours is stored by the engine is written: plain JSON values with a format number.

The next version must be able to read it, so nothing here is a pickled class of ours. Not for secrets: tokens live in
``runtime.sealed``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from archiveworker.domain.delivery import LMS
from archiveworker.domain.digest import Sha256
from archiveworker.domain.document import ArchiveFile, PdfFacts, PdfProfile
from archiveworker.domain.ids import ArchivePath, ItemKey, JobId
from archiveworker.domain.job import FinishedArchive, ItemRecord, Plan, PlannedBackup, PlannedItem
from archiveworker.domain.retention import Retention

FORMAT: Final = 1
"""Number of the stored form; raise it when a reader of the old form could misunderstand the new one."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job as the engine keeps it: the request without its token.

    Attributes:
        job_id: of the job.
        source: name of the connector that can read ``payload``.
        payload: see ``ArchiveRequest.payload``.
        lms: origin of the LMS, for queues and listings.
        accepted_at: when the request was accepted, UTC.
        targets: where the archive goes, in this order: those of the request and of the settings of that time.
        item_count: see ``ArchiveRequest``.
        priority: -10 to 10; higher is sooner.
    """

    job_id: JobId
    source: str
    payload: Mapping[str, object]
    lms: str
    accepted_at: datetime
    targets: tuple[str, ...] = (LMS,)
    item_count: int | None = None
    priority: int = 0


def job_to_json(job: StoredJob) -> Json:
    """Return the stored form."""
    return {
        "format": FORMAT,
        "job_id": job.job_id,
        "source": job.source,
        "payload": dict(job.payload),
        "lms": job.lms,
        "accepted_at": job.accepted_at.isoformat(),
        "targets": list(job.targets),
        "item_count": job.item_count,
        "priority": job.priority,
    }


def job_from_json(data: Json) -> StoredJob:
    """Read the stored form."""
    return StoredJob(
        job_id=JobId(data["job_id"]),
        source=data["source"],
        payload=data["payload"],
        lms=data["lms"],
        accepted_at=datetime.fromisoformat(data["accepted_at"]),
        # Release 0.1 did not write it.
        targets=tuple(data.get("targets", (LMS,))),
        item_count=data.get("item_count"),
        priority=data.get("priority", 0),
    )


def file_to_json(file: ArchiveFile) -> Json:
    """Return the stored form."""
    return {
        "path": file.path.value,
        "spooled": file.spooled,
        "sha256": file.sha256.hex,
        "size_bytes": file.size_bytes,
        "modified_at": int(file.modified_at.timestamp()),
    }


def file_from_json(data: Json) -> ArchiveFile:
    """Read the stored form."""
    return ArchiveFile(
        path=ArchivePath(data["path"]),
        spooled=data["spooled"],
        sha256=Sha256.from_hex(data["sha256"]),
        size_bytes=data["size_bytes"],
        modified_at=datetime.fromtimestamp(data["modified_at"], UTC),
    )


def item_to_json(item: PlannedItem) -> Json:
    """Return the stored form."""
    return {"key": item.key, "lms_id": item.lms_id, "title": item.title, "facts": dict(item.facts)}


def item_from_json(data: Json) -> PlannedItem:
    """Read the stored form."""
    return PlannedItem(key=ItemKey(data["key"]), lms_id=data["lms_id"], title=data["title"], facts=data["facts"])


def plan_to_json(plan: Plan) -> Json:
    """Return the stored form."""
    return {
        "format": FORMAT,
        "items": [item_to_json(item) for item in plan.items],
        "backups": [{"backup_id": b.backup_id, "path": b.path.value} for b in plan.backups],
        "metadata_columns": list(plan.metadata_columns),
        "metadata_name": plan.metadata_name,
        "files": [file_to_json(file) for file in plan.files],
    }


def plan_from_json(data: Json) -> Plan:
    """Read the stored form."""
    return Plan(
        items=tuple(item_from_json(item) for item in data["items"]),
        backups=tuple(PlannedBackup(b["backup_id"], ArchivePath(b["path"])) for b in data["backups"]),
        metadata_columns=tuple(data["metadata_columns"]),
        metadata_name=data["metadata_name"],
        # Release 0.1 did not write it.
        files=tuple(file_from_json(file) for file in data.get("files", ())),
    )


def record_to_json(record: ItemRecord) -> Json:
    """Return the stored form."""
    return {
        "format": FORMAT,
        "key": record.key,
        "folder": record.folder.value,
        "files": [file_to_json(file) for file in record.files],
        "page_count": record.page_count,
        "warnings": list(record.warnings),
        "took_s": round(record.took_s, 3),
        "pdf": None if record.pdf is None else facts_to_json(record.pdf),
    }


def record_from_json(data: Json) -> ItemRecord:
    """Read the stored form."""
    return ItemRecord(
        key=ItemKey(data["key"]),
        folder=ArchivePath(data["folder"]),
        files=tuple(file_from_json(file) for file in data["files"]),
        page_count=data["page_count"],
        warnings=tuple(data["warnings"]),
        took_s=data["took_s"],
        # Release 0.1 did not write it.
        pdf=facts_from_json(data["pdf"]) if data.get("pdf") else None,
    )


def facts_to_json(facts: PdfFacts) -> Json:
    """Return the stored form, which is also what ``GET /jobs/<id>`` shows."""
    return {
        "pages": facts.page_count,
        "width_mm": facts.width_mm,
        "height_mm": facts.height_mm,
        "words_shown": facts.words_shown,
        "words_found": facts.words_found,
        "images_drawn": facts.images_drawn,
        "boxes_drawn": facts.boxes_drawn,
        "files_embedded": facts.files_embedded,
        "profile": facts.profile.value,
        "size_bytes": facts.size_bytes,
    }


def facts_from_json(data: Json) -> PdfFacts:
    """Read the stored form."""
    return PdfFacts(
        page_count=data["pages"],
        width_mm=data["width_mm"],
        height_mm=data["height_mm"],
        words_shown=data["words_shown"],
        words_found=data["words_found"],
        images_drawn=data["images_drawn"],
        boxes_drawn=data["boxes_drawn"],
        files_embedded=data["files_embedded"],
        profile=PdfProfile(data["profile"]),
        size_bytes=data["size_bytes"],
    )


def archive_to_json(archive: FinishedArchive) -> Json:
    """Return the stored form."""
    return {
        "format": FORMAT,
        "name": archive.name,
        "spooled": archive.spooled,
        "sha256": archive.sha256,
        "size_bytes": archive.size_bytes,
    }


def archive_from_json(data: Json) -> FinishedArchive:
    """Read the stored form."""
    return FinishedArchive(
        name=data["name"], spooled=data["spooled"], sha256=data["sha256"], size_bytes=data["size_bytes"]
    )


def retention_to_json(retention: Retention) -> Json | None:
    """Return what ``GET /jobs/<id>`` shows; None when there is no rule."""
    if retention == Retention():
        return None
    return {
        "keep_until": retention.keep_until.isoformat() if retention.keep_until else None,
        "keep_years": retention.keep_years,
        "legal_basis": retention.legal_basis,
        "deletion_class": retention.deletion_class,
    }
