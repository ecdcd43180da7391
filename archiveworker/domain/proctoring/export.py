"""What the LMS's REST interface does not give, from rows of its database that came with the job.

The rows are those of edx-proctoring's tables (3.8 to 6.x), as a database export or a read-only view of it writes them:
column names are the tables' own. Every part may be left out; a part that is there is believed to be whole.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from archiveworker.domain.proctoring.base import AllowanceId, AttemptId, ExamId, Masked, PersonId, ReviewId, mask
from archiveworker.domain.proctoring.kinds import Change, GapKind
from archiveworker.domain.proctoring.model import (
    Attempt,
    Comment,
    FormerAllowance,
    FormerPolicy,
    HistoryEntry,
    Proctoring,
    Review,
)
from archiveworker.domain.proctoring.reading import status_of
from archiveworker.domain.records import Codec

EXPORT_PATH: Final = "/proctoring-export/v1/courses"
"""Where a bridge serves exports, each at the key of its course."""
_CODEC: Final = Codec("the format of an export of edx-proctoring's tables")
T = TypeVar("T")
_CHANGES: Final = {"+": Change.CREATED, "~": Change.CHANGED, "-": Change.DELETED}


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A row of ``proctoring_proctoredexamsoftwaresecurereview`` or of its history.

    ``raw_data`` and the address of the recording are not taken: the first holds the attempt's secrets and the
    learner's name, the second opens a recording.
    """

    id: int
    created: datetime
    review_status: str
    attempt_code: str = ""
    attempt_code_sha256: str | None = None
    reviewed_by_id: int | None = None
    student_id: int | None = None
    exam_id: int | None = None
    encrypted_video_url: str | None = None


@dataclass(frozen=True, slots=True)
class CommentRow:
    """A row of ``proctoring_proctoredexamstudentattemptcomment``; times in seconds."""

    review_id: int
    start_time: float
    stop_time: float
    comment: str
    status: str


@dataclass(frozen=True, slots=True)
class AttemptHistoryRow:
    """A row of ``proctoring_proctoredexamstudentattempt_history``."""

    id: int
    user_id: int | None
    proctored_exam_id: int
    status: str
    history_date: datetime
    history_id: int
    history_type: str


@dataclass(frozen=True, slots=True)
class AllowanceHistoryRow:
    """A row of ``proctoring_proctoredexamstudentallowancehistory``; ``created`` is when the value was replaced."""

    allowance_id: int
    user_id: int
    proctored_exam_id: int
    key: str
    value: str
    created: datetime


