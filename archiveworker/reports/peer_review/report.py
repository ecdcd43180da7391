"""One activity as a report needs it: people in the order of their names, findings by what they are about.

Views are plain values for templates and tables; nothing here decides anything that ``checks`` has not found.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from archiveworker.domain.peer_review.base import FileId, ParticipantId, SubmissionId, Text
from archiveworker.domain.peer_review.checks.facts import Facts, isolated
from archiveworker.domain.peer_review.checks.finding import CheckResult, Finding, Subject, SubjectKind
from archiveworker.domain.peer_review.identity import fold
from archiveworker.domain.peer_review.kinds import AllocationState, ParticipantRole
from archiveworker.domain.peer_review.model import PeerReview
from archiveworker.domain.peer_review.review import Allocation
from archiveworker.domain.peer_review.work import File
from archiveworker.reports.index import human_size
from archiveworker.reports.peer_review import wording
from archiveworker.reports.peer_review.markup import Attachments, TextCleaner


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file in a table.

    Attributes:
        name: as handed in.
        href: link in the archive; empty when the file is not in it.
        size: for people.
        modified: for people.
        sha256: digest, or that it is not known.
        status: why it is not there, or empty.
    """

    name: str
    href: str
    size: str
    modified: str
    sha256: str
    status: str


class ActivityReport:
    """What all pages and tables of one activity share.

    Args:
        peer_review: the activity, or a copy of it.
        results: of the checks; empty for copies, which show none.
        attachments: where the files are.
        is_copy: it is for one person: what was left out is not named line by line.
        notes: sentences at the top of the overview.
    """

    def __init__(
        self,
        peer_review: PeerReview,
        results: Sequence[CheckResult] = (),
        attachments: Attachments | None = None,
        *,
        is_copy: bool = False,
        notes: Sequence[str] = (),
    ) -> None:
        self.record = peer_review
        self.activity = peer_review.activity
        self.results = tuple(results)
        self.is_copy = is_copy
        self.notes = tuple(notes)
        self.facts = Facts(peer_review)
        self.attachments = attachments or Attachments()
        self._cleaner = TextCleaner(peer_review.files, self.attachments)
        self._files = {one.id: one for one in peer_review.files}

    def prepared(self) -> "ActivityReport":
        """Look up what all pages need, so that those of ``showing`` share it; return this report."""
        _ = (self._findings_by_subject, self._place_of, self.number, self.allocations_of)
        return self

    def showing(self, attachments: Attachments) -> "ActivityReport":
        """Return this report with other files beside it; what was looked up already (``prepared``) is shared."""
        other = copy(self)
        other.attachments = attachments
        other._cleaner = self._cleaner.showing(attachments)
        return other

    def html(self, text: Text | None) -> Markup:
        """Return a foreign text as safe HTML."""
        return self._cleaner.html(text)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All findings: errors, warnings, infos."""
        return tuple(finding for result in self.results for finding in result.findings)

    @cached_property
    def _findings_by_subject(self) -> dict[Subject, list[Finding]]:
        found: defaultdict[Subject, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            for subject in finding.subjects:
                found[subject].append(finding)
        return found

    @cached_property
    def _place_of(self) -> dict[int, int]:
        return {id(finding): at for at, finding in enumerate(self.findings)}

    def findings_about(self, *subjects: tuple[SubjectKind, str]) -> tuple[Finding, ...]:
        """Return findings about any of ``subjects``, each once, in the order of the report."""
        found = {
            id(finding): finding
            for kind, subject_id in subjects
            for finding in self._findings_by_subject.get(Subject(kind, subject_id), ())
        }
        return tuple(sorted(found.values(), key=lambda finding: self._place_of[id(finding)]))

    @cached_property
    def people(self) -> tuple[ParticipantId, ...]:
        """Everybody who is a student, wrote a work or reviews, students first, by name."""
        active = {author for work in self.facts.works for author in work.author_ids}
        active |= {one.reviewer_id for one in self.facts.allocations if one.reviewer_id is not None}
        students = {one.id for one in self.record.participants if one.role is ParticipantRole.STUDENT}
        return tuple(sorted(active | students, key=lambda one: (one not in students, fold(self.name(one)), one)))

    @cached_property
    def number(self) -> dict[ParticipantId, int]:
        """Place of each person in ``people``, from 1."""
        return {one: at for at, one in enumerate(self.people, 1)}

    @cached_property
    def allocations_of(self) -> dict[SubmissionId, list[Allocation]]:
        """Allocations by work; finished ones first, by reviewer's name."""
        found: defaultdict[SubmissionId, list[Allocation]] = defaultdict(list)
        for one in self.facts.allocations:
            found[one.submission_id].append(one)
        for same in found.values():
            same.sort(
                key=lambda one: (one.state is not AllocationState.DONE, _natural(self.name(one.reviewer_id)), one.id)
            )
        return found

    def name(self, person: ParticipantId | None) -> str:
        """Return the name, the pseudonym or the id."""
        return self.facts.name(person)

    def names(self, people: Iterable[ParticipantId]) -> str:
        """Return several names, or that they are hidden."""
        return ", ".join(isolated(self.name(one)) for one in people) or "a hidden person"

    def identity(self, person: ParticipantId | None) -> str:
        """Return the name with student number or login, so that two of one name are told apart."""
        found = None if person is None else self.facts.people.get(person)
        more = found and (found.external_id or found.username)
        return f"{isolated(self.name(person))} ({more})" if more else isolated(self.name(person))

    def files(self, file_ids: Iterable[FileId]) -> tuple[FileRow, ...]:
        """Return rows for a table of files; those that the source does not list are there too."""
        return tuple(self._file(one, self._files.get(one)) for one in file_ids)

    def _file(self, file_id: FileId, file: File | None) -> FileRow:
        if file is None:
            return FileRow(
                f"file {file_id}", "", wording.UNKNOWN, wording.UNKNOWN, wording.UNKNOWN, "not listed by the source"
            )
        href = self.attachments.links.get(file_id, "")
        status = {"ok": "", "missing": "gone", "refused": "not fetched"}[file.status.value]
        return FileRow(
            name=file.path.strip("/") + "/" + file.filename if file.path.strip("/") else file.filename,
            href=href,
            size=wording.UNKNOWN if file.size_bytes is None else human_size(file.size_bytes),
            modified=wording.time(file.modified_at, file.time_quality),
            sha256=file.sha256 or wording.UNKNOWN,
            status=status,
        )


def _natural(text: str) -> tuple[str, int]:
    """Sort R2 before R10."""
    head = text.rstrip("0123456789")
    return fold(head), int(text[len(head) :] or 0) if len(text) - len(head) < 9 else 0
