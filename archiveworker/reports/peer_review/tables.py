"""The tables of an activity as CSV, for spreadsheets and statistics; one row a fact, ids beside names."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from archiveworker.domain.peer_review.base import ParticipantId, Text
from archiveworker.domain.peer_review.codec import encode, to_plain
from archiveworker.domain.peer_review.copies import Copy
from archiveworker.domain.peer_review.redaction import IdentityFlag
from archiveworker.domain.peer_review.review import Allocation
from archiveworker.reports.findings import findings_table
from archiveworker.reports.peer_review import overview_view, wording
from archiveworker.reports.peer_review.report import ActivityReport
from archiveworker.reports.tables import render_csv

Row = dict[str, str]


def all_tables(report: ActivityReport, flags: tuple[IdentityFlag, ...] | None = None) -> Mapping[str, bytes]:
    """Return file name and content of every table that has something to say about the activity.

    Args:
        report: the activity.
        flags: of ``redaction.scan``; None leaves that table out.
    """
    tables = {
        "allocation_matrix.csv": allocation_matrix(report),
        "allocations.csv": allocations(report),
        "answers.csv": answers(report),
        "completeness.csv": completeness(report),
        "grades.csv": grades(report),
    }
    if report.results:
        tables["findings.csv"] = findings_table(report.results)
    if flags is not None:
        tables["names_in_texts.csv"] = names_in_texts(flags)
    return tables


def allocation_matrix(report: ActivityReport) -> bytes:
    """Return who reviewed whom: a row for each reviewer, a column for each work, the state in the cell."""
    works = sorted({one.submission_id for one in report.facts.allocations} | {one.id for one in report.facts.works})
    cells: defaultdict[ParticipantId | None, dict[str, str]] = defaultdict(dict)
    for one in report.facts.allocations:
        row = cells[one.reviewer_id]
        states = [row[one.submission_id]] if one.submission_id in row else []
        row[one.submission_id] = "+".join(sorted([*states, one.state.value]))
    people: list[ParticipantId | None] = [*report.people, *([None] if None in cells else [])]
    rows = [cells.get(one, {}) | {"reviewer_id": one or "", "reviewer": report.name(one)} for one in people]
    return render_csv(["reviewer_id", "reviewer", *works], rows)


def allocations(report: ActivityReport) -> bytes:
    """Return one row for each allocation, with its review if there is one."""
    columns = (
        "allocation_id", "review_id", "reviewer_id", "reviewer", "submission_id", "title", "author_ids", "part_id",
        "role", "origin", "state", "weight", "counted", "suggested_grade", "review_grade_raw", "review_grade_over",
        "review_grade_final", "review_grade_max", "allocated_at", "completed_at", "time_quality", "form_hash",
    )  # fmt: skip
    return render_csv(columns, [_allocation(report, one) for one in report.facts.allocations])


def _allocation(report: ActivityReport, one: Allocation) -> Row:
    review = report.facts.review_of.get(one.id)
    work = report.facts.submissions.get(one.submission_id)
    row = {
        "allocation_id": one.id,
        "reviewer_id": one.reviewer_id or "",
        "reviewer": report.name(one.reviewer_id),
        "submission_id": one.submission_id,
        "title": "" if work is None else work.title,
        "author_ids": " ".join(report.facts.authors(one.submission_id)),
        "part_id": one.part_id or "",
        "role": one.role.value,
        "origin": one.origin.value,
        "state": one.state.value,
        "weight": _number(one.weight),
        "allocated_at": _time(one.allocated_at),
        "completed_at": _time(one.completed_at),
        "time_quality": one.time_quality.value,
    }
    if review is None:
        return row
    grade = review.review_grade
    return row | {
        "review_id": review.id,
        "counted": "" if review.counted is None else wording.yes_no(review.counted),
        "suggested_grade": _number(review.suggested_grade),
        "review_grade_raw": _number(grade.raw),
        "review_grade_over": _number(grade.over),
        "review_grade_final": _number(grade.final),
        "review_grade_max": _number(grade.max),
        "form_hash": review.form_hash or "",
    }


def answers(report: ActivityReport) -> bytes:
    """Return one row for each answer of each review."""
    columns = ("review_id", "criterion_id", "criterion", "key", "value", "option_ids", "options", "text", "comment")
    rows: list[Row] = []
    for review in report.facts.reviews:
        criteria = {} if review.form_hash is None else report.facts.criteria.get(review.form_hash, {})
        for one in review.answers:
            criterion = criteria.get(one.criterion_id or "")
            labels = {} if criterion is None else {option.id: option.label.body for option in criterion.options}
            rows.append(
                {
                    "review_id": review.id,
                    "criterion_id": one.criterion_id or "",
                    "criterion": "" if criterion is None else criterion.title,
                    "key": one.key or "",
                    "value": _number(one.value),
                    "option_ids": " ".join(one.option_ids),
                    "options": "; ".join(labels.get(option, "?") for option in one.option_ids),
                    "text": one.text or "",
                    "comment": _body(one.comment),
                }
            )
    return render_csv(columns, rows)


def completeness(report: ActivityReport) -> bytes:
    """Return one row for each person: what was to be done and what was."""
    columns = (
        "number", "participant_id", "name", "external_id", "pseudonym", "role", "active", "works", "reviews_given",
        "quota_given", "reviews_received", "system_counts", "notes",
    )  # fmt: skip
    rows = []
    for person, row in zip(report.people, overview_view.people(report), strict=True):
        found = report.facts.people.get(person)
        rows.append(
            {
                "number": str(row.number),
                "participant_id": person,
                "name": row.name,
                "external_id": (found and found.external_id) or "",
                "pseudonym": (found and found.pseudonym) or "",
                "role": "not a participant" if found is None else found.role.value,
                "active": "" if found is None or found.active is None else wording.yes_no(found.active),
                "works": str(row.works),
                "reviews_given": str(row.given),
                "quota_given": _number(report.activity.quota_given),
                "reviews_received": str(row.received),
                "system_counts": row.counted,
                "notes": row.notes,
            }
        )
    return render_csv(columns, rows)


def grades(report: ActivityReport) -> bytes:
    """Return one row for each work: how its grade came to be."""
    columns = (
        "submission_id", "kind", "title", "author_ids", "authors", "grade_raw", "grade_over", "grade_final",
        "grade_max", "over_by", "reviews_received", "late", "published", "created_at", "modified_at", "time_quality",
    )  # fmt: skip
    rows = [
        {
            "submission_id": one.id,
            "kind": one.kind.value,
            "title": one.title,
            "author_ids": " ".join(one.author_ids),
            "authors": "; ".join(report.name(author) for author in one.author_ids),
            "grade_raw": _number(one.grade.raw),
            "grade_over": _number(one.grade.over),
            "grade_final": _number(one.grade.final),
            "grade_max": _number(one.grade.max),
            "over_by": one.grade.by or "",
            "reviews_received": str(report.facts.received.get(one.id, 0)),
            "late": "" if one.late is None else wording.yes_no(one.late),
            "published": "" if one.published is None else wording.yes_no(one.published),
            "created_at": _time(one.created_at),
            "modified_at": _time(one.modified_at),
            "time_quality": one.time_quality.value,
        }
        for one in report.facts.submissions.values()
    ]
    return render_csv(columns, rows)


def names_in_texts(flags: Iterable[IdentityFlag]) -> bytes:
    """Return where free text names a participant."""
    columns = ("record", "id", "field", "participant_id", "by", "treatment")
    return render_csv(columns, [_flagged(flag) for flag in flags])


def findings_json(report: ActivityReport) -> bytes:
    """Return what every check said, for machines: JSON, UTF-8."""
    return encode(
        {"format_version": 1, "checks": [{**to_plain(one), "outcome": one.outcome} for one in report.results]}
    )


def copies_to_look_at(copies: Iterable[tuple[str, str, Copy]]) -> tuple[bytes, int]:
    """Return where copies may still tell who somebody is, and how many copies these are.

    Args:
        copies: kind, reader's id, copy.
    """
    columns = ("copy", "reader_id", "record", "id", "field", "participant_id", "by", "treatment")
    rows: list[Row] = []
    seen: set[tuple[str, str]] = set()
    for kind, reader, copy in copies:
        base = {"copy": kind, "reader_id": reader}
        found = [base | _flagged(flag) for flag in copy.flags]
        found += [
            base | {"record": "file", "id": old, "field": new, "treatment": "not_looked_into"}
            for new, old in copy.files.items()
        ]
        rows += found
        if found:
            seen.add((kind, reader))
    return render_csv(columns, rows), len(seen)


def _flagged(flag: IdentityFlag) -> Row:
    return {
        "record": flag.place.subject.kind.value,
        "id": flag.place.subject.id,
        "field": flag.place.field,
        "participant_id": flag.person,
        "by": flag.kind.value,
        "treatment": flag.treatment.value,
    }


def _number(value: float | None) -> str:
    return "" if value is None else wording.number(value)


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _body(text: Text | None) -> str:
    return "" if text is None else text.body
