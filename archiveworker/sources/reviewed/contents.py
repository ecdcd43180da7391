"""The items of an archive of peer reviews: which there are, and what each page and its folder hold. No LMS is asked.

One item for each work, one for the overview, and with ``excerpts`` two copies for each person. Numbers in keys follow
the ids of the records, so they stay the same as long as what was collected does.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from archiveworker.domain.ids import ArchivePath, ItemKey
from archiveworker.domain.job import PlannedItem
from archiveworker.domain.peer_review.base import FileId, ParticipantId, SubmissionId
from archiveworker.domain.peer_review.checks.table import check_all
from archiveworker.domain.peer_review.codec import encode
from archiveworker.domain.peer_review.copies import Copy, CopyMaker
from archiveworker.domain.peer_review.exchange import PeerReviewFile
from archiveworker.domain.peer_review.kinds import TimeQuality
from archiveworker.domain.peer_review.work import File
from archiveworker.reports.peer_review.pages import render_copy, render_overview, render_work
from archiveworker.reports.peer_review.report import ActivityReport
from archiveworker.reports.peer_review.tables import all_tables, copies_to_look_at, findings_json
from archiveworker.sources.reviewed import facts
from archiveworker.sources.reviewed.placing import PlacedFile, Placing, possible
from archiveworker.sources.reviewed.shown import Blob, Shown

OVERVIEW: Final = ItemKey("overview")
_UNKNOWN_TIME: Final = "1980-01-01T00:00:00+00:00"
_OWN_LINK: Final = re.compile(r'<a href="(?![a-z]+:)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """One item, ready to be rendered.

    Attributes:
        html: the page; its links lead to the files beside it.
        title: of the PDF.
        folder: of the item in the archive.
        stem: name of its files.
        at: time of the data, UTC.
        files: of the LMS, below ``folder``.
        made: files of our own, by name.
        warnings: sentences.
    """

    html: str
    title: str
    folder: ArchivePath
    stem: str
    at: datetime
    files: tuple[PlacedFile, ...] = ()
    made: Mapping[str, bytes] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def printed(self) -> str:
        """The page for paper: without links to files beside it, which a PDF would take for addresses of the LMS."""
        return _OWN_LINK.sub(r"\1", self.html)


class Contents:
    """All items of one archive.

    Args:
        shown: what may stand in it.
        excerpts: with copies for each person.
    """

    def __init__(self, shown: Shown, *, excerpts: bool) -> None:
        self._shown = shown
        self._record = shown.record
        self._files = {one.id: one for one in shown.record.files}
        self._report = ActivityReport(shown.record, check_all(shown.record), notes=shown.notes).prepared()
        self._works = facts.works(self._report)
        self._people = facts.people_with_copies(self._report) if excerpts else facts.NOBODY
        self._copies = CopyMaker(shown.record) if excerpts else None
        self._subjects: dict[ItemKey, str] = {}
        self.items = tuple(self._planned())

    def _planned(self) -> Iterable[PlannedItem]:
        yield PlannedItem(OVERVIEW, 0, "Overview", facts.of_overview(self._report))
        for number, work in enumerate(self._works, 1):
            yield self._item("work", number, work, facts.of_work(self._report, work))
        first = len(self._works)
        for kind, people in (("author-copy", self._people.authors), ("reviewer-copy", self._people.reviewers)):
            for number, person in enumerate(people, 1):
                yield self._item(kind, number, person, facts.of_copy(self._report, kind, person), first)
            first += len(people)

    def _item(self, kind: str, number: int, subject: str, row: Mapping[str, str], first: int = 0) -> PlannedItem:
        key = ItemKey(f"{kind}-{number:05d}")
        self._subjects[key] = subject
        return PlannedItem(key, first + number, row["title"], {"itemid": key, **row})

    def page(self, key: ItemKey) -> Page:
        """Return one item.

        Raises:
            KeyError: there is none of this key.
        """
        if key == OVERVIEW:
            return self._overview()
        subject = self._subjects[key]
        if key.startswith("work-"):
            return self._work(SubmissionId(subject))
        return self._copy(ParticipantId(subject), key.rpartition("-")[0])

    def _overview(self) -> Page:
        placing = Placing(self._files, self._shown.blobs, self.at)
        placing.add("files", self._unplaced)
        report = self._report.showing(placing.attachments)
        made = {
            **all_tables(report, self._shown.flags),
            "findings.json": findings_json(report),
            "peer_review.json": encode(PeerReviewFile(self._record)),
        }
        warnings = list(self._shown.notes)
        if self._copies is not None:
            table, count = copies_to_look_at(self._every_copy(self._copies))
            made["copies_to_look_at.csv"] = table
            if count:
                warnings.append(f"{count} copies need a look before they are handed out; see copies_to_look_at.csv")
        html = render_overview(report, self._shown.flags).decode()
        title = f"Overview: {self._record.activity.title}"
        return Page(html, title, ArchivePath("overview"), "overview", self.at, placing.files, made, tuple(warnings))

    def _work(self, work: SubmissionId) -> Page:
        at = facts.time_of(self._report, work) or self.at
        placing = Placing(self._files, self._shown.blobs, at)
        self._place_work(placing, self._report, work)
        html = render_work(self._report.showing(placing.attachments), work).decode()
        row = facts.of_work(self._report, work)
        name = f"{work} {row['authors']}" if row["authors"] else work
        folder = ArchivePath.sanitised("submissions", name.replace("/", "_"))
        return Page(html, self._titled(row["title"]), folder, "submission", at, placing.files)

    def _copy(self, person: ParticipantId, kind: str) -> Page:
        """Return a copy; what it shows of others has no time of its own, so that of the whole activity stands there."""
        maker = self._copies or CopyMaker(self._record)
        copy = maker.author_copy(person) if kind == "author-copy" else maker.reviewer_copy(person)
        blobs = {one.id: blob for one in copy.peer_review.files if (blob := self._blob(copy, one))}
        report = ActivityReport(copy.peer_review, is_copy=True)
        placing = Placing({one.id: one for one in copy.peer_review.files}, blobs, self.at)
        works = facts.works(report)
        for number, work in enumerate(works, 1):
            self._place_work(placing, report, work, f"{number}-" if len(works) > 1 else "")
        row = facts.of_copy(self._report, kind, person)
        name = f"{person} {row['name']}" if row["name"] not in ("", person) else person
        folder = ArchivePath.sanitised("excerpts", kind, name.replace("/", "_"))
        html = render_copy(report.showing(placing.attachments), works, row["title"], row["name"]).decode()
        made = {"peer_review.json": encode(PeerReviewFile(copy.peer_review))}
        return Page(html, self._titled(row["title"]), folder, kind, self.at, placing.files, made)

    def _blob(self, copy: Copy, file: File) -> Blob | None:
        return self._shown.blobs.get(copy.files.get(file.id, file.id))

    def _place_work(self, placing: Placing, report: ActivityReport, work: SubmissionId, prefix: str = "") -> None:
        found = report.facts.submissions.get(work)
        placing.add(f"files/{prefix}work", () if found is None else found.file_ids)
        finished = [one for one in report.allocations_of.get(work, []) if one.id in report.facts.review_of]
        for number, one in enumerate(finished, 1):
            review = report.facts.review_of[one.id]
            placing.add(f"files/{prefix}review-{number}", review.file_ids)
            form = None if review.form_hash is None else report.facts.forms.get(review.form_hash)
            placing.add("files/form", () if form is None else form.file_ids)

    def _every_copy(self, maker: CopyMaker) -> Iterable[tuple[str, str, Copy]]:
        for person in self._people.authors:
            yield "author-copy", person, maker.author_copy(person)
        for person in self._people.reviewers:
            yield "reviewer-copy", person, maker.reviewer_copy(person)

    @cached_property
    def _unplaced(self) -> tuple[FileId, ...]:
        """Files that stand with no work: of the activity, of forms, and those that no record names."""
        placed = {file_id for work in self._works for file_id in facts.files_of(self._report, work)}
        return tuple(sorted(set(self._files) - placed))

    @cached_property
    def at(self) -> datetime:
        """The newest time that is known of anything."""
        times = [at for work in self._works if (at := facts.time_of(self._report, work))]
        activity = self._record.activity
        if not times and activity.time_quality is not TimeQuality.UNKNOWN:
            times = [at for at in (activity.review_close, activity.submission_close) if at is not None]
        return max(map(possible, times), default=datetime.fromisoformat(_UNKNOWN_TIME))

    def _titled(self, title: str) -> str:
        return f"{title}: {self._record.activity.title}"
