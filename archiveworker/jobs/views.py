"""Reading jobs from outside of their workflows: for the HTTP API and the command line."""

from datetime import UTC, datetime
from typing import Final, Literal, cast

from dbos import DBOS, WorkflowStatus

from archiveworker.domain.answers import (
    ArchiveView,
    DeliveryView,
    ItemView,
    JobLine,
    JobView,
    PdfView,
    WarningView,
    WorkerStatus,
)
from archiveworker.domain.errors import NotFoundError
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ItemRecord, JobState
from archiveworker.jobs.records import facts_to_json
from archiveworker.jobs.results import ACTIVE, active_items, load_job, load_results
from archiveworker.jobs.story import STORY_EVENT, Story, story_from_json

REDELIVERY: Final = "redeliver_job"
JOB_WORKFLOWS: Final = ["archive_job", "abandon_job", REDELIVERY]
_SHOWN_ITEMS: Final = 5000


def run_workflow_id(job_id: JobId, run: int) -> str:
    """Return the engine's name for a later run of a job."""
    return f"{job_id}/run/{run}"


def redelivery_workflow_id(job_id: JobId, run: int) -> str:
    """Return the engine's name for another try to deliver a job's kept archive."""
    return f"{job_id}/redeliver/{run}"


def cancel_workflow_id(job_id: JobId) -> str:
    """Return the engine's name for the end of a cancelled job."""
    return f"{job_id}/cancel/{datetime.now(UTC):%Y%m%d%H%M%S%f}"  # noqa: TID251 - only has to be unique


async def job_workflows(status: list[str]) -> list[WorkflowStatus]:
    """Return the workflows of jobs that are in one of the engine's states."""
    return await DBOS.list_workflows_async(
        name=JOB_WORKFLOWS,
        status=status,
        load_input=False,
        load_output=False,
    )


async def runs_of(job_id: JobId) -> list[WorkflowStatus]:
    """Return a job's workflows, oldest first: its runs, and the end of a cancelled one."""
    found = await DBOS.list_workflows_async(
        workflow_id_prefix=job_id, name=JOB_WORKFLOWS, load_input=False, load_output=False
    )
    return [w for w in found if w.workflow_id == job_id or w.workflow_id.startswith(f"{job_id}/")]


async def story_of(job_id: JobId) -> Story | None:
    """Return what a job says about itself, or None when there is no such job."""
    runs = await runs_of(job_id)
    if not runs:
        return None
    for run in reversed(runs):
        data = await DBOS.get_event_async(run.workflow_id, STORY_EVENT, timeout_seconds=0)
        if data is not None:
            return story_from_json(data)
        if run.status in ACTIVE and run is runs[-1] and run.workflow_id != job_id:
            return Story()
    return Story()


async def job_view(job_id: JobId) -> JobView:
    """Return the whole story of a job.

    Raises:
        NotFoundError: there is no such job.
    """
    story = await story_of(job_id)
    if story is None:
        raise NotFoundError(f"Job with requested jobid '{job_id[:80]}' was not found")
    stored = await load_job(job_id)
    results = await load_results(job_id)
    done, failures = len(results.records), sorted(results.failures.values(), key=lambda failure: failure.key)
    return {
        "id": job_id,
        "state": story.state,
        "reason": story.reason,
        "source": stored.source,
        "lms": stored.lms,
        "accepted_at": stored.accepted_at.isoformat(),
        "priority": stored.priority,
        "history": [{"state": JobState(state), "at": at} for state, at in story.history],
        "progress": {
            "items_total": story.items_total,
            "items_done": done,
            "items_failed": len(failures),
            "items_active": 0 if story.state.is_final else await active_items(job_id),
            "percent": _percent(story, done, len(failures)),
        },
        "items": [_item(record) for record in sorted(results.records.values(), key=lambda r: r.key)[:_SHOWN_ITEMS]],
        "failures": [{"item": f.key, "code": f.code, "message": f.message} for f in failures],
        "warnings": cast(list[WarningView], list(story.warnings)),
        "archive": cast(ArchiveView | None, story.archive),
        "evidence": list(story.evidence),
        "deliveries": cast(list[DeliveryView], list(story.deliveries)),
        "kept_until": None,
    }


def _item(record: ItemRecord) -> ItemView:
    return {
        "item": record.key,
        "folder": record.folder.value,
        "pages": record.page_count,
        "files": len(record.files),
        "size_bytes": sum(file.size_bytes for file in record.files),
        "took_s": record.took_s,
        "warnings": list(record.warnings),
        "pdf": None if record.pdf is None else cast(PdfView, facts_to_json(record.pdf)),
    }


def _percent(story: Story, done: int, failed: int) -> int:
    """Return how far the job is; of one that ended without an archive, how much a retry need not make again."""
    if story.state is JobState.FINISHED:
        return 100
    if not story.items_total:
        return 0
    if story.state.is_final:
        return 100 * done // story.items_total
    return min(99, 100 * (done + failed) // story.items_total)


async def job_list(limit: int) -> list[JobLine]:
    """Return a line on each of the newest jobs, newest first."""
    jobs = await DBOS.list_workflows_async(
        name="archive_job", limit=limit * 2, sort_desc=True, load_input=False, load_output=False
    )
    ids = list(dict.fromkeys(JobId(job.workflow_id.split("/")[0]) for job in jobs))[:limit]
    return [await _line(job_id) for job_id in ids]


async def _line(job_id: JobId) -> JobLine:
    story = await story_of(job_id) or Story()
    stored = await load_job(job_id)
    return {
        "id": job_id,
        "state": story.state,
        "source": stored.source,
        "lms": stored.lms,
        "accepted_at": stored.accepted_at.isoformat(),
        "items_total": story.items_total,
        "archive": (story.archive or {}).get("name"),
        "reason": story.reason,
    }


async def worker_status(jobs_max: int, queue_max: int, *, draining: bool) -> WorkerStatus:
    """Return how busy the worker is, with the keys of the existing worker."""
    active = await job_workflows(ACTIVE)
    processing = [w.workflow_id.split("/")[0] for w in active if w.status == "PENDING"]
    queued = [w.workflow_id.split("/")[0] for w in active if w.status != "PENDING"]
    status: Literal["IDLE", "ACTIVE", "BUSY", "UNAVAILABLE"]
    if draining:
        status = "UNAVAILABLE"
    elif len(active) >= jobs_max + queue_max:
        status = "BUSY"
    else:
        status = "ACTIVE" if active else "IDLE"
    return {
        "status": status,
        "jobs_processing": processing,
        "jobs_queued": queued,
        "jobs_max": jobs_max,
        "queue_max": queue_max,
        "queue_len": len(queued),
    }