@dataclass(frozen=True, slots=True)
class PolicyHistoryRow:
    """A row of ``proctoring_proctoredexamreviewpolicyhistory``; ``created`` is when the text was replaced."""

    proctored_exam_id: int
    review_policy: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that can come with a job. None is *not exported*.

    Attributes:
        users: number in the LMS to login name, for people that no list of the course has.
        reviews: reviews that count.
        review_history: those that were superseded.
        comments: of both.
        attempt_history: changes of attempts.
        allowance_history: former values.
        policy_history: former texts.
    """

    users: dict[str, str] | None = None
    reviews: tuple[ReviewRow, ...] | None = None
    review_history: tuple[ReviewRow, ...] | None = None
    comments: tuple[CommentRow, ...] | None = None
    attempt_history: tuple[AttemptHistoryRow, ...] | None = None
    allowance_history: tuple[AllowanceHistoryRow, ...] | None = None
    policy_history: tuple[PolicyHistoryRow, ...] | None = None


def read_export(data: object) -> Export:
    """Return the export that ``data`` (parsed JSON) is.

    Raises:
        RecordError: it is none; the sentence names the place and quotes nothing.
    """
    return _CODEC.from_plain(data, Export)


def without_secrets(export: Export) -> dict[str, object]:
    """Return the export as JSON values that may be stored: codes masked, addresses of recordings left out."""

    def masked(row: ReviewRow) -> ReviewRow:
        code = _code(row)
        video = "there is one" if row.encrypted_video_url else None
        return replace(row, attempt_code=code.shown, attempt_code_sha256=code.sha256, encrypted_video_url=video)

    reviews, former = export.reviews, export.review_history
    plain: dict[str, object] = _CODEC.to_plain(
        replace(
            export,
            reviews=None if reviews is None else tuple(masked(row) for row in reviews),
            review_history=None if former is None else tuple(masked(row) for row in former),
        )
    )
    return plain


def with_export(record: Proctoring, export: Export) -> Proctoring:
    """Return the records with what the export adds, narrowed as they are; gaps that it fills are gone."""
    names = {one.lms_user_id: one.id for one in record.people if one.lms_user_id is not None}
    names |= {number: PersonId(name) for number, name in (export.users or {}).items()}
    history = None
    if export.attempt_history is not None:
        history = _history(export.attempt_history, names)
    former = None
    if export.allowance_history is not None:
        former = tuple(sorted((_former(one, names) for one in export.allowance_history), key=repr))
    policies = None
    if export.policy_history is not None:
        policies = tuple(
            sorted(
                (
                    FormerPolicy(ExamId(str(one.proctored_exam_id)), one.review_policy, one.created.astimezone(UTC))
                    for one in export.policy_history
                ),
                key=lambda one: (one.exam_id, one.until),
            )
        )
    reviews = _reviews(export, names, record.attempts)
    filled = replace(record, reviews=reviews, history=history, former_allowances=former, former_policies=policies)
    return replace(_narrowed(filled), gaps=tuple(one for one in record.gaps if one.kind not in _filled(export)))


def _filled(export: Export) -> set[GapKind]:
    parts = {
        GapKind.HISTORY: export.attempt_history,
        GapKind.DELETED_ATTEMPTS: export.attempt_history,
        GapKind.REVIEWS: export.reviews,
        GapKind.COMMENTS: None if export.reviews is None else export.comments,
        GapKind.ALLOWANCE_HISTORY: export.allowance_history,
        GapKind.POLICY_HISTORY: export.policy_history,
    }
    return {kind for kind, part in parts.items() if part is not None}


def _narrowed(record: Proctoring) -> Proctoring:
    """Leave out what is about other courses, exams or people than the records are."""
    exams = {one.id for one in record.exams}
    people = set(record.course.only_people)

    def kept(parts: tuple[T, ...] | None, is_wanted: Callable[[T], bool]) -> tuple[T, ...] | None:
        return None if parts is None else tuple(one for one in parts if is_wanted(one))

    def wanted(one: HistoryEntry | FormerAllowance | Review) -> bool:
        return one.exam_id in exams and (not people or one.person_id in people)

    return replace(
        record,
        reviews=kept(record.reviews, lambda one: one.attempt_id is not None or wanted(one)),
        history=kept(record.history, wanted),
        former_allowances=kept(record.former_allowances, wanted),
        former_policies=kept(record.former_policies, lambda one: one.exam_id in exams),
    )


def _reviews(export: Export, names: Mapping[str, PersonId], attempts: tuple[Attempt, ...]) -> tuple[Review, ...] | None:
    if export.reviews is None:
        return None
    attempt_of = {one.code.sha256: one.id for one in attempts if one.code is not None and one.code.sha256}
    comments: defaultdict[int, list[Comment]] = defaultdict(list)
    for row in export.comments or ():
        comments[row.review_id].append(Comment(row.start_time, row.stop_time, row.comment, row.status))
    for same in comments.values():
        same.sort(key=lambda one: (one.start_s, one.stop_s, one.text or ""))
    has_comments = export.comments is not None
    found = [_review(row, names, tuple(comments[row.id]) if has_comments else None) for row in export.reviews]
    found += [
        replace(_review(row, names, None), id=ReviewId(f"former-{row.id}"), is_superseded=True)
        for row in export.review_history or ()
    ]
    found = [replace(one, attempt_id=attempt_of.get(one.code.sha256 or "")) for one in found]
    return tuple(sorted(found, key=lambda one: (one.created_at, one.id)))


def _review(row: ReviewRow, names: Mapping[str, PersonId], comments: tuple[Comment, ...] | None) -> Review:
    by = None
    if row.reviewed_by_id is not None:
        by = names.get(str(row.reviewed_by_id), PersonId(f"user {row.reviewed_by_id}"))
    return Review(
        id=ReviewId(str(row.id)),
        attempt_id=None,
        code=_code(row),
        status=row.review_status,
        created_at=row.created.astimezone(UTC),
        exam_id=None if row.exam_id is None else ExamId(str(row.exam_id)),
        person_id=None if row.student_id is None else names.get(str(row.student_id)),
        reviewed_by=by,
        has_video=bool(row.encrypted_video_url),
        comments=comments,
    )


def _code(row: ReviewRow) -> Masked:
    if row.attempt_code_sha256 is not None:
        return Masked(row.attempt_code, row.attempt_code_sha256)
    return mask(row.attempt_code) or Masked("")


def _history(rows: tuple[AttemptHistoryRow, ...], names: Mapping[str, PersonId]) -> tuple[HistoryEntry, ...]:
    found = [
        HistoryEntry(
            attempt_id=AttemptId(str(row.id)),
            exam_id=ExamId(str(row.proctored_exam_id)),
            person_id=None if row.user_id is None else names.get(str(row.user_id)),
            at=row.history_date.astimezone(UTC),
            number=row.history_id,
            change=_CHANGES.get(row.history_type, Change.CHANGED),
            status=status_of(row.status),
            status_given=row.status,
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.number)))


def _former(row: AllowanceHistoryRow, names: Mapping[str, PersonId]) -> FormerAllowance:
    return FormerAllowance(
        allowance_id=AllowanceId(str(row.allowance_id)),
        exam_id=ExamId(str(row.proctored_exam_id)),
        person_id=names.get(str(row.user_id)),
        key=row.key,
        value=row.value,
        until=row.created.astimezone(UTC),
    )
