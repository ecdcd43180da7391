"""What was handed in: submissions, their texts, and the files of all records."""

from dataclasses import dataclass, field
from datetime import datetime

from archiveworker.domain.peer_review.base import FileId, Grade, ParticipantId, PartId, Record, SubmissionId, Text
from archiveworker.domain.peer_review.kinds import FileArea, FileStatus, SubmissionKind, TimeQuality


@dataclass(frozen=True, slots=True)
class Part(Record):
    """One text of a submission.

    Attributes:
        id: unique in the activity.
        text: what was written.
        task: the question that it answers, when the submission has several.
    """

    id: PartId
    text: Text
    task: Text | None = None


@dataclass(frozen=True, slots=True)
class Submission(Record):
    """A work that was handed in.

    Attributes:
        id: the source's id.
        author_ids: who wrote it; empty when the source hides it.
        kind: a person's work or an example.
        title: may be empty.
        parts: its texts.
        file_ids: its files.
        created_at: first handed in, UTC.
        modified_at: last change, UTC.
        time_quality: of these times.
        late: handed in after the close, by the system's own reckoning; None when it does not say.
        published: shown to the other participants by staff.
        content_hash: digest of texts and files as reviewers saw it, if the source keeps one.
        grade: for the work.
        staff_feedback: what staff wrote to the author.
    """

    id: SubmissionId
    author_ids: tuple[ParticipantId, ...] = ()
    kind: SubmissionKind = SubmissionKind.WORK
    title: str = ""
    parts: tuple[Part, ...] = ()
    file_ids: tuple[FileId, ...] = ()
    created_at: datetime | None = None
    modified_at: datetime | None = None
    time_quality: TimeQuality = TimeQuality.UNKNOWN
    late: bool | None = None
    published: bool | None = None
    content_hash: str | None = None
    grade: Grade = field(default_factory=Grade)
    staff_feedback: Text | None = None


@dataclass(frozen=True, slots=True)
class File(Record):
    """A file of the activity.

    Attributes:
        id: unique in the activity.
        area: what it belongs to.
        filename: without folders.
        path: folder in its area, with ``/`` at both ends.
        size_bytes: announced by the source.
        mimetype: announced by the source.
        sha256: 64 lower-case hexadecimal digits, if known.
        modified_at: UTC.
        time_quality: of that time.
        status: whether its bytes can be had.
        text_url: the address by which texts of the same record show it, without a token; None when none does.
    """

    id: FileId
    area: FileArea
    filename: str
    path: str = "/"
    size_bytes: int | None = None
    mimetype: str | None = None
    sha256: str | None = None
    modified_at: datetime | None = None
    time_quality: TimeQuality = TimeQuality.UNKNOWN
    status: FileStatus = FileStatus.OK
    text_url: str | None = None
