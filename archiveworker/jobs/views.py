"""Reading jobs from outside of their workflows: for the HTTP API and the command line."""

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
from archiveworker.domain.ids import JobId
from archiveworker.domain.job import ItemRecord, JobState
from archiveworker.jobs.counts import active_jobs
from archiveworker.jobs.records import facts_to_json
from archiveworker.jobs.results import ACTIVE, active_items, load_results, stored_job
from archiveworker.jobs.runs import newest_jobs, runs_of, runs_of_each
from archiveworker.jobs.story import STORY_EVENT, Story, story_from_json

_SHOWN_ITEMS: Final = 5000


async def story_of(job_id: JobId) -> Story | None:
    """Return what a job says about itself, or None when there is no such job."""
    runs = await runs_of(job_id, load=True)
    return await _told(runs) if runs else None


async def _told(runs: list[WorkflowStatus]) -> Story:
    """Return what the newest of a job's runs that has said anything says; one that has ended returned it."""
    for run in reversed(runs):
        if run.status == "SUCCESS" and run.output is not None:
            return story_from_json(run.output)
        data = await DBOS.get_event_async(run.workflow_id, STORY_EVENT, timeout_seconds=0)
        if data is not None:
            return story_from_json(data)
        if run.status in ACTIVE and run is runs[-1] and run is not runs[0]:
            return Story()
    return Story()


async def job_view(job_id: JobId) -> JobView:
    """Return the whole story of a job.

    Raises:
        NotFoundError: there is no such job.
    """
    runs = await runs_of(job_id, load=True)
    story, stored = await _told(runs), stored_job(job_id, runs)
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
    found = await runs_of_each(await newest_jobs(limit), load=True)
    return [await _line(job_id, runs) for job_id, runs in found.items()]


async def _line(job_id: JobId, runs: list[WorkflowStatus]) -> JobLine:
    story, stored = await _told(runs), stored_job(job_id, runs)
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
    active = await active_jobs()
    status: Literal["IDLE", "ACTIVE", "BUSY", "UNAVAILABLE"]
    if draining:
        status = "UNAVAILABLE"
    elif active.count >= jobs_max + queue_max:
        status = "BUSY"
    else:
        status = "ACTIVE" if active.count else "IDLE"
    return {
        "status": status,
        "jobs_processing": list(active.running),
        "jobs_queued": list(active.queued),
        "jobs_max": jobs_max,
        "queue_max": queue_max,
        "queue_len": len(active.queued),
    }
