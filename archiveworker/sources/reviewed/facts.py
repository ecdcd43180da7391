"""What the table ``items_metadata.csv`` and the index page say of each item.

``userid``, ``username`` and ``idnumber`` stand in the rows of copies alone, and say whose copy it is: so a search for
everything of one person (``evidence extract --person``) finds what this person may have, not pages that name others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from archiveworker.domain.peer_review.base import FileId, ParticipantId, SubmissionId
from archiveworker.domain.peer_review.kinds import ParticipantRole, TimeQuality
from archiveworker.reports.peer_review import wording
from archiveworker.reports.peer_review.report import ActivityReport
from archiveworker.sources.reviewed.placing import possible

METADATA_NAME: Final = "items_metadata.csv"
COLUMNS: Final = (
    *("itemid", "kind", "userid", "username", "idnumber", "name", "submissionid", "title", "reviews", "path"),
    *("author_ids", "authors", "grade", "grade_max", "created", "modified"),
)
_COPIES: Final = {"author-copy": "Author's copy", "reviewer-copy": "Reviewer's copy"}


@dataclass(frozen=True, slots=True)
class CopyPeople:
    """Who gets copies.

    Attributes:
        authors: of at least one work.
        reviewers: of at least one finished review.
    """

    authors: tuple[ParticipantId, ...] = ()
    reviewers: tuple[ParticipantId, ...] = ()


NOBODY: Final = CopyPeople()


def works(report: ActivityReport) -> tuple[SubmissionId, ...]:
    """Return everything that has a page: works, examples, and works that are gone but were given to reviewers."""
    found = {*report.facts.submissions, *report.allocations_of}
    return tuple(sorted(found, key=lambda one: (len(one), one)))


def people_with_copies(report: ActivityReport) -> CopyPeople:
    """Return who gets copies: participants, but no staff, who is told everything anyway."""
    facts = report.facts
    people = {one for one, person in facts.people.items() if person.role is not ParticipantRole.STAFF}
    reviewers = {one.reviewer_id for one, _ in facts.finished_reviews if one.reviewer_id is not None}
    return CopyPeople(tuple(sorted(people & set(facts.works_of))), tuple(sorted(people & reviewers)))


def of_overview(report: ActivityReport) -> Mapping[str, str]:
    """Return the row of the overview."""
    return {"itemid": "overview", "kind": "overview", "title": report.activity.title}


def of_work(report: ActivityReport, work: SubmissionId) -> Mapping[str, str]:
    """Return the row of a work; ``itemid`` is still to be added."""
    found = report.facts.submissions.get(work)
    finished = sum(one.id in report.facts.review_of for one in report.allocations_of.get(work, []))
    row = {"submissionid": work, "reviews": str(finished)}
    if found is None:
        return {**row, "kind": "gone", "title": f"Work {work}, which is gone", "authors": ""}
    shown = {
        "kind": found.kind.value,
        "title": found.title or f"Work {work}",
        "author_ids": " ".join(found.author_ids),
        "authors": ", ".join(report.name(one) for one in found.author_ids),
        "grade": "" if found.grade.final is None else wording.number(found.grade.final),
        "grade_max": "" if found.grade.max is None else wording.number(found.grade.max),
    }
    times = {"created": found.created_at, "modified": found.modified_at}
    return {**row, **shown, **{name: f"{at:%Y-%m-%d %H:%M:%S} UTC" for name, at in times.items() if at is not None}}


def of_copy(report: ActivityReport, kind: str, person: ParticipantId) -> Mapping[str, str]:
    """Return the row of a copy for ``person``; ``kind`` is ``author-copy`` or ``reviewer-copy``."""
    found = report.facts.people[person]
    return {
        "kind": kind,
        "title": _COPIES[kind],
        "userid": person,
        "username": found.username or "",
        "idnumber": found.external_id or "",
        "name": found.display or found.pseudonym or person,
    }


def time_of(report: ActivityReport, work: SubmissionId) -> datetime | None:
    """Return the newest time that is known of a work and its reviews."""
    found = report.facts.submissions.get(work)
    times = [(one.completed_at, one.time_quality) for one in report.allocations_of.get(work, [])]
    times += [] if found is None else [(at, found.time_quality) for at in (found.created_at, found.modified_at)]
    known = [possible(at) for at, quality in times if at is not None and quality is not TimeQuality.UNKNOWN]
    return max(known, default=None)


def files_of(report: ActivityReport, work: SubmissionId) -> set[FileId]:
    """Return the files that stand with a work: its own, and those of its finished reviews."""
    found = report.facts.submissions.get(work)
    files = set(() if found is None else found.file_ids)
    for one in report.allocations_of.get(work, []):
        if one.id in report.facts.review_of:
            files.update(report.facts.review_of[one.id].file_ids)
    return files
