"""The tables of a course as CSV, for spreadsheets and statistics; one row a fact. Secrets are masked."""

from collections.abc import Mapping
from datetime import datetime

from archiveworker.domain.proctoring.base import Masked
from archiveworker.domain.proctoring.checks.times import duration_mins
from archiveworker.domain.proctoring.model import Attempt
from archiveworker.domain.proctoring.timeline import events_of
from archiveworker.reports.findings import findings_table
from archiveworker.reports.proctoring import wording
from archiveworker.reports.proctoring.report import CourseReport
from archiveworker.reports.tables import render_csv

Row = dict[str, str]


def all_tables(report: CourseReport) -> Mapping[str, bytes]:
    """Return file name and content of every table that has something to say about the course."""
    tables = {
        "exams.csv": exams(report),
        "attempts.csv": attempts(report),
        "events.csv": events(report),
        "findings.csv": findings_table(report.results),
        "not_available.csv": not_available(report),
    }
    if report.record.allowances is not None:
        tables["allowances.csv"] = allowances(report)
    if report.record.onboarding is not None:
        tables["onboarding.csv"] = onboarding(report)
    if report.record.reviews is not None:
        tables["reviews.csv"] = reviews(report)
    return tables


def exams(report: CourseReport) -> bytes:
    """Return one row for each exam."""
    columns = (
        "exam_id", "name", "content_id", "time_limit_mins", "is_proctored", "is_practice", "is_active", "due_at",
        "backend", "provider", "policy",
    )  # fmt: skip
    rows = [
        {
            "exam_id": one.id,
            "name": one.name,
            "content_id": one.content_id,
            "time_limit_mins": str(one.time_limit_mins),
            "is_proctored": wording.yes_no(one.is_proctored),
            "is_practice": wording.yes_no(one.is_practice),
            "is_active": wording.yes_no(one.is_active),
            "due_at": _time(one.due_at),
            "backend": one.backend or "",
            "provider": "" if one.settings is None else one.settings.provider_name,
            "policy": one.policy or "",
        }
        for one in report.exams
    ]
    return render_csv(columns, rows)


def attempts(report: CourseReport) -> bytes:
    """Return one row for each attempt."""
    columns = (
        "attempt_id", "exam_id", "exam", "person", "status", "status_given", "is_resumed", "is_ready_to_resume",
        "is_resumable", "resumes_attempt", "created_at", "started_at", "completed_at", "modified_at", "allowed_mins",
        "taken_mins", "remaining_s", "is_practice", "is_proctored", "review_policy_id", "attempt_code",
        "attempt_code_sha256", "external_id",
    )  # fmt: skip
    return render_csv(columns, [_attempt(report, one) for one in report.facts.attempts])


def _attempt(report: CourseReport, one: Attempt) -> Row:
    exam, before = report.facts.exams.get(one.exam_id), report.facts.before(one)
    taken = duration_mins(one)
    return {
        "attempt_id": one.id,
        "exam_id": one.exam_id,
        "exam": "" if exam is None else exam.name,
        "person": one.person_id,
        "status": one.status.value,
        "status_given": one.status_given,
        "is_resumed": wording.yes_no(one.is_resumed),
        "is_ready_to_resume": wording.yes_no(one.is_ready_to_resume),
        "is_resumable": wording.yes_no(one.is_resumable),
        "resumes_attempt": before.id if before is not None and before.is_resumed else "",
        "created_at": _time(one.created_at),
        "started_at": _time(one.started_at),
        "completed_at": _time(one.completed_at),
        "modified_at": _time(one.modified_at),
        "allowed_mins": "" if one.allowed_mins is None else str(one.allowed_mins),
        "taken_mins": "" if taken is None else wording.number(round(taken, 2)),
        "remaining_s": "" if one.remaining_s is None else str(one.remaining_s),
        "is_practice": wording.yes_no(one.is_practice),
        "is_proctored": wording.yes_no(one.is_proctored),
        "review_policy_id": one.review_policy_id or "",
        "attempt_code": _shown(one.code),
        "attempt_code_sha256": (one.code and one.code.sha256) or "",
        "external_id": _shown(one.external),
    }


def events(report: CourseReport) -> bytes:
    """Return one row for each event of each attempt."""
    columns = ("person", "exam_id", "attempt_id", "at", "event", "status", "origin")
    rows = [
        {
            "person": person,
            "exam_id": exam_id,
            "attempt_id": event.attempt_id,
            "at": _time(event.at),
            "event": wording.event(event),
            "status": "" if event.status is None else event.status.value,
            "origin": event.origin.value,
        }
        for (person, exam_id) in report.facts.pairs
        for event in events_of(report.page_of(person, exam_id).record, report.facts.pairs[person, exam_id])
    ]
    return render_csv(columns, rows)


def allowances(report: CourseReport) -> bytes:
    """Return one row for each allowance."""
    columns = ("allowance_id", "exam_id", "person", "key", "value", "is_sensitive", "created_at", "modified_at")
    rows = [
        {
            "allowance_id": one.id,
            "exam_id": one.exam_id,
            "person": one.person_id,
            "key": one.key,
            "value": wording.value(one),
            "is_sensitive": wording.yes_no(one.is_sensitive),
            "created_at": _time(one.created_at),
            "modified_at": _time(one.modified_at),
        }
        for one in report.record.allowances or ()
    ]
    return render_csv(columns, rows)


def onboarding(report: CourseReport) -> bytes:
    """Return one row for each person in the list of onboardings."""
    columns = ("person", "enrollment_mode", "status", "modified_at")
    rows = [
        {
            "person": one.person_id,
            "enrollment_mode": one.enrollment_mode,
            "status": one.status,
            "modified_at": _time(one.modified_at),
        }
        for one in report.record.onboarding or ()
    ]
    return render_csv(columns, rows)


def reviews(report: CourseReport) -> bytes:
    """Return one row for each note of each review, and one for a review without notes."""
    columns = (
        "review_id", "attempt_id", "status", "reviewed_by", "is_superseded", "created_at", "note_start_s",
        "note_stop_s", "note_status", "note",
    )  # fmt: skip
    rows: list[Row] = []
    for one in report.record.reviews or ():
        base = {
            "review_id": one.id,
            "attempt_id": one.attempt_id or "",
            "status": one.status,
            "reviewed_by": one.reviewed_by or "",
            "is_superseded": wording.yes_no(one.is_superseded),
            "created_at": _time(one.created_at),
        }
        notes = [
            {
                "note_start_s": wording.number(note.start_s),
                "note_stop_s": wording.number(note.stop_s),
                "note_status": note.status,
                "note": wording.WITHHELD if note.text is None else note.text,
            }
            for note in one.comments or ()
        ]
        rows += [base | note for note in notes] or [base]
    return render_csv(columns, rows)


def not_available(report: CourseReport) -> bytes:
    """Return one row for everything that the archive does not have, with the reason."""
    return render_csv(("what", "why"), [{"what": one.kind.value, "why": one.sentence} for one in report.record.gaps])


def _time(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="auto").replace("+00:00", "Z")


def _shown(secret: Masked | None) -> str:
    return "" if secret is None else secret.shown
